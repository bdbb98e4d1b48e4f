"""From cuts of the tree to sites, facilities and people."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from inventory.model import CircuitName, SiteName
from topology.build import site_node
from topology.failures.core import Core, shrink_graph
from topology.failures.cuts import Cut, circuit_cuts, node_cuts
from topology.failures.stub_sites import (
    Leaf,
    Way,
    circuits_of_leaves,
    circuits_of_neighbours,
    leaf_sites,
    shared,
)
from topology.failures.tree import (
    Graph,
    Interval,
    SpanningTree,
    graph_of,
    left_standing,
    part_of,
    spanning_tree,
)
from topology.model import BlastRadius, NodeKind, NodeName, SiteWeight, Topology
from topology.paths import without_failed

_NOBODY: Final = SiteWeight(0, 0)
_NOTHING: Final = Cut()


def radius_of(
    topology: Topology,
    failed: tuple[str, ...],
    off: Iterable[SiteName],
    thin: Iterable[SiteName],
) -> BlastRadius:
    """Return the blast radius of sites cut off and sites degraded, with their sums."""
    lost, weak = tuple(sorted(off)), tuple(sorted(thin))
    lost_weights = [topology.weights.get(site, _NOBODY) for site in lost]
    weak_weights = [topology.weights.get(site, _NOBODY) for site in weak]
    return BlastRadius(
        failed=failed,
        disconnected=lost,
        degraded=weak,
        facilities_disconnected=sum(weight.facilities for weight in lost_weights),
        facilities_degraded=sum(weight.facilities for weight in weak_weights),
        population_disconnected=sum(weight.population for weight in lost_weights),
        population_degraded=sum(weight.population for weight in weak_weights),
    )


def site_names(topology: Topology) -> Mapping[NodeName, SiteName]:
    """Return the site of every node that stands for one."""
    return {
        name: node.site
        for name, node in topology.nodes.items()
        if node.kind is NodeKind.SITE and node.site is not None
    }


@dataclass(frozen=True, slots=True)
class _Roll:
    """Sites in the order of the tree, so that an interval of vertices is a slice of names."""

    names: Sequence[SiteName]
    position: Sequence[int]

    @classmethod
    def of(cls, by_vertex: Sequence[SiteName | None]) -> "_Roll":
        names = [name for name in by_vertex if name is not None]
        counts = accumulate((name is not None for name in by_vertex), initial=0)
        return cls(names, list(counts))

    def within(self, intervals: Iterable[Interval]) -> set[SiteName]:
        """Return the sites within any of the intervals."""
        found = set[SiteName]()
        for first, beyond in intervals:
            found.update(self.names[self.position[first] : self.position[beyond]])
        return found


@dataclass(frozen=True, slots=True)
class Survey:
    """A topology with its tree: answers what single failures cost."""

    topology: Topology
    graph: Graph
    tree: SpanningTree
    reached: _Roll
    redundant: _Roll
    cuts: Mapping[NodeName, Cut]
    fringe: "_Fringe"

    @classmethod
    def of(cls, topology: Topology) -> "Survey":
        """Return the survey of a topology."""
        graph = graph_of(topology)
        tree = spanning_tree(graph)
        places = site_names(topology)
        sites = [places.get(name) for name in tree.names]
        safe = [site if ok else None for site, ok in zip(sites, tree.safe, strict=True)]
        cuts = dict(zip(tree.names[1:], node_cuts(tree)[1:], strict=True))
        fringe = _Fringe.of(topology, tree)
        return cls(topology, graph, tree, _Roll.of(sites), _Roll.of(safe), cuts, fringe)

    def circuits(self) -> Iterator[tuple[CircuitName, BlastRadius]]:
        """Yield what the failure of each circuit costs, in the order of the topology."""
        cuts = circuit_cuts(self.tree)
        for link in self.topology.links.values():
            if link.circuit is not None:
                yield link.name, self._radius(link.name, cuts.get(link.name, _NOTHING))

    def nodes(self) -> Iterator[tuple[NodeName, BlastRadius]]:
        """Yield what the failure of each device and provider costs."""
        for node in self.topology.nodes.values():
            if node.kind is not NodeKind.SITE:
                yield node.name, self._radius(node.name, self.cuts.get(node.name, _NOTHING))

    def sites(self) -> Iterator[tuple[NodeName, BlastRadius]]:
        """Yield what the failure of each site with all its devices costs, by its node."""
        together = _Together.of(self)
        for node in self.topology.nodes.values():
            if node.kind is NodeKind.SITE:
                off, thin = together.failing(node.site)
                yield node.name, radius_of(self.topology, (node.name,), off, thin - off)

    def _radius(self, name: str, cut: Cut) -> BlastRadius:
        off = self.reached.within(cut.off)
        thin = self.redundant.within(cut.thin) - off
        lost, weak = self.fringe.failing(name, cut)
        return radius_of(self.topology, (name,), off | lost, thin | weak)


@dataclass(frozen=True, slots=True)
class _Fringe:
    """The sites that nothing passes through, and what their neighbours hang on.

    place is where a neighbour stands in the tree, holder the vertex that its last ways begin at,
    which is the neighbour itself where no single circuit cuts it off.
    """

    topology: Topology
    leaves: Sequence[Leaf]
    place: Mapping[NodeName, int]
    holder: Mapping[NodeName, int]
    above: Mapping[NodeName, frozenset[CircuitName]]

    @classmethod
    def of(cls, topology: Topology, tree: SpanningTree) -> "_Fringe":
        found = leaf_sites(topology)
        above = circuits_of_neighbours(found, tree)
        place = {name: i for i, name in enumerate(tree.names) if name in above}
        holder = {
            name: next((tree.parent[top] for top, _ in [*tree.last_ways(i)][-1:]), i)
            for name, i in place.items()
        }
        return cls(topology, found, place, holder, above)

    def failing(self, name: str, cut: Cut) -> tuple[set[SiteName], set[SiteName]]:
        """Return which of the sites one failure with this cut takes off, and which it degrades."""
        off, thin = set[SiteName](), set[SiteName]()
        left = {n for n, i in self.place.items() if not _holds(cut.off, i)}
        for leaf in self.leaves:
            before, now = leaf.alive(self.place), leaf.alive(left, {name})
            if before and not now:
                off.add(leaf.site)
            elif before and not shared(before, self.above) and self._hangs(leaf, now, name, cut):
                thin.add(leaf.site)
        return off, thin

    def _hangs(self, leaf: Leaf, ways: Sequence[Way], name: str, cut: Cut) -> bool:
        """Return whether ways that are left hang on one circuit together after a failure.

        Ways that shared none come to share one only above their holders, so none of these may
        be as safe as before. Then the rest is walked again, which is rarely needed.
        """
        if shared(ways, self.above):
            return True
        if not all(_holds(cut.thin, self.holder[there]) for _, there in ways):
            return False
        return bool(self.recomputed({name})[leaf.node])

    def recomputed(self, failed: Collection[str]) -> Mapping[NodeName, frozenset[CircuitName]]:
        """Return the sites' nodes that are reached after failures, with what they hang on."""
        rest = without_failed(self.topology, failed)
        return circuits_of_leaves(rest, spanning_tree(graph_of(rest)))


