"""Every answer compared with the naive one: take the thing away, ask networkx again."""

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rigs.examples import examples
from topology.failures.resilience import (
    before_after,
    blast_radius,
    cut_vertices,
    every_blast_radius,
    find_bridges,
    single_way_out,
    standing_nodes,
)
from topology.model import Link, Node, NodeKind, SiteWeight, Topology


def link(name, a, b, *, lan=False):
    circuit = None if lan else name
    return Link(name, a, b, circuit, None, 1, 1.0, 1.0, 1.0, 0.0)


@st.composite
def topologies(draw, most=9, private=()):
    """Draw devices at sites, some without one, with circuits, parallel ones and providers.

    private are the numbers of devices that pass on their own site's traffic alone.
    """
    devices = draw(st.integers(1, most))
    placed = draw(st.lists(st.integers(0, devices // 2), min_size=devices, max_size=devices))
    providers = draw(st.integers(0, 2))
    nodes = [
        Node(f"d{i}", NodeKind.DEVICE, f"s{at}", private=i in private)
        for i, at in enumerate(placed)
    ]
    nodes += [Node(f"provider:p{i}", NodeKind.PROVIDER, None) for i in range(providers)]
    ends = st.tuples(st.sampled_from(nodes), st.sampled_from(nodes))
    pairs = draw(st.lists(ends, max_size=3 * most))
    links = [link(f"c{i}", a.name, b.name) for i, (a, b) in enumerate(pairs) if a != b]
    sites = sorted({f"s{at}" for at in placed})
    for site in sites:
        at = [n.name for n in nodes if n.site == site]
        lan = draw(st.sampled_from([*at, None]))
        links += [link(f"lan:{lan}", lan, f"site:{site}", lan=True)] if lan else []
    nodes += [Node(f"site:{site}", NodeKind.SITE, site) for site in sites]
    anchors = draw(st.sets(st.sampled_from(sites), max_size=2))
    return Topology(
        nodes={n.name: n for n in draw(st.permutations(nodes))},
        links={x.name: x for x in draw(st.permutations(links))},
        anchors=frozenset(f"site:{site}" for site in anchors),
        weights={site: SiteWeight(i + 1, 10**i) for i, site in enumerate(sites)},
    )


def graph_without(topology, gone):
    graph: nx.MultiGraph[str] = nx.MultiGraph()
    graph.add_nodes_from(n for n in topology.nodes if n not in gone)
    for x in topology.links.values():
        if not {x.name, x.a, x.b} & gone:
            graph.add_edge(x.a, x.b, key=x.name)
    return graph


def reached(topology, gone):
    graph = graph_without(topology, gone)
    near = [nx.node_connected_component(graph, a) for a in topology.anchors if a in graph]
    return {n.removeprefix("site:") for n in set().union(*near) if n.startswith("site:")}


def redundant(topology, gone):
    left = reached(topology, gone)
    for x in topology.links.values():
        if x.circuit:
            left &= reached(topology, gone | {x.name})
    return left


def failing(topology, name):
    node = topology.nodes.get(name)
    if node is None or node.kind is not NodeKind.SITE:
        return {name}
    return {n.name for n in topology.nodes.values() if n.site == node.site}


def naive(topology, gone):
    now = reached(topology, gone)
    off = reached(topology, set()) - now
    thin = (redundant(topology, set()) & now) - redundant(topology, gone)
    return tuple(sorted(off)), tuple(sorted(thin))


def circuits_of(topology):
    return [x.name for x in topology.links.values() if x.circuit]


def check_all(topology):
    radii = every_blast_radius(topology)
    assert set(radii) == {*circuits_of(topology), *topology.nodes}
    for name, radius in radii.items():
        off, thin = naive(topology, failing(topology, name))
        assert (name, radius.disconnected, radius.degraded) == (name, off, thin)
        assert radius.failed == (name,)
        check_sums(topology, radius)


def check_sums(topology, radius):
    for sites, facilities, population in (
        (radius.disconnected, radius.facilities_disconnected, radius.population_disconnected),
        (radius.degraded, radius.facilities_degraded, radius.population_degraded),
    ):
        weights = [topology.weights[site] for site in sites]
        assert facilities == sum(w.facilities for w in weights)
        assert population == sum(w.population for w in weights)


@settings(max_examples=examples(300))
@given(topologies())
def test_every_single_failure_costs_what_recomputing_finds(topology):
    check_all(topology)


def closed(topology):
    """Return the private devices of sites that are no anchor's."""
    central = {topology.nodes[a].site for a in topology.anchors}
    return {n.name for n in topology.nodes.values() if n.private and n.site not in central}


def open_ways(topology, gone):
    """Return by site behind a private device the nodes that its circuits lead to, if reached."""
    shut = closed(topology)
    graph = graph_without(topology, gone | shut)
    near = set().union(
        *(nx.node_connected_component(graph, a) for a in topology.anchors if a in graph)
    )
    ways = {}
    for lan in topology.links.values():
        if lan.circuit is None and lan.a in shut and not {lan.a, lan.b} & gone:
            ways[lan.b.removeprefix("site:")] = [
                far
                for x in topology.links.values()
                for here, far in ((x.a, x.b), (x.b, x.a))
                if x.circuit and here == lan.a and far in near and x.name not in gone
            ]
    return near, ways


def held(topology, gone):
    """Return the sites that are reached."""
    near, ways = open_ways(topology, gone)
    return {n.removeprefix("site:") for n in near if n.startswith("site:")} | {
        site for site, found in ways.items() if found
    }


def held_twice(topology, gone):
    """Return the sites that no single circuit cuts off."""
    left = held(topology, gone)
    for name in circuits_of(topology):
        left &= held(topology, gone | {name})
    return left


@settings(max_examples=examples(400))
@given(topologies(private=(0, 1, 3, 4)))
def test_failures_around_private_devices_cost_what_recomputing_finds(topology):
    reached_before, redundant_before = held(topology, set()), held_twice(topology, set())
    assert standing_nodes(topology).reached == reached_before
    assert standing_nodes(topology).redundant == redundant_before
    for name, radius in every_blast_radius(topology).items():
        gone = failing(topology, name)
        now = held(topology, gone)
        off = tuple(sorted(reached_before - now))
        thin = tuple(sorted((redundant_before & now) - held_twice(topology, gone)))
        assert (name, radius.disconnected, radius.degraded) == (name, off, thin)


@settings(max_examples=examples(40))
@given(st.integers(0, 10**6), st.integers(8, 22), st.floats(1.0, 1.8))
def test_every_single_failure_of_larger_graphs_costs_what_recomputing_finds(seed, size, density):
    graph = nx.gnm_random_graph(size, int(size * density), seed=seed)
    nodes = [Node(f"d{i}", NodeKind.DEVICE, f"s{i - i % 7 % 2}") for i in graph]
    sites = sorted({n.site for n in nodes if n.site})
    links = [link(f"c{a}-{b}", f"d{a}", f"d{b}") for a, b in graph.edges]
    links += [link(f"lan:{s}", f"d{s[1:]}", f"site:{s}", lan=True) for s in sites]
    nodes += [Node(f"site:{s}", NodeKind.SITE, s) for s in sites]
    check_all(
        Topology(
            nodes={n.name: n for n in nodes},
            links={x.name: x for x in links},
            anchors=frozenset({"site:s0"}),
            weights={s: SiteWeight(1, i) for i, s in enumerate(sites)},
        )
    )


@settings(max_examples=examples(100))
@given(topologies(), st.data())
def test_a_set_of_failures_costs_what_recomputing_finds(topology, data):
    names = [*circuits_of(topology), *topology.nodes]
    failed = data.draw(st.sets(st.sampled_from(names), max_size=4))
    gone = set().union(*(failing(topology, name) for name in failed))
    radius = blast_radius(topology, failed)
    assert (radius.disconnected, radius.degraded) == naive(topology, gone)
    assert radius.failed == tuple(sorted(failed))
    check_sums(topology, radius)


@settings(max_examples=examples(100))
@given(topologies(), topologies())
def test_a_change_costs_only_those_who_stood_before(before, after):
    radius = before_after(before, after)
    was, now = reached(before, set()), reached(after, set())
    assert set(radius.disconnected) == was - now
    assert set(radius.degraded) == redundant(before, set()) & now - redundant(after, set())
    assert set(radius.failed) == (before.links.keys() | before.nodes.keys()) - (
        after.links.keys() | after.nodes.keys()
    )


@settings(max_examples=examples(100))
@given(topologies())
def test_lists_of_weak_points_follow_from_single_failures(topology):
    stood = reached(topology, set())
    assert set(single_way_out(topology)) == stood - redundant(topology, set())
    assert set(find_bridges(topology)) == {
        name for name in circuits_of(topology) if reached(topology, {name}) != stood
    }
    assert set(cut_vertices(topology)) == {
        n.name
        for n in topology.nodes.values()
        if n.kind is not NodeKind.SITE and stood - reached(topology, {n.name}) - {n.site}
    }
