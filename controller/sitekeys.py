"""Moving edges to other keys: what each has and moves to, and the lines of edge_keys for it.

An edge makes a key itself and tells the public half. While edge_keys has both, the far ends know
both, and the edge moves one tunnel after the other; once all have moved, the former is forgotten.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from controller.parallel import each
from inventory.edgekeys import line
from inventory.errors import AccessError, CredentialError, DeviceError, SanagaError
from inventory.model import Device, DeviceName, Intent, Role
from vpn.model import Gateway


class KeyHolder(Protocol):
    """An edge, as far as its keys are concerned; raises DeviceError."""

    def rekey(self) -> Mapping[str, Any]:
        """Have it make a key to move to, unless it has one; its name there is upcoming."""
        ...

    def keys(self) -> Mapping[str, Any]:
        """Return which key its tunnels are to have, and which of them wait for it."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


Connect: TypeAlias = Callable[[DeviceName], KeyHolder]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an edge is: key is what its tunnels are to have, waiting those that have it not."""

    key: str
    waiting: tuple[str, ...]
    phase: str
    upcoming: str = ""

    def moved_to(self, key: str) -> bool:
        """Return whether all tunnels have a key."""
        return self.key == key and not self.waiting


def movable(
    intent: Intent, gateways: Iterable[Gateway], names: Sequence[DeviceName]
) -> tuple[Device, ...]:
    """Return the edges of some names, or without any all that can move to another key.

    Raises AccessError with everything that speaks against the named ones.
    """
    fixed = {gateway.device for gateway in gateways}
    edges = {n: d for n, d in intent.devices.items() if d.role is Role.EDGE and d.public_key}
    if not names:
        return tuple(device for name, device in sorted(edges.items()) if name not in fixed)
    against = [
        f"{name}: people's files hold this gateway's key, so they would all need another file"
        if name in fixed
        else f"{name}: no edge of that name has a key pinned; see 'sanaga vpn site list'"
        for name in names
        if name in fixed or name not in edges
    ]
    if against:
        raise AccessError("\n".join(against))
    return tuple(edges[name] for name in names)


def asked(
    names: Iterable[DeviceName], connect: Connect, *, rekey: bool
) -> Generator[tuple[DeviceName, Progress | SanagaError], None, None]:
    """Yield how far every edge is, or why it does not say; with rekey it makes a key to move to."""

    def ask(name: DeviceName) -> Progress:
        try:
            driver = connect(name)
        except CredentialError as error:
            raise DeviceError(name, str(error)) from error
        try:
            return _progress(driver.rekey() if rekey else driver.keys())
        finally:
            driver.close()

    yield from each(tuple(names), ask)


def _progress(said: Mapping[str, Any]) -> Progress:
    return Progress(
        str(said["key"]),
        tuple(map(str, said["waiting"])),
        str(said["phase"]),
        str(said.get("upcoming", "")),
    )


def announced(device: Device, key: str) -> str:
    """Return the line of an edge that moves to a key."""
    return line(device.name, device.public_key, key)


def settled(device: Device) -> str:
    """Return the line of an edge that has moved."""
    return line(device.name, device.next_key)
