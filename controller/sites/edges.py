"""Edges of a folder: their keys, what edge_keys pins, and which revoked keys they know."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from controller.clock import Clock
from controller.drivers.protocol import Connect, ConnectEdge
from controller.load import Loaded
from controller.store.people import People
from inventory.documents.edge_keys import replace_key_lines
from inventory.errors import AccessError
from inventory.intent import EDGE_KEYS
from inventory.model import Device, DeviceName, Role, SiteName
from inventory.output_file import replace_file


@dataclass(frozen=True, slots=True)
class SitesContext:
    """What changes to sites' keys read and write besides edge_keys.

    edges connects to the daemon of an edge, devices to what reads a device's configuration.
    """

    loaded: Loaded
    store: People
    state_dir: Path
    edges: ConnectEdge
    devices: Connect
    clock: Clock


@dataclass(frozen=True, slots=True)
class EdgeKeysStatus:
    """An edge with its key, the one that it moves to, and the day on which it moved last."""

    device: DeviceName
    site: SiteName
    key: str | None
    moves_to: str | None
    rotated: str | None
    gateway: bool


def edge_keys_status(loaded: Loaded, store: People) -> tuple[EdgeKeysStatus, ...]:
    """Return all edges of a folder with their keys, by name."""
    moved = moved_on(store)
    gateways = {gateway.device for gateway in loaded.access.policy.gateways}
    return tuple(
        EdgeKeysStatus(
            device=device.name,
            site=device.site,
            key=device.public_key or None,
            moves_to=device.next_key or None,
            rotated=moved.get(device.name),
            gateway=device.name in gateways,
        )
        for _, device in sorted(loaded.intent.devices.items())
        if device.role is Role.EDGE
    )


def moved_on(store: People) -> Mapping[DeviceName, str]:
    """Return the day on which every edge moved to another key last."""
    trail = store.trail()
    return {trace.subject: trace.at[:10] for trace in trail if trace.what == "site.settle"}


def edge_of(loaded: Loaded, name: DeviceName) -> Device:
    """Return an edge by name. Raises AccessError."""
    device = loaded.intent.devices.get(name)
    if device is None or device.role is not Role.EDGE:
        raise AccessError(f"{name}: no edge of that name; see 'sanaga vpn site list'")
    return device


def rewrite_edge_keys(folder: Path, lines: Mapping[DeviceName, str]) -> None:
    """Put other lines into edge_keys, whole or not at all. Raises OSError."""
    if lines:
        file = folder / EDGE_KEYS
        text = replace_key_lines(file.read_text(encoding="utf-8"), lines)
        replace_file(file, text.encode())
