from dataclasses import replace

import pytest

from inventory.errors import UnknownNameError
from inventory.model import Medium
from tests.bench.graphs import LINKS, NODES, national_scale
from tests.factories import Draft, hierarchy, synthetic
from topology.build import build_topology
from topology.failures.resilience import (
    before_after,
    blast_radius,
    cut_vertices,
    every_blast_radius,
    find_bridges,
    region_scores,
    single_way_out,
    standing_nodes,
)
from topology.model import NodeKind, Share, SiteWeight
from topology.paths import without_failed


def spur():
    """Yaoundé and Garoua joined twice, Maroua behind Garoua on one fibre."""
    draft = Draft()
    draft.site("yaounde", region="CM-CE")
    draft.site("garoua", "yaounde", region="CM-NO", population=700)
    draft.site("maroua", "yaounde", region="CM-EN", population=300)
    draft.circuit("first", "yaounde-r1", "garoua-r1")
    draft.circuit("second", "yaounde-r1", "garoua-r1", medium=Medium.LEO)
    draft.circuit("spur", "garoua-r1", "maroua-r1")
    return draft.intent()


def test_weak_points_of_a_spur_are_named():
    topology = build_topology(spur())
    assert find_bridges(topology) == ("spur",)
    assert cut_vertices(topology) == ("garoua-r1", "yaounde-r1")
    assert single_way_out(topology) == ("maroua",)


def test_losing_one_of_two_circuits_degrades_those_who_had_both():
    radius = blast_radius(build_topology(spur()), ["first"])
    assert (radius.disconnected, radius.degraded) == ((), ("garoua",))
    assert (radius.facilities_degraded, radius.population_degraded) == (1, 700)
    assert (radius.facilities_disconnected, radius.population_disconnected) == (0, 0)


def test_losing_both_circuits_disconnects_everyone_behind_them():
    radius = blast_radius(build_topology(spur()), ["first", "second", "first"])
    assert radius.failed == ("first", "second")
    assert radius.disconnected == ("garoua", "maroua")
    assert (radius.facilities_disconnected, radius.population_disconnected) == (2, 1000)
    assert radius.degraded == ()


def test_a_provider_joins_all_who_use_it():
    topology = build_topology(hierarchy())
    radius = blast_radius(topology, ["leo-operator"])
    assert radius.disconnected == ()
    assert radius.degraded == tuple(f"department-{r}-{d}" for r in (1, 2) for d in (1, 2))


def test_blast_radius_of_an_unknown_name_is_refused():
    with pytest.raises(UnknownNameError, match="'frist'; did you mean 'first'"):
        blast_radius(build_topology(spur()), ["frist"])


def test_a_removed_site_counts_as_cut_off_and_a_new_one_costs_nothing():
    before = build_topology(spur())
    after = without_failed(before, ["site:maroua"])
    radius = before_after(before, after)
    assert radius.disconnected == ("maroua",)
    assert radius.failed == ("lan:maroua-r1", "maroua-r1", "site:maroua", "spur")
    assert before_after(after, before).disconnected == ()
    assert before_after(before, before).failed == ()


def test_a_device_and_a_circuit_of_one_name_fail_together():
    draft = Draft()
    draft.site("yaounde")
    draft.site("maroua", "yaounde")
    draft.site("garoua", "yaounde")
    draft.circuit("maroua-r1", "yaounde-r1", "garoua-r1")
    draft.circuit("f", "yaounde-r1", "maroua-r1")
    radius = every_blast_radius(build_topology(draft.intent()))["maroua-r1"]
    assert radius.disconnected == ("garoua", "maroua")


def test_everything_unreached_costs_nothing():
    topology = replace(build_topology(spur()), anchors=frozenset())
    assert standing_nodes(topology).reached == frozenset()
    radii = every_blast_radius(topology).values()
    assert not any(radius.disconnected or radius.degraded for radius in radii)


def test_scores_tell_how_each_region_stands():
    intent = spur()
    gone = replace(intent.sites["maroua"], name="mokolo", number=9, population=100)
    intent = replace(intent, sites={**intent.sites, "mokolo": gone})
    central, far, north = region_scores(build_topology(intent), intent)
    assert [s.region for s in (central, far, north)] == ["CM-CE", "CM-EN", "CM-NO"]
    assert (central.sites, central.facilities, central.population) == (1, 1, 1001)
    assert (central.two_ways, central.worst_failure, central.worst_sites) == (
        Share(1.0, 1.0, 1.0),
        None,
        0,
    )
    assert (far.two_ways, far.one_way, far.cut_off) == (
        Share(0, 0, 0),
        Share(0.5, 0.5, 0.75),
        Share(0.5, 0.5, 0.25),
    )
    assert (far.worst_failure, far.worst_sites, far.worst_cost) == (
        "garoua-r1",
        1,
        SiteWeight(1, 300),
    )
    assert (north.worst_failure, north.worst_cost) == ("garoua-r1", SiteWeight(1, 700))


def test_a_region_without_people_scores_without_dividing_by_them():
    draft = Draft()
    draft.site("yaounde", population=0, facilities=())
    intent = draft.intent()
    (score,) = region_scores(build_topology(intent), intent)
    assert score.two_ways == Share(1.0, 0.0, 0.0)


def test_benchmark_graph_has_its_published_size_and_is_all_reached():
    topology = national_scale()
    assert (len(topology.nodes), len(topology.links)) == (NODES, LINKS) == (5595, 7238)
    assert len(standing_nodes(topology).reached) == 429
    kinds = [node.kind for node in topology.nodes.values()]
    assert kinds.count(NodeKind.PROVIDER) == 6


def test_all_single_failures_agree_with_one_by_one_on_a_national_sample():
    topology = national_scale()
    radii = every_blast_radius(topology)
    assert len(radii) == 5595 + 7238 - 429
    for name in sorted(radii)[::400]:
        assert radii[name] == blast_radius(topology, [name])


def test_synthetic_sites_have_two_ways_out():
    assert single_way_out(build_topology(synthetic(60))) == ()


def test_two_routers_of_a_site_behind_a_bridge_fail_together():
    draft = Draft()
    for name in ("yaounde", "garoua", "maroua", "mora"):
        draft.site(name, None if name == "yaounde" else "yaounde")
    draft.device("maroua", 2)
    draft.circuit("bridge", "yaounde-r1", "garoua-r1")
    for i in (1, 2):
        draft.circuit(f"garoua-{i}", "garoua-r1", f"maroua-r{i}")
        draft.circuit(f"mora-{i}", f"maroua-r{i}", "mora-r1")
    radii = every_blast_radius(build_topology(draft.intent()))
    assert radii["maroua-r2"].disconnected == ()
    assert radii["site:maroua"].disconnected == ("maroua", "mora")
