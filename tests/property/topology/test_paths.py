"""Paths compared with what networkx finds on the same graph."""

from itertools import islice
from typing import Any, Literal

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rigs.examples import examples
from topology.model import Link, Node, NodeKind, Topology
from topology.paths import best_path, disjoint_paths, paths_to_sites, ranked_paths


@st.composite
def questions(draw):
    """Draw a graph of devices with unlike costs, and two different ends."""
    size = draw(st.integers(2, 8))
    index = st.integers(0, size - 1)
    costs, delays = st.integers(1, 10), st.integers(0, 40)
    raw = draw(st.lists(st.tuples(index, index, costs, delays), max_size=20))
    links = [
        Link(f"c{i}", f"d{a}", f"d{b}", f"c{i}", None, cost, float(delay), 1.0, 1.0, 0.0)
        for i, (a, b, cost, delay) in enumerate(raw)
        if a != b
    ]
    private = draw(st.sets(index, max_size=2))
    nodes = {
        f"d{i}": Node(f"d{i}", NodeKind.DEVICE, f"s{i}", private=i in private) for i in range(size)
    }
    ends = draw(st.permutations(sorted(nodes)))[:2]
    return Topology(nodes, {x.name: x for x in links}, frozenset(), {}), *ends


def every_path(topology, a, b):
    graph: Any = nx.MultiGraph()
    graph.add_nodes_from(topology.nodes)
    graph.add_edges_from((x.a, x.b, name) for name, x in topology.links.items())
    found: Any = nx.all_simple_edge_paths(graph, a, b)
    for edges in found:
        links = tuple(edge[2] for edge in edges)
        crossed = [topology.links[name] for name in links]
        nodes = (a, *(edge[1] for edge in edges))
        if any(topology.nodes[node].private for node in nodes[1:-1]):
            continue
        cost, delay_ms = sum(x.cost for x in crossed), sum(x.delay_ms for x in crossed)
        yield cost, len(links), delay_ms, nodes, links


@settings(max_examples=examples(150))
@given(questions(), st.integers(1, 12))
def test_ranked_paths_are_the_first_of_all_paths(question, k):
    topology, a, b = question
    expected = list(islice(sorted(every_path(topology, a, b)), k))
    found = ranked_paths(topology, a, b, k=k)
    assert [(p.cost, len(p.links), p.delay_ms, p.nodes, p.links) for p in found] == expected


@settings(max_examples=examples(150))
@given(questions())
def test_disjoint_paths_are_as_many_as_the_smallest_cut_allows(question):
    topology, a, b = question
    graph: Any = nx.DiGraph()
    for name, x in topology.links.items():
        for u, v in ((x.a, x.b), (x.b, x.a)):
            graph.add_edge((u, "out"), (name, u), capacity=1)
            graph.add_edge((name, u), (v, "in"), capacity=1)
    rooms: dict[Literal["node", "link"], int] = {"node": 1, "link": len(topology.links)}
    for by, room in rooms.items():
        for name, node in topology.nodes.items():
            graph.add_edge((name, "in"), (name, "out"), capacity=0 if node.private else room)
        size = nx.maximum_flow_value(graph, (a, "out"), (b, "in"))
        paths = disjoint_paths(topology, a, b, by=by)
        assert len(paths) == size
        used = [name for p in paths for name in (p.links if by == "link" else p.nodes[1:-1])]
        assert len(used) == len(set(used))
        assert all(len(set(p.nodes)) == len(p.nodes) for p in paths)
        assert all((p.nodes[0], p.nodes[-1]) == (a, b) for p in paths)


@settings(max_examples=examples(150))
@given(questions())
def test_paths_to_all_sites_at_once_are_the_best_of_each(question):
    topology, a, b = question
    anchor, far = topology.nodes[a].site, topology.nodes[b].site
    places = {f"site:{name}": Node(f"site:{name}", NodeKind.SITE, name) for name in (anchor, far)}
    lans = {
        f"lan:{end}": Link(f"lan:{end}", end, f"site:{site}", None, None, 0, 0.0, 1.0, 1.0, 0.0)
        for end, site in ((a, anchor), (b, far))
    }
    whole = Topology(
        {**topology.nodes, **places}, {**topology.links, **lans}, frozenset({f"site:{anchor}"}), {}
    )
    found = paths_to_sites(whole)
    assert found.get(far) == best_path(whole, f"site:{anchor}", f"site:{far}")
    assert found[anchor].links == ()
