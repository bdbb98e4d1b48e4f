"""Moving edges to other keys: what each has and moves to, and the lines of edge_keys for it.

An edge makes a key itself and tells the public half. While edge_keys has both, the far ends know
both, and the edge moves one tunnel after the other; once all have moved, the former is forgotten.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controller.drivers.connect import ask_edges
from controller.drivers.protocol import ConnectEdge, EdgeDriver
from controller.model import Operational
from inventory.documents.edge_keys import line
from inventory.errors import AccessError, SanagaError
from inventory.model import Device, DeviceName, Intent, Role
from vpn.model import Gateway


@dataclass(frozen=True, slots=True)
class RotationProgress:
    """How far an edge is: key is what its tunnels are to have, waiting those that have it not.

    consultations are the peers with which one is live.
    """

    key: str
    waiting: tuple[str, ...]
    phase: str
    upcoming: str = ""
    consultations: tuple[DeviceName, ...] = ()

    def moved_to(self, key: str) -> bool:
        """Return whether all tunnels have a key."""
        return self.key == key and not self.waiting


def movable(
    intent: Intent, gateways: Iterable[Gateway], names: Sequence[DeviceName]
) -> tuple[Device, ...]:
    """Return the edges of some names, or without any all that can move to another key.

    Raises AccessError with everything that speaks against the named ones.
    """
    fixed = {gateway.device for gateway in gateways if not gateway.kept}
    edges = {n: d for n, d in intent.devices.items() if d.role is Role.EDGE and d.public_key}
    if not names:
        return tuple(device for name, device in sorted(edges.items()) if name not in fixed)
    against = [
        f"{name}: people's files hold this gateway's key; write it as its public_key in the "
        "section gateways, and its tunnels to other edges can move without it"
        if name in fixed
        else f"{name}: no edge of that name has a key pinned; see 'sanaga vpn site list'"
        for name in names
        if name in fixed or name not in edges
    ]
    if against:
        raise AccessError("\n".join(against))
    return tuple(edges[name] for name in names)


def rotation_status(
    names: Iterable[DeviceName], connect: ConnectEdge, *, rekey: bool
) -> Generator[tuple[DeviceName, RotationProgress | SanagaError], None, None]:
    """Yield how far every edge is, or why it does not say; with rekey it makes a key to move to."""
    yield from ask_edges(
        names, connect, lambda driver: _progress(driver.rekey() if rekey else driver.keys())
    )


@dataclass(frozen=True, slots=True)
class RevocationAck:
    """An edge that was told: the serial of its list of revoked keys, and its live consultations.

    consultations are the peers that it had one with just before.
    """

    serial: int
    consultations: tuple[DeviceName, ...] = ()


def deliver_psk(
    names: Iterable[DeviceName], connect: ConnectEdge
) -> Generator[tuple[DeviceName, RevocationAck | SanagaError], None, None]:
    """Hand edges what they lack, and yield every one of them, or why it was not told."""
    yield from ask_edges(
        names, connect, lambda driver: RevocationAck(int(driver.equip()["serial"]))
    )


def deliver_revocations(
    names: Iterable[DeviceName], connect: ConnectEdge
) -> Generator[tuple[DeviceName, RevocationAck | SanagaError], None, None]:
    """Tell edges of revoked keys, and yield every one of them, or why it was not told."""

    def warn(driver: EdgeDriver) -> RevocationAck:
        live = _progress(driver.keys()).consultations
        return RevocationAck(int(driver.warn()["serial"]), live)

    yield from ask_edges(names, connect, warn)


def revocation_serials(
    names: Iterable[DeviceName], connect: ConnectEdge
) -> Generator[tuple[DeviceName, int | SanagaError], None, None]:
    """Yield every edge with the serial of its list of revoked keys, or why it does not say."""
    yield from ask_edges(names, connect, lambda driver: int(driver.revoked()["serial"]))


def _progress(said: Mapping[str, Any]) -> RotationProgress:
    return RotationProgress(
        str(said["key"]),
        tuple(map(str, said["waiting"])),
        str(said["phase"]),
        str(said.get("upcoming", "")),
        tuple(map(str, said.get("consultations", ()))),
    )


def unaware(
    device: Device, far_ends: Iterable[DeviceName], seen: Operational
) -> tuple[DeviceName, ...]:
    """Return the far ends that are not known to have a policy with the key a device moves to.

    They could not speak to it any more once its former key is forgotten.
    """
    configs = seen.configs
    knows = {name for name in configs if device.next_key in configs[name].text}
    return tuple(sorted(name for name in far_ends if name not in knows))


def announced(device: Device, key: str) -> str:
    """Return the line of an edge that moves to a key."""
    return line(device.name, device.public_key, key)


def settled(device: Device) -> str:
    """Return the line of an edge that has moved."""
    return line(device.name, device.next_key)