def _holds(intervals: Iterable[Interval], i: int) -> bool:
    return any(first <= i < beyond for first, beyond in intervals)


@dataclass(frozen=True, slots=True)
class _Group:
    """The nodes of a site within reach: in the core and deciding, and how many decide else."""

    members: Sequence[NodeName]
    inside: Sequence[NodeName]
    outside: int


@dataclass(frozen=True, slots=True)
class _Together:
    """Answers what nodes cost that fail together, from single cuts wherever these tell.

    A member without neighbours outside the group decides nothing. Of the others one alone, or
    one inside and one outside the core (what no single circuit cuts off), act as they do singly:
    ways from outside pass one bridge into the core, so the two cannot close a way together.
    Two in the core are tried on the core, two outside it on everything.
    """

    survey: Survey
    groups: Mapping[SiteName | None, _Group]
    core: Core

    @classmethod
    def of(cls, survey: Survey) -> "_Together":
        """Return the answers for all sites of a survey."""
        groups = _groups(survey)
        tried = {m for group in groups.values() if len(group.inside) > 1 for m in group.inside}
        return cls(survey, groups, _core(survey, tried))

    def failing(self, site: SiteName | None) -> tuple[set[SiteName], set[SiteName]]:
        """Return the sites cut off, and (these perhaps among them) those on their last way."""
        group, survey = self.groups[site], self.survey
        if survey.fringe.leaves:
            return self._with_fringe(site, group.members)
        if group.outside > 1:
            return self._on_everything(group.members)
        off = survey.reached.within(i for m in group.members for i in survey.cuts[m].off)
        if len(group.inside) > 1:
            lost, thin = self.core.without(group.members)
            return off | lost, thin
        return off, survey.redundant.within(i for m in group.inside for i in survey.cuts[m].thin)

    def _with_fringe(
        self, site: SiteName | None, members: Collection[NodeName]
    ) -> tuple[set[SiteName], set[SiteName]]:
        """Return what it costs when a site fails, and to sites that nothing passes through."""
        off, thin = self._on_everything(members)
        fringe, name = self.survey.fringe, site_node(site or "")
        now = fringe.recomputed({name})
        for leaf in fringe.leaves:
            before = leaf.alive(fringe.place)
            if before and leaf.node not in now:
                off.add(leaf.site)
            elif before and not shared(before, fringe.above) and now[leaf.node]:
                thin.add(leaf.site)
        return off, thin

    def _on_everything(self, members: Collection[NodeName]) -> tuple[set[SiteName], set[SiteName]]:
        graph, places = self.survey.graph, site_names(self.survey.topology)
        number = {name: i for i, name in enumerate(graph.names)}
        left = left_standing(graph, {number[m] for m in members})
        standing = {
            places[graph.names[i]]: ok for i, ok in left.safe.items() if graph.names[i] in places
        }
        off = {site for site in self.survey.reached.names if site not in standing}
        return off, {site for site in self.survey.redundant.names if not standing.get(site, True)}


