"""Sites whose LANs hang on a private node, an edge: ways lead to them, and never through them.

They are left out of the graph that cut questions walk, since a walk would pass between their
circuits. What becomes of them follows from their neighbours: such a site hangs on a circuit
when all its ways do.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from inventory.model import SiteName
from topology.failures.tree import SpanningTree, private_gates
from topology.model import LinkName, NodeKind, NodeName, Topology

Way = tuple[LinkName, NodeName]


@dataclass(frozen=True, slots=True)
class Leaf:
    """Such a site, its node, the private node, and the circuits with the nodes they lead to."""

    site: SiteName
    node: NodeName
    gate: NodeName
    ways: tuple[Way, ...]

    def alive(self, reached: Collection[NodeName], failed: Collection[str] = ()) -> tuple[Way, ...]:
        """Return the ways that lead on when nodes are reached and others, or links, failed."""
        if self.gate in failed or self.node in failed:
            return ()
        return tuple(
            (link, there)
            for link, there in self.ways
            if there in reached and not {link, there}.intersection(failed)
        )


def leaf_sites(topology: Topology) -> tuple[Leaf, ...]:
    """Return the sites behind private nodes, in the order of the links that join them."""
    closed = private_gates(topology)
    if not closed:
        return ()
    ways: dict[NodeName, list[Way]] = {name: [] for name in closed}
    behind: dict[NodeName, NodeName] = {}
    for link in topology.links.values():
        for gate, there in ((link.a, link.b), (link.b, link.a)):
            if gate in closed and link.circuit is not None:
                ways[gate].append((link.name, there))
            elif gate in closed and topology.nodes[there].kind is NodeKind.SITE:
                behind[gate] = there
    return tuple(
        Leaf(topology.nodes[node].site or "", node, gate, tuple(ways[gate]))
        for gate, node in behind.items()
    )


def circuits_of_leaves(
    topology: Topology, tree: SpanningTree
) -> Mapping[NodeName, frozenset[LinkName]]:
    """Return the site nodes of the leaves that are reached, each with the circuits it hangs on."""
    found = leaf_sites(topology)
    above = circuits_of_neighbours(found, tree)
    return {leaf.node: shared(ways, above) for leaf in found if (ways := leaf.alive(above))}


def circuits_of_neighbours(
    found: Collection[Leaf], tree: SpanningTree
) -> Mapping[NodeName, frozenset[LinkName]]:
    """Return the neighbours of leaves that are reached, each with the circuits it hangs on."""
    near = {there for leaf in found for _, there in leaf.ways}
    return {
        name: frozenset(circuit for _, circuit in tree.last_ways(i))
        for i, name in enumerate(tree.names)
        if name in near
    }


def shared(
    ways: Collection[Way], above: Mapping[NodeName, frozenset[LinkName]]
) -> frozenset[LinkName]:
    """Return the circuits that all of some ways, one at least, depend on."""
    return frozenset.intersection(*(above[there] | {link} for link, there in ways))
