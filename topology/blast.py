"""From cuts of the tree to sites, facilities and people."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from inventory.model import CircuitName, SiteName
from topology.cuts import Cut, circuit_cuts, node_cuts
from topology.model import BlastRadius, NodeKind, NodeName, SiteWeight, Topology
from topology.tree import Graph, Interval, Tree, graph_of, grow, left_standing, part_of

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
    tree: Tree
    reached: _Roll
    redundant: _Roll
    cuts: Mapping[NodeName, Cut]

    @classmethod
    def of(cls, topology: Topology) -> "Survey":
        """Return the survey of a topology."""
        graph = graph_of(topology)
        tree = grow(graph)
        places = site_names(topology)
        sites = [places.get(name) for name in tree.names]
        safe = [site if ok else None for site, ok in zip(sites, tree.safe, strict=True)]
        cuts = dict(zip(tree.names[1:], node_cuts(tree)[1:], strict=True))
        return cls(topology, graph, tree, _Roll.of(sites), _Roll.of(safe), cuts)

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
        groups: dict[SiteName | None, set[NodeName]] = defaultdict(set)
        for node in self.topology.nodes.values():
            groups[node.site].add(node.name)
        together = _Together.of(self)
        for node in self.topology.nodes.values():
            if node.kind is NodeKind.SITE:
                off, thin = together.failing(groups[node.site])
                yield node.name, radius_of(self.topology, (node.name,), off, thin - off)

    def _radius(self, name: str, cut: Cut) -> BlastRadius:
        off = self.reached.within(cut.off)
        return radius_of(self.topology, (name,), off, self.redundant.within(cut.thin) - off)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the graph that holds the root, and the sites that stand or fall with its nodes.

    own are the redundant sites among its nodes.
    """

    graph: Graph
    number: Mapping[NodeName, int]
    hanging: Mapping[NodeName, Set[SiteName]]
    own: Mapping[NodeName, SiteName]

    @classmethod
    def of(cls, survey: Survey, kept: Sequence[bool]) -> "_Part":
        """Return the part with these vertices of the tree; all others hang on their nearest."""
        tree = survey.tree
        names = {name for name, keep in zip(tree.names, kept, strict=True) if keep}
        holder = list(range(len(tree.names)))
        hanging: dict[NodeName, set[SiteName]] = defaultdict(set)
        own: dict[NodeName, SiteName] = {}
        for i, name in enumerate(tree.names):
            holder[i] = i if kept[i] else holder[tree.parent[i]]
            hanging[tree.names[holder[i]]] |= survey.reached.within([(i, i + 1)])
            own.update((name, site) for site in survey.redundant.within([(i, i + 1)]))
        graph = part_of(survey.graph, names)
        return cls(graph, {name: i for i, name in enumerate(graph.names)}, hanging, own)

    def without(self, members: Collection[NodeName]) -> tuple[set[SiteName], set[SiteName]]:
        """Return the sites cut off and those on their last way when these nodes fail."""
        gone = {self.number[m] for m in members if m in self.number}
        left = left_standing(self.graph, gone)
        off = set[SiteName]()
        for name in self.number.keys() - left.keys():
            off |= self.hanging[name]
        return off, {site for name, site in self.own.items() if not left.get(name, True)}


@dataclass(frozen=True, slots=True)
class _Together:
    """Answers what nodes cost that fail together, from single cuts wherever these tell.

    A member without neighbours outside the group decides nothing. Of the others one alone, or
    one inside and one outside the core (what no single circuit cuts off), act as they do singly:
    ways from outside pass one bridge into the core, so the two cannot close a way together.
    Two in the core are tried on the core, two outside it on everything.
    """

    survey: Survey
    neighbours: Mapping[NodeName, frozenset[NodeName]]
    core: _Part
    whole: _Part

    @classmethod
    def of(cls, survey: Survey) -> "_Together":
        """Return the answers for a survey."""
        tree, graph = survey.tree, survey.graph
        return cls(
            survey=survey,
            neighbours={
                name: frozenset(graph.names[there] for there, _ in around)
                for name, around in zip(graph.names, graph.around, strict=True)
            },
            core=_Part.of(survey, tree.safe),
            whole=_Part.of(survey, [True] * len(tree.names)),
        )

    def failing(self, group: Collection[NodeName]) -> tuple[set[SiteName], set[SiteName]]:
        """Return the sites cut off, and (these perhaps among them) those on their last way."""
        members = sorted(self.survey.cuts.keys() & group)
        deciding = [m for m in members if not self.neighbours[m].issubset(group)]
        inside = [m for m in deciding if m in self.core.number]
        if len(deciding) - len(inside) > 1:
            return self.whole.without(members)
        roll, cuts = self.survey.reached, self.survey.cuts
        off = roll.within(i for member in members for i in cuts[member].off)
        if len(inside) > 1:
            lost, thin = self.core.without(members)
            return off | lost, thin
        return off, self.survey.redundant.within(i for m in inside for i in cuts[m].thin)
