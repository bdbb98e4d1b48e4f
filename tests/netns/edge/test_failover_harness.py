"""The harness of the failover benchmark: what it shows without failover, and with each way."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from operator import sub
from typing import Any, Final

import pytest

from edge.control import client as control
from simulations.devices.routers import ensure_wanted, remove_wanted
from simulations.netns.waiting import eventually
from tests.failover import after_mend
from tests.failover.cells import cells
from tests.failover.extras import Extras
from tests.failover.faults import FAULTS
from tests.failover.flows import Flows
from tests.failover.mechanisms import MECHANISMS, Daemons
from tests.failover.mend_figures import mend_verdicts
from tests.failover.trials import Outcome, Stage, Trial
from tests.failover.verdicts import verdicts
from tests.rigs.edge.edge_rig import world

pytestmark = pytest.mark.netns

AT_S: Final = 2.2
WITHIN_S: Final = 60.0
# A call that loses nothing still has 20 ms from packet to packet, and a busy machine adds to it.
UNNOTICED_MS: Final = 150.0
# Longer than any test.
CALL_S: Final = 600.0
# Three prove a hole. Once one is missing they are sent four times as often, for 40 at one go, and
# an own stall excuses a path until twice the limit of silence (9 packets), of which only the time
# counts in which this host was not late.
MOST_MISSED: Final = 50


@contextmanager
def staged(name: str) -> Iterator[Stage]:
    mechanism = next(m for m in MECHANISMS if m.name == name)
    user = f"harness-{name}"
    ensure_wanted(user)
    try:
        with world(name="h") as made:
            started = mechanism.start(made)
            eventually(started.on_first, within_s=WITHIN_S, what="traffic over the first line")
            with Flows(made, beside=mechanism.beside) as flows:
                yield Stage(mechanism, made, flows, started)
    finally:
        remove_wanted(user)


def tried(stage: Stage, fault: str) -> Outcome:
    chosen = next(f for f in FAULTS if f.name == fault)
    trial = Trial(stage.mechanism, chosen, 0, AT_S)
    called, off_s, stayed = stage.run(trial)
    return Outcome(trial, called, off_s, stayed, 0)


@pytest.fixture(scope="module")
def bare() -> Iterator[Stage]:
    """Give a world without failover."""
    with staged("none") as stage:
        yield stage


@pytest.fixture(scope="module")
def care() -> Iterator[Stage]:
    """Give a world whose calls travel in the care tunnel."""
    with staged("care") as stage:
        yield stage


@pytest.fixture
def fresh(care: Stage) -> Stage:
    """Give the care tunnel's world with daemons that remember nothing."""
    assert care.rest()
    return care


def test_without_a_fault_a_call_without_failover_is_whole(bare: Stage) -> None:
    called = tried(bare, "quiet").called
    assert called.lost == 0
    assert called.network_gap_ms < UNNOTICED_MS


@pytest.mark.parametrize("fault", ["cut", "hole"])
def test_without_failover_a_call_is_silent_until_its_end(bare: Stage, fault: str) -> None:
    outcome = tried(bare, fault)
    left_ms = (outcome.trial.seconds - AT_S) * 1000
    assert outcome.called.voice_gap_ms > 0.95 * left_ms
    assert all(heard.lost > 0.5 * heard.sent for heard in outcome.called.heard.values())


def test_without_failover_a_one_way_hole_silences_that_way_alone(bare: Stage) -> None:
    heard = tried(bare, "one-way").called.heard
    assert heard["voice up"].lost > 100
    assert heard["voice down"].lost == 0


def test_without_failover_a_call_stays_on_the_lossy_path(bare: Stage) -> None:
    outcome = tried(bare, "loss")
    assert outcome.called.lost > 10
    assert outcome.off_s is None


def test_the_harness_finds_the_number_missed_when_failover_is_disabled(bare: Stage) -> None:
    """Pass the control off as the care tunnel: the verdict must fall."""
    outcome = tried(bare, "hole")
    found = cells([outcome])["none", "hole"]
    said = verdicts({("care", "hole"): found}, Extras())
    assert not any(verdict.met for verdict in said if "loses 0 packets" in verdict.wanted)


