"""The data plane in the kernel: calls without loss, no leak, repair."""

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from edge.forwarding.steering import Steering
from edge.nftables.call_flows import CallFlow
from edge.wireguard import go_process
from inventory.errors import EdgeError
from simulations.netns.namespaces import entered_namespace
from simulations.netns.waiting import eventually, pause
from tests.failover.flows import Called, Flows
from tests.rigs.edge.dataplane_world import EXPEDITED, Node, Overlay, overlay, plane_of, steering
from tests.rigs.edge.edge_rig import LAN_HOST, SERVER, THREE, TWO, Place

pytestmark = pytest.mark.netns

FIBRE, LEO = "fibre", "leo"
CALL_S = 2.0


@pytest.fixture(scope="module")
def made() -> Iterator[Overlay]:
    with overlay(TWO, ingress=True) as built:
        built.await_care()
        yield built


@pytest.fixture
def sane(made: Overlay) -> Iterator[Overlay]:
    """Give the overlay, and put everything back afterwards."""
    yield made
    for line in made.world.lines:
        made.world.heal(line.name)
    for node in made.nodes:
        node.apply(steering(node.policy, FIBRE, LEO))
    made.await_care()


@pytest.fixture(scope="module")
def flows(made: Overlay) -> Iterator[Flows]:
    with Flows(made.world) as running:
        yield running


def _call(flows: Flows) -> Called:
    flows.begin(CALL_S)
    return flows.result()


def _call_through_a_hole(made: Overlay, flows: Flows, line: str, ways: str) -> Called:
    hole = replace(made.world.line(line).healthy, hole=True)
    flows.begin(CALL_S)
    pause(CALL_S / 3)
    made.world.impair(
        line, up=hole if "up" in ways else None, down=hole if "down" in ways else None
    )
    return flows.result()


@pytest.mark.parametrize("line", [FIBRE, LEO])
@pytest.mark.parametrize("ways", ["up and down", "up", "down"])
def test_a_call_loses_nothing_in_a_silent_hole(sane: Overlay, flows: Flows, line: str, ways: str):
    called = _call_through_a_hole(sane, flows, line, ways)
    assert called.lost == 0
    assert sum(heard.duplicated for heard in called.heard.values()) == 0


def test_a_call_that_is_not_copied_suffers_from_the_same_hole(sane: Overlay, flows: Flows):
    sane.steer(FIBRE, None)
    assert _call_through_a_hole(sane, flows, FIBRE, "up and down").lost > 0


def test_consultations_cross_both_lines_and_nothing_else_does(sane: Overlay, flows: Flows):
    before = {line: sum(sane.world.octets(line)) for line in (FIBRE, LEO)}
    _call(flows)
    called = {line: sum(sane.world.octets(line)) - before[line] for line in (FIBRE, LEO)}
    before = {line: sum(sane.world.octets(line)) for line in (FIBRE, LEO)}
    sane.world.exec("lan", "ping", "-n", "-c50", "-i0.01", "-s1000", str(SERVER))
    pinged = {line: sum(sane.world.octets(line)) - before[line] for line in (FIBRE, LEO)}
    assert called[LEO] > 0.9 * called[FIBRE] > 100_000
    assert pinged[FIBRE] > 100_000
    assert pinged[LEO] < 10_000


def test_steering_moves_ordinary_traffic_of_both_ip_versions(sane: Overlay):
    sane.steer(LEO, FIBRE)
    for target in (str(SERVER), "fd91:2::a"):
        before = {line: sum(sane.world.octets(line)) for line in (FIBRE, LEO)}
        sane.world.exec("lan", "ping", "-n", "-c50", "-i0.01", "-s1000", target)
        moved = {line: sum(sane.world.octets(line)) - before[line] for line in (FIBRE, LEO)}
        assert moved[LEO] > 100_000
        assert moved[FIBRE] < 10_000


def test_each_end_decides_by_itself_which_way_its_consultations_go(sane: Overlay, flows: Flows):
    sane.edge.steer(steering(sane.edge.policy, LEO))
    sane.hub.steer(steering(sane.hub.policy, FIBRE))
    before = {line: sane.world.octets(line) for line in (FIBRE, LEO)}
    _call(flows)
    up, down = (
        {line: sane.world.octets(line)[end] - before[line][end] for line in before}
        for end in (0, 1)
    )
    assert up[LEO] > 10 * up[FIBRE]
    assert down[FIBRE] > 10 * down[LEO]


