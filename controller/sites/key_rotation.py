"""Moving edges to other keys: what each has and moves to, and the lines of edge_keys for it.

An edge makes a key itself and reports the public half. While edge_keys has both, the far ends know
both, and the edge moves one tunnel after the other; once all have moved, the former is forgotten.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from controller.clock import persisted
from controller.drivers.connect import ask_edges
from controller.drivers.observe import observe
from controller.drivers.protocol import ConnectEdge
from controller.load import Loaded
from controller.load import device as known_device
from controller.model import Operational
from controller.sites.edges import SitesContext, moved_on, rewrite_edge_keys
from controller.store.audit import Actor
from controller.wording import listing
from inventory.documents.edge_keys import edge_key_line
from inventory.errors import AccessError, SanagaError
from inventory.intent import EDGE_KEYS
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


@dataclass(frozen=True, slots=True)
class EdgeRotation:
    """An edge that moves to another key, and how far it is, or why it does not say."""

    device: Device
    said: RotationProgress | SanagaError

    @property
    def moved(self) -> bool | None:
        """Return whether all its tunnels have the other key; None if it does not say."""
        if not isinstance(self.said, RotationProgress):
            return None
        return self.said.moved_to(self.device.next_key)


@dataclass(frozen=True, slots=True)
class RotationStart:
    """The edges that have a key to move to by now, and why others have none."""

    moving: tuple[DeviceName, ...]
    failed: Mapping[DeviceName, str]


@dataclass(frozen=True, slots=True)
class RotationEnd:
    """The edges whose other key is their only one by now, and why others keep both.

    unreachable says which far ends could not be read.
    """

    done: tuple[DeviceName, ...]
    left: Mapping[DeviceName, str]
    unreachable: tuple[str, ...]


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
        names, connect, lambda driver: progress_of(driver.rekey() if rekey else driver.keys())
    )


def progress_of(said: Mapping[str, Any]) -> RotationProgress:
    """Return how far an edge is, by what it says."""
    return RotationProgress(
        str(said["key"]),
        tuple(map(str, said["waiting"])),
        str(said["phase"]),
        str(said.get("upcoming", "")),
        tuple(map(str, said.get("consultations", ()))),
    )


def rotate_keys(
    context: SitesContext, names: Sequence[DeviceName], at_most: int | None, who: Actor
) -> RotationStart:
    """Have edges, all unless some are named, make keys to move to, and pin both in edge_keys.

    Those that moved longest ago come first. Raises AccessError.
    """
    loaded, moved = context.loaded, moved_on(context.store)
    devices = movable(loaded.intent, loaded.access.policy.gateways, names)
    idle = sorted(
        (device for device in devices if not device.next_key),
        key=lambda device: (moved.get(device.name, ""), device.name),
    )[:at_most]
    made, failed = _made_keys(context, idle)
    lines = {n: announced(loaded.intent.devices[n], key) for n, key in made.items()}
    context.store.site_keys.remember({key: name for name, key in made.items()})
    rewrite_edge_keys(loaded.folder, lines)
    for name in sorted(made):
        former = loaded.intent.devices[name].public_key
        context.store.noted("site.rotate", name, who, former=former, to=made[name])
    already = tuple(device.name for device in devices if device.next_key)
    return RotationStart((*already, *made), failed)


def _made_keys(
    context: SitesContext, devices: Sequence[Device]
) -> tuple[dict[DeviceName, str], dict[DeviceName, str]]:
    """Return the keys that edges made, and why others made none."""
    made, failed = dict[DeviceName, str](), dict[DeviceName, str]()
    by_name = {device.name: device for device in devices}
    for name, said in rotation_status(by_name, context.edges, rekey=True):
        if isinstance(said, RotationProgress) and said.key == by_name[name].public_key:
            made[name] = said.upcoming
        else:
            failed[name] = _refusal(by_name[name], said)
    return made, failed


def rotations(loaded: Loaded, connect: ConnectEdge) -> tuple[EdgeRotation, ...]:
    """Return how far every edge is that moves to another key, by name."""
    moving = _moving(loaded)
    found = sorted(rotation_status(moving, connect, rekey=False), key=lambda pair: pair[0])
    return tuple(EdgeRotation(moving[name], said) for name, said in found)


def settle_keys(
    context: SitesContext, without: Set[DeviceName], who: Actor, *, within_s: float
) -> RotationEnd:
    """Write the keys of edges that have moved as the only ones into edge_keys.

    An edge whose far ends may not know its other key keeps both, except for those in without.
    Raises UnknownNameError.
    """
    loaded = context.loaded
    for name in sorted(without):
        known_device(loaded.intent, name)
    moving = _moving(loaded)
    waiting = _waiting(context, moving, within_s)
    moved = {name: device for name, device in moving.items() if name not in waiting}
    seen = _far_ends_seen(context, moved, without)
    left = {**waiting, **_unheard(loaded, moved, without, seen)}
    done = {name: device for name, device in moving.items() if name not in left}
    rewrite_edge_keys(loaded.folder, {name: settled(device) for name, device in done.items()})
    for name, device in done.items():
        keys = {"former": device.public_key, "key": device.next_key}
        context.store.noted("site.settle", name, who, **keys)
    return RotationEnd(tuple(done), left, tuple(seen.unreachable.values()))


def _moving(loaded: Loaded) -> dict[DeviceName, Device]:
    return {name: d for name, d in sorted(loaded.intent.devices.items()) if d.next_key}


def _waiting(
    context: SitesContext, moving: Mapping[DeviceName, Device], within_s: float
) -> Mapping[DeviceName, str]:
    """Wait for edges to have moved, and return why some have not."""
    _, left = persisted(
        moving,
        lambda todo: rotation_status(todo, context.edges, rekey=False),
        lambda name, said: EdgeRotation(moving[name], said).moved is True,
        within_s=within_s,
        clock=context.clock,
    )
    return {name: _why_waiting(name, said) for name, said in left.items()}


def _far_ends_seen(
    context: SitesContext, moved: Iterable[DeviceName], without: Set[DeviceName]
) -> Operational:
    """Read the policies of all far ends of edges that have moved."""
    tunnels = context.loaded.overlay.tunnels
    far_ends = {far for name in moved for far in tunnels(name)} - without
    return observe(sorted(far_ends), context.devices)


def _unheard(
    loaded: Loaded,
    moved: Mapping[DeviceName, Device],
    without: Set[DeviceName],
    seen: Operational,
) -> Mapping[DeviceName, str]:
    """Return the edges of whose other key some far end may not know, and what to do."""
    far_ends = {name: loaded.overlay.tunnels(name).keys() - without for name in moved}
    found = {name: unaware(moved[name], far_ends[name], seen) for name in moved}
    return {
        name: f"{name} has moved, and keeps both keys: {listing(unknown)} may not know the other "
        "one; plan and apply there, or say --without and do so before its tunnels are needed"
        for name, unknown in found.items()
        if unknown
    }


def _why_waiting(name: DeviceName, said: RotationProgress | SanagaError) -> str:
    if not isinstance(said, RotationProgress):
        return str(said)
    waiting = listing(said.waiting) if said.waiting else "the policy that names its other key"
    return f"{name} waits for {waiting}"


def _refusal(device: Device, said: RotationProgress | SanagaError) -> str:
    """Return why an edge cannot move from where it is."""
    if not isinstance(said, RotationProgress):
        return str(said)
    return (
        f"{device.name} uses the key {said.key}, and not the one in {EDGE_KEYS}. If it "
        f"was put back from an older image, 'sanaga plan --only {device.name}' and apply come "
        f"first; if not, find out why, and correct {EDGE_KEYS}"
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
    return edge_key_line(device.name, device.public_key, key)


def settled(device: Device) -> str:
    """Return the line of an edge that has moved."""
    return edge_key_line(device.name, device.next_key)
