from dataclasses import replace

import pytest

from inventory.errors import UnknownNameError
from inventory.model import Medium, Role
from tests.factories import Draft, hierarchy
from topology.build import build_topology
from topology.paths import best_path, disjoint_paths, node_named, ranked_paths, without_failed


def square(**changes):
    """Yaoundé and Maroua, joined directly by satellite and around two ways by fibre."""
    draft = Draft()
    for name, parent in (("yaounde", None), ("west", "yaounde"), ("east", "yaounde")):
        draft.site(name, parent)
    draft.site("maroua", "yaounde")
    for via in ("west", "east"):
        draft.circuit(f"yaounde-{via}", "yaounde-r1", f"{via}-r1")
        draft.circuit(f"{via}-maroua", f"{via}-r1", "maroua-r1", **changes.get(via, {}))
    draft.circuit("maroua-leo", "maroua-r1", "provider:leo", medium=Medium.LEO)
    draft.circuit("yaounde-leo", "yaounde-r1", "provider:leo", medium=Medium.LEO)
    return build_topology(draft.intent())


def behind_an_edge():
    """Maroua's LANs hang on an edge with a fibre to the router and a satellite to Yaoundé's."""
    draft = Draft()
    draft.site("yaounde")
    draft.site("maroua", "yaounde")
    for name in ("yaounde", "maroua"):
        draft.devices[f"{name}-r1"] = replace(draft.devices[f"{name}-r1"], lan=False)
        draft.device(name, 2, role=Role.EDGE, lan=True)
        draft.circuit(f"{name}-fibre", f"{name}-r2", f"{name}-r1")
        draft.circuit(f"{name}-leo", f"{name}-r2", "provider:leo", medium=Medium.LEO)
    draft.circuit("trunk", "yaounde-r1", "maroua-r1")
    return build_topology(draft.intent())


def circuits(path):
    return tuple(name for name in path.links if not name.startswith("lan:"))


def test_paths_come_by_cost_then_delay_then_names():
    found = ranked_paths(square(east={"delay_ms": 1.5}), "maroua", "yaounde", k=10)
    assert [circuits(p) for p in found] == [
        ("east-maroua", "yaounde-east"),
        ("west-maroua", "yaounde-west"),
        ("maroua-leo", "yaounde-leo"),
    ]
    assert [p.cost for p in found] == [2, 2, 8]


def test_equal_paths_are_ordered_by_name_whatever_the_order_of_the_documents():
    topology = square()
    turned = replace(
        topology,
        nodes=dict(reversed(topology.nodes.items())),
        links=dict(reversed(topology.links.items())),
    )
    found = ranked_paths(topology, "maroua", "yaounde", k=3)
    assert found == ranked_paths(turned, "maroua", "yaounde", k=3)
    assert circuits(found[0]) == ("east-maroua", "yaounde-east")


def way(topology, a, b):
    found = best_path(topology, a, b)
    assert found is not None
    return found


def test_sums_follow_the_direction_of_travel():
    down = way(square(), "provider:leo", "maroua-r1")
    up = way(square(), "maroua-r1", "provider:leo")
    assert (down.rate_mbps, up.rate_mbps) == (150.0, 20.0)
    around = way(square(), "site:maroua", "site:yaounde")
    assert around.delay_ms == 4.0
    assert around.loss == pytest.approx(1 - 0.9999**2)
    assert around.nodes == ("site:maroua", "maroua-r1", "east-r1", "yaounde-r1", "site:yaounde")


def test_circuit_under_maintenance_is_used_only_when_nothing_else_remains():
    topology = square(east={"maintenance": True})
    found = [circuits(p) for p in ranked_paths(topology, "maroua", "yaounde", k=3)]
    assert found[0] == ("west-maroua", "yaounde-west")
    assert found[1] == ("maroua-leo", "yaounde-leo")
    assert found[2] == ("east-maroua", "yaounde-east")
    alone = without_failed(topology, ["west-maroua", "leo"])
    assert circuits(best_path(alone, "maroua", "yaounde")) == ("east-maroua", "yaounde-east")


def test_site_lans_are_never_crossed():
    draft = Draft()
    draft.site("yaounde")
    draft.site("maroua", "yaounde")
    draft.device("maroua", 2, lan=True)
    draft.circuit("f", "yaounde-r1", "maroua-r1")
    topology = build_topology(draft.intent())
    assert best_path(topology, "yaounde", "maroua-r2") is None
    assert disjoint_paths(topology, "yaounde-r1", "maroua-r2") == ()
    assert ranked_paths(topology, "maroua-r1", "maroua-r2", k=2) == ()


def test_a_place_reaches_itself_without_any_link():
    (path,) = disjoint_paths(square(), "maroua", "maroua")
    assert path == best_path(square(), "maroua", "maroua")
    assert (path.nodes, path.links, path.cost) == (("site:maroua",), (), 0)


