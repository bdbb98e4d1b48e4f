"""Revoking edges: their keys are withdrawn for good, and every other edge learns of it."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from controller.clock import persisted
from controller.drivers.connect import ask_edges
from controller.drivers.protocol import ConnectEdge, EdgeDriver
from controller.keys.revocation_file import published
from controller.keys.revocation_signing import publish
from controller.load import Loaded
from controller.sites.edges import (
    EdgeKeysStatus,
    SitesContext,
    edge_keys_status,
    edge_of,
    rewrite_edge_keys,
)
from controller.sites.key_rotation import progress_of
from controller.store.audit import Actor
from controller.store.people import People
from controller.store.revoked_keys import RevokedKey
from controller.vpn_events import EdgesRevoked
from controller.wording import listing
from inventory.documents.edge_keys import key_fault
from inventory.errors import AccessError, SanagaError
from inventory.intent import EDGE_KEYS
from inventory.model import Device, DeviceName


@dataclass(frozen=True, slots=True)
class RevocationAck:
    """An edge that has the list: the serial of its list, and its live consultations.

    consultations are the peers that it had one with just before.
    """

    serial: int
    consultations: tuple[DeviceName, ...] = ()


Acks: TypeAlias = Generator[tuple[DeviceName, RevocationAck | SanagaError], None, None]


@dataclass(frozen=True, slots=True)
class RevocationDelivery:
    """Which edges have what they were sent, and why others do not.

    overtaken has the serials of our list and of a newer one that an edge had, if any had: our
    record was put back from a backup, and is numbered above theirs by now.
    """

    told: Mapping[DeviceName, RevocationAck]
    left: Mapping[DeviceName, SanagaError]
    overtaken: tuple[int, int] | None = None

    def interrupted(self, gone: Iterable[DeviceName]) -> Mapping[DeviceName, tuple[str, ...]]:
        """Return the edges whose consultations with revoked ones were cut, and with which."""
        lost = set(gone)
        found = {n: tuple(sorted(lost.intersection(a.consultations))) for n, a in self.told.items()}
        return {name: live for name, live in found.items() if live}


@dataclass(frozen=True, slots=True)
class Revocation:
    """How a revocation went; gateways are those of the edges that people's files lead to."""

    delivery: RevocationDelivery
    gateways: tuple[DeviceName, ...]


@dataclass(frozen=True, slots=True)
class EdgeDetail:
    """An edge with its far ends and revoked keys.

    serial is that of the list of revoked keys which it uses, newest that of ours; fault says why
    the edge does not tell.
    """

    keys: EdgeKeysStatus
    far_ends: tuple[DeviceName, ...]
    revoked: tuple[RevokedKey, ...]
    serial: int | None
    newest: int
    fault: str | None


def ignore(_event: EdgesRevoked) -> None:
    """Take note of nothing."""


def revoke_edges(
    context: SitesContext,
    names: Sequence[DeviceName],
    who: Actor,
    *,
    within_s: float,
    report: Callable[[EdgesRevoked], None] = ignore,
) -> Revocation:
    """Withdraw all keys of edges, send every other edge the list, and take them out of edge_keys.

    Called again after an interruption it goes on. Raises AccessError.
    """
    loaded, store = context.loaded, context.store
    keys = {name: _known_keys(store, loaded, edge_of(loaded, name)) for name in names}
    if unknown := [name for name, own in keys.items() if not own]:
        raise AccessError(
            f"{listing(unknown)}: no key is known; put the line back into {EDGE_KEYS}, and say "
            "this again"
        )
    for name, own in keys.items():
        store.revoke_site(name, own, who)
    publish(store, context.state_dir)
    report(EdgesRevoked(tuple(names)))
    others = [name for name in hubs_first(loaded) if name not in names]
    delivery = _deliver(context, others, deliver_revocations, within_s)
    rewrite_edge_keys(loaded.folder, dict.fromkeys(names, ""))
    gateways = {gateway.device for gateway in loaded.access.policy.gateways}
    return Revocation(delivery, tuple(name for name in names if name in gateways))


def equip_edges(
    context: SitesContext, names: Sequence[DeviceName], *, within_s: float
) -> RevocationDelivery:
    """Hand edges, all unless some are named, the preshared keys and revoked keys that they lack."""
    loaded = context.loaded
    publish(context.store, context.state_dir)
    chosen = [edge_of(loaded, name).name for name in names] or list(hubs_first(loaded))
    return _deliver(context, chosen, deliver_psk, within_s)


