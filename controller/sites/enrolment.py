"""Letting edges in: the key of a new edge is pinned in edge_keys."""

from collections.abc import Iterable
from pathlib import Path

from controller.load import Loaded, load
from controller.sites.edges import edge_of
from controller.store.audit import Actor
from controller.store.people import People
from controller.store.revoked_keys import refusal
from inventory.documents.edge_keys import edge_key_line, key_fault
from inventory.errors import AccessError
from inventory.intent import EDGE_KEYS
from inventory.model import Device, DeviceName, edge_keys_of
from inventory.output_file import replace_file


def pin_key(folder: Path, store: People, name: DeviceName, key: str, who: Actor) -> bool:
    """Pin the key of an edge; return whether it was not pinned before.

    Raises AccessError with everything that speaks against it, IntentError, OSError.
    """
    # Of two who do this at once, the second sees what the first one wrote.
    with store.together():
        loaded = load(folder)
        device = edge_of(loaded, name)
        if against := "\n".join(_objections(loaded, store, device, key)):
            raise AccessError(against)
        if device.public_key == key:
            return False
        store.site_keys.remember({key: name})
        store.noted("site.add", name, who, key=key)
        _append(folder / EDGE_KEYS, edge_key_line(name, key))
    return True


def _append(file: Path, added: str) -> None:
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    ended = before if before.endswith("\n") or not before else before + "\n"
    replace_file(file, (ended + added).encode())


def _objections(loaded: Loaded, store: People, device: Device, key: str) -> Iterable[str]:
    """Yield what speaks against pinning a key."""
    if fault := key_fault(key):
        yield f"{device.name}: {fault}; copy it from 'sanaga edge enrol' there"
        return
    if gone := store.revoked.find(key):
        yield (f"{device.name}: {refusal(gone)}: remove the edge's folder there and enrol it again")
    if (owner := store.owner(key)) and not (owner.revoked and store.site_keys.owner(key)):
        yield f"{device.name}: this key is that of {owner.device.person}'s {owner.device.name}"
    gateways = {one.public_key: one.device for one in loaded.access.policy.gateways}
    other = {**gateways, **edge_keys_of(loaded.intent)}.get(key, device.name)
    if other != device.name:
        yield f"{device.name}: this key is that of {other}"
    if device.public_key not in {"", key}:
        yield (
            f"{device.name} has the key {device.public_key}; 'sanaga vpn site rotate' moves it to "
            "another, 'sanaga vpn site revoke' withdraws it"
        )
