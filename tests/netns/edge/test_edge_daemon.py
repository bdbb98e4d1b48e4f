"""Two real daemons in namespaces, and a call between them that survives whatever happens to one."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from edge.control import client as control
from inventory.errors import EdgeError
from simulations.netns.namespaces import entered_namespace
from simulations.netns.waiting import eventually, pause
from tests.rigs.edge.edge_pair import tunnel_name
from tests.rigs.edge.edge_rig import LAN_HOST, SERVER, Place
from tests.rigs.edge.edge_site import (
    BEST,
    FIRST,
    OTHER,
    SOON_S,
    Site,
    call,
    made_well,
    signed_anew,
    standing,
)
from tests.rigs.wireguard.wireguard_rig import deafen

pytestmark = pytest.mark.netns


# A trial that ends when the test says so, however busy the machine is.
LONG_TRIAL_S = 120
CARE_KILLS = 3
UNANSWERED = 50


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with standing("d") as made:
        yield made


@pytest.fixture
def well(site: Site) -> Site:
    return made_well(site)


def test_call_loses_nothing_when_the_best_line_becomes_a_black_hole(well):
    with call(well) as lost:
        well.world.worsen(FIRST, hole=True)
        eventually(
            lambda: well.way("consultation-audio") == OTHER, within_s=SOON_S, what="leaving it"
        )
    assert lost == [0]
    assert any(f"{BEST} answers no more" in why for why in well.explained("decision"))


def test_without_copies_the_black_hole_is_noticed(well):
    with call(well, tos=0) as lost:
        well.world.worsen(FIRST, hole=True)
        eventually(lambda: well.way() == OTHER, within_s=SOON_S, what="leaving the black hole")
    assert lost[0] > 0


def test_killed_daemon_leaves_traffic_alone_and_its_successor_takes_over(well):
    tunnel = tunnel_name(well.world, "edge", FIRST)
    before = well.world.exec("edge", "ip", "-o", "link", "show", tunnel).split(":")[0]
    with call(well) as lost:
        well.edge.kill()
        well.edge.start()
        eventually(well.ready, within_s=SOON_S, what="the successor at work")
    assert lost == [0]
    assert well.world.exec("edge", "ip", "-o", "link", "show", tunnel).split(":")[0] == before


def test_far_end_that_was_out_for_seconds_leaves_no_loss_and_moves_nothing(well):
    hub, decided = well.pair.daemons["hub"], well.explained("decision")
    hub.kill()
    enough = {name: path["counters"]["sent"] + 30 for name, path in well.paths().items()}
    eventually(
        lambda: all(
            path["state"] == "dead" and path["counters"]["sent"] > enough[name]
            for name, path in well.paths().items()
        ),
        within_s=SOON_S,
        what="many test packets without an answer",
    )
    hub.start()
    eventually(well.up, within_s=SOON_S, what="answers on every path")
    assert all(path["loss_out"] + path["loss_in"] < 0.03 for path in well.paths().values())
    assert well.explained("decision") == decided


def test_killed_daemon_goes_on_with_what_was_decided(well):
    well.world.worsen(FIRST, hole=True)
    eventually(lambda: well.way() == OTHER, within_s=SOON_S, what="leaving the black hole")
    state = well.edge.folder / "state.json"
    eventually(
        lambda: (
            {kept["memory"]["path"] for kept in json.loads(state.read_text())["memories"]}
            == {OTHER}
        ),
        within_s=SOON_S,
        what="the decisions on the disk",
    )
    well.edge.kill()
    well.edge.start()
    eventually(well.runs, within_s=SOON_S, what="the successor")
    assert well.way() == OTHER


def test_call_survives_the_daemon_being_ended_by_a_signal(well):
    with call(well) as lost:
        well.edge.signal(signal.SIGTERM)
        assert well.edge.process.wait(20) == 0
        eventually(lambda: well.world.pings("lan", SERVER), within_s=SOON_S, what="an answer")
    assert lost == [0]


def test_second_daemon_is_refused_and_told_who_runs(well):
    said = well.edge.tell("run", check=False)
    assert f"runs already, as process {well.edge.pid} since" in said
    assert well.runs()


def test_rules_deleted_by_hand_are_repaired_and_told(well):
    count = well.status()["repairs"]["count"]
    with call(well) as lost:
        well.world.exec("edge", "nft", "delete", "table", "ip", "sanaga")
        eventually(
            lambda: "table ip sanaga" in well.world.exec("edge", "nft", "list", "tables"),
            within_s=SOON_S,
            what="the table",
        )
        eventually(
            lambda: well.status()["repairs"]["count"] > count, within_s=SOON_S, what="the note"
        )
    # Meanwhile there was one copy of each packet only, and a busy machine loses one now and then.
    assert lost[0] < 10
    assert any("nft" in what for what in well.explained("repair"))


def test_killed_tunnel_process_is_started_anew_while_the_call_goes_on(well):
    tunnel, count = tunnel_name(well.world, "edge", FIRST), well.status()["repairs"]["count"]
    with call(well) as lost:
        kill_tunnel(tunnel)
        eventually(partial(repaired, well, count), within_s=SOON_S, what="the tunnel made again")
        eventually(lambda: well.paths()[BEST]["state"] == "up", within_s=120, what="the path again")
    assert lost == [0]
    assert any(f"{tunnel}: started wireguard-go" in what for what in well.explained("repair"))


def test_packets_go_on_although_their_tunnel_vanished_and_nobody_answers_them(well):
    """Neither an answer nor the news of routes tells the care tunnel's WireGuard of another way."""
    tunnel = tunnel_name(well.world, "edge", FIRST)
    before = index_of(well, tunnel)
    numbers = {number.to_bytes(4, "big") for number in range(UNANSWERED)}
    with bound(well, "server", SERVER) as there, bound(well, "lan", LAN_HOST) as here:
        deafen(well.edge.policy.care.interface)
        kill_tunnel(tunnel)
        eventually(
            lambda: index_of(well, tunnel) != before, within_s=SOON_S, what="the interface's end"
        )
        for number in numbers:
            here.sendto(number, there.getsockname())
        assert {there.recv(64) for _ in numbers} == numbers


