from dataclasses import replace

import pytest

from inventory.model import Level, Medium
from tests.factories import Draft, circuit, hierarchy, synthetic
from topology.build import build_topology, circuit_cost
from topology.model import NodeKind, SiteWeight

ENDS = ("a/eth1", "b/eth1")


@pytest.mark.parametrize(
    ("medium", "delay_ms", "cost"),
    [
        (Medium.FIBRE, 0.2, 1),
        (Medium.FIBRE, 29.9, 1),
        (Medium.FIBRE, 30.0, 2),
        (Medium.MICROWAVE, 3.0, 2),
        (Medium.LEO, 25.0, 4),
        (Medium.LTE, 81.0, 8),
        (Medium.VSAT, 290.0, 9),
        (Medium.VSAT, 900.0, 10),
    ],
)
def test_cost_grows_with_medium_and_unusual_delay(medium, delay_ms, cost):
    assert circuit_cost(circuit("c", 1, ENDS, medium=medium, delay_ms=delay_ms)) == cost


def test_explicit_cost_overrides_medium_and_delay():
    assert circuit_cost(circuit("c", 1, ENDS, medium=Medium.VSAT, cost=3)) == 3


def test_sites_hang_on_their_lan_device_and_providers_join_their_users():
    topology = build_topology(hierarchy())
    lan = topology.links["lan:region-1-r1"]
    assert (lan.a, lan.b, lan.circuit, lan.medium, lan.cost) == (
        "region-1-r1",
        "site:region-1",
        None,
        None,
        0,
    )
    leo = topology.links["department-1-1-leo"]
    assert (leo.a, leo.b) == ("department-1-1-r1", "provider:leo-operator")
    assert topology.nodes["provider:leo-operator"].kind is NodeKind.PROVIDER
    assert topology.nodes["provider:leo-operator"].site is None
    assert topology.anchors == {"site:yaounde"}


def test_a_second_router_without_lan_is_joined_by_circuits_only():
    draft = Draft()
    draft.site("yaounde")
    draft.device("yaounde", 2)
    draft.circuit("cross", "yaounde-r1", "yaounde-r2")
    topology = build_topology(draft.intent())
    assert set(topology.links) == {"cross", "lan:yaounde-r1"}


def test_circuits_switched_off_and_barred_media_are_left_out():
    intent = hierarchy()
    off = replace(intent.circuits["region-1-fibre"], enabled=False)
    intent = replace(
        intent,
        network=replace(intent.network, disabled_media=frozenset({Medium.LEO})),
        circuits={**intent.circuits, off.name: off},
    )
    topology = build_topology(intent)
    assert "region-1-fibre" not in topology.links
    assert not [name for name in topology.links if name.endswith("-leo")]
    assert "provider:leo-operator" not in topology.nodes


def test_loss_follows_the_medium_and_maintenance_is_kept():
    draft = Draft()
    for name, parent in (("yaounde", None), ("maroua", "yaounde")):
        draft.site(name, parent)
    draft.circuit("f", "yaounde-r1", "maroua-r1", maintenance=True)
    draft.circuit("v", "yaounde-r1", "maroua-r1", medium=Medium.VSAT, metered=True)
    links = build_topology(draft.intent()).links
    assert (links["f"].loss, links["f"].maintenance, links["f"].metered) == (0.0001, True, False)
    assert (links["v"].loss, links["v"].maintenance, links["v"].metered) == (0.007, False, True)


def test_weights_count_facilities_and_unknown_population_as_nobody():
    draft = Draft()
    draft.site("yaounde")
    draft.site("maroua", "yaounde", population=None, facilities=())
    weights = build_topology(draft.intent()).weights
    assert weights == {"yaounde": SiteWeight(1, 1001), "maroua": SiteWeight(0, 0)}


@pytest.mark.parametrize("sites", [1, 2, 3, 11, 12, 30, 429])
def test_synthetic_networks_have_one_router_and_two_circuits_per_site(sites):
    intent = synthetic(sites)
    assert len(intent.sites) == len(intent.devices) == sites
    assert len(intent.circuits) == 2 * sites
    for site in intent.sites.values():
        levels = list(Level)
        parent = intent.sites[site.parent] if site.parent else None
        assert levels.index(site.level) == (levels.index(parent.level) + 1 if parent else 0)
    ports = [e for c in intent.circuits.values() for e in (c.a, c.b) if e]
    assert len(set(ports)) == len(ports)
