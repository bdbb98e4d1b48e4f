"""Letting edges in and shutting them out, as verbs tell of it: edge_keys, lists, who was told."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from controller import revocations, sitekeys
from controller.cli.desk import act, desk
from controller.cli.output import count, listing, say
from controller.cli.site_keys import connect, rewrite, rows
from controller.clock import SystemClock
from controller.edges import overlay
from controller.environment import state_dir
from controller.load import Loaded, load
from controller.registrar import Registrar
from controller.sitekeys import Progress
from edge import files
from inventory.edgekeys import key_fault, line
from inventory.errors import AccessError, SanagaError
from inventory.intent import EDGE_KEYS
from inventory.model import Device, DeviceName, Role

Told: TypeAlias = Generator[tuple[DeviceName, object], None, None]

RETRY_S: Final = 3.0
PLAN: Final = "'sanaga plan {folder} --out plan', 'sanaga apply plan'"
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
    loaded, who = load(folder), act(because)
    device = _edge(loaded, name)
    with desk() as opened:
        if against := "\n".join(_against(loaded, opened, device, key)):
            raise AccessError(against)
        if device.public_key == key:
            say(f"{name} has this key already")
            return
        file = folder / EDGE_KEYS
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        ended = before if before.endswith("\n") or not before else before + "\n"
        files.replace(file, ended + line(name, key), mode=0o644)
        opened.store.noted("site.add", name, who, key=key)
    say(f"{name} is pinned in {EDGE_KEYS}; now {PLAN.format(folder=folder)}")


def _against(loaded: Loaded, opened: Registrar, device: Device, key: str) -> Iterable[str]:
    """Yield what speaks against pinning a key."""
    if fault := key_fault(key):
        yield f"{device.name}: {fault}; copy it from 'sanaga edge enrol' there"
        return
    if gone := opened.store.revoked.find(key):
        yield (
            f"{device.name}: this key was revoked on {gone.at[:10]} and stays so; remove the "
            "edge's folder there and enrol it anew"
        )
    if owner := opened.store.owner(key):
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
    with desk() as opened:
        gone = opened.store.revoked.of_site(name)
        newest = revocations.publish(opened.store, state_dir()).serial
    said = dict(sitekeys.warned([name], connect(loaded)))[name] if device.public_key else None
    reached = isinstance(said, int)
    return {
        **row,
        "dials": list(overlay(loaded.intent).tunnels(name)),
        "revoked": [f"{one.public_key} on {one.at[:10]}" for one in gone],
        "list": said if reached else None,
        "newest": newest,
        "fault": None if reached or said is None else str(said),
    }


def revoke(folder: Path, names: Sequence[DeviceName], patience_s: float, because: str) -> bool:
    """Withdraw all keys of edges, and tell every other; return whether all were told."""
    loaded, who = load(folder), act(because)
    keys = {name: _keys(_edge(loaded, name)) for name in names}
    if unpinned := [name for name, own in keys.items() if not own]:
        raise AccessError(f"{listing(unpinned)}: no key is pinned, so there is none to revoke")
    others = [name for name in _hubs_first(loaded) if name not in names]
    for cut in _cut(names, loaded):
        say(cut)
    with desk() as opened:
        for name, own in keys.items():
            opened.store.revoke_site(name, (*own, *_former(opened, name, own)), who)
        revocations.publish(opened.store, state_dir())
    rewrite(folder, dict.fromkeys(names, ""))
    say(f"{listing(list(names))} revoked, and gone from {EDGE_KEYS}")
    done = _told(others, lambda todo: sitekeys.warned(todo, connect(loaded)), patience_s)
    say(f"the policies still name what was revoked; now {PLAN.format(folder=folder)}")
    return done


def _cut(names: Sequence[DeviceName], loaded: Loaded) -> Iterable[str]:
    """Yield the consultations that run now between some edges and others, as those tell."""
    laid = overlay(loaded.intent)
    others = {peer for name in names for peer in laid.tunnels(name)}.difference(names)
    for name, said in sitekeys.asked(others, connect(loaded), rekey=False):
        live = set(said.consultations) & set(names) if isinstance(said, Progress) else ()
        if live:
            yield f"this cuts a running consultation: {listing(sorted(live))} with {name}"


def equip(folder: Path, names: Sequence[DeviceName], patience_s: float) -> bool:
    """Hand edges what they lack: preshared keys and the list of revoked ones."""
    loaded = load(folder)
    with desk() as opened:
        revocations.publish(opened.store, state_dir())
    chosen = [_edge(loaded, name).name for name in names] or list(_hubs_first(loaded))
    return _told(chosen, lambda todo: sitekeys.equipped(todo, connect(loaded)), patience_s)


def _told(names: list[DeviceName], tell: Callable[[list[DeviceName]], Told], wait_s: float) -> bool:
    """Tell edges, again those that are not reached until time is up, and say how that went."""
    clock = SystemClock()
    deadline, left = clock.now() + wait_s, dict[DeviceName, object]()
    todo = names
    while todo:
        left = {name: said for name, said in tell(todo) if isinstance(said, SanagaError)}
        todo = [name for name in todo if name in left]
        if not todo or (rest := deadline - clock.now()) <= 0:
            break
        clock.pause(min(RETRY_S, rest))
    if told := len(names) - len(left):
        say(f"{count(told, 'edge')} told")
    for why in left.values():
        say(str(why))
    if left:
        say(
            f"{listing(list(left))} not told; neighbours do, once they are reached, and "
            "'sanaga vpn site load' tries again"
        )
    return not left


def _edge(loaded: Loaded, name: DeviceName) -> Device:
    device = loaded.intent.devices.get(name)
    if device is None or device.role is not Role.EDGE:
        raise AccessError(f"{name}: no edge of that name; see 'sanaga vpn site list'")
    return device


def _hubs_first(loaded: Loaded) -> tuple[DeviceName, ...]:
    laid = overlay(loaded.intent)
    return (*sorted(laid.hubs), *sorted(laid.managed.keys() - laid.hubs))


def _keys(device: Device) -> tuple[str, ...]:
    return tuple(filter(None, (device.public_key, device.next_key)))


def _former(opened: Registrar, name: DeviceName, own: Sequence[str]) -> tuple[str, ...]:
    """Return the keys that an edge had before: an edge that was away may still know them."""
    told: Mapping[str, None] = {
        str(trace.details[field]): None
        for trace in opened.store.trail()
        if trace.subject == name and trace.what.startswith("site.")
        for field in ("key", "to")
        if field in trace.details
    }
    return tuple(key for key in told if key not in own and not key_fault(key))
