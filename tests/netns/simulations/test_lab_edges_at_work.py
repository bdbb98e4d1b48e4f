"""The northern spur from blank devices to a consultation through two ways at once."""

import json
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, takewhile
from pathlib import Path
from shutil import copytree, ignore_patterns, rmtree
from time import monotonic
from uuid import uuid4

import pytest

from edge.forwarding.marks import NFT_TABLE
from inventory.model import Segment
from simulations import scenario
from simulations.devices.edges import SANAGA, EdgeState
from simulations.lab import edge_policies
from simulations.lab import lab as labs
from simulations.lab.flows import start_call
from simulations.lab.lab import Lab
from simulations.netns import namespaces, registry
from simulations.netns.waiting import eventually
from tests.rigs.laboratory.lab_networks import leftovers, unique, write_spur
from tests.sanaga_process import Answer, Sanaga

pytestmark = pytest.mark.netns

WITHIN_S = 90
ROTATION_S = 120
AFTER_CUT_S, PACKETS_S = 4, 50
NEVER = "patients never reach management"
YEARLY = ("--because", "yearly")
# How the interfaces are named that are no tunnels.
PLAIN = ("lo", "eth", "vlan", "mgmt", "ifb")
EDGES = {"kolofata-e1", "yaounde-e1"}
SITES = {
    *("yaounde", "douala", "ngaoundere", "garoua"),
    *("maroua", "mora", "kolofata", "tokombere"),
}


@dataclass(frozen=True, slots=True)
class Spur:
    """The example on a laboratory of its own, and how its planning and applying ended."""

    lab: Lab
    sanaga: Sanaga
    up: Answer
    planned: Answer
    applied: Answer
    planned_again: Answer


@pytest.fixture(scope="module")
def spur(tmp_path_factory) -> Iterator[Spur]:
    """Give the example, brought up blank, planned and applied by its commands."""
    name = unique("spur")
    sanaga = Sanaga(tmp_path_factory.mktemp("spur"))
    write_spur(sanaga.folder / "intent", name)
    try:
        up = sanaga("lab", "up", "intent", "--calm")
        planned = sanaga("plan", "intent", "--out", "first.plan")
        applied = sanaga("apply", "first.plan", "--yes")
        again = sanaga("plan", "intent")
        yield Spur(labs.find_lab(name), sanaga, up, planned, applied, again)
        assert sanaga("lab", "down", name).code == 0
        assert leftovers(name) == []
        assert name not in registry.lab_names()
    finally:
        labs.take_down(name)


@pytest.fixture
def at_work(spur: Spur) -> Iterator[Lab]:
    """Give the laboratory with every path up, and restore every circuit afterwards."""
    edge_policies.wait_paths(spur.lab, WITHIN_S)
    spur.lab.wait_converged(WITHIN_S)
    yield spur.lab
    for wire in spur.lab.blueprint.wires:
        spur.lab.restore(wire.circuit)


def through_tunnels(lab: Lab, device: str) -> int:
    """Return how many octets a device has sent through its tunnels' interfaces."""
    rows = lab.exec(device, ["cat", "/proc/net/dev"]).stdout.splitlines()[2:]
    sent = {
        name.strip(): int(words.split()[8]) for name, _, words in (r.partition(":") for r in rows)
    }
    return sum(octets for name, octets in sent.items() if not name.startswith(PLAIN))


def test_blank_devices_are_planned_for_and_applied_to_and_then_nothing_is_left_to_do(spur):
    assert spur.up.code == 0, spur.up.err
    assert "12 routers, 2 edges" in spur.up.err
    assert spur.planned.code == 2, spur.planned.err
    assert spur.applied.code == 0, spur.applied.err + spur.applied.out
    assert spur.planned_again.code == 0, spur.planned_again.out


def test_every_hospital_reaches_every_other_in_both_protocols(at_work):
    assert {site: at_work.reachable(site) for site in SITES} == {s: SITES - {s} for s in SITES}


def test_status_tells_the_edges_policy_and_paths(at_work, spur):
    states = {edge.device: edge for edge in at_work.status().edges}
    assert states.keys() == EDGES
    assert all(edge.serial and edge.paths and not edge.dead for edge in states.values())
    table = spur.sanaga("lab", "status", "--lab", at_work.name).out
    assert "kolofata-leo up" in table


