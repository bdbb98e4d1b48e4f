"""Letting edges in and shutting them out, as verbs tell of it: edge_keys, lists, who was told."""

from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from stat import S_IMODE
from typing import Final, TypeAlias

from controller.access.registrar import Registrar
from controller.app import open_registrar
from controller.cli_vpn.arguments import act
from controller.cli_vpn.site_keys import connect, rewrite, rows
from controller.clock import SystemClock, persisted
from controller.environment import state_dir
from controller.intended.overlay import build_overlay
from controller.keys import revocation_signing
from controller.keys.revocation_file import published
from controller.load import Loaded, load
from controller.sites import key_rotation
from controller.sites.key_rotation import RevocationAck
from controller.store.revoked_keys import refusal
from controller.terminal.output import say
from controller.wording import count, listing
from edge.storage import atomic
from inventory.documents.edge_keys import key_fault, line
from inventory.errors import AccessError, SanagaError
from inventory.intent import EDGE_KEYS
from inventory.model import Device, DeviceName, Role

Told: TypeAlias = Generator[tuple[DeviceName, RevocationAck | SanagaError], None, None]

PLAN: Final = "'sanaga plan {folder} --out plan', 'sanaga apply plan'"
NOW: Final = f"now {PLAN}"
DETAIL: Final = {
    "device": "Edge",
    "site": "Site",
    "key": "Key",
    "moves_to": "Moves to",
    "rotated": "Moved last",
    "gateway": "Gateway of people",
    "dials": "Has tunnels to",
    "revoked": "Revoked keys",
    "list": "Goes by list",
    "newest": "Newest list",
    "fault": "Fault",
}


def add(folder: Path, name: DeviceName, key: str, because: str) -> None:
    """Pin the key of an edge; raises AccessError when that cannot be."""
    who = act(because)
    # Of two who do this at once, the second sees what the first one wrote.
    with open_registrar() as registrar, registrar.store.together():
        loaded = load(folder)
        device = _edge(loaded, name)
        if against := "\n".join(_against(loaded, registrar, device, key)):
            raise AccessError(against)
        if device.public_key == key:
            say(f"{name} has this key already")
            return
        registrar.store.noted("site.add", name, who, key=key)
        _append(folder / EDGE_KEYS, line(name, key))
    say(f"{name} is pinned in {EDGE_KEYS}; now {PLAN.format(folder=folder)}")


def _append(file: Path, added: str) -> None:
    there = file.exists()
    before = file.read_text(encoding="utf-8") if there else ""
    ended = before if before.endswith("\n") or not before else before + "\n"
    atomic.replace(file, ended + added, mode=S_IMODE(file.stat().st_mode) if there else 0o644)


def _against(loaded: Loaded, registrar: Registrar, device: Device, key: str) -> Iterable[str]:
    """Yield what speaks against pinning a key."""
    if fault := key_fault(key):
        yield f"{device.name}: {fault}; copy it from 'sanaga edge enrol' there"
        return
    if gone := registrar.store.revoked.find(key):
        yield f"{device.name}: {refusal(gone)}: remove the edge's folder there and enrol it anew"
    if owner := registrar.store.owner(key):
        yield f"{device.name}: this key is that of {owner.device.person}'s {owner.device.name}"
    for other in loaded.intent.devices.values():
        if other.name != device.name and key in {other.public_key, other.next_key}:
            yield f"{device.name}: this key is that of {other.name}"
    if device.public_key not in {"", key}:
        yield (
            f"{device.name} has the key {device.public_key}; 'sanaga vpn site rotate' moves it to "
            "another, 'sanaga vpn site revoke' withdraws it"
        )


def show(folder: Path, name: DeviceName) -> dict[str, object]:
    """Return all that is known of an edge. Raises AccessError."""
    loaded = load(folder)
    device = _edge(loaded, name)
    (row,) = (row for row in rows(folder) if row["device"] == name)
    with open_registrar() as registrar:
        gone = registrar.store.revoked.of_site(name)
        newest = registrar.store.revoked.serial()
    said = (
        dict(key_rotation.revocation_serials([name], connect(loaded)))[name]
        if device.public_key
        else None
    )
    reached = isinstance(said, int)
    return {
        **row,
        "dials": list(build_overlay(loaded.intent).tunnels(name)),
        "revoked": [f"{one.public_key} on {one.at[:10]}" for one in gone],
        "list": said if reached else None,
        "newest": newest,
        "fault": None if reached or said is None else str(said),
    }