@pytest.mark.long
def test_a_call_without_failover_misses_the_numbers_of_a_mend() -> None:
    """The control: it loses what is sent during the cut, and no copy goes over LTE."""
    with closing(after_mend.measure(1, "none")) as measured:
        calls = next(measured)
    met = {verdict.wanted.split()[0]: verdict.met for verdict in mend_verdicts(calls)}
    assert met == {"p95": True, "metered": False, "0": False}
    assert calls[0].lost_before > calls[0].lost_after


@pytest.mark.parametrize(
    "fault",
    [
        "hole",
        pytest.param("brown", marks=pytest.mark.long),
        pytest.param("flicker", marks=pytest.mark.long),
    ],
)
def test_the_care_tunnel_carries_a_call_through(fresh: Stage, fault: str) -> None:
    called = tried(fresh, fault).called
    assert called.lost == 0, called
    assert called.network_gap_ms < UNNOTICED_MS
    assert all(heard.duplicated == 0 for heard in called.heard.values())


def led(stage: Stage) -> Daemons:
    assert isinstance(stage.led, Daemons)
    return stage.led


def shown(stage: Stage) -> list[Any]:
    """Return what each end's daemon shows of the other end."""
    asked = (
        control.request(daemon.folder, "status") for daemon in led(stage).pair.daemons.values()
    )
    return [answer["status"]["peers"][0] for answer in asked]


def sent(stage: Stage, line: str) -> list[int]:
    """Return how many test packets each end has sent over a line."""
    paths = [path for peer in shown(stage) for path in peer["paths"]]
    return [path["counters"]["sent"] for path in paths if path["name"] == f"edge-{line}"]


def over(stage: Stage, line: str) -> bool:
    """Return whether everything that is measured goes over a line, from both ends."""
    return all(led(stage).pair.class_over(line, code) for code in led(stage).codes)


def missed(stage: Stage) -> list[int]:
    """Return how many test packets each end missed before it left a path, if it last did so."""
    told = (re.search(r"no more \((\d+) test", why) for why in stage.led.reasons())
    return [int(found[1]) for found in told if found]


@pytest.mark.long
@pytest.mark.parametrize("name", ["routed-20", "routed-100"])
def test_a_daemon_leaves_a_black_hole_after_few_test_packets(name: str) -> None:
    """How long they take depends on the machine and is for the benchmark; their number does not.

    The control has nowhere to go: its ends miss more and stay.
    """
    with staged(name) as stage:
        first, other = (line.name for line in stage.world.lines)
        assert stage.rest()
        stage.flows.begin(CALL_S)
        if stage.mechanism.beside:
            eventually(
                lambda: all(peer["consultation"] for peer in shown(stage)),
                within_s=WITHIN_S,
                what="a live consultation",
            )
        stage.world.worsen(first, hole=True)
        eventually(lambda: over(stage, other), within_s=WITHIN_S, what=f"all over {other}")
        # A daemon moves first, then writes down why.
        eventually(lambda: len(missed(stage)) == 2, within_s=WITHIN_S, what="both reasons written")
        assert max(missed(stage)) <= MOST_MISSED, stage.led.reasons()

        stage.world.heal(first)
        assert stage.rest()
        before = sent(stage, first)
        for line in (first, other):
            stage.world.worsen(line, hole=True)
        eventually(
            lambda: min(map(sub, sent(stage, first), before)) > 2 * MOST_MISSED,
            within_s=WITHIN_S,
            what="more test packets without an answer",
        )
        assert over(stage, first)


@pytest.mark.long
def test_bfd_leaves_a_black_hole_but_not_before_its_time() -> None:
    """Its three intervals of 300 ms; a busy machine adds to them."""
    with staged("bfd-300") as stage:
        assert stage.rest()
        outcome = tried(stage, "hole")
        assert outcome.called.voice_gap_ms > 500