def test_the_controller_s_status_tells_which_way_every_edge_takes(at_work, spur):
    answer = spur.sanaga("vpn", "status", "--sites", "--dir", "intent", "-o", "json")
    assert answer.code == 0, answer.err
    rows = json.loads(answer.out)
    assert {row["edge"] for row in rows} == EDGES
    ways = {row["path"]: row for row in rows if row["edge"] == "kolofata-e1"}
    assert all(row["handshake_age_s"] is not None for row in ways.values())
    assert any(row["carries"] for row in ways.values())
    assert all(min(row["octets"]) > 0 for row in ways.values())


def test_host_to_host_goes_through_tunnels_between_edges_and_plain_elsewhere(at_work):
    before = through_tunnels(at_work, "kolofata-e1")
    at_work.ping("kolofata", "yaounde", count=100, interval_s=0.01)
    between = through_tunnels(at_work, "kolofata-e1") - before
    assert between >= 100 * 84
    before = through_tunnels(at_work, "kolofata-e1")
    at_work.ping("kolofata", "douala", count=100, interval_s=0.01)
    # Test packets of the paths go on meanwhile.
    assert through_tunnels(at_work, "kolofata-e1") - before < between


def test_commands_of_the_edge_are_at_hand_where_it_lives(at_work, spur):
    words = ("lab", "exec", "--lab", at_work.name, "kolofata-e1", "--")
    python = spur.sanaga.command("edge", "status")
    answer = spur.sanaga(*words, *python)
    assert (answer.code, "kolofata-e1: policy" in answer.out) == (0, True), answer.err


def test_packets_pass_between_segments_as_the_rules_say(at_work, spur):
    answer = spur.sanaga("lab", "segments", "intent", "-o", "json")
    assert answer.code == 0, answer.err + answer.out
    report = json.loads(answer.out)
    # Each host of five segments at two sites, to each other, in both protocols.
    assert (report["gateways"], len(report["tried"])) == (["kolofata-e1", "douala-r1"], 180)
    passing = {(way["source"], way["target"]) for way in report["tried"] if way["answered"]}
    assert passing == {("clinical", "clinical"), ("management", "management")}
    (expected,) = report["expectations"]
    assert (expected["expectation"], expected["holds"]) == (NEVER, True)
    assert not guests(at_work)


def test_packets_that_pass_where_a_filter_is_gone_are_named(at_work, spur, unfiltered):
    answer = spur.sanaga("lab", "segments", "intent")
    assert answer.code == 1, answer.err
    rows = [re.split(" {2,}", line) for line in answer.out.splitlines()]
    named = {row[0] for row in rows if row[1:3] == ["IPv4 and IPv6", "arrive"]}
    # The other site's gateway still judges what comes from there and what goes there.
    pairs = permutations(Segment, 2)
    assert named == {f"{one} of {unfiltered} to {other} of {unfiltered}" for one, other in pairs}
    assert re.search(rf"{NEVER} +no +packets passed on 2 of 8 ways", answer.out)
    assert not guests(at_work)


def test_hosts_in_segments_are_taken_away_after_an_interruption_too(at_work, spur):
    argv = spur.sanaga.command("lab", "segments", "intent")
    folder, chosen = spur.sanaga.folder, spur.sanaga.environment()
    with subprocess.Popen(argv, cwd=folder, env=chosen, stdout=subprocess.DEVNULL) as process:
        eventually(lambda: guests(at_work), within_s=WITHIN_S, what="a host in a segment")
        # As Ctrl-C, which is ignored by what runs in the background.
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_S) == 130
    assert not guests(at_work)
    assert spur.sanaga("lab", "segments", "intent").code == 0


def guests(lab: Lab) -> list[str]:
    return [n for n in lab.blueprint.guests if namespaces.namespace_exists(n)]


@pytest.fixture(params=["kolofata", "douala"])
def unfiltered(at_work: Lab, request: pytest.FixtureRequest) -> Iterator[str]:
    """Take the packet filter out of a site's gateway, and load it again afterwards."""
    site: str = request.param
    edge = site == "kolofata"
    device, table = ("kolofata-e1", NFT_TABLE) if edge else ("douala-r1", "sanaga_segments")
    held = at_work.exec(device, ["nft", "-s", "list", "table", "inet", table]).stdout
    if edge:
        # Its daemon would mend the table.
        at_work.kill_edge(device)
    at_work.exec(device, ["nft", "delete", "table", "inet", table]).check_returncode()
    yield site
    if edge:
        at_work.restart_edge(device)
    else:
        load = ["nft", "-f", "-"]
        with namespaces.entered_namespace(at_work.blueprint.namespace_of(device)):
            subprocess.run(load, input=held, text=True, check=True)


