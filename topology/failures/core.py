"""The part of a graph that no single circuit cuts off, made small for trying groups of failures.

What leans on one neighbour is folded into it, and rows of vertices with two circuits each become
one edge; so a trial walks only where ways really branch. Sites are kept with the vertex or row
that they stand or fall with.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from inventory.model import SiteName
from topology.failures.tree import Edge, Graph, left_standing
from topology.model import NodeName

Sites: TypeAlias = set[SiteName]
_Ways: TypeAlias = Sequence[tuple[int, Edge]]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of vertices between two others, perhaps the same, and the sites along it."""

    ends: tuple[int, int]
    hanging: Sites
    redundant: Sites


@dataclass(frozen=True, slots=True)
class Core:
    """A small graph; by vertex the sites that hang on it, and the redundant ones at it."""

    graph: Graph
    number: Mapping[NodeName, int]
    rows: Mapping[Edge, Row]
    hanging: Mapping[int, Sites]
    redundant: Mapping[int, Sites]

    def without(self, members: Collection[NodeName]) -> tuple[Sites, Sites]:
        """Return the sites cut off, and those left on their last way, when members fail.

        What a member folded into another, or in a row of others, cuts off itself is not told.
        """
        left = left_standing(self.graph, {self.number[m] for m in members if m in self.number})
        off = Sites().union(*(of for i, of in self.hanging.items() if i not in left.safe))
        weak = (of for i, of in self.redundant.items() if not left.safe.get(i, True))
        thin = Sites().union(*weak)
        for edge, row in self.rows.items():
            safe = [left.safe[i] for i in row.ends if i in left.safe]
            if not safe:
                off |= row.hanging
            elif len(safe) == 1 or edge in left.bridges or not safe[0]:
                thin |= row.redundant
        return off, thin


def shrink_graph(
    graph: Graph, kept: Collection[NodeName], sites: tuple[Sequence[Sites], Sequence[Sites]]
) -> Core:
    """Return the core of a graph without bridges; kept must stay vertices of their own.

    sites are by vertex those that hang on it, and the redundant ones at it.
    """
    whole = list(graph.around)
    _fold(graph, whole, kept, sites)
    stays = [
        i == 0 or (bool(ways) and (len(ways) != 2 or graph.names[i] in kept))
        for i, ways in enumerate(whole)
    ]
    around, rows = _straighten(whole, stays, sites)
    hanging, redundant = (
        {i: of for i, of in enumerate(by_vertex) if of and stays[i]} for by_vertex in sites
    )
    number = {name: i for i, name in enumerate(graph.names) if stays[i]}
    small = Graph(graph.names, around, graph.circuit)
    return Core(small, number, rows, hanging, redundant)


def _fold(
    graph: Graph,
    around: list[_Ways],
    kept: Collection[NodeName],
    sites: tuple[Sequence[Sites], Sequence[Sites]],
) -> None:
    """Fold every vertex with a single neighbour into it."""
    for i in range(1, len(around)):
        neighbours = {there for there, _ in around[i]}
        if len(neighbours) == 1 and graph.names[i] not in kept:
            (into,) = neighbours
            around[into] = [way for way in around[into] if way[0] != i]
            around[i] = ()
            for by_vertex in sites:
                by_vertex[into].update(by_vertex[i])


def _straighten(
    whole: Sequence[_Ways],
    stays: Sequence[bool],
    sites: tuple[Sequence[Sites], Sequence[Sites]],
) -> tuple[Sequence[_Ways], Mapping[Edge, Row]]:
    """Return the adjacency of the vertices that stay, with one edge for each row between them."""
    around: list[list[tuple[int, Edge]]] = [[] for _ in whole]
    rows: dict[Edge, Row] = {}
    done = set[Edge]()
    for i in (i for i, stay in enumerate(stays) if stay):
        for there, edge in whole[i]:
            if stays[there]:
                around[i].append((there, edge))
            elif edge not in done:
                inner, end, last = _follow(whole, stays, (there, edge))
                done.add(last)
                along = [Sites().union(*(of[j] for j in inner)) for of in sites]
                rows[edge] = Row((i, end), *along)
                around[i].append((end, edge))
                around[end].append((i, edge))
    return around, rows


def _follow(
    whole: Sequence[_Ways], stays: Sequence[bool], way: tuple[int, Edge]
) -> tuple[list[int], int, Edge]:
    """Return the vertices of a row, the vertex at its end and the edge that leads there."""
    (here, edge), inner = way, list[int]()
    while not stays[here]:
        inner.append(here)
        here, edge = next(onward for onward in whole[here] if onward[1] != edge)
    return inner, here, edge
