"""The ways that are left to sites whose usual way is lost."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from heapq import heappop, heappush
from typing import TypeAlias

from controller.incidents.view import NetworkView
from inventory.model import Medium
from topology.build import BASE_COST, site_node
from topology.model import NodeName

_Step: TypeAlias = tuple[int, NodeName, Medium | None]


def media_left(
    network: NetworkView, sites: Iterable[str], failed: frozenset[str]
) -> Mapping[str, Medium | None]:
    """Return the worst medium on the best way left to each site; failed are circuits and devices.

    None stands for a site that keeps its usual way, or has none left.
    """
    worst = _worst_left(_SameNetwork(network), failed)
    return {site: worst.get(site_node(site)) for site in sites}


@dataclass(frozen=True, slots=True, eq=False)
class _SameNetwork:
    """A network as a key of what is remembered of it: itself, whatever it holds."""

    network: NetworkView

    def __hash__(self) -> int:
        return id(self.network)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _SameNetwork) and self.network is other.network


@lru_cache(maxsize=8)
def _worst_left(same: _SameNetwork, failed: frozenset[str]) -> Mapping[NodeName, Medium | None]:
    """Return it for every node; all incidents of a moment ask for the same."""
    lost = _lost_nodes(same.network, failed)
    return _worst_media(same.network, lost, failed)


def _lost_nodes(network: NetworkView, failed: frozenset[str]) -> frozenset[NodeName]:
    """Return the nodes whose usual way passes something that failed."""
    lost: dict[NodeName, bool] = {"": False}
    for node in network.usual:
        path = list[NodeName]()
        while node not in lost:
            path.append(node)
            node = network.usual[node][1]  # noqa: PLW2901 - up to the first that is known
        for below in reversed(path):
            via, before = network.usual[below]
            lost[below] = lost[before] or via in failed or below in failed
    return frozenset(node for node, gone in lost.items() if gone)


def _worst_media(
    network: NetworkView, lost: frozenset[NodeName], failed: frozenset[str]
) -> Mapping[NodeName, Medium | None]:
    """Return by Dijkstra among the lost nodes the worst medium on the way to each."""
    heap: list[_Step] = []
    for node in network.usual.keys() - lost:
        for there, cost, medium in _onward(network, node, failed):
            if there in lost:
                heappush(heap, (network.cost_to[node] + cost, there, medium))
    worst: dict[NodeName, Medium | None] = {}
    while heap:
        so_far, node, medium = heappop(heap)
        if node in worst:
            continue
        worst[node] = medium
        for there, cost, other in _onward(network, node, failed):
            if there in lost and there not in worst:
                heappush(heap, (so_far + cost, there, _worse(medium, other)))
    return worst


def _onward(
    network: NetworkView, node: NodeName, failed: frozenset[str]
) -> Iterator[tuple[NodeName, int, Medium | None]]:
    for name, there in network.around[node]:
        if name not in failed and there not in failed:
            circuit = network.circuits.get(name)
            yield there, network.costs[name], circuit.medium if circuit else None


def _worse(one: Medium | None, other: Medium | None) -> Medium | None:
    media = [medium for medium in (one, other) if medium is not None]
    return max(media, key=BASE_COST.__getitem__, default=None)
