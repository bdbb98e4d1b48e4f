"""A laboratory on paper."""

from dataclasses import replace

import pytest

from inventory.errors import LabError
from inventory.model import Medium, Platform
from simulations.netns.design import draw_blueprint
from simulations.netns.plumbing import HOST_INTERFACE
from tests.factories import Draft, hierarchy
from tests.rigs.laboratory.lab_networks import edged


@pytest.fixture
def draft():
    made = Draft()
    made.site("yaounde")
    made.site("garoua", "yaounde")
    made.site("maroua", "yaounde", facilities=())
    made.circuit("one", "yaounde-r1", "garoua-r1")
    made.circuit("two", "garoua-r1", "maroua-r1", enabled=False)
    made.circuit("sky", "maroua-r1", "provider:leo-operator", medium=Medium.LEO)
    return made


def test_every_device_host_and_provider_has_a_namespace(draft):
    names = draw_blueprint(draft.intent(name="slice")).namespaces
    assert set(names) == {
        "sanaga-slice-noc",
        "sanaga-slice-yaounde-r1",
        "sanaga-slice-garoua-r1",
        "sanaga-slice-maroua-r1",
        "sanaga-slice-host-yaounde",
        "sanaga-slice-host-garoua",
        "sanaga-slice-provider-leo-operator",
    }
    assert len(names) == len(set(names))


def test_circuits_out_of_use_are_laid_too(draft):
    assert [wire.circuit for wire in draw_blueprint(draft.intent()).wires] == ["one", "two", "sky"]


def test_data_centre_without_hospital_has_a_host(draft):
    draft.zone("north", "maroua")
    assert "maroua" in {host.site for host in draw_blueprint(draft.intent()).hosts}


def test_lan_without_host_has_stubs_on_all_its_interfaces(draft):
    routers = {router.device: router for router in draw_blueprint(draft.intent()).routers}
    assert routers["maroua-r1"].stubs == ("vlan10", "vlan20", "vlan30", "vlan40", "vlan99")
    assert "vlan10" not in routers["garoua-r1"].stubs


def test_second_router_of_a_site_has_no_lan(draft):
    draft.device("garoua", 2)
    routers = {router.device: router for router in draw_blueprint(draft.intent()).routers}
    assert routers["garoua-r2"].stubs == ()


def test_host_stands_behind_the_lan_router_in_its_own_prefix(draft):
    host = draw_blueprint(draft.intent()).host("garoua")
    assert host.gateway4 != str(host.ipv4.ip)
    assert host.gateway4 in map(str, host.ipv4.network)
    assert host.ipv6.network.prefixlen == 64
    assert HOST_INTERFACE != host.router.interface == "vlan10"


def test_controller_takes_an_address_that_no_router_has(draft):
    blueprint = draw_blueprint(draft.intent())
    taken = {router.management.ip for router in blueprint.routers if router.management}
    assert len(blueprint.bridge) == 1
    assert blueprint.bridge[0].ip not in taken
    assert all(ip in blueprint.bridge[0].network for ip in taken)


def test_controller_namespace_is_the_intents(draft):
    assert draw_blueprint(draft.intent(management_namespace="office")).controller == "office"


def test_provider_end_has_the_other_address_of_the_circuit(draft):
    given = draw_blueprint(draft.intent()).given
    assert {g.end.namespace for g in given} == {
        "sanaga-test-maroua-r1",
        "sanaga-test-provider-leo-operator",
    }
    assert len({g.address for g in given}) == 4


def test_no_two_wires_land_on_one_interface():
    blueprint = draw_blueprint(hierarchy())
    ends = [end for wire in blueprint.wires for end in (wire.a, wire.b)]
    assert len(ends) == len(set(ends))
    assert all(len(end.interface) <= 15 for end in ends)


