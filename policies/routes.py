"""The ways that expectations ask for, the graph being searched as little as possible.

The answers are those of topology.paths.best on topology.paths.without, for many questions about
one graph: the tree of ways to a target is kept; a failure that touches no link or node of the way
without it changes nothing; any other is searched only among the nodes that hang on what failed.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Final, TypeAlias

from policies.sentences import SentenceFailure, Thing
from topology.build import site_node
from topology.model import LinkName, Node, NodeKind, NodeName, Path, Topology
from topology.paths import fails_with, path_along, path_weight

Hop: TypeAlias = tuple[NodeName, LinkName, int]
Distances: TypeAlias = dict[NodeName, int]
_Heap: TypeAlias = list[tuple[int, NodeName, LinkName, NodeName]]


@dataclass(frozen=True, slots=True)
class Down:
    """The links and nodes that a set of failures takes away."""

    links: frozenset[LinkName] = frozenset()
    nodes: frozenset[NodeName] = frozenset()

    def touches(self, path: Path) -> bool:
        """Return whether a path crosses anything that is down."""
        return not (self.links.isdisjoint(path.links) and self.nodes.isdisjoint(path.nodes))


NOTHING: Final = Down()
# Searches that are remembered at a time; each holds a number for every node.
_KEPT: Final = 100


@dataclass(frozen=True, slots=True)
class RouteTree:
    """The distances to the nearest target without failures, and the tree of ways there.

    over names the node that takes a link towards the target, beyond the nodes next to a node that
    lie farther from it on the tree.
    """

    distances: Distances
    over: Mapping[LinkName, NodeName]
    beyond: Mapping[NodeName, Sequence[NodeName]]

    def hanging(self, down: Down) -> frozenset[NodeName]:
        """Return the nodes whose way on the tree crosses anything that is down."""
        found = set[NodeName]()
        left = [*down.nodes, *(self.over[link] for link in down.links & self.over.keys())]
        while left:
            node = left.pop()
            if node not in found:
                found.add(node)
                left += self.beyond.get(node, ())
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Routes:
    """A graph with its neighbourhoods, and what was already searched."""

    topology: Topology
    around: Mapping[NodeName, Sequence[Hop]]
    trees: dict[frozenset[NodeName], RouteTree] = field(default_factory=dict)
    known: dict[tuple[frozenset[NodeName], Down], Distances] = field(default_factory=dict)

    @classmethod
    def of(cls, topology: Topology) -> "Routes":
        """Return the routes of a graph, nothing being known yet."""
        around: dict[NodeName, list[Hop]] = {name: [] for name in topology.nodes}
        for link in topology.links.values():
            crossing = path_weight(link)
            around[link.a].append((link.b, link.name, crossing))
            around[link.b].append((link.a, link.name, crossing))
        return cls(topology, around)

    def down(self, failures: Iterable[SentenceFailure]) -> Down:
        """Return what failures take away; what is not in the graph is away already."""
        links, nodes = set[LinkName](), set[NodeName]()
        for failure in failures:
            if failure.thing is Thing.CIRCUIT:
                links.add(failure.name)
            elif node := self._node(failure):
                nodes.update(fails_with(self.topology, node))
        return Down(frozenset(links & self.topology.links.keys()), frozenset(nodes))

    def best(self, site: NodeName, targets: Collection[NodeName], down: Down) -> Path | None:
        """Return the way from a site's node to the nearest of some sites' nodes, if any."""
        goals = frozenset(targets)
        usual = self._walk(site, goals, NOTHING)
        if usual is None or not down.touches(usual):
            return usual
        return self._walk(site, goals, down)

    def distances(self, targets: frozenset[NodeName], down: Down) -> Distances:
        """Return how far every node that reaches one of the targets is from the nearest."""
        tree = self._tree(targets)
        if down == NOTHING:
            return tree.distances
        if (found := self.known.get((targets, down))) is None:
            if len(self.known) >= _KEPT:
                self.known.clear()
            found = _repaired(self, tree, targets, down)
            self.known[targets, down] = found
        return found

    def _tree(self, targets: frozenset[NodeName]) -> RouteTree:
        if (found := self.trees.get(targets)) is None:
            found = _grown(self, targets)
            self.trees[targets] = found
        return found

    def _node(self, failure: SentenceFailure) -> Node | None:
        is_site = failure.thing is Thing.SITE
        return self.topology.nodes.get(site_node(failure.name) if is_site else failure.name)

    def _walk(self, site: NodeName, goals: frozenset[NodeName], down: Down) -> Path | None:
        """Return the way down the distances, of several the first by names."""
        left = self.distances(goals, down)
        if site not in left:
            return None
        here, nodes, links = site, [site], list[LinkName]()
        while here not in goals:
            here, link, _ = min(
                hop
                for hop in self.around[here]
                if hop[0] in left
                and hop[1] not in down.links
                and left[here] == left[hop[0]] + hop[2]
                and (hop[0] in goals or self.passes(hop[0], here, goals))
            )
            nodes.append(here)
            links.append(link)
        return path_along(self.topology, tuple(nodes), tuple(links))

    def passes(self, node: NodeName, source: NodeName, targets: Collection[NodeName]) -> bool:
        """Return whether a node passes on to a target what comes from a neighbour.

        A target keeps what comes, a device or provider passes it on, an edge only what comes from
        its own site or is for it.
        """
        here = self.topology.nodes[node]
        if here.private:
            own = site_node(here.site or "")
            return source == own or own in targets
        return node in targets or here.kind is not NodeKind.SITE


def _grown(routes: Routes, targets: frozenset[NodeName]) -> RouteTree:
    """Return the tree of the ways to the nearest of some targets."""
    distances: Distances = {}
    heap = [(0, node, "", "") for node in sorted(targets & routes.topology.nodes.keys())]
    over: dict[LinkName, NodeName] = {}
    beyond: dict[NodeName, list[NodeName]] = {}
    for node, link, towards in _settled(routes, distances, heap, (targets, NOTHING)):
        over[link] = node
        beyond.setdefault(towards, []).append(node)
    return RouteTree(distances, over, beyond)


def _repaired(
    routes: Routes, tree: RouteTree, targets: frozenset[NodeName], down: Down
) -> Distances:
    """Return the distances that remain, searched again for the nodes that hang on what failed."""
    hanging = tree.hanging(down)
    distances = {node: far for node, far in tree.distances.items() if node not in hanging}
    heap = [
        (distances[there] + crossing, node, link, there)
        for node in hanging - down.nodes
        for there, link, crossing in routes.around[node]
        if there in distances and link not in down.links and routes.passes(there, node, targets)
    ]
    heapify(heap)
    deque(_settled(routes, distances, heap, (targets, down)), maxlen=0)
    return distances


def _settled(
    routes: Routes,
    distances: Distances,
    heap: _Heap,
    question: tuple[frozenset[NodeName], Down],
) -> Iterator[tuple[NodeName, LinkName, NodeName]]:
    """Fill in the distances from those on the heap, by Dijkstra's search.

    Yields every node with the link and the next node on its way.
    """
    targets, down = question
    while heap:
        spent, here, over, towards = heappop(heap)
        if here in distances:
            continue
        distances[here] = spent
        yield here, over, towards
        for there, link, crossing in routes.around[here]:
            if there in distances or link in down.links or there in down.nodes:
                continue
            if routes.passes(here, there, targets):
                heappush(heap, (spent + crossing, there, link, here))
