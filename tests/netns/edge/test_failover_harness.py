"""The harness of the failover benchmark: what it shows without failover, and with each way."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from simulations.devices.routers import ensure_wanted, remove_wanted
from simulations.netns.waiting import eventually
from tests.failover.cells import cells
from tests.failover.extras import Extras
from tests.failover.faults import FAULTS
from tests.failover.flows import Flows
from tests.failover.mechanisms import MECHANISMS
from tests.failover.trials import Outcome, Stage, Trial
from tests.failover.verdicts import verdicts
from tests.rigs.edge.edge_rig import world

pytestmark = pytest.mark.netns

AT_S: Final = 2.2
WITHIN_S: Final = 60.0
# A call that loses nothing still has 20 ms from packet to packet, and a busy machine adds to it.
UNNOTICED_MS: Final = 150.0
TRIALS: Final = 3
# No busy machine keeps a daemon from leaving for so long; one that does so has not seen the fault.
STALLED_MS: Final = 2000.0


@contextmanager
def staged(name: str) -> Iterator[Stage]:
    mechanism = next(m for m in MECHANISMS if m.name == name)
    user = f"harness-{name}"
    ensure_wanted(user)
    try:
        with world(name="h") as made:
            led = mechanism.start(made)
            eventually(led.on_first, within_s=WITHIN_S, what="traffic over the first line")
            with Flows(made) as flows:
                yield Stage(mechanism, made, flows, led)
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
    assert called.voice_gap_ms < UNNOTICED_MS


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


@pytest.mark.parametrize("fault", ["hole", "brown", "flicker"])
def test_the_care_tunnel_carries_a_call_through(fresh: Stage, fault: str) -> None:
    called = tried(fresh, fault).called
    assert called.lost == 0, called
    assert called.voice_gap_ms < UNNOTICED_MS
    assert all(heard.duplicated == 0 for heard in called.heard.values())


@pytest.mark.parametrize(
    ("name", "least_ms", "most_ms"),
    [("routed-20", 0, 400), ("routed-100", 0, 800), ("bfd-300", 500, 1500)],
)
def test_a_mechanism_leaves_a_black_hole_in_its_time(
    name: str, least_ms: float, most_ms: float
) -> None:
    """A busy machine only adds to a mechanism's time, so the best of some trials must keep it."""
    with staged(name) as stage:
        for _ in range(TRIALS):
            assert stage.rest()
            outcome = tried(stage, "hole")
            gap_ms = outcome.called.voice_gap_ms
            assert least_ms < gap_ms < STALLED_MS, outcome.called
            assert not outcome.stayed
            if gap_ms < most_ms:
                break
        assert gap_ms < most_ms, outcome.called
