"""What may listen to the selection of paths; it is never waited for."""

from collections.abc import Sequence
from typing import Protocol

from edge.selection.evaluate import PathChange
from inventory.model import DeviceName
from topology.quality.health import LinkHealth, Measurement, PathName


class SelectionListener(Protocol):
    """Hears each measurement and each move. No method blocks or raises."""

    def on_measured(
        self, peer: DeviceName, path: PathName, measurement: Measurement, health: LinkHealth
    ) -> None:
        """Take one measurement of a path, and its health after that."""
        ...

    def on_moved(self, changes: Sequence[PathChange]) -> None:
        """Take classes of traffic that take another path from now on."""
        ...