def test_a_call_goes_on_while_everything_is_steered_to_and_fro(sane: Overlay, flows: Flows):
    flows.begin(CALL_S)
    for _ in range(4):
        pause(CALL_S / 10)
        sane.steer(LEO, FIBRE)
        pause(CALL_S / 10)
        sane.steer(FIBRE, LEO)
    assert flows.result().lost == 0


def test_kernel_falls_over_by_itself_when_a_tunnel_vanishes(sane: Overlay):
    sane.hub.steer(steering(sane.hub.policy, LEO))
    sane.world.exec("edge", "ip", "link", "del", sane.edge.policy.underlays[0].tunnel)
    assert sane.pings()
    assert sane.pings(EXPEDITED)


def test_without_any_tunnel_nothing_leaves_plain(sane: Overlay):
    _watch_plain(sane)
    sane.world.exec("edge", "ip", "route", "add", "default", "via", _hub_on_leo(sane))
    for underlay in sane.edge.policy.underlays:
        sane.world.exec("edge", "ip", "link", "del", underlay.tunnel)
    sane.world.exec("edge", "ip", "link", "del", sane.edge.policy.care.interface)
    for tos in (0, EXPEDITED):
        # The kernel answers only so many times a second.
        eventually(partial(_refused, sane, tos), within_s=120, what="an answer 'unreachable'")
    assert _plain(sane) == 0
    # The same packet would have left plain without our rules.
    sane.world.exec("edge", "ip", "rule", "del", "priority", "5600")
    sane.pings()
    assert _plain(sane) > 0
    sane.world.exec("edge", "ip", "route", "del", "default")
    sane.world.exec("hub", "nft", "delete", "table", "inet", "watching")


def test_what_came_out_of_a_tunnel_never_goes_on_plain(sane: Overlay):
    lost = "10.91.2.77"
    back = str(sane.world.outer(LEO, "edge"))
    sane.world.exec("hub", "ip", "route", "add", lost, "via", back)
    _watch_plain(sane, at="edge", target=lost)
    ping = ("ping", "-n", "-c3", "-i0.05", "-W0.3", lost)
    sane.world.exec("lan", *ping, check=False)
    assert _plain(sane, at="edge") == 0
    # The same packets would have gone back plain without our rules.
    sane.world.exec("hub", "nft", "flush", "chain", "inet", "sanaga", "forward")
    sane.world.exec("lan", *ping, check=False)
    assert _plain(sane, at="edge") > 0
    sane.world.exec("hub", "ip", "route", "del", lost)
    sane.world.exec("edge", "nft", "delete", "table", "inet", "watching")


def _refused(made: Overlay, tos: int) -> bool:
    ping = ("ping", "-n", "-c1", "-W1", f"-Q{tos}", str(SERVER))
    return "Destination Host Unreachable" in made.world.exec("lan", *ping, check=False)


def _hub_on_leo(made: Overlay) -> str:
    return str(made.world.outer(LEO, "hub"))


def _watch_plain(made: Overlay, at: Place = "hub", target: str = str(SERVER)) -> None:
    rule = f'iifname "w-*" ip daddr {target} counter name plain'
    text = (
        "table inet watching {\n counter plain {\n }\n chain seen {\n"
        f" type filter hook prerouting priority -400; policy accept;\n {rule}\n }}\n}}\n"
    )
    file = made.world.folder / "watching.nft"
    file.write_text(text, encoding="ascii")
    made.world.exec(at, "nft", "-f", str(file))


def _plain(made: Overlay, at: Place = "hub") -> int:
    said = made.world.exec(at, "nft", "list", "counter", "inet", "watching", "plain")
    words = said.split()
    return int(words[words.index("packets") + 1])


def test_applying_what_stands_already_changes_nothing(sane: Overlay):
    assert sane.edge.apply(steering(sane.edge.policy, FIBRE, LEO)) == ()


