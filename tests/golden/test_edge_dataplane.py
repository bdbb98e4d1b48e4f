"""What a policy puts into the kernel, as text: reviewed as a diff."""

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from controller.intended.segments import LAN_INTERFACE
from edge.dataplane.desired import DesiredState, desired_state
from edge.forwarding.htb import Queue, QueueClass
from edge.forwarding.routes import NextHop, RouteKey
from edge.forwarding.steering import PeerSteering, Steering
from edge.policy.model import EdgePolicy
from tests.golden_files import assert_golden
from tests.rigs.edge.edge_policies import edge_policy, hub_policy
from tests.rigs.edge.segments import packet_filter

EXPECTED = Path(__file__).parent / "edge"
NAMES = ("edge", "hub", "empty-hub")
RULESETS = (*NAMES, "segments")


def _edge() -> EdgePolicy:
    """Return an edge with IPv6, whose LANs lie within what is behind the hub, shaping arrivals."""
    policy = edge_policy()
    (hub,) = policy.peers
    wide = (ip_network("10.0.0.0/16"), ip_network("fd5a:6e61:6700::/62"))
    mine = (*policy.prefixes, ip_network("fd5a:6e61:6700:1::/64"))
    first, *others = policy.underlays
    underlays = (replace(first, shape_ingress=True), *others)
    peers = (replace(hub, prefixes=wide),)
    return replace(policy, prefixes=mine, peers=peers, underlays=underlays)


def _empty_hub() -> EdgePolicy:
    """Return a hub without any peer, as a new network's first one is."""
    return hub_policy(peers=(), underlays=())


def _segments() -> EdgePolicy:
    """Return an edge that filters between the LANs of its site."""
    return edge_policy(lans=tuple(LAN_INTERFACE.values()), packet_filter=packet_filter())


def _wanted(name: str) -> DesiredState:
    makers = {"edge": _edge, "hub": hub_policy, "empty-hub": _empty_hub, "segments": _segments}
    policy = makers[name]()
    services = {c.service.name: "kolofata-fibre" for c in policy.classes}
    services["backup"] = "kolofata-leo"
    ways = PeerSteering(services, care="kolofata-fibre", second="kolofata-leo")
    return desired_state(policy, Steering({peer.device: ways for peer in policy.peers}))


@pytest.mark.parametrize("name", RULESETS)
def test_nft_ruleset_is_as_reviewed(name: str):
    want = _wanted(name)
    text = want.ruleset + "".join(arrivals.ruleset for arrivals in want.arrivals)
    assert_golden(EXPECTED / f"{name}.nft", text)


@pytest.mark.parametrize("name", NAMES)
def test_routes_and_rules_are_as_reviewed(name: str):
    want = _wanted(name)
    rules = [
        f"{rule.priority}: IPv{rule.version} {_mark(rule.mark)} table {rule.table}"
        for rule in want.rules
    ]
    routes = {**want.fixed, **want.steered}
    ordered = sorted(routes, key=lambda key: (key.table, str(key.prefix), key.metric))
    text = [*rules, "", *(_route(key, routes[key]) for key in ordered)]
    assert_golden(EXPECTED / f"{name}.routes", "\n".join(text) + "\n")


@pytest.mark.parametrize("name", NAMES)
def test_queues_are_as_reviewed(name: str):
    text = "\n".join(_queue(queue) for queue in _wanted(name).queues)
    assert_golden(EXPECTED / f"{name}.queues", text)


@pytest.mark.parametrize("name", NAMES)
def test_tunnels_and_settings_are_as_reviewed(name: str):
    want = _wanted(name)
    lines = []
    for tunnel in want.tunnels:
        addresses = " ".join(map(str, tunnel.addresses))
        lines.append(
            f"{tunnel.name} mtu {tunnel.mtu} port {tunnel.listen_port} {addresses}".strip()
        )
        for peer in tunnel.peers:
            end = f"{peer.endpoint.address}:{peer.endpoint.port}" if peer.endpoint else "dials us"
            allowed = ", ".join(map(str, peer.allowed))
            lines.append(f"  {end}, every {peer.keepalive_s} s: {allowed}")
    lines += [f"{setting.name} = {setting.value}" for setting in want.settings]
    assert_golden(EXPECTED / f"{name}.tunnels", "\n".join(lines) + "\n")


def _mark(mark: int | None) -> str:
    return "any" if mark is None else f"mark {mark:#x}"


def _route(key: RouteKey, way: NextHop) -> str:
    where = "throw" if way.throw else f"dev {way.device}" if way.device else "unreachable"
    gateway = f" via {way.gateway}" if way.gateway else ""
    source = f" src {way.source}" if way.source else ""
    return f"{key.table} {key.prefix} metric {key.metric} {where}{gateway}{source}"


def _queue(queue: Queue) -> str:
    lines = [f"{queue.interface} overhead {queue.overhead}", *map(_class, queue.classes)]
    return "".join(f"{line}\n" for line in lines)


def _class(cls: QueueClass) -> str:
    rates = f"{cls.rate * 8 / 1000:.0f} to {cls.ceiling * 8 / 1000:.0f} kbit/s"
    kind = f"priority {cls.priority}, holds {cls.limit}" if cls.limit else "holds classes"
    return f"  {cls.minor:#x} in {cls.parent:#x}: {rates}, {kind}"
