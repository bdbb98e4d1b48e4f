"""What a policy and decisions want of the kernel."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, ip_network

import pytest

from edge.dataplane.desired import (
    CARE_KEEPALIVE_S,
    KEEPALIVE_S,
    DesiredState,
    desired_state,
    with_steering,
)
from edge.dataplane.sysctls import Undo
from edge.forwarding import marks
from edge.forwarding.duplication import duplicate_paths
from edge.forwarding.htb import TUNNEL_SHARE, policy_queues
from edge.forwarding.routes import UNREACHABLE, RouteKey, route_key
from edge.forwarding.steering import PeerSteering, Steering
from edge.nftables.call_flows import (
    CallFlow,
    add_text,
    checked_duration,
    mark_of,
    parse_announced,
    parse_flows,
)
from edge.policy.model import EdgePolicy, Prefix
from inventory.errors import EdgeError, PolicyRefusedError, UnknownNameError
from inventory.model import Medium
from tests.rigs.edge.edge_policies import edge_policy, hub_policy

FIBRE, LEO, LTE = "kolofata-fibre", "kolofata-leo", "kolofata-lte"
FAR = IPv4Network("10.0.1.0/24")


def _steering(first: str, second: str | None = None) -> Steering:
    services = {c.service.name: first for c in edge_policy().classes}
    return Steering({"yaounde-e1": PeerSteering(services, care=first, second=second)})


def _routes(want: DesiredState) -> dict[RouteKey, object]:
    return {**want.fixed, **want.steered}


def _devices(want: DesiredState, table: int, prefix: Prefix) -> list[str | None]:
    """Return where the routes of a prefix lead in a table, the first choice first."""
    routes = {**want.fixed, **want.steered}
    keys = sorted(
        (key for key in routes if key.table == table and key.prefix == prefix),
        key=lambda key: key.metric,
    )
    return [routes[key].device for key in keys]


def test_consultations_take_the_care_tunnel_before_any_transport():
    want = desired_state(edge_policy(), _steering(FIBRE, LEO))
    assert _devices(want, marks.CLASS_TABLE, FAR) == ["sgtecare", "sgtefibre"]


def test_other_classes_take_the_path_decided_for_them():
    steering = _steering(FIBRE)
    services = {**steering.of("yaounde-e1").services, "backup": LEO}
    want = desired_state(edge_policy(), Steering({"yaounde-e1": PeerSteering(services, FIBRE)}))
    backup = marks.class_index(edge_policy(), "backup")
    assert backup is not None
    assert _devices(want, marks.CLASS_TABLE + backup, FAR)[0] == "sgteleo"
    assert _devices(want, marks.CLASS_TABLE + backup - 1, FAR) == ["sgtefibre"]


def test_behind_every_class_stand_all_tunnels_by_cost_and_then_nothing():
    want = desired_state(edge_policy(), Steering())
    tunnels = ["sgtefibre", "sgteleo", "sgtelte", None]
    assert _devices(want, marks.REST_TABLE, FAR) == tunnels


def _without_metered(*services: str) -> EdgePolicy:
    """Return a policy whose classes may take everything, but some of them nothing metered."""
    policy = edge_policy()
    ways = [
        replace(c.paths, media=(*Medium,), metered_allowed=c.service.name not in services)
        for c in policy.classes
    ]
    made = [replace(c, paths=paths) for c, paths in zip(policy.classes, ways, strict=True)]
    return replace(policy, classes=tuple(made))


def _asked(want: DesiredState, service: str, prefix: Prefix = FAR) -> list[str | None]:
    """Return all that the kernel tries for a class, in its order: till it meets None."""
    index = marks.class_index(want.policy, service)
    tables = [
        rule.table for rule in want.rules if rule.mark in {None, marks.CLASS_MARK + (index or 0)}
    ]
    tried = [device for table in tables for device in _devices(want, table, prefix)]
    return tried[: tried.index(None)]


@pytest.mark.parametrize("service", [c.service.name for c in edge_policy().classes])
def test_a_class_without_metered_ways_never_falls_to_one(service: str):
    for decided in (Steering(), _steering(FIBRE)):
        assert "sgtelte" in _asked(desired_state(_without_metered(), decided), service)
        assert "sgtelte" not in _asked(desired_state(_without_metered(service), decided), service)


def test_a_class_never_falls_to_a_medium_that_it_may_not_take():
    policy = edge_policy()
    narrowed = [
        replace(c, paths=replace(c.paths, media=(Medium.FIBRE, Medium.LTE))) for c in policy.classes
    ]
    want = desired_state(replace(policy, classes=tuple(narrowed)), Steering())
    for traffic in policy.classes:
        assert "sgteleo" not in _asked(want, traffic.service.name)


def test_another_class_loses_no_way_when_the_ordinary_one_is_narrowed():
    for decided in (Steering(), _steering(FIBRE)):
        tried = _asked(desired_state(_without_metered("portal"), decided), "records")
        assert set(tried) == {"sgtefibre", "sgteleo", "sgtelte"}


def test_outer_packets_of_consultations_never_fall_to_a_forbidden_path():
    (hub,) = edge_policy().peers
    loopback = IPv4Network(hub.loopback)
    everything = desired_state(_without_metered(), Steering())
    assert "sgtelte" in _devices(everything, marks.REST_TABLE, loopback)
    narrowed = desired_state(_without_metered("consultation-audio"), Steering())
    assert _devices(narrowed, marks.REST_TABLE, loopback) == ["sgtefibre", "sgteleo", None]


def test_outer_packets_never_take_another_underlay():
    want = desired_state(edge_policy(), Steering())
    anywhere = IPv4Network("0.0.0.0/0")
    assert _devices(want, marks.TRANSPORT_TABLE + 1, anywhere) == ["wan1", None]


def test_own_lans_are_not_looked_for_behind_a_peer_that_covers_them():
    policy = edge_policy()
    (hub,) = policy.peers
    wide = replace(policy, peers=(replace(hub, prefixes=(ip_network("10.0.0.0/8"),)),))
    for table in (marks.CLASS_TABLE, marks.REST_TABLE):
        key = route_key(table, policy.prefixes[0], 9999)
        assert desired_state(wide, Steering()).fixed[key].throw
        assert key not in desired_state(policy, Steering()).fixed


def test_first_of_two_peers_with_the_same_prefix_has_it():
    policy = edge_policy()
    (hub,) = policy.peers
    other = replace(hub, device="second", public_key="x" * 44, loopback=IPv4Address("172.16.0.99"))
    want = desired_state(replace(policy, peers=(hub, other)), Steering())
    peers = want.tunnels[0].peers
    assert [FAR in peer.allowed for peer in peers] == [True, False]


def test_exchanging_first_and_second_path_keeps_every_copy():
    (hub,) = edge_policy().peers
    there = {p.name: onto for p, onto in duplicate_paths(hub, PeerSteering(care=FIBRE, second=LEO))}
    back = {p.name: onto for p, onto in duplicate_paths(hub, PeerSteering(care=LEO, second=FIBRE))}
    assert (there[FIBRE], there[LEO]) == (back[FIBRE], back[LEO]) == (LEO, FIBRE)


@pytest.mark.parametrize("second", [None, "no-such-path"])
def test_nothing_is_copied_without_a_second_path(second: str | None):
    (hub,) = edge_policy().peers
    assert not list(duplicate_paths(hub, PeerSteering(care=FIBRE, second=second)))


def test_a_copy_that_nobody_asked_for_is_routed_nowhere():
    want = desired_state(edge_policy(), _steering(FIBRE))
    aliases = [key for key in want.steered if key.address[0] == 240]
    assert not aliases
    everything = route_key(marks.ENDS_TABLE, ip_network("240.90.0.0/16"), 9999)
    assert want.fixed[everything] == UNREACHABLE


def test_steering_gives_what_the_policy_and_the_decisions_give():
    before = desired_state(edge_policy(), _steering(FIBRE, LEO))
    after, _, _ = with_steering(before, _steering(LTE))
    assert after == desired_state(edge_policy(), _steering(LTE))


def test_steering_concerns_only_peers_whose_decisions_changed():
    before = desired_state(edge_policy(), _steering(FIBRE, LEO))
    _, old, new = with_steering(before, _steering(FIBRE, LEO))
    assert not old
    assert not new


def test_only_the_end_that_dials_keeps_sessions_alive():
    edge, hub = (desired_state(p, Steering()) for p in (edge_policy(), hub_policy()))
    alive = [tunnel.peers[0].keepalive_s for tunnel in edge.tunnels]
    assert alive == [KEEPALIVE_S, KEEPALIVE_S, KEEPALIVE_S, CARE_KEEPALIVE_S]
    assert not any(tunnel.peers[0].keepalive_s for tunnel in hub.tunnels)


def test_interfaces_with_names_that_are_no_words_are_refused():
    for name in ("eth0; drop", 'x" accept', "all", "", "a" * 16, "..", "eth\n0"):
        with pytest.raises(PolicyRefusedError, match="rename it"):
            desired_state(edge_policy(lans=(name,)), Steering())


def test_more_peers_than_there_are_numbers_for_are_refused():
    desired_state(_many(1000), Steering())
    with pytest.raises(PolicyRefusedError, match="divide them among several hubs"):
        desired_state(_many(1001), Steering())


def test_promised_rates_stay_below_what_the_circuit_has():
    for policy in (edge_policy(), hub_policy(), _many(40)):
        for queue in policy_queues(policy):
            by_minor = {cls.minor: cls for cls in queue.classes}
            for cls in queue.classes:
                inner = [c.rate for c in queue.classes if c.parent == cls.minor]
                # The smallest rates that the kernel can keep are promised to everybody.
                assert sum(inner) <= cls.rate + 1000 * len(inner)
                assert not cls.parent or cls.ceiling <= by_minor[cls.parent].ceiling


def test_a_peer_gets_no_more_than_it_can_receive():
    policy = hub_policy()
    (edge,) = policy.peers
    slow = replace(policy, peers=(replace(edge, paths=(replace(edge.paths[0], rate_mbps=2.0),)),))
    tunnel = policy_queues(slow)[0]
    assert {cls.ceiling for cls in tunnel.classes if cls.minor >= 0x10} == {
        int(2.0 * 125_000 * TUNNEL_SHARE)
    }


def test_every_queue_has_classes_of_its_own():
    for policy in (edge_policy(), _many(40)):
        for queue in policy_queues(policy):
            minors = [cls.minor for cls in queue.classes]
            assert len(set(minors)) == len(minors)
            assert max(minors) < 0xFFFF


def test_undo_keeps_what_was_there_first():
    undo = Undo({"a": "0"}).merged(Undo({"a": "1", "b": "2"}))
    assert undo == Undo({"a": "0", "b": "2"})
    assert Undo(**undo.as_dict()) == undo


def _flow(**changes: object) -> CallFlow:
    near, far = IPv4Address("10.0.3.5"), IPv4Address("10.0.1.5")
    return replace(CallFlow("udp", near, None, far, 5000), **changes)  # type: ignore[arg-type]


def test_an_announced_flow_is_text_for_nft():
    mark = mark_of(edge_policy(), "consultation-video")
    assert add_text(_flow(), mark, 30.5) == (
        "add element inet sanaga calls4 "
        "{ 10.0.3.5 . 10.0.1.5 . udp . 0-65535 . 5000 timeout 30s : 0x5a41 }\n"
    )


def test_flows_that_make_no_sense_are_refused():
    with pytest.raises(EdgeError, match="ports are 0 to 65535"):
        _flow(source_port=65_536)
    with pytest.raises(EdgeError, match="one IP version"):
        _flow(source=ip_network("::1").network_address)
    with pytest.raises(EdgeError, match="udp or tcp"):
        _flow(protocol="icmp; flush ruleset")
    with pytest.raises(EdgeError, match="1 to 86400 s"):
        checked_duration(float("nan"))


@pytest.mark.parametrize(
    ("service", "advice"),
    [("backup", ""), ("consultation-vidoe", "did you mean 'consultation-video'? ")],
)
def test_calls_travel_in_classes_of_consultations_alone(service, advice):
    with pytest.raises(UnknownNameError) as refusal:
        mark_of(edge_policy(), service)
    assert str(refusal.value) == (
        f"no class of consultations is called '{service}'; {advice}"
        "the classes of consultations are consultation-audio, consultation-video"
    )


def test_flows_are_read_as_nft_lists_them():
    key = {"concat": ["10.0.3.5", "10.0.1.5", "udp", {"range": [0, 65535]}, 5000]}
    listed = {"elem": {"val": key, "timeout": 30, "expires": 29}}
    assert list(parse_flows([listed, key])) == [_flow(), _flow()]
    assert list(parse_announced([[listed, 23104]])) == [(_flow(), 23104, 29.0)]


def _many(number: int) -> EdgePolicy:
    """Return the policy of a hub with many edges, more than its circuits can serve at once."""
    policy = hub_policy()
    (edge,) = policy.peers
    peers = [
        replace(edge, device=f"e{i}", loopback=IPv4Address("172.16.1.0") + i, prefixes=())
        for i in range(number)
    ]
    return replace(policy, peers=tuple(peers))
