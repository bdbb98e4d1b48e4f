"""Bad input and faults of the machine, done to a real daemon while a call goes on."""

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.agent.parts import UPKEEP_S
from edge.control import client as control
from edge.keys.handshakes import FIRST_S
from edge.signed import policy_envelope
from edge.storage.journal import read_journal
from inventory.errors import EdgeError
from simulations.netns.waiting import eventually, pause
from tests.rigs.edge.edge_mishaps import make_room, small_disk, unsteady_clock
from tests.rigs.edge.edge_pair import ISSUED, tunnel_name
from tests.rigs.edge.edge_rig import SERVER
from tests.rigs.edge.edge_site import (
    BEST,
    FIRST,
    OTHER,
    SECOND,
    SOON_S,
    Site,
    call,
    made_well,
    signed_anew,
    standing,
)

pytestmark = pytest.mark.netns

MANY_KILLS = 12


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with standing("e") as made:
        yield made


@pytest.fixture
def well(site: Site) -> Site:
    return made_well(site)


def stage(site: Site, candidate: str, txn: str = "trial") -> None:
    control.request(site.edge.folder, "stage", txn=txn, candidate=candidate)


def up(site, path):
    return site.runs() and site.paths()[path]["state"] == "up"


def older(site: Site) -> str:
    serial = int(site.status()["policy"]["serial"])
    return policy_envelope.sign_policy(
        policy_envelope.SignedPolicy(serial, ISSUED, site.edge.policy), site.pair.key
    )


def stranger(site: Site) -> str:
    return policy_envelope.sign_policy(
        policy_envelope.SignedPolicy(99, ISSUED, site.edge.policy), Ed25519PrivateKey.generate()
    )


def foreign(site: Site) -> str:
    policy = site.pair.daemons["hub"].policy
    return policy_envelope.sign_policy(
        policy_envelope.SignedPolicy(99, ISSUED, policy), site.pair.key
    )


BAD: dict[str, tuple[Callable[[Site], str], str]] = {
    "torn": (lambda s: signed_anew(s)[:-200], "no JSON from line"),
    "changed after signing": (
        lambda s: signed_anew(s).replace("reference", "forged"),
        "has not signed this",
    ),
    "unsigned": (lambda s: signed_anew(s).replace('"signature"', '"remark"'), "signature"),
    "signed by a stranger": (stranger, "has not signed this"),
    "not newer": (older, "is not newer than"),
    "of another device": (foreign, "the policy is for 'hub'"),
}


@pytest.mark.long
def test_bad_policies_are_refused_for_their_reasons_and_the_running_one_stays(well):
    before = well.config()
    with call(well) as lost:
        for make, reason in BAD.values():
            with pytest.raises(EdgeError, match=reason):
                stage(well, make(well))
            with pytest.raises(EdgeError, match="not staged"):
                control.request(well.edge.folder, "commit", txn="trial", within_s=60)
    assert lost == [0]
    assert well.config() == before
    assert well.status()["policy"]["staged"] is None