def _groups(survey: Survey) -> Mapping[SiteName | None, _Group]:
    """Return the nodes of every site."""
    at: dict[SiteName | None, set[NodeName]] = defaultdict(set)
    for node in survey.topology.nodes.values():
        if node.kind is not NodeKind.PROVIDER:
            at[node.site].add(node.name)
    around = dict(zip(survey.graph.names, survey.graph.around, strict=True))
    safe = {name for name, ok in zip(survey.tree.names, survey.tree.safe, strict=True) if ok}
    groups = {}
    for site, group in at.items():
        members = sorted(survey.cuts.keys() & group)
        deciding = [
            m for m in members if any(survey.graph.names[j] not in group for j, _ in around[m])
        ]
        inside = [m for m in deciding if m in safe]
        groups[site] = _Group(members, inside, len(deciding) - len(inside))
    return groups


def _core(survey: Survey, tried: Collection[NodeName]) -> Core:
    """Return the core, with the sites outside it at the vertex over which they reach it."""
    tree = survey.tree
    part = part_of(survey.graph, {n for n, ok in zip(tree.names, tree.safe, strict=True) if ok})
    number = {name: i for i, name in enumerate(part.names)}
    hanging, redundant = ([set[SiteName]() for _ in part.names] for _ in range(2))
    holder = list(range(len(tree.names)))
    for i, name in enumerate(tree.names):
        holder[i] = i if tree.safe[i] else holder[tree.parent[i]]
        hanging[number[tree.names[holder[i]]]] |= survey.reached.within([(i, i + 1)])
        if tree.safe[i]:
            redundant[number[name]] |= survey.redundant.within([(i, i + 1)])
    return shrink_graph(part, tried, (hanging, redundant))
