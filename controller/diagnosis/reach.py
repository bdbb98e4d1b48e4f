"""What the centre still reaches, and at which circuits and devices its reach ends."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from controller.incidents.view import NetworkView
from topology.model import NodeName


@dataclass(frozen=True, slots=True)
class Boundary:
    """A dead circuit at the edge of what is reached; far may be reached in another way."""

    circuit: str
    near: NodeName
    far: NodeName


@dataclass(frozen=True, slots=True)
class Reach:
    """The nodes that are reached; silent devices beside them, by the live circuits to these.

    islands are the parts that are not reached, each a set of nodes that touch; a dead circuit
    within one is taken to join it.
    """

    reached: frozenset[NodeName]
    boundaries: tuple[Boundary, ...]
    touched: Mapping[NodeName, tuple[str, ...]]
    islands: tuple[frozenset[NodeName], ...]

    def island_of(self, node: NodeName) -> frozenset[NodeName]:
        """Return the island that a node is on; empty for one that is reached."""
        return next((island for island in self.islands if node in island), frozenset())


@lru_cache(maxsize=8)
def reach_of(
    network: NetworkView,
    dead: frozenset[str],
    silent: frozenset[str],
    speaking: frozenset[NodeName] = frozenset(),
) -> Reach:
    """Return what is reached around dead circuits and silent devices.

    speaking nodes are reached whatever the graph says, since they were heard.
    """
    reached: set[NodeName] = {n for n in (*network.anchors, *speaking) if n not in silent}
    found: dict[str, Boundary] = {}
    touched: dict[NodeName, dict[str, None]] = {}
    queue, around = list(reached), network.around
    for here in queue:
        for name, there in around[here]:
            if name in dead:
                found.setdefault(name, Boundary(name, here, there))
            elif there in reached:
                continue
            elif there in silent:
                touched.setdefault(there, {})[name] = None
            else:
                reached.add(there)
                queue.append(there)
    return Reach(
        frozenset(reached),
        tuple(found.values()),
        {device: tuple(names) for device, names in touched.items()},
        tuple(_islands(around, reached)) if len(reached) < len(around) else (),
    )


def _islands(
    around: Mapping[NodeName, Iterable[tuple[str, NodeName]]], reached: set[NodeName]
) -> Iterator[frozenset[NodeName]]:
    left = {node: None for node in around if node not in reached}
    joined: dict[NodeName, list[NodeName]] = {node: [] for node in left}
    for here in left:
        for _, there in around[here]:
            if there in left:
                joined[here].append(there)
                joined[there].append(here)
    while left:
        start = next(iter(left))
        del left[start]
        island = [start]
        for here in island:
            for there in joined[here]:
                if there in left:
                    del left[there]
                    island.append(there)
        yield frozenset(island)
