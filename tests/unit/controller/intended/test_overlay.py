"""From the intent to tunnels: who is joined to whom, over what, under which names and numbers."""

from dataclasses import replace
from ipaddress import IPv4Address, ip_network

import pytest

from controller.intended.edge_policy import policy_of
from controller.intended.overlay import DRAINED_COST, FIRST_PORT, PORTS, Overlay, build_overlay
from edge.policy.model import EdgePolicy, Peer, PeerPath
from inventory import addressing
from inventory.model import Intent, Medium, Role, StaticRoute
from tests.rigs.edge.edge_networks import HUB, draft, duties, gateway, key, outside


def policies(intent: Intent) -> dict[str, EdgePolicy]:
    laid = build_overlay(intent)
    return {name: policy_of(laid, name, duties()) for name in laid.managed}


def changed(intent: Intent, circuit: str, **changes: object) -> Intent:
    made = replace(intent.circuits[circuit], **changes)  # type: ignore[arg-type]
    return replace(intent, circuits={**intent.circuits, circuit: made})


def keyless(intent: Intent, *names: str) -> Intent:
    lost = {name: replace(intent.devices[name], public_key="") for name in names}
    return replace(intent, devices={**intent.devices, **lost})


def peer(policy: EdgePolicy, name: str) -> Peer:
    return {one.device: one for one in policy.peers}[name]


def paths(policy: EdgePolicy, to: str) -> dict[str, PeerPath]:
    return {path.name: path for path in peer(policy, to).paths}


@pytest.fixture
def three() -> Intent:
    """Mora's edge with three ways to the hub, and Maroua's with a fibre alone."""
    made = draft("mora", "maroua")
    for operator in ("leo", "lte"):
        outside(made, "mora", operator)
        outside(made, "yaounde", operator, medium=Medium.FIBRE, metered=False)
    return made.intent()


def test_every_edge_dials_the_hub_and_no_other_edge(three):
    assert build_overlay(three).pairs == (("maroua-e1", HUB), ("mora-e1", HUB))
    assert build_overlay(three).hubs == {HUB}
    made = policies(three)
    assert [one.device for one in made["mora-e1"].peers] == [HUB]
    assert [one.device for one in made[HUB].peers] == ["maroua-e1", "mora-e1"]
    assert all(path.endpoint for path in made["mora-e1"].peers[0].paths)
    assert not any(path.endpoint for one in made[HUB].peers for path in one.paths)


def test_every_edge_reports_where_the_network_says(three):
    ends = ("noc.example.cm:8444", "192.0.2.10:8444")
    told = replace(three, network=replace(three.network, controllers=ends))
    assert {policy.telemetry for policy in policies(told).values()} == {ends}
    assert {policy.telemetry for policy in policies(three).values()} == {()}


def test_an_edge_whose_preshared_keys_are_made_anew_shares_their_series_with_its_far_ends(three):
    def series(intent: Intent) -> dict[tuple[str, str], int]:
        made = policies(intent)
        return {(n, p.device): made[n].series(p) for n in made for p in made[n].peers}

    mora = replace(three.devices["mora-e1"], preshared=3)
    raised = replace(three, devices={**three.devices, "mora-e1": mora})
    same = {("maroua-e1", HUB): 1, (HUB, "maroua-e1"): 1}
    assert series(three) == {("mora-e1", HUB): 1, (HUB, "mora-e1"): 1, **same}
    assert series(raised) == {("mora-e1", HUB): 4, (HUB, "mora-e1"): 4, **same}
    none = replace(raised, network=replace(raised.network, preshared=0))
    assert set(series(none).values()) == {0}


def test_circuits_are_paired_where_they_meet(three):
    made = policies(three)
    assert {p.name: p.circuit for p in paths(made[HUB], "mora-e1").values()} == {
        "fibre-mora": "fibre-yaounde",
        "leo-mora": "leo-yaounde",
        "lte-mora": "lte-yaounde",
    }
    assert list(paths(made[HUB], "maroua-e1")) == ["fibre-maroua"]


def test_both_ends_agree_on_every_path(three):
    made = policies(three)
    hub, edge = made[HUB], made["mora-e1"]
    for name, there in paths(hub, "mora-e1").items():
        here = paths(edge, HUB)[name]
        assert here.circuit == name
        ours, theirs = edge.underlay(here.circuit), hub.underlay(there.circuit)
        assert here.remote_address == theirs.tunnel_address
        assert there.remote_address == ours.tunnel_address
        assert here.endpoint is not None
        assert here.endpoint.port == theirs.listen_port
        number = three.circuits[there.circuit].number
        assert here.endpoint.address == addressing.link4(three.network.plan, number)[0].ip
        assert (here.cost, here.medium, here.metered) == (there.cost, there.medium, there.metered)
        assert here.rate_mbps == theirs.rate_down_mbps
        assert there.rate_mbps == ours.rate_down_mbps
    assert peer(hub, "mora-e1").prefixes == edge.prefixes
    assert peer(hub, "mora-e1").loopback == edge.loopback
    assert peer(hub, "mora-e1").public_key == three.devices["mora-e1"].public_key