def test_policy_damaged_on_the_disk_gives_way_to_the_last_good_one(well):
    before = well.config()
    running = well.edge.folder / "policy.json"
    whole = running.read_text()
    with call(well) as lost:
        running.write_text(whole[: len(whole) // 2])
        well.edge.kill()
        well.edge.start()
        eventually(well.runs, within_s=SOON_S, what="the successor")
        assert well.config() == before
        assert "policy.json" in well.status()["policy"]["refused"]
    assert lost == [0]
    running.write_text(whole)


def test_second_daemon_on_a_copy_of_the_folder_is_refused_and_told_who_runs(well):
    copy = well.world.folder / "copy"
    shutil.copytree(well.edge.folder, copy, ignore=shutil.ignore_patterns("*.sock"))
    said = well.world.exec("edge", sys.executable, "-m", "edge.main", str(copy), check=False)
    assert f"another edge runs in this network namespace, as process {well.edge.pid}" in said
    assert well.runs()


def test_renamed_interface_is_a_path_that_is_down_for_a_reason_and_comes_back(well):
    port = f"w-{FIRST}"
    with call(well) as lost:
        try:
            for words in (("down",), ("name", "elsewhere")):
                well.world.exec("edge", "ip", "link", "set", port, *words)
            assert reason_when_down(well) == f"the interface {port} is gone"
            eventually(lambda: well.way() == OTHER, within_s=SOON_S, what="leaving the path")
        finally:
            well.world.exec("edge", "ip", "link", "set", "elsewhere", "name", port, check=False)
            well.world.exec("edge", "ip", "link", "set", port, "up")
        eventually(lambda: up(well, BEST), within_s=120, what="the path again")
    assert lost == [0]


def test_interface_that_is_gone_is_a_path_that_is_down_until_it_is_there_again(well):
    port, edge, lan = f"w-{FIRST}", well.world.namespace("edge"), well.world.namespace("lan")
    with call(well) as lost:
        try:
            well.world.exec("edge", "ip", "link", "set", port, "netns", lan)
            assert reason_when_down(well) == f"the interface {port} is gone"
            eventually(lambda: well.way() == OTHER, within_s=SOON_S, what="leaving the path")
        finally:
            well.world.exec("lan", "ip", "link", "set", port, "netns", edge)
            address = f"{well.world.outer(FIRST, 'edge')}/24"
            well.world.exec("edge", "ip", "addr", "add", address, "dev", port)
            well.world.exec("edge", "ip", "link", "set", port, "up")
        eventually(lambda: up(well, BEST), within_s=120, what="the path again")
    assert lost == [0]


def reason_when_down(site):
    return eventually(
        lambda: (p := site.paths()[BEST])["state"] == "down" and p["reason"],
        within_s=SOON_S,
        what="the path being down",
    )


@pytest.mark.parametrize("direction", ["up", "down"])
def test_circuit_that_swallows_one_direction_is_left_and_costs_the_call_nothing(well, direction):
    hole = replace(well.world.line(FIRST).healthy, hole=True)
    with call(well) as lost:
        well.world.impair(FIRST, **{direction: hole})
        eventually(lambda: well.way() == OTHER, within_s=SOON_S, what="leaving the circuit")
    assert lost == [0]


def test_circuit_that_was_out_for_long_carries_a_call_as_soon_as_it_is_back(well):
    with call(well) as lost:
        well.world.worsen(FIRST, hole=True)
        eventually(lambda: well.paths()[BEST]["state"] == "dead", within_s=SOON_S, what="an outage")
        # Longer than whoever is lost waits to be dialled.
        pause(2 * FIRST_S + UPKEEP_S)
        well.world.heal(FIRST)
        pause(0.3)
        well.world.worsen(SECOND, hole=True)
        eventually(lambda: well.way() == BEST, within_s=SOON_S, what="going back")
    assert lost == [0]


def test_after_a_mend_a_running_call_follows_its_copy_back_and_loses_nothing(well):
    sound = "consultation-audio"
    with call(well) as lost:
        well.world.worsen(FIRST, hole=True)
        eventually(lambda: well.way(sound) == OTHER, within_s=SOON_S, what="leaving the hole")
        well.world.heal(FIRST)
        eventually(lambda: well.way(sound) == BEST, within_s=SOON_S, what="the call's return")
        # What has no copy stays until the consultation is over.
        assert well.way("portal") == OTHER
    assert lost == [0]
    assert any("has carried the copy for" in why for why in well.explained("decision"))


def test_reflector_that_cannot_be_reached_costs_its_path_and_no_packet(well):
    tunnel = tunnel_name(well.world, "hub", FIRST)
    rule = f"iifname {tunnel} udp dport 862 drop"
    table = f"table ip blocked {{ chain in {{ type filter hook input priority 0; {rule}; }}; }}"
    with call(well) as lost:
        try:
            well.world.exec("hub", "nft", table)
            eventually(lambda: well.way() == OTHER, within_s=SOON_S, what="leaving the path")
            assert well.paths()[OTHER]["state"] == "up"
        finally:
            well.world.exec("hub", "nft", "delete", "table", "ip", "blocked")
        eventually(lambda: up(well, BEST), within_s=SOON_S, what="the path again")
    assert lost == [0]


@pytest.mark.long
@pytest.mark.parametrize("kills", [MANY_KILLS])
def test_daemons_killed_in_the_middle_of_switches_cost_the_call_nothing(well, kills):
    draw = Random("kills")  # noqa: S311 - a rehearsal, no secret
    with call(well) as lost:
        for number in range(kills):
            left, taken = ((FIRST, SECOND), (SECOND, FIRST))[number % 2]
            hold_care(well, left)
            well.world.worsen(left, hole=True)
            if draw.random() < 0.5:
                # The kernel has begun to move, what was decided may not be on the disk.
                eventually(
                    partial(moved_to, well, taken),
                    within_s=SOON_S,
                    what="a move",
                    every_s=0.001,
                )
                pause(draw.uniform(0.0, 0.01))
            else:
                pause(draw.uniform(0.03, 0.2))
            well.edge.kill()
            well.edge.start()
            eventually(
                partial(carried_by, well, taken),
                within_s=SOON_S,
                what=f"the successor on {taken}",
            )
            well.world.heal(left)
            eventually(
                lambda: up(well, BEST) and up(well, OTHER), within_s=SOON_S, what="two whole paths"
            )
    assert lost == [0]
    assert well.status()["faults"] == []


@pytest.mark.parametrize(
    "tos",
    [
        pytest.param(0xB8, id="sound"),
        pytest.param(0, id="everything else", marks=pytest.mark.long),
    ],
)
def test_far_daemon_that_is_down_costs_a_call_over_the_one_living_circuit_nothing(well, tos):
    """The far end's kernel goes on: its session must not be given up for another."""
    hub = well.pair.daemons["hub"]
    well.world.worsen(FIRST, hole=True)
    eventually(lambda: well.way() == OTHER, within_s=SOON_S, what="leaving the hole")
    with call(well, tos) as lost:
        hub.kill()
        eventually(lambda: well.paths()[OTHER]["state"] == "dead", within_s=SOON_S, what="silence")
        # Longer than whoever is lost waits to be dialled.
        pause(2 * FIRST_S + UPKEEP_S)
        hub.start()
        eventually(lambda: up(well, OTHER), within_s=SOON_S, what="the daemon's successor")
    assert lost == [0]


@pytest.mark.parametrize("step_s", [pytest.param(3600.0, marks=pytest.mark.long), -86_400.0])
def test_jump_of_the_clock_moves_no_traffic_and_hides_no_fault(well, step_s):
    with unsteady_clock(well.edge) as jump:
        eventually(well.ready, within_s=120, what="the daemon with the unsteady clock")
        stage(well, signed_anew(well, network="another"))
        control.request(well.edge.folder, "commit", txn="trial", within_s=300)
        with call(well) as lost:
            moves, sent = moved_at(well), probes(well)
            jump(step_s)
            eventually(lambda: probes(well) > sent + 200, within_s=SOON_S, what="4 s of probes")
            assert moved_at(well) == moves
            well.world.worsen(FIRST, hole=True)
            eventually(lambda: well.way() == OTHER, within_s=SOON_S, what="leaving the hole")
        assert lost == [0]
        off_s = (moved_at(well)[-1] - datetime.now(UTC)).total_seconds()  # noqa: TID251
        assert abs(off_s - step_s) < 60
        assert well.status()["policy"]["left_s"] > 200
        control.request(well.edge.folder, "rollback", txn="trial")


def moved_at(site):
    return [
        datetime.fromisoformat(str(entry["at"]))
        for entry in read_journal(site.edge.folder)
        if entry["kind"] == "decision"
    ]


def probes(site):
    return site.paths()[BEST]["counters"]["sent"]


def moved_to(site, line):
    return site.world.way("edge", SERVER) == tunnel_name(site.world, "edge", line)


def carried_by(site, line):
    return site.runs() and site.way() == f"edge-{line}"


def hold_care(site: Site, line: str) -> None:
    assert {entry["path"] for entry in site.classes().values()} == {f"edge-{line}"}


def test_full_disk_keeps_no_daemon_from_deciding_and_ends_with_the_shortage(well):
    with small_disk(well.edge) as fill:
        eventually(well.ready, within_s=120, what="the daemon on the small disk")
        before = well.config()
        stage(well, signed_anew(well, network="another"))
        control.request(well.edge.folder, "commit", txn="trial", within_s=4)
        with call(well) as lost:
            fill()
            well.world.worsen(FIRST, hole=True)
            eventually(lambda: well.way() == OTHER, within_s=SOON_S, what="leaving the hole")
            faults = eventually(lambda: well.status()["faults"], within_s=SOON_S, what="the fault")
            assert any("No space left" in fault for fault in faults)
            eventually(lambda: well.config() == before, within_s=SOON_S, what="the trial's end")
            # The end of the trial took files away.
            fill()
            with pytest.raises(EdgeError, match="No space left"):
                stage(well, signed_anew(well, network="third"), "third")
            well.edge.kill()
            well.edge.start()
            eventually(well.runs, within_s=SOON_S, what="a start on the full disk")
            assert well.config() == before
            well.world.heal(FIRST)
            eventually(lambda: up(well, BEST), within_s=SOON_S, what="the path again")
            eventually(lambda: up(well, OTHER), within_s=SOON_S, what="the other path")
            make_room(well.edge)
            well.world.worsen(SECOND, hole=True)
            eventually(
                lambda: well.way() == BEST and not well.status()["faults"],
                within_s=SOON_S,
                what="the end of the shortage",
            )
        assert lost == [0]
        stage(well, signed_anew(well, network="third"), "third")