def test_edge_is_the_gateway_of_its_sites_host():
    blueprint = draw_blueprint(edged("e"))
    host, edge = blueprint.host("garoua"), blueprint.edge("garoua-e1")
    assert host.router.namespace == edge.namespace == "sanaga-e-garoua-e1"
    given = {g.address for g in blueprint.given if g.end == host.router}
    assert given == {f"{host.gateway4}/26", f"{host.gateway6}/64"}
    assert edge.stubs == ("vlan20", "vlan30", "vlan40", "vlan99")
    assert blueprint.router("garoua-r1").stubs == ()


def test_edge_sends_everything_to_the_router_beside_it_in_both_protocols():
    blueprint = draw_blueprint(edged("e"))
    wire = blueprint.wire("garoua-fibre")
    assert wire.a.namespace == blueprint.edge("garoua-e1").namespace
    gateways = blueprint.edge("garoua-e1").gateways
    assert gateways[0] == str(wire.addresses[1])
    assert [":" in gateway for gateway in gateways] == [False, True]


def test_edge_has_its_own_addresses_and_the_router_beside_it_has_none_from_us():
    blueprint = draw_blueprint(edged("e"))
    wire = blueprint.wire("garoua-fibre")
    assert {g.end for g in blueprint.given} & {wire.a, wire.b} == {wire.a}
    assert len([g for g in blueprint.given if g.end == wire.a]) == 2


def test_subscribers_and_uplinks_of_a_provider_are_told_apart():
    blueprint = draw_blueprint(edged("e"))
    leo = next(p for p in blueprint.providers if p.name == "leo-operator")
    garoua, uplink = blueprint.wire("garoua-leo"), blueprint.wire("yaounde-leo-uplink")
    assert leo.subscribers == (garoua.b.interface,)
    assert leo.uplinks == (uplink.b.interface,)
    assert (garoua.mtu, uplink.mtu) == (1400, 1500)


def test_a_circuit_carries_packets_as_large_as_its_mtu_says():
    intent = edged("e")
    fibre = replace(intent.circuits["garoua-fibre"], mtu=1492)
    made = replace(intent, circuits={**intent.circuits, "garoua-fibre": fibre})
    assert draw_blueprint(made).wire("garoua-fibre").mtu == 1492


def test_an_edge_may_come_to_have_a_tunnel_per_circuit_and_one_for_care():
    assert draw_blueprint(edged("e")).edge("garoua-e1").tunnels == 4


def test_edges_of_other_platforms_are_refused_by_name():
    intent = edged("e")
    device = replace(intent.devices["garoua-e1"], platform=Platform.VYOS)
    wrong = replace(intent, devices={**intent.devices, device.name: device})
    with pytest.raises(LabError, match="garoua-e1: the laboratory's edges run Linux, not vyos"):
        draw_blueprint(wrong)


def test_other_platforms_are_refused_by_name(draft):
    draft.devices["garoua-r1"] = replace(draft.devices["garoua-r1"], platform=Platform.IOS)
    with pytest.raises(LabError, match="garoua-r1: the laboratory runs FRR, not ios"):
        draw_blueprint(draft.intent())


def test_name_too_long_for_a_socket_is_refused(draft):
    with pytest.raises(LabError, match="too long"):
        draw_blueprint(draft.intent(name="x" * 75))


@pytest.mark.parametrize(
    ("thing", "namespace"),
    [
        ("garoua-r1", "sanaga-test-garoua-r1"),
        ("garoua", "sanaga-test-host-garoua"),
        ("host-garoua", "sanaga-test-host-garoua"),
        ("noc", "sanaga-test-noc"),
        ("provider-leo-operator", "sanaga-test-provider-leo-operator"),
        ("sanaga-test-noc", "sanaga-test-noc"),
    ],
)
def test_things_are_found_by_the_names_people_use(draft, thing, namespace):
    assert draw_blueprint(draft.intent()).namespace_of(thing) == namespace


def test_unknown_names_are_answered_with_the_known_ones(draft):
    blueprint = draw_blueprint(draft.intent())
    asks = (
        blueprint.namespace_of,
        blueprint.router,
        blueprint.edge,
        blueprint.wire,
        blueprint.host,
    )
    for ask in asks:
        with pytest.raises(LabError, match="nowhere"):
            ask("nowhere")