def revoke(folder: Path, names: Sequence[DeviceName], patience_s: float, because: str) -> bool:
    """Withdraw all keys of edges, and tell every other; return whether all were told.

    Said again after an interruption it goes on.
    """
    loaded, who = load(folder), act(because)
    with open_registrar() as registrar:
        keys = {name: _keys(registrar, loaded, _edge(loaded, name)) for name in names}
        if unknown := [name for name, own in keys.items() if not own]:
            raise AccessError(
                f"{listing(unknown)}: no key is known; put the line back into {EDGE_KEYS}, and say "
                "this again"
            )
        for name, own in keys.items():
            registrar.store.revoke_site(name, own, who)
        revocation_signing.publish(registrar.store, state_dir())
    say(f"{listing(list(names))} revoked")
    others = [name for name in _hubs_first(loaded) if name not in names]
    done = _told(
        others,
        lambda todo: key_rotation.deliver_revocations(todo, connect(loaded)),
        patience_s,
        names,
    )
    rewrite(folder, dict.fromkeys(names, ""))
    say(f"it is gone from {EDGE_KEYS}, and the policies still name it; {NOW.format(folder=folder)}")
    gateways = {gateway.device for gateway in loaded.access.policy.gateways}
    if lost := [name for name in names if name in gateways]:
        say(
            f"people's files still lead to {listing(lost)}: take it out of the section gateways "
            f"and say 'sanaga vpn apply --dir {folder}'"
        )
    return done


def equip(folder: Path, names: Sequence[DeviceName], patience_s: float) -> bool:
    """Hand edges what they lack: preshared keys and the list of revoked ones."""
    loaded = load(folder)
    with open_registrar() as registrar:
        revocation_signing.publish(registrar.store, state_dir())
    chosen = [_edge(loaded, name).name for name in names] or list(_hubs_first(loaded))
    return _told(chosen, lambda todo: key_rotation.deliver_psk(todo, connect(loaded)), patience_s)


def _told(
    names: Sequence[DeviceName],
    tell: Callable[[Sequence[DeviceName]], Told],
    wait_s: float,
    gone: Sequence[DeviceName] = (),
) -> bool:
    """Tell edges, again those that are not reached until time is up, and say how that went."""
    told, left = _all_told(names, tell, wait_s)
    ours, newest = published(state_dir()).serial, max((w.serial for w in told.values()), default=0)
    if newest > ours:
        say(
            f"edges go by list {newest} of revoked keys, and this controller's was {ours}: its "
            "state folder was put back from a backup; it is numbered above theirs and told again"
        )
        with open_registrar() as registrar:
            revocation_signing.publish(registrar.store, state_dir(), above=newest)
        told, left = _all_told(names, tell, wait_s)
    for name, warned in told.items():
        if live := sorted(set(warned.consultations).intersection(gone)):
            say(f"this cut a running consultation: {listing(live)} with {name}")
    if told:
        say(f"{count(len(told), 'edge')} told")
    for why in left.values():
        say(str(why))
    if left:
        say(
            f"{listing(list(left))} not told; of revoked keys neighbours tell, once they are "
            "reached, and 'sanaga vpn site load' tries again"
        )
    return not left


def _all_told(
    names: Sequence[DeviceName], tell: Callable[[Sequence[DeviceName]], Told], wait_s: float
) -> tuple[dict[DeviceName, RevocationAck], dict[DeviceName, SanagaError]]:
    """Return which edges were told, and why the others were not."""
    done, left = persisted(
        names,
        tell,
        lambda _, said: isinstance(said, RevocationAck),
        within_s=wait_s,
        clock=SystemClock(),
    )
    told = {name: said for name, said in done.items() if isinstance(said, RevocationAck)}
    return told, {name: said for name, said in left.items() if isinstance(said, SanagaError)}


def _edge(loaded: Loaded, name: DeviceName) -> Device:
    device = loaded.intent.devices.get(name)
    if device is None or device.role is not Role.EDGE:
        raise AccessError(f"{name}: no edge of that name; see 'sanaga vpn site list'")
    return device


def _hubs_first(loaded: Loaded) -> tuple[DeviceName, ...]:
    laid = build_overlay(loaded.intent)
    return (*sorted(laid.hubs), *sorted(laid.managed.keys() - laid.hubs))


def _keys(registrar: Registrar, loaded: Loaded, device: Device) -> tuple[str, ...]:
    """Return all keys of an edge: an edge that was away may still know one of before.

    What is another device's by now is left out.
    """
    policy = loaded.access.policy
    told = (
        str(trace.details[field])
        for trace in registrar.store.trail(device.name)
        if trace.what.startswith("site.")
        for field in ("former", "key", "to")
        if field in trace.details
    )
    every = (
        device.public_key,
        device.next_key,
        *(g.public_key for g in policy.gateways if g.device == device.name),
        *(one.public_key for one in registrar.store.revoked.of_site(device.name)),
        *told,
    )
    others = {
        key
        for other in loaded.intent.devices.values()
        if other.name != device.name
        for key in (other.public_key, other.next_key)
    }
    return tuple(key for key in dict.fromkeys(every) if not key_fault(key) and key not in others)
