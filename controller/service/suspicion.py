"""Which devices to ask at once when an edge does not reach another: those on the ways between."""

from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Final

from inventory.model import DeviceName
from topology.model import NodeKind, Topology
from topology.paths import disjoint_paths

_WAYS: Final = 3
_REMEMBERED: Final = 4096


class DevicesBetween:
    """Devices on the ways between two of an intent, computed once for each pair."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._pair = lru_cache(maxsize=_REMEMBERED)(self._between)

    def __call__(self, here: DeviceName, there: Collection[DeviceName]) -> frozenset[DeviceName]:
        """Return the devices on the first two ways from one to each of the others."""
        return frozenset(device for far in there for device in self._pair(here, far))

    def _between(self, here: DeviceName, far: DeviceName) -> tuple[DeviceName, ...]:
        return tuple(self._devices(here, far))

    def _devices(self, here: DeviceName, far: DeviceName) -> Iterator[DeviceName]:
        nodes = self._topology.nodes
        if here in nodes and far in nodes:
            for way in disjoint_paths(self._topology, here, far, by="link")[:_WAYS]:
                yield from (name for name in way.nodes if nodes[name].kind is NodeKind.DEVICE)