def lost_in_a_cut(lab: Lab) -> list[int]:
    """Return what each direction of a call lost when the edge's fibre was cut and nothing else."""
    for operator in ("leo", "lte"):
        lab.impair(f"kolofata-{operator}", loss=0)
    # It goes on until it has met the cut, which takes seconds on a busy machine.
    with start_call(lab, "kolofata", "yaounde", seconds=60) as flow:
        heard = [next(flow.follow())]
        lab.cut("kolofata-fibre", silent=False)
        heard += flow.news()
        last = max(report.second.second for report in heard) + AFTER_CUT_S
        heard += takewhile(lambda report: report.second.second <= last, flow.follow())
        assert not flow.over
    lab.restore("kolofata-fibre")
    lost = Counter({report.source: 0 for report in heard})
    for report in heard:
        assert report.second.sent == PACKETS_S
        lost[report.source] += report.second.lost
    assert min(Counter(report.source for report in heard).values()) >= AFTER_CUT_S
    return list(lost.values())


def test_call_loses_nothing_when_the_edges_fibre_is_cut(at_work):
    assert lost_in_a_cut(at_work) == [0, 0]


def test_same_call_without_sanaga_is_interrupted(at_work, stopped):
    assert "yaounde" in at_work.reachable("kolofata")
    # The router beside the edge was the only way out.
    assert min(lost_in_a_cut(at_work)) > 50


@pytest.mark.long
def test_every_edge_moves_to_another_key_while_a_call_goes_on(at_work, spur):
    """The country's rotation, by its commands, with a call of 50 packets a second all the time."""
    for operator in ("leo", "lte"):
        at_work.impair(f"kolofata-{operator}", loss=0)
    before = (spur.sanaga.folder / "intent" / "edge_keys").read_text(encoding="utf-8")
    copytree(
        at_work.edge_folder("kolofata-e1"), image(spur), ignore=ignore_patterns("*.sock", "lock")
    )
    with start_call(at_work, "kolofata", "yaounde", seconds=ROTATION_S) as flow:
        next(flow.follow())
        began = monotonic()
        asked = spur.sanaga("vpn", "site", "rotate", "--all", "--dir", "intent", *YEARLY)
        assert (asked.code, "2 edges to move" in asked.err) == (0, True), asked.err
        planned_and_applied(spur)
        ended = spur.sanaga("vpn", "site", "settle", "--dir", "intent", "--within", "2m", *YEARLY)
        assert ended.code == 0, ended.err
        planned_and_applied(spur)
        assert monotonic() - began < ROTATION_S, "the call was over before the rotation"
        totals = flow.totals()
    assert [total.second.lost for total in totals] == [0, 0]
    after = (spur.sanaga.folder / "intent" / "edge_keys").read_text(encoding="utf-8")
    assert {len(line.split()) for line in after.splitlines()} == {2}
    assert not set(before.split()) & set(after.split()) - EDGES
    assert spur.sanaga("plan", "intent").code == 0
    edge_policies.wait_paths(at_work, WITHIN_S)


@pytest.mark.long
def test_a_hub_keeps_both_keys_until_an_edge_that_was_away_knows_the_other(at_work, spur):
    """The far end hears nothing, and the hub moves without it; then it comes back."""
    lines = [f"kolofata-{kind}" for kind in ("fibre", "leo", "lte")]
    for line in lines:
        at_work.impair(line, hole=True)
    asked = spur.sanaga("vpn", "site", "rotate", "yaounde-e1", "--dir", "intent", *YEARLY)
    assert asked.code == 0, asked.err
    planned_and_applied(spur, "--without", "kolofata-e1")
    left = settled(spur, "--within", "60s")
    assert (left.code, "kolofata-e1 may not know the other one" in left.err) == (5, True), left.err
    for line in lines:
        at_work.impair(line, hole=False)
    planned_and_applied(spur)
    ended = settled(spur, "--within", "2m")
    assert ended.code == 0, ended.err
    planned_and_applied(spur)
    edge_policies.wait_paths(at_work, WITHIN_S)