def test_steering_during_repairs_is_never_undone(sane: Overlay):
    ways = [steering(sane.edge.policy, *pair) for pair in ((LEO, FIBRE), (FIBRE, LEO))]
    with ThreadPoolExecutor(1) as pool:
        steered = pool.submit(_steer_all, sane.edge, ways * 100)
        while not steered.done():
            # What is flushed may have moved away before its turn came.
            sane.world.exec("edge", "ip", "route", "flush", "table", "7106", check=False)
            sane.edge.repair()
        steered.result()
    sane.edge.repair()
    _settle(sane.edge)
    # The last flush may fall between two moves of one route: the next full look finds that.
    assert sane.edge.apply(ways[-1]) in {(), ("put 1 routes",)}
    assert sane.edge.apply(ways[-1]) == ()


def _steer_all(node: Node, ways: list[Steering]) -> None:
    for way in ways:
        node.plane.steer(way)


DAMAGES = {
    "nft tables gone": "nft delete table inet sanaga; nft delete table ip sanaga",
    "nft rule gone": "nft flush chain ip sanaga copying",
    "nft element gone": "nft flush map ip sanaga copies",
    "rules gone": "ip rule del priority 5200; ip rule del priority 5600",
    "routes gone": "ip route flush table 7100; ip route flush table 7300",
    "IPv6 routes gone": "ip -6 route flush table 7106",
    "route moved": "ip route replace 10.91.2.0/24 dev lo table 7106 proto 90 metric 10",
    "queue gone": "tc qdisc del dev TUNNEL root",
    "queue changed": "tc class change dev TUNNEL parent 5a5a: classid 5a5a:1 htb rate 1mbit",
    "loopback gone": "ip addr del 10.255.255.2/32 dev lo",
    "tunnel down": "ip link set TUNNEL down",
    "tunnel deleted": "ip link del TUNNEL",
    "care tunnel deleted": "ip link del CARE",
    "underlay bounced": "ip link set w-fibre down; ip link set w-fibre up",
    "arrivals gone": "ip link del sanaga-in0",
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_repaired_and_told(sane: Overlay, name: str):
    _settle(sane.edge)
    policy = sane.edge.policy
    text = DAMAGES[name].replace("TUNNEL", policy.underlays[0].tunnel)
    sane.world.exec("edge", "sh", "-ec", text.replace("CARE", policy.care.interface))
    assert sane.edge.repair() != ()
    _settle(sane.edge)
    assert sane.edge.apply(steering(policy, FIBRE, LEO)) == ()
    eventually(sane.pings, within_s=120, what="ordinary traffic")
    eventually(lambda: sane.pings(EXPEDITED), within_s=120, what="a consultation")


def test_a_new_process_that_cannot_queue_arrivals_leaves_every_route(sane: Overlay):
    policy = sane.edge.policy
    sane.world.exec("edge", "ip", "link", "del", "sanaga-in0")
    sane.world.exec("edge", "ip", "link", "add", "sanaga-in0", "type", "veth", "peer", "sgt-far")
    before = _routes(sane)
    try:
        with entered_namespace(sane.edge.space), closing(plane_of(sane.edge.key)) as plane:
            with pytest.raises(EdgeError, match="somebody else's"):
                plane.apply(sane.edge.wanted(steering(policy, FIBRE, LEO)))
            assert _routes(sane) == before
    finally:
        sane.world.exec("edge", "ip", "link", "del", "sgt-far")
    assert len(before) > 20


def _routes(made: Overlay) -> list[str]:
    said = made.world.exec("edge", "ip", "route", "show", "table", "all", "proto", "90")
    return sorted(line for line in said.splitlines() if "dev" in line.split())


def _settle(node: Node) -> None:
    """Let the data plane hear its own last words."""
    assert node.repair() == ()
    assert node.repair() == ()


def test_a_call_survives_a_killed_tunnel_process_which_is_started_again(
    sane: Overlay, flows: Flows
):
    name = sane.edge.policy.underlays[0].tunnel
    (pid,) = go_process.serving_processes(name)
    flows.begin(CALL_S)
    pause(CALL_S / 4)
    os.kill(pid, signal.SIGKILL)
    gone = f"/sys/class/net/{name}"
    eventually(lambda: not _exists(sane, gone), within_s=120, what="the end of the interface")
    assert any("wireguard-go" in words for words in sane.edge.repair())
    # What was answered by the interface that just vanished is refused, until the next is heard.
    called = flows.result()
    assert called.lost <= 10
    assert called.network_gap_ms < 300


def _exists(made: Overlay, path: str) -> bool:
    return "No such" not in made.world.exec("edge", "ls", path, check=False)


def test_live_calls_are_seen_while_they_last(sane: Overlay, flows: Flows):
    before = _live(sane.edge)
    _call(flows)
    after = _live(sane.edge)
    ports = {(flow.source, flow.destination_port) for flow in after.flows}
    assert {(LAN_HOST, 16_384), (LAN_HOST, 16_386)} <= ports
    assert after.packets - before.packets > 300


def test_ordinary_traffic_is_no_live_call(sane: Overlay):
    before = _live(sane.edge)
    sane.world.exec("lan", "ping", "-n", "-c20", "-i0.01", str(SERVER))
    assert _live(sane.edge).packets - before.packets < 10


def _live(node: Node):
    with entered_namespace(node.space):
        return node.plane.live_calls()


def _announced(made: Overlay) -> str:
    return made.world.exec("edge", "nft", "list", "map", "inet", "sanaga", "calls4")


def test_an_announced_flow_travels_as_a_consultation_until_it_is_forgotten(sane: Overlay):
    flow = CallFlow("udp", LAN_HOST, None, SERVER, 5000)
    plane, before = sane.edge.plane, _live(sane.edge)
    with entered_namespace(sane.edge.space):
        plane.add_call(flow, "consultation-video", 60)
        plane.add_call(flow, "consultation-audio", 60)
    _send(sane, 40)
    assert flow.destination in {seen.destination for seen in _live(sane.edge).flows}
    assert _live(sane.edge).packets - before.packets >= 40
    with entered_namespace(sane.edge.space):
        plane.remove_call(flow)
        plane.remove_call(flow)
    before = _live(sane.edge)
    _send(sane, 40)
    assert _live(sane.edge).packets - before.packets < 20


def test_an_announced_flow_outlives_the_table_it_stands_in(sane: Overlay):
    flow = CallFlow("udp", LAN_HOST, 4000, IPv4Address("10.91.2.99"), 5000)
    with entered_namespace(sane.edge.space):
        sane.edge.plane.add_call(flow, "consultation-audio", 60)
    sane.world.exec("edge", "nft", "delete", "table", "inet", "sanaga")
    assert "10.91.2.99" not in sane.world.exec("edge", "nft", "list", "ruleset")
    sane.edge.repair()
    assert "10.91.2.99 . udp . 4000 . 5000" in _announced(sane)


def _send(made: Overlay, number: int) -> None:
    with entered_namespace(made.world.namespace("lan")):
        door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with door:
        for _ in range(number):
            door.sendto(b"x" * 100, (str(SERVER), 5000))


def test_tcp_segments_fit_the_tunnel(sane: Overlay):
    with entered_namespace(sane.world.namespace("server")):
        door = socket.create_server((str(SERVER), 5002))
    with door:
        with entered_namespace(sane.world.namespace("lan")):
            near = socket.create_connection((str(SERVER), 5002), timeout=60)
        with near:
            assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 1340 - 40


def test_what_arrives_is_queued_tunnels_first(sane: Overlay):
    before = _queued(sane)
    sane.world.exec("lan", "ping", "-n", "-c20", "-i0.01", "-s1000", str(SERVER))
    assert _queued(sane) - before >= 20


def _queued(made: Overlay) -> int:
    said = made.world.exec("edge", "tc", "-s", "class", "show", "dev", "sanaga-in0")
    words = said[said.index("5a5a:3") :].split()
    return int(words[words.index("pkt") - 1])


def test_copies_follow_the_second_of_three_paths():
    with overlay(THREE, name="t") as made:
        made.await_care()
        made.steer(FIBRE, "lte")
        with Flows(made.world) as running:
            before = {line: sum(made.world.octets(line)) for line in (FIBRE, LEO, "lte")}
            called = _call(running)
            crossed = {line: sum(made.world.octets(line)) - before[line] for line in before}
        assert called.lost == 0
        assert crossed["lte"] > 0.9 * crossed[FIBRE]
        assert crossed[LEO] < 10_000


def test_no_private_key_stands_in_any_process_arguments(sane: Overlay):
    for underlay in sane.edge.policy.underlays:
        for pid in go_process.serving_processes(underlay.tunnel):
            said = Path(f"/proc/{pid}/cmdline").read_bytes()
            assert said.split(b"\0")[1:2] == [underlay.tunnel.encode()]