def test_parallel_circuits_are_different_paths():
    draft = Draft()
    draft.site("yaounde")
    draft.site("maroua", "yaounde")
    for name in ("one", "two"):
        draft.circuit(name, "yaounde-r1", "maroua-r1")
    topology = build_topology(draft.intent())
    assert len(ranked_paths(topology, "yaounde", "maroua", k=5)) == 2
    for by in ("node", "link"):
        assert len(disjoint_paths(topology, "yaounde", "maroua", by=by)) == 2


def test_disjoint_paths_share_only_what_lies_inside_their_ends():
    found = disjoint_paths(square(), "maroua", "yaounde")
    assert [circuits(p) for p in found] == [
        ("east-maroua", "yaounde-east"),
        ("west-maroua", "yaounde-west"),
        ("maroua-leo", "yaounde-leo"),
    ]
    assert len(disjoint_paths(square(), "maroua-r1", "site:maroua")) == 1


def test_a_shared_node_limits_node_disjoint_but_not_link_disjoint_paths():
    draft = Draft()
    for name, parent in (("yaounde", None), ("douala", "yaounde"), ("maroua", "yaounde")):
        draft.site(name, parent)
    for name in ("one", "two"):
        draft.circuit(f"yaounde-{name}", "yaounde-r1", "douala-r1")
        draft.circuit(f"{name}-maroua", "douala-r1", "maroua-r1")
    topology = build_topology(draft.intent())
    assert len(disjoint_paths(topology, "yaounde", "maroua", by="node")) == 1
    by_link = disjoint_paths(topology, "yaounde", "maroua", by="link")
    assert len(by_link) == 2
    assert not set(circuits(by_link[0])) & set(circuits(by_link[1]))


def test_a_greedy_first_path_is_undone_for_a_larger_set():
    draft = Draft()
    for name in ("yaounde", "a", "b", "maroua"):
        draft.site(name, None if name == "yaounde" else "yaounde")
    for name, x, y, cost in (
        ("1", "yaounde", "a", 1),
        ("2", "a", "b", 1),
        ("3", "b", "maroua", 1),
        ("4", "yaounde", "b", 5),
        ("5", "a", "maroua", 5),
    ):
        draft.circuit(name, f"{x}-r1", f"{y}-r1", cost=cost)
    topology = build_topology(draft.intent())
    assert circuits(best_path(topology, "yaounde", "maroua")) == ("1", "2", "3")
    found = disjoint_paths(topology, "yaounde", "maroua")
    assert [circuits(p) for p in found] == [("1", "5"), ("4", "3")]


def test_a_failed_site_fails_with_all_its_devices():
    draft = Draft()
    draft.site("yaounde")
    draft.device("yaounde", 2)
    draft.site("maroua", "yaounde")
    draft.circuit("f", "yaounde-r2", "maroua-r1")
    left = without_failed(build_topology(draft.intent()), ["yaounde"])
    assert set(left.nodes) == {"site:maroua", "maroua-r1"}
    assert set(left.links) == {"lan:maroua-r1"}
    assert left.anchors == frozenset()
    assert left.weights.keys() == {"yaounde", "maroua"}


def test_failures_are_named_by_circuit_device_site_or_provider():
    topology = build_topology(hierarchy())
    gone = ["region-1-ring", "region-2-r1", "site:department-1-1", "leo-operator"]
    left = without_failed(topology, gone)
    assert topology.nodes.keys() - left.nodes.keys() == {
        "region-2-r1",
        "site:department-1-1",
        "department-1-1-r1",
        "provider:leo-operator",
    }
    assert "region-1-ring" not in left.links
    assert "region-1-fibre" in left.links


def test_unknown_names_are_refused_with_the_closest_one():
    topology = square()
    with pytest.raises(UnknownNameError, match="did you mean 'maroua'"):
        ranked_paths(topology, "marua", "yaounde", k=1)
    with pytest.raises(UnknownNameError, match="did you mean 'west-maroua'"):
        without_failed(topology, ["west-maroa"])
    with pytest.raises(UnknownNameError, match="'zzz'; 'sanaga topology show' lists"):
        node_named(topology, "zzz")


def test_an_edge_passes_on_what_its_own_lans_send_over_every_circuit():
    found = [
        circuits(path)
        for path in ranked_paths(behind_an_edge(), "site:maroua", "site:yaounde", k=9)
    ]
    assert found == [
        ("maroua-fibre", "trunk", "yaounde-fibre"),
        ("maroua-leo", "yaounde-leo"),
    ]
    assert len(disjoint_paths(behind_an_edge(), "site:maroua", "site:yaounde")) == 2


def test_an_edge_passes_nothing_on_between_its_circuits():
    cut = without_failed(behind_an_edge(), ["trunk"])
    assert best_path(cut, "maroua-r1", "site:yaounde") is None
    assert disjoint_paths(cut, "maroua-r1", "site:yaounde") == ()
    assert len(disjoint_paths(cut, "maroua-r1", "site:maroua")) == 1
    assert best_path(cut, "site:maroua", "site:yaounde") is not None
