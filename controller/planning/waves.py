"""In which order devices change: far end before near end, a canary first, never both ways out."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final, TypeAlias

from inventory.model import DeviceName, SiteName
from topology.model import NodeKind, Topology

Neighbours: TypeAlias = Mapping[DeviceName, frozenset[DeviceName]]

SMALLEST_CAP: Final = 50
LARGEST_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class ChangeGraph:
    """What the order depends on.

    depth counts circuits to the central site (unconnected devices are deepest); behind counts
    the facilities whose shortest way to it leads through the device.
    """

    neighbours: Neighbours
    site: Mapping[DeviceName, SiteName]
    depth: Mapping[DeviceName, int]
    behind: Mapping[DeviceName, int]


def change_graph(topology: Topology) -> ChangeGraph:
    """Return the shape of a topology."""
    site = {n.name: n.site for n in topology.nodes.values() if n.kind is NodeKind.DEVICE and n.site}
    neighbours = _neighbours(topology, site)
    central = {topology.nodes[a].site for a in topology.anchors if a in topology.nodes}
    above = _ways(neighbours, [name for name in site if site[name] in central])
    depth = {name: len(site) for name in site}
    for name, parent in above.items():
        depth[name] = depth[parent] + 1 if parent else 0
    return ChangeGraph(neighbours, site, depth, _behind(topology, site, above))


def waves(
    changed: Collection[DeviceName], seen: ChangeGraph, idle: Collection[DeviceName] = ()
) -> tuple[tuple[DeviceName, ...], ...]:
    """Return the devices in waves: one canary, then waves that grow.

    No wave holds two devices that stand in for each other or are adjacent, and a device comes
    after all its neighbours that are farther from the central site. Idle ones carry no traffic
    yet: they come first, a canary of their own and then as many at once as any wave may hold.
    """
    cap = max(SMALLEST_CAP, ceil(len(changed) * LARGEST_SHARE))
    waiting = frozenset(idle).intersection(changed)
    queue = _Queue(frozenset(changed) - waiting, seen)
    made: list[tuple[DeviceName, ...]] = []
    while wave := queue.take(min(2 ** len(made), cap)):
        made.append(wave)
    return (*_idle_waves(waiting, seen, cap), *made)


def _idle_waves(
    idle: Collection[DeviceName], seen: ChangeGraph, cap: int
) -> Iterator[tuple[DeviceName, ...]]:
    ready = sorted(idle, key=lambda name: _harm(name, seen))
    if ready:
        yield (ready[0],)
    for start in range(1, len(ready), cap):
        yield tuple(ready[start : start + cap])


def tunnel_waves(
    edges: Collection[DeviceName], hubs: Collection[DeviceName]
) -> Iterator[tuple[DeviceName, ...]]:
    """Yield changed edges in waves: a canary, waves that grow, then each hub by itself.

    No wave holds both ends of a tunnel, and a hub comes after all that dial it.
    """
    far = sorted(set(edges) - set(hubs))
    size = 1
    while far:
        yield tuple(far[:size])
        far, size = far[size:], min(2 * size, SMALLEST_CAP)
    yield from ((hub,) for hub in sorted(set(edges) & set(hubs)))


class _Queue:
    """The devices still to change."""

    def __init__(self, changed: frozenset[DeviceName], seen: ChangeGraph) -> None:
        self._seen = seen
        self._groups = {name: _groups(name, seen) for name in changed}
        self._waits = {name: len(self._deeper(name, changed)) for name in changed}
        self._ready = sorted((n for n in changed if not self._waits[n]), key=self._harm)
        self._left = set(changed)

    def take(self, size: int) -> tuple[DeviceName, ...]:
        """Return the next wave of at most that many devices, empty when none are left."""
        wave: list[DeviceName] = []
        later: list[DeviceName] = []
        used: set[SiteName] = set()
        for position, name in enumerate(self._ready):
            if len(wave) == size:
                later += self._ready[position:]
                break
            free = used.isdisjoint(self._groups[name])
            (wave if free else later).append(name)
            used |= self._groups[name] if free else set()
        self._left.difference_update(wave)
        self._ready = sorted((*later, *self._freed(wave)), key=self._harm)
        return tuple(wave)

    def _freed(self, wave: Iterable[DeviceName]) -> Iterator[DeviceName]:
        for done in wave:
            for name in sorted(self._seen.neighbours.get(done, frozenset()) & self._left):
                if self._seen.depth[name] < self._seen.depth[done]:
                    self._waits[name] -= 1
                    if not self._waits[name]:
                        yield name

    def _deeper(self, name: DeviceName, among: frozenset[DeviceName]) -> frozenset[DeviceName]:
        depth = self._seen.depth
        near = self._seen.neighbours.get(name, frozenset()) & among
        return frozenset(n for n in near if depth[n] > depth[name])

    def _harm(self, name: DeviceName) -> tuple[int, int, DeviceName]:
        return _harm(name, self._seen)


def _harm(name: DeviceName, seen: ChangeGraph) -> tuple[int, int, DeviceName]:
    return seen.behind.get(name, 0), -seen.depth.get(name, 0), name


def _groups(name: DeviceName, seen: ChangeGraph) -> frozenset[SiteName]:
    """Return the sites whose ways out would be cut twice if a second such device changed."""
    depth = seen.depth
    near = seen.neighbours.get(name, frozenset())
    below = (seen.site[n] for n in near if depth[n] >= depth[name])
    return frozenset((seen.site.get(name, name), *below))


def _neighbours(topology: Topology, site: Mapping[DeviceName, SiteName]) -> Neighbours:
    found: defaultdict[DeviceName, set[DeviceName]] = defaultdict(set)
    for link in topology.links.values():
        if link.a in site and link.b in site:
            found[link.a].add(link.b)
            found[link.b].add(link.a)
    return {name: frozenset(others) for name, others in found.items()}


def _ways(
    neighbours: Neighbours, roots: Iterable[DeviceName]
) -> dict[DeviceName, DeviceName | None]:
    """Return for every connected device the next one towards the roots, nearest devices first."""
    above: dict[DeviceName, DeviceName | None] = dict.fromkeys(sorted(roots))
    todo = deque(above)
    while todo:
        name = todo.popleft()
        for near in sorted(neighbours.get(name, ())):
            if near not in above:
                above[near] = name
                todo.append(near)
    return above


def _behind(
    topology: Topology,
    site: Mapping[DeviceName, SiteName],
    above: dict[DeviceName, DeviceName | None],
) -> Mapping[DeviceName, int]:
    lans = {end for link in topology.links.values() if not link.circuit for end in (link.a, link.b)}
    behind = {
        name: topology.weights[at].facilities if name in lans and at in topology.weights else 0
        for name, at in site.items()
    }
    for name in reversed(above):
        parent = above[name]
        if parent:
            behind[parent] += behind[name]
    return behind