def edge_detail(context: SitesContext, name: DeviceName) -> EdgeDetail:
    """Return all that is known of an edge. Raises AccessError."""
    loaded, store = context.loaded, context.store
    device = edge_of(loaded, name)
    (keys,) = (row for row in edge_keys_status(loaded, store) if row.device == name)
    asked = [name] if device.public_key else []
    said = dict(revocation_serials(asked, context.edges)).get(name)
    reached = isinstance(said, int)
    return EdgeDetail(
        keys=keys,
        far_ends=tuple(loaded.overlay.tunnels(name)),
        revoked=store.revoked.of_site(name),
        serial=said if isinstance(said, int) else None,
        newest=store.revoked.serial(),
        fault=None if reached or said is None else str(said),
    )


def deliver_psk(names: Iterable[DeviceName], connect: ConnectEdge) -> Acks:
    """Hand edges what they lack, and yield every one of them, or why it was not reached."""

    def equip(driver: EdgeDriver) -> RevocationAck:
        return RevocationAck(int(driver.equip()["serial"]))

    yield from ask_edges(names, connect, equip)


def deliver_revocations(names: Iterable[DeviceName], connect: ConnectEdge) -> Acks:
    """Send edges the revoked keys, and yield every one of them, or why it was not reached."""

    def warn(driver: EdgeDriver) -> RevocationAck:
        live = progress_of(driver.keys()).consultations
        return RevocationAck(int(driver.warn()["serial"]), live)

    yield from ask_edges(names, connect, warn)


def revocation_serials(
    names: Iterable[DeviceName], connect: ConnectEdge
) -> Generator[tuple[DeviceName, int | SanagaError], None, None]:
    """Yield every edge with the serial of its list of revoked keys, or why it does not say."""
    yield from ask_edges(names, connect, lambda driver: int(driver.revoked()["serial"]))


def hubs_first(loaded: Loaded) -> tuple[DeviceName, ...]:
    """Return all edges that have tunnels, hubs before those that dial them."""
    laid = loaded.overlay
    return (*sorted(laid.hubs), *sorted(laid.managed.keys() - laid.hubs))


Deliver: TypeAlias = Callable[[Iterable[DeviceName], ConnectEdge], Acks]


def _deliver(
    context: SitesContext, names: Sequence[DeviceName], deliver: Deliver, within_s: float
) -> RevocationDelivery:
    """Send edges something, again to those that are not reached until time is up."""
    first = _attempts(context, names, deliver, within_s)
    ours = published(context.state_dir).serial
    newest = max((ack.serial for ack in first.told.values()), default=0)
    if newest <= ours:
        return first
    publish(context.store, context.state_dir, above=newest)
    again = _attempts(context, names, deliver, within_s)
    return replace(again, overtaken=(ours, newest))


def _attempts(
    context: SitesContext, names: Sequence[DeviceName], deliver: Deliver, within_s: float
) -> RevocationDelivery:
    done, left = persisted(
        names,
        lambda todo: deliver(todo, context.edges),
        lambda _, said: isinstance(said, RevocationAck),
        within_s=within_s,
        clock=context.clock,
    )
    told = {name: said for name, said in done.items() if isinstance(said, RevocationAck)}
    return RevocationDelivery(
        told, {n: said for n, said in left.items() if isinstance(said, SanagaError)}
    )


def _known_keys(store: People, loaded: Loaded, device: Device) -> tuple[str, ...]:
    """Return all keys of an edge: an edge that was away may still know an earlier one.

    What is another device's by now is left out.
    """
    policy = loaded.access.policy
    told = (
        str(trace.details[field])
        for trace in store.trail(device.name)
        if trace.what.startswith("site.")
        for field in ("former", "key", "to")
        if field in trace.details
    )
    every = (
        device.public_key,
        device.next_key,
        *(g.public_key for g in policy.gateways if g.device == device.name),
        *(one.public_key for one in store.revoked.of_site(device.name)),
        *told,
    )
    others = {
        key
        for other in loaded.intent.devices.values()
        if other.name != device.name
        for key in (other.public_key, other.next_key)
    }
    return tuple(key for key in dict.fromkeys(every) if not key_fault(key) and key not in others)