@contextmanager
def bound(site: Site, place: Place, address: IPv4Address) -> Iterator[socket.socket]:
    """Give a socket at a place whose packets are marked as a consultation's."""
    with entered_namespace(site.world.namespace(place)):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with made:
        made.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0xB8)
        made.settimeout(SOON_S)
        made.bind((str(address), 0))
        yield made


def index_of(site: Site, name: str) -> str:
    """Return the number of an interface at the edge, or that there is none."""
    return site.world.exec("edge", "ip", "-o", "link", "show", name, check=False).split(":")[0]


@pytest.fixture
def rare_upkeep(well: Site) -> Iterator[Site]:
    """Give the site with an edge that puts the kernel right only when something wakes it."""
    well.edge.kill()
    well.edge.start("tests.rigs.edge.edge_rare_upkeep")
    try:
        eventually(well.up, within_s=SOON_S, what="two lines that answer")
        yield well
    finally:
        well.edge.kill()
        well.edge.start()


def test_killed_process_of_the_care_tunnel_is_replaced_at_once(rare_upkeep):
    """Upkeep alone would come after ten minutes, long after SOON_S."""
    with call(rare_upkeep):
        for _ in range(CARE_KILLS):
            count = rare_upkeep.status()["repairs"]["count"]
            kill_tunnel(rare_upkeep.edge.policy.care.interface)
            eventually(partial(repaired, rare_upkeep, count), within_s=SOON_S, what="the repair")
            # The news of a vanished interface wakes it once a second at most.
            pause(1.0)


def repaired(site: Site, count: int) -> bool:
    return bool(site.status()["repairs"]["count"] > count)


def kill_tunnel(name: str) -> None:
    pids = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _argv(entry)[-1:] == [name]
    ]
    if not pids:
        pytest.skip("the kernel's own WireGuard has no process to kill")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def _argv(process: Path) -> list[str]:
    try:
        return (process / "cmdline").read_bytes().decode().rstrip("\0").split("\0")
    except OSError:
        return []


def test_trial_returns_by_itself_although_the_daemon_was_killed_meanwhile(well):
    before = well.config()
    candidate = signed_anew(well, network="another")
    control.request(well.edge.folder, "stage", txn="trial", candidate=candidate)
    with call(well) as lost:
        control.request(well.edge.folder, "commit", txn="trial", within_s=LONG_TRIAL_S)
        assert '"network": "another"' in well.config()
        control.request(well.edge.folder, "extend", txn="trial", within_s=4)
        well.edge.kill()
        well.edge.start()
        eventually(
            lambda: well.runs() and well.status()["policy"]["pending"] is None,
            within_s=SOON_S,
            what="the return",
        )
    assert lost == [0]
    assert well.config() == before


def in_the_kernel(site: Site) -> str:
    """Return what stands in the edge's kernel, where anything of ours would show."""
    return "".join(
        site.world.exec("edge", *words)
        for words in (
            ("ip", "rule"),
            ("ip", "-6", "rule"),
            ("ip", "route", "show", "table", "all"),
            ("nft", "list", "tables"),
            ("ip", "link"),
            ("tc", "qdisc"),
        )
    )


def ours(site: Site) -> list[str]:
    """Return the signs of a policy that are in the edge's kernel."""
    signs = ("sanaga", "proto 90", "htb", tunnel_name(site.world, "edge", FIRST)[:-1])
    left = in_the_kernel(site)
    return [sign for sign in signs if sign in left]


def test_stopped_edge_leaves_nothing_in_the_kernel(well):
    assert len(ours(well)) == 4
    well.edge.tell("stop")
    well.edge.process.wait(20)
    assert ours(well) == []
    assert not (well.edge.folder / "undo.json").exists()


def answers(site: Site) -> bool:
    try:
        return bool(site.status())
    except EdgeError:
        return False


def test_first_policy_that_nobody_confirms_is_taken_out_of_the_kernel_again(well):
    candidate = signed_anew(well)
    well.edge.tell("stop")
    well.edge.process.wait(20)
    for name in ("policy.json", "policy.good.json"):
        (well.edge.folder / name).unlink()
    well.edge.start()
    eventually(lambda: answers(well), within_s=SOON_S, what="the daemon")
    control.request(well.edge.folder, "stage", txn="first", candidate=candidate)
    control.request(well.edge.folder, "commit", txn="first", within_s=LONG_TRIAL_S)
    assert len(ours(well)) == 4
    control.request(well.edge.folder, "extend", txn="first", within_s=1)
    eventually(lambda: ours(well) == [], within_s=SOON_S, what="an empty kernel")
    assert well.config() == ""