def test_a_way_is_of_its_worse_half(three):
    mora = paths(policies(three)["mora-e1"], HUB)
    assert {name: path.medium for name, path in mora.items()} == {
        "fibre-mora": Medium.FIBRE,
        "leo-mora": Medium.LEO,
        "lte-mora": Medium.LTE,
    }
    assert {name: path.metered for name, path in mora.items()} == {
        "fibre-mora": False,
        "leo-mora": True,
        "lte-mora": True,
    }


def test_tunnels_fit_the_narrowest_medium_they_cross_and_care_fits_all(three):
    made = policies(three)
    assert {u.circuit: u.mtu for u in made["mora-e1"].underlays} == {
        "fibre-mora": 1420,
        "leo-mora": 1340,
        "lte-mora": 1340,
    }
    # The hub's own circuit is a fibre, what lies behind the operator is not.
    assert made[HUB].underlay("leo-yaounde").medium is Medium.FIBRE
    assert made[HUB].underlay("leo-yaounde").mtu == 1340
    assert (made[HUB].care.mtu, made["mora-e1"].care.mtu) == (1280, 1280)
    assert made["maroua-e1"].care.mtu == 1360


def test_tunnels_fit_the_mtu_that_is_written_at_a_circuit(three):
    made = policies(changed(changed(three, "fibre-mora", mtu=1428), "leo-mora", mtu=1500))
    assert {u.circuit: u.mtu for u in made["mora-e1"].underlays} == {
        "fibre-mora": 1368,
        "leo-mora": 1420,
        "lte-mora": 1340,
    }
    assert made[HUB].underlay("leo-yaounde").mtu == 1420
    assert made["mora-e1"].care.mtu == 1280


def test_tunnels_fit_the_mtu_of_a_circuit_between_routers_that_they_may_cross(three):
    between = next(c for c in three.circuits.values() if c.b and c.name != "fibre-mora")
    made = policies(changed(three, between.name, mtu=1450))
    assert made["mora-e1"].underlay("fibre-mora").mtu == 1390
    assert made["mora-e1"].underlay("leo-mora").mtu == 1340


def test_rates_and_gateway_are_those_of_the_edges_own_end(three):
    turned = three.circuits["fibre-mora"]
    assert turned.b is not None
    intent = changed(
        three, "fibre-mora", a=turned.b, b=turned.a, rate_up_mbps=7.0, rate_down_mbps=3.0
    )
    underlay = policies(intent)["mora-e1"].underlay("fibre-mora")
    assert (underlay.rate_up_mbps, underlay.rate_down_mbps) == (3.0, 7.0)
    assert underlay.interface == turned.a.interface
    assert underlay.gateway == addressing.link4(intent.network.plan, turned.number)[0].ip


def test_names_of_tunnels_are_short_and_nowhere_the_same(three):
    made = policies(three).values()
    names = [u.tunnel for p in made for u in p.underlays] + [p.care.interface for p in made]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 15 for name in names)
    elsewhere = replace(three, network=replace(three.network, name="other"))
    others = {u.tunnel for p in policies(elsewhere).values() for u in p.underlays}
    assert others.isdisjoint(names)


def test_the_highest_circuit_number_leaves_room_in_a_tunnels_name(three):
    intent = changed(three, "fibre-mora", number=addressing.MAX_CIRCUIT)
    assert len(policies(intent)["mora-e1"].underlay("fibre-mora").tunnel) == 15


def test_every_tunnel_of_a_device_listens_on_a_port_of_its_own(three):
    for policy in policies(three).values():
        ports = [u.listen_port for u in policy.underlays]
        assert len({*ports, policy.care.port}) == len(ports) + 1


def test_switching_a_circuit_off_moves_no_other_tunnel(three):
    before, after = policies(three), policies(changed(three, "leo-mora", enabled=False))
    for name in ("mora-e1", HUB):
        left = [u for u in before[name].underlays if not u.circuit.startswith("leo")]
        assert list(after[name].underlays) == left
    assert "leo-mora" not in paths(after["mora-e1"], HUB)


def test_each_of_the_hubs_circuits_ends_one_tunnel_of_an_edge():
    made = draft("mora")
    made.circuit("second", "mora-e1", "mora-r1", medium=Medium.MICROWAVE)
    assert list(paths(policies(made.intent())["mora-e1"], HUB)) == ["fibre-mora"]
    made.device("yaounde", 3)
    made.circuit("hub-second", "yaounde-e1", "yaounde-r3")
    found = paths(policies(made.intent())[HUB], "mora-e1")
    assert {p.name: p.circuit for p in found.values()} == {
        "fibre-mora": "fibre-yaounde",
        "second": "hub-second",
    }


