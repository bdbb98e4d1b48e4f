"""How everything stands at edges, by what they say themselves."""

from collections.abc import Generator, Iterable, Mapping
from typing import Any

from controller.drivers.connect import ask_edges
from controller.drivers.protocol import ConnectEdge
from inventory.errors import SanagaError
from inventory.model import DeviceName


def status_reports(
    names: Iterable[DeviceName], connect: ConnectEdge
) -> Generator[tuple[DeviceName, Mapping[str, Any] | SanagaError], None, None]:
    """Yield how everything stands at every edge, or why it does not say."""
    yield from ask_edges(names, connect, lambda driver: driver.health())
