from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import combinations

import pytest

from controller.intended.routers import intended_routers
from controller.model import Intended
from inventory import addressing
from inventory.errors import PlanError
from inventory.model import Intent, Medium, Platform, Role, StaticRoute
from tests.factories import Draft, hierarchy, synthetic
from topology.build import circuit_cost
from vpn.model import Endpoint, Gateway


def _draft() -> Draft:
    draft = Draft()
    draft.site("yaounde")
    draft.device("yaounde", 2)
    draft.site("maroua", "yaounde")
    draft.device("maroua", 2)
    draft.site("mayo-sava", "maroua")
    draft.site("mora", "mayo-sava")
    draft.circuit("trunk", "yaounde-r1", "maroua-r1")
    draft.circuit("down", "maroua-r1", "mayo-sava-r1")
    draft.circuit("last", "mayo-sava-r1", "mora-r1")
    draft.circuit("sky", "mora-r1", "provider:leo", medium=Medium.LEO)
    return draft


def _peers(intended: Intended) -> list[str]:
    return sorted(s.peer_device for s in intended.sessions)


def _changed(intent: Intent, circuit: str, **changes: object) -> Intent:
    made = replace(intent.circuits[circuit], **changes)  # type: ignore[arg-type]
    return replace(intent, circuits={**intent.circuits, circuit: made})


def test_routers_speak_over_each_circuit_and_reflect_along_the_hierarchy():
    intended = intended_routers(_draft().intent())
    assert _peers(intended["yaounde-r1"]) == ["maroua-r1"]
    assert _peers(intended["maroua-r1"]) == ["mayo-sava-r1", "yaounde-r1"]
    assert _peers(intended["mora-r1"]) == ["mayo-sava-r1"]


def test_switches_take_no_part_in_routing():
    draft = _draft()
    switches = {
        name: replace(device, role=Role.SWITCH) if device.site == "maroua" else device
        for name, device in draft.devices.items()
    }
    intended = intended_routers(replace(draft.intent(), devices=switches))
    assert _peers(intended["mayo-sava-r1"]) == ["mora-r1"]
    assert "maroua-r1" not in intended


def test_both_ends_of_every_session_agree():
    intended = intended_routers(hierarchy(3, 2, 2))
    for name, here in intended.items():
        for session in here.sessions:
            back = [s for s in intended[session.peer_device].sessions if s.peer_device == name]
            assert any(
                s.peer in {i.ipv4.ip for i in here.interfaces if i.ipv4} and s.cost == session.cost
                for s in back
            )


def test_sessions_run_over_usable_circuits_between_routers_only():
    intent = _draft().intent()
    assert _peers(intended_routers(intent)["mora-r1"]) == ["mayo-sava-r1"]
    for off in (
        _changed(intent, "last", enabled=False),
        replace(intent, network=replace(intent.network, disabled_media=frozenset({Medium.FIBRE}))),
    ):
        mora = intended_routers(off)["mora-r1"]
        assert not mora.sessions
        port = next(i for i in mora.interfaces if i.name == "eth1")
        assert (port.ipv4, port.ipv6) == (None, None)
        assert port.description


def test_session_costs_what_the_topology_says():
    intent = _changed(_draft().intent(), "last", medium=Medium.VSAT, delay_ms=400.0)
    session = intended_routers(intent)["mora-r1"].sessions[0]
    assert session.cost == circuit_cost(intent.circuits["last"]) > 1


def test_circuit_under_maintenance_is_drained_from_both_ends():
    intended = intended_routers(_changed(_draft().intent(), "last", maintenance=True))
    assert intended["mora-r1"].sessions[0].graceful_shutdown
    drained = [s.graceful_shutdown for s in intended["mayo-sava-r1"].sessions]
    assert sorted(drained) == [False, True]


def test_provider_circuit_gets_a_description_and_nothing_else():
    port = next(
        i for i in intended_routers(_draft().intent())["mora-r1"].interfaces if i.name == "eth2"
    )
    assert port.description == "sky to leo"
    assert (port.ipv4, port.ipv6) == (None, None)


def test_lan_router_alone_originates_the_blocks_of_its_site():
    intended = intended_routers(_draft().intent())
    assert intended["maroua-r1"].networks4 == (
        IPv4Network("10.0.4.0/23"),
        IPv4Network("172.16.0.17/32"),
    )
    assert intended["maroua-r2"].networks4 == (IPv4Network("172.16.0.18/32"),)
    assert IPv6Network("fd5a:6e61:6700:20::/60") in intended["maroua-r1"].networks6
    assert not intended["maroua-r2"].routes


def test_lan_addresses_lie_in_the_announced_block():
    mora = intended_routers(_draft().intent())["mora-r1"]
    lans = [i for i in mora.interfaces if i.name.startswith("vlan")]
    assert len(lans) == 5
    assert all(i.ipv4 and i.ipv4.network.subnet_of(mora.networks4[0]) for i in lans)
    assert all(i.ipv6 and i.ipv6.network.subnet_of(mora.networks6[0]) for i in lans)


def test_route_behind_a_site_is_set_and_announced():
    intent = _draft().intent()
    legacy = StaticRoute(ip_network("198.51.100.0/24"), "10.0.8.5")
    site = replace(intent.sites["mora"], routes=(legacy,))
    mora = intended_routers(replace(intent, sites={**intent.sites, "mora": site}))["mora-r1"]
    assert legacy in mora.routes
    assert legacy.prefix in mora.networks4