def test_a_circuit_under_maintenance_comes_after_all_others(three):
    drained = policies(changed(three, "fibre-mora", maintenance=True))["mora-e1"]
    found = paths(drained, HUB)
    assert found["fibre-mora"].cost == 2 + DRAINED_COST
    assert max(found.values(), key=lambda path: path.cost).name == "fibre-mora"


def test_an_edge_carries_its_lans_and_what_lies_behind_them():
    made = draft("mora")
    legacy = StaticRoute(ip_network("198.51.100.0/24"), "10.0.4.5")
    inside = StaticRoute(ip_network("10.0.5.224/27"), "10.0.4.6")
    made.sites["mora"] = replace(made.sites["mora"], routes=(legacy, inside))
    policy = policies(made.intent())["mora-e1"]
    assert [str(p) for p in policy.prefixes] == [
        "10.0.4.0/23",
        "fd5a:6e61:6700:20::/60",
        "198.51.100.0/24",
    ]
    assert policy.lans == ("vlan10", "vlan20", "vlan30", "vlan40", "vlan99")
    assert policy.loopback == IPv4Address("172.16.0.18")


def test_an_edge_is_told_all_classes_with_their_path_policies(three):
    told = policies(three)["mora-e1"].classes
    assert [one.service for one in told] == list(duties().classes.values())
    assert [one.paths for one in told] == [duties().paths[one.service.name] for one in told]


def test_the_same_intent_gives_the_same_policies_in_any_order_of_documents(three):
    turned = replace(
        three,
        devices=dict(reversed(three.devices.items())),
        circuits=dict(reversed(three.circuits.items())),
    )
    assert policies(turned) == policies(three)


def why(intent: Intent) -> dict[str, str]:
    return {name: text.partition(";")[0] for name, text in build_overlay(intent).unfit.items()}


def test_an_edge_without_a_pinned_key_has_no_tunnels_and_is_nobodys_peer(three):
    intent = keyless(three, "mora-e1")
    assert why(intent) == {"mora-e1": "no public key pinned"}
    assert [one.device for one in policies(intent)[HUB].peers] == ["maroua-e1"]


def test_without_a_keyed_hub_no_edge_has_tunnels(three):
    assert why(keyless(three, HUB)) == {
        "maroua-e1": "no hub",
        "mora-e1": "no hub",
        HUB: "no public key pinned",
    }
    assert build_overlay(keyless(three, HUB)).managed == {}


def test_an_edge_without_lans_has_no_tunnels():
    made = draft("mora")
    gateway(made, "mora", lan=False, public_key=key(9))
    assert why(made.intent()) == {"mora-e1": "no LANs behind it"}


def test_an_edge_none_of_whose_circuits_meets_the_hubs_has_no_tunnels(three):
    intent = changed(three, "fibre-maroua", enabled=False)
    assert why(intent) == {"maroua-e1": "no circuit that meets one of a hub's"}


def test_a_hub_that_nobody_dials_yet_is_managed():
    alone = draft().intent()
    assert list(build_overlay(alone).managed) == [HUB]
    policy = policies(alone)[HUB]
    assert (policy.peers, policy.underlays, policy.care.mtu) == ((), (), 1280)


def test_networks_without_edges_have_no_overlay():
    made = draft("mora")
    routers = {n: d for n, d in made.devices.items() if d.role is Role.ROUTER}
    intent = replace(made.intent(), devices=routers, circuits={})
    assert build_overlay(intent) == Overlay(intent, (), {}, frozenset(), {}, {}, {})


def ports(intent: Intent) -> dict[str, dict[str, int]]:
    return {
        name: {underlay.circuit: underlay.listen_port for underlay in policy.underlays}
        for name, policy in policies(intent).items()
    }


def test_a_new_circuit_moves_no_port_of_the_others(three):
    before = ports(three)
    made = replace(three.circuits["leo-mora"], name="first", number=0)
    after = ports(replace(three, circuits={"first": made, **three.circuits}))
    for name, own in before.items():
        kept = own.keys() & after[name].keys()
        assert kept
        assert {circuit: after[name][circuit] for circuit in kept} == {c: own[c] for c in kept}


def test_circuits_whose_numbers_meet_in_one_port_get_two(three):
    number = three.circuits["leo-mora"].number
    met = ports(changed(three, "lte-mora", number=number + PORTS))["mora-e1"]
    assert met["leo-mora"] == FIRST_PORT + number
    assert met["lte-mora"] == met["leo-mora"] + 1