def settled(spur: Spur, *words: str) -> Answer:
    return spur.sanaga("vpn", "site", "settle", "--dir", "intent", *YEARLY, *words)


@pytest.mark.long
def test_an_edge_that_is_put_back_from_before_a_rotation_is_let_in_again(at_work, spur):
    """Its disk has keys that no far end knows any more; the management network reaches it."""
    folder = at_work.edge_folder("kolofata-e1")
    at_work.kill_edge("kolofata-e1")
    rmtree(folder)
    copytree(image(spur), folder)
    at_work.restart_edge("kolofata-e1")
    eventually(lambda: silent(at_work), within_s=WITHIN_S, what="an edge that nobody lets in")
    strange = spur.sanaga("vpn", "site", "rotate", "kolofata-e1", "--dir", "intent", *YEARLY)
    assert (strange.code, "put back from an older image" in strange.err) == (5, True), strange.err
    planned_and_applied(spur, "--only", "kolofata-e1")
    asked = spur.sanaga("vpn", "site", "rotate", "kolofata-e1", "--dir", "intent", *YEARLY)
    assert asked.code == 0, asked.err
    planned_and_applied(spur)
    edge_policies.wait_paths(at_work, WITHIN_S)
    ended = settled(spur, "--within", "2m")
    assert ended.code == 0, ended.err
    planned_and_applied(spur)
    edge_policies.wait_paths(at_work, WITHIN_S)


def silent(lab: Lab) -> bool:
    states = {edge.device: edge for edge in lab.status().edges}
    paths = states["kolofata-e1"].paths
    return bool(paths) and not any(state == "up" for _, state in paths)


def image(spur: Spur) -> Path:
    """Return where the folder of an edge is kept as it was before any rotation."""
    return spur.sanaga.folder / "image"


def planned_and_applied(spur: Spur, *words: str) -> None:
    plan = spur.sanaga.folder / f"{uuid4().hex}.plan"
    made = spur.sanaga("plan", "intent", "--out", plan, *words)
    assert made.code == 2, made.err
    done = spur.sanaga("apply", plan, "--yes")
    assert done.code == 0, done.err + done.out


@pytest.fixture
def stopped(at_work: Lab) -> Iterator[None]:
    """Stop both edges, and start them again afterwards."""
    for device in EDGES:
        at_work.exec(device, [*SANAGA, "edge", "stop"]).check_returncode()
    yield
    for device in EDGES:
        at_work.restart_edge(device)


def test_daemon_that_was_killed_and_started_again_goes_on(at_work):
    at_work.kill_edge("kolofata-e1")
    assert "yaounde" in at_work.reachable("kolofata")
    at_work.restart_edge("kolofata-e1")
    edge_policies.wait_paths(at_work, WITHIN_S)
    assert "yaounde" in at_work.reachable("kolofata")


def test_restarted_edge_comes_back_with_its_policy(at_work, spur):
    before = edge_of(at_work, "kolofata-e1")
    answer = spur.sanaga("lab", "restart", "--lab", at_work.name, "kolofata-e1")
    assert (answer.code, answer.out) == (0, ""), answer.err
    assert answer.err == (
        "restarting kolofata-e1\nkolofata-e1 runs again with its confirmed policy; "
        "'sanaga lab status' shows its paths\n"
    )
    edge_policies.wait_paths(at_work, WITHIN_S)
    after = edge_of(at_work, "kolofata-e1")
    assert (after.serial, after.dead) == (before.serial, ())
    assert sorted(after.paths) == sorted(before.paths)
    at_work.wait_converged(WITHIN_S)


def edge_of(lab: Lab, device: str) -> EdgeState:
    return next(edge for edge in lab.status().edges if edge.device == device)


@pytest.mark.long
@pytest.mark.parametrize("name", ["one-way-hole", "brown-out"])
def test_scenario_of_the_edges_holds(at_work, name):
    wanted = scenario.LIBRARY / f"northern-spur-edge-{name}.yaml"
    report = scenario.run_scenario(scenario.read_scenario(wanted), at_work)
    assert report.holds, report.findings