def test_next_hop_that_is_no_address_is_refused():
    intent = _draft().intent()
    bad = StaticRoute(ip_network("198.51.100.0/24"), "10.0.8.5\nno router bgp")
    site = replace(intent.sites["mora"], routes=(bad,))
    with pytest.raises(PlanError, match=r"site mora: route 198\.51\.100\.0/24"):
        intended_routers(replace(intent, sites={**intent.sites, "mora": site}))


def test_addresses_are_never_shared():
    intended = intended_routers(synthetic(300)).values()
    addresses = [x.ipv4.ip for i in intended for x in i.interfaces if x.ipv4]
    assert len(set(addresses)) == len(addresses)
    for one, two in combinations([i.networks4[0] for i in intended][:40], 2):
        assert not one.overlaps(two)


def test_ports_are_listed_as_people_count():
    draft = Draft()
    draft.site("yaounde")
    for i in range(11):
        draft.circuit(f"c{i}", "yaounde-r1", "provider:leo", medium=Medium.LEO)
    names = [i.name for i in intended_routers(draft.intent())["yaounde-r1"].interfaces]
    assert names[:3] == ["eth1", "eth2", "eth3"]
    assert names.index("eth10") == 9
    assert names[11:] == ["lo", "vlan10", "vlan20", "vlan30", "vlan40", "vlan99"]


def test_platform_is_passed_on():
    intent = _draft().intent()
    other = replace(intent.devices["mora-r1"], platform=Platform.JUNOS)
    devices = {**intent.devices, "mora-r1": other}
    assert intended_routers(replace(intent, devices=devices))["mora-r1"].platform is Platform.JUNOS


def _with_edge(**changes: object) -> Intent:
    """Return a draft with an edge as the gateway of Mora, on two circuits of its router."""
    draft = _draft()
    draft.devices["mora-r1"] = replace(draft.devices["mora-r1"], lan=False)
    legacy = StaticRoute(ip_network("198.51.100.0/24"), "10.0.8.5")
    draft.sites["mora"] = replace(draft.sites["mora"], routes=(legacy,))
    edge: dict[str, object] = {"role": Role.EDGE, "platform": Platform.LINUX, "lan": True}
    draft.device("mora", 2, **{**edge, **changes})
    draft.circuit("edge", "mora-r1", "mora-r2")
    draft.circuit("edge-radio", "mora-r1", "mora-r2", medium=Medium.MICROWAVE)
    return draft.intent()


def test_a_router_announces_the_lans_behind_an_edge_by_its_best_circuit():
    intent = _with_edge()
    link4, link6 = (
        link(intent.network.plan, 5)[1].ip for link in (addressing.link4, addressing.link6)
    )
    intended = intended_routers(intent)["mora-r1"]
    assert intended.routes == (
        StaticRoute(ip_network("10.0.8.0/23"), str(link4)),
        StaticRoute(ip_network("198.51.100.0/24"), str(link4)),
        StaticRoute(ip_network("fd5a:6e61:6700:40::/60"), str(link6)),
    )
    assert {ip_network("10.0.8.0/23"), ip_network("198.51.100.0/24")} <= {*intended.networks4}
    assert "mora-r2" not in intended_routers(intent)


def test_a_router_announces_the_people_who_dial_an_edge():
    """Answers find the way back from sites that have no edge, and from other zones."""
    intent = _with_edge()
    plan = intent.network.plan
    dialled = Gateway("mora-r2", 3, Endpoint("vpn.example.cm", 51_820), "")
    before, after = (
        intended_routers(intent)["mora-r1"],
        intended_routers(intent, [dialled])["mora-r1"],
    )
    block4, block6 = addressing.people_block4(plan, 3), addressing.people_block6(plan, 3)
    via = {route.prefix.version: route.via for route in before.routes}
    assert {*after.routes} - {*before.routes} == {
        StaticRoute(block4, via[4]),
        StaticRoute(block6, via[6]),
    }
    assert {*after.networks4} - {*before.networks4} == {block4}
    assert {*after.networks6} - {*before.networks6} == {block6}
    elsewhere = intended_routers(intent, [dialled])["mayo-sava-r1"]
    assert elsewhere == intended_routers(intent)["mayo-sava-r1"]


def test_a_router_announces_the_circuits_to_an_edge_on_which_tunnels_end():
    plan = _with_edge().network.plan
    intended = intended_routers(_with_edge())["mora-r1"]
    assert {addressing.link4(plan, n)[0].network for n in (5, 6)} <= {*intended.networks4}
    assert {addressing.link6(plan, n)[0].network for n in (5, 6)} <= {*intended.networks6}
    assert addressing.link4(plan, 3)[0].network not in intended.networks4


def test_a_router_takes_the_other_circuit_to_an_edge_when_the_best_is_switched_off():
    intent = _changed(_with_edge(), "edge", enabled=False)
    via = addressing.link4(intent.network.plan, 6)[1].ip
    assert {r.via for r in intended_routers(intent)["mora-r1"].routes if r.prefix.version == 4} == {
        str(via)
    }


def test_a_router_announces_no_lans_of_an_edge_that_has_none():
    assert intended_routers(_with_edge(lan=False))["mora-r1"].routes == ()


def test_a_router_holds_no_bgp_session_with_an_edge():
    assert _peers(intended_routers(_with_edge())["mora-r1"]) == ["mayo-sava-r1"]
