"""A depth-first tree over the graph, from the anchors down: the ground of every cut question.

Vertices are numbered in the order of discovery, so a vertex and all below it are one interval,
and every link outside the tree (a back link) runs from a vertex to one of its ancestors
(Tarjan 1972). Vertex 0 stands above all anchors.

What cannot fail by itself (a site's place on its device, an anchor's on vertex 0) is laid
double: it then never is the last way. A site is taken to hang on one device, as topology.build
makes it. What nothing passes through (topology.leaves) has no edges here.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final, TypeAlias

from topology.model import LinkName, NodeName, Topology

ROOT: Final = ""
Edge: TypeAlias = int
Interval: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Graph:
    """Names and adjacency as integers; circuit names the link of an edge, None if laid double."""

    names: Sequence[NodeName]
    around: Sequence[Sequence[tuple[int, Edge]]]
    circuit: Sequence[LinkName | None]


@dataclass(frozen=True, slots=True)
class BackLink:
    """A link outside the tree: from origin up to target, whose child towards origin is below."""

    origin: int
    target: int
    below: int
    circuit: LinkName | None


@dataclass(frozen=True, slots=True)
class SpanningTree:
    """What the anchors reach, by order of discovery; end is one beyond the last vertex below.

    above is the circuit to the parent (None if it was laid double), covers how many back links
    lead from a vertex or below it to above it, safe whether no single circuit cuts it off.
    """

    names: Sequence[NodeName]
    parent: Sequence[int]
    end: Sequence[int]
    above: Sequence[LinkName | None]
    back: Sequence[BackLink]
    covers: Sequence[int]
    safe: Sequence[bool]

    def last_ways(self, i: int) -> Iterator[tuple[int, LinkName]]:
        """Yield the circuits that a vertex hangs on, each with its lower end, the lowest first."""
        while i:
            if not self.covers[i] and (circuit := self.above[i]) is not None:
                yield i, circuit
            i = self.parent[i]


def private_gates(topology: Topology) -> frozenset[NodeName]:
    """Return the private nodes that nothing passes, those of the anchors' own sites excepted."""
    central = {topology.nodes[name].site for name in topology.anchors & topology.nodes.keys()}
    return frozenset(
        name for name, n in topology.nodes.items() if n.private and n.site not in central
    )


def graph_of(topology: Topology) -> Graph:
    """Return the graph of a topology with the vertex above its anchors as number 0."""
    names = [ROOT, *topology.nodes]
    number = {name: i for i, name in enumerate(names)}
    around: list[list[tuple[int, Edge]]] = [[] for _ in names]
    circuit: list[LinkName | None] = []
    for a, b, name in _edges(topology):
        around[number[a]].append((number[b], len(circuit)))
        around[number[b]].append((number[a], len(circuit)))
        circuit.append(name)
    return Graph(names, around, circuit)


def _edges(topology: Topology) -> Iterator[tuple[NodeName, NodeName, LinkName | None]]:
    for anchor in sorted(topology.anchors & topology.nodes.keys()):
        yield ROOT, anchor, None
        yield ROOT, anchor, None
    closed = private_gates(topology)
    for link in topology.links.values():
        if link.a in closed or link.b in closed:
            continue
        yield link.a, link.b, link.name if link.circuit is not None else None
        if link.circuit is None:
            yield link.a, link.b, None


def part_of(graph: Graph, names: Collection[NodeName]) -> Graph:
    """Return the part of a graph between some of its vertices; names must hold the root."""
    kept = [i for i, name in enumerate(graph.names) if name in names]
    number = dict(zip(kept, count(), strict=False))
    around = [[(number[j], e) for j, e in graph.around[i] if j in number] for i in kept]
    return Graph([graph.names[i] for i in kept], around, graph.circuit)


def spanning_tree(graph: Graph) -> SpanningTree:
    """Return the tree of what the root of a graph reaches."""
    walk = _explore(graph, ())
    covers = _covers(walk)
    return SpanningTree(
        names=[graph.names[i] for i in walk.order],
        parent=walk.parent,
        end=walk.end,
        above=[graph.circuit[e] if e >= 0 else None for e in walk.via],
        back=[BackLink(x, a, c, graph.circuit[e]) for x, a, c, e in walk.back],
        covers=covers,
        safe=_safe(walk.parent, covers),
    )


@dataclass(frozen=True, slots=True)
class Left:
    """The vertices that the root still reaches, whether safely, and the edges with no other way."""

    safe: Mapping[int, bool]
    bridges: frozenset[Edge]


def left_standing(graph: Graph, gone: Collection[int]) -> Left:
    """Return what remains of a graph when vertices are gone."""
    walk = _explore(graph, gone)
    covers = _covers(walk)
    return Left(
        safe=dict(zip(walk.order, _safe(walk.parent, covers), strict=True)),
        bridges=frozenset(e for e, over in zip(walk.via, covers, strict=True) if not over),
    )


@dataclass(frozen=True, slots=True)
class _Walk:
    """A depth-first walk: vertices in order, and back links as origin, target, below, edge."""

    order: list[int]
    parent: list[int]
    end: list[int]
    via: list[Edge]
    back: list[tuple[int, int, int, Edge]]


def _explore(graph: Graph, gone: Collection[int]) -> _Walk:
    found = [-1] * len(graph.names)
    for i in gone:
        found[i] = len(found)
    found[0] = 0
    order, parent, end, via = [0], [0], [0], [-1]
    back, below = list[tuple[int, int, int, Edge]](), [0] * len(found)
    path, ways = [0], [iter(graph.around[0])]
    while path:
        here = path[-1]
        for there, edge in ways[-1]:
            seen = found[there]
            if seen < 0:
                found[there] = below[here] = len(order)
                path.append(len(order))
                ways.append(iter(graph.around[there]))
                order.append(there)
                parent.append(here)
                end.append(0)
                via.append(edge)
                break
            if seen < here and edge != via[here]:
                back.append((here, seen, below[seen], edge))
        else:
            end[path.pop()] = len(order)
            ways.pop()
    return _Walk(order, parent, end, via, back)


def _covers(walk: _Walk) -> list[int]:
    covers, parent = [0] * len(walk.parent), walk.parent
    for origin, target, _, _ in walk.back:
        covers[origin] += 1
        covers[target] -= 1
    for i in range(len(parent) - 1, 0, -1):
        covers[parent[i]] += covers[i]
    return covers


def _safe(parent: Sequence[int], covers: Sequence[int]) -> list[bool]:
    safe = [True] * len(parent)
    for i in range(1, len(parent)):
        safe[i] = safe[parent[i]] and covers[i] > 0
    return safe
