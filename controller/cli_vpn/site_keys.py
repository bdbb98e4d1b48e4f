"""Edges moving to other keys, as verbs tell of it: who is asked, edge_keys, and what comes next."""

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from stat import S_IMODE
from typing import Final

from controller.app import open_registrar
from controller.cli_vpn.arguments import act
from controller.drivers import protocol
from controller.drivers.connect import connector, edge_connector
from controller.drivers.observe import observe
from controller.drivers.protocol import ConnectEdge
from controller.environment import state_dir
from controller.intended.overlay import build_overlay
from controller.load import Loaded, anchored, load
from controller.load import device as known
from controller.sites import key_rotation
from controller.sites.key_rotation import RotationProgress
from controller.terminal.output import say
from controller.wording import count, listing
from edge.storage import atomic
from inventory.documents.edge_keys import rewritten
from inventory.intent import EDGE_KEYS
from inventory.model import Device, DeviceName, Role

COLUMNS: Final = {
    "device": "EDGE",
    "site": "SITE",
    "key": "KEY",
    "moves_to": "MOVES TO",
    "rotated": "MOVED LAST",
    "gateway": "GATEWAY",
}
PROGRESS: Final = {
    "device": "EDGE",
    "moved": "MOVED",
    "waiting": "WAITING TUNNELS",
    "phase": "NOW",
    "fault": "FAULT",
}
NEXT: Final = (
    "now let the far ends know both keys: 'sanaga plan {folder} --out plan', 'sanaga apply plan'; "
    "the edges then move by themselves, and 'sanaga vpn site settle' ends it"
)
DONE: Final = "now let the far ends forget the former keys: 'sanaga plan {folder}' and apply"


def rows(folder: Path) -> list[dict[str, object]]:
    """Return every edge with its keys, and when it moved to another one last."""
    loaded, moved = load(folder), _moved()
    gateways = {gateway.device for gateway in loaded.access.policy.gateways}
    edges = [d for _, d in sorted(loaded.intent.devices.items()) if d.role is Role.EDGE]
    return [
        {
            "device": device.name,
            "site": device.site,
            "key": device.public_key or None,
            "moves_to": device.next_key or None,
            "rotated": moved.get(device.name),
            "gateway": device.name in gateways,
        }
        for device in edges
    ]


def rotate(folder: Path, names: Sequence[DeviceName], most: int | None, because: str) -> bool:
    """Have edges make keys to move to and write them into edge_keys; return whether all did.

    Those that moved longest ago come first. Raises AccessError.
    """
    loaded, who, moved = load(folder), act(because), _moved()
    devices = key_rotation.movable(loaded.intent, loaded.access.policy.gateways, names)
    idle = sorted(
        (device for device in devices if not device.next_key),
        key=lambda device: (moved.get(device.name, ""), device.name),
    )[:most]
    lines, failed = dict[DeviceName, str](), 0
    for name, told in key_rotation.rotation_status(
        [d.name for d in idle], connect(loaded), rekey=True
    ):
        device = loaded.intent.devices[name]
        if isinstance(told, RotationProgress) and told.key == device.public_key:
            lines[name] = key_rotation.announced(device, told.upcoming)
        else:
            failed += 1
            say(f"{_against(device, told)}\n{name} keeps its key")
    rewrite(folder, lines)
    with open_registrar() as registrar:
        for name in sorted(lines):
            former = loaded.intent.devices[name].public_key
            to = lines[name].split()[-1]
            registrar.store.noted("site.rotate", name, who, former=former, to=to)
    moving = sum(bool(device.next_key) for device in devices) + len(lines)
    if moving:
        say(f"{count(moving, 'edge')} to move; {NEXT.format(folder=folder)}")
    else:
        say("no edge to move")
    return not failed


def progress(folder: Path) -> list[dict[str, object]]:
    """Return how far every edge is that moves."""
    loaded = load(folder)
    moving = _moving(loaded)
    return [
        _row(moving[name], told)
        for name, told in sorted(key_rotation.rotation_status(moving, connect(loaded), rekey=False))
    ]


def settle(folder: Path, without: Set[DeviceName], patience_s: float, because: str) -> bool:
    """Write the keys of edges that have moved as the only ones; return whether all have.

    An edge whose far ends may not know its other key keeps both, except for those in without.
    Raises UnknownNameError.
    """
    loaded, who = load(folder), act(because)
    for name in sorted(without):
        known(loaded.intent, name)
    moving = _moving(loaded)
    left = dict(_left(moving, connect(loaded), patience_s))
    moved = {name: device for name, device in moving.items() if name not in left}
    left |= _unheard(loaded, moved, without)
    done = {name: device for name, device in moving.items() if name not in left}
    rewrite(folder, {name: key_rotation.settled(device) for name, device in done.items()})
    with open_registrar() as registrar:
        for name, device in done.items():
            keys = {"former": device.public_key, "key": device.next_key}
            registrar.store.noted("site.settle", name, who, **keys)
    for why in left.values():
        say(why)
    if done:
        say(f"{listing(list(done))} moved; {DONE.format(folder=folder)}")
    elif not left:
        say("no edge moves")
    return not left


def _left(
    moving: Mapping[DeviceName, Device], connect: ConnectEdge, patience_s: float
) -> Mapping[DeviceName, str]:
    """Wait for edges to have moved, and return why some have not."""
    from controller.clock import SystemClock, persisted

    _, left = persisted(
        moving,
        lambda todo: key_rotation.rotation_status(todo, connect, rekey=False),
        lambda name, told: (
            isinstance(told, RotationProgress) and told.moved_to(moving[name].next_key)
        ),
        within_s=patience_s,
        clock=SystemClock(),
    )
    return {name: _why(name, told) for name, told in left.items()}


def _unheard(
    loaded: Loaded, moved: Mapping[DeviceName, Device], without: Set[DeviceName]
) -> Mapping[DeviceName, str]:
    """Return the edges of whose other key some far end may not know, and what to do."""
    laid = build_overlay(loaded.intent, loaded.access.policy.gateways)
    far_ends = {name: laid.tunnels(name).keys() - without for name in moved}
    seen = observe(sorted(set().union(*far_ends.values())), drivers(loaded))
    for why in seen.unreachable.values():
        say(why)
    found = {name: key_rotation.unaware(moved[name], far_ends[name], seen) for name in moved}
    return {
        name: f"{name} has moved, and keeps both keys: {listing(unaware)} may not know the other "
        "one; plan and apply there, or say --without and do so before its tunnels are needed"
        for name, unaware in found.items()
        if unaware
    }


def _row(device: Device, told: object) -> dict[str, object]:
    known = told if isinstance(told, RotationProgress) else None
    return {
        "device": device.name,
        "moved": known.moved_to(device.next_key) if known else None,
        "waiting": list(known.waiting) if known else None,
        "phase": known.phase if known else None,
        "fault": None if known else str(told),
    }


def _why(name: DeviceName, told: object) -> str:
    if not isinstance(told, RotationProgress):
        return str(told)
    waiting = listing(told.waiting) if told.waiting else "the policy that names its other key"
    return f"{name} waits for {waiting}"


def _against(device: Device, told: object) -> str:
    """Return why an edge cannot move from where it is."""
    if not isinstance(told, RotationProgress):
        return str(told)
    return (
        f"{device.name} goes by the key {told.key}, and not by the one in {EDGE_KEYS}. If it "
        f"was put back from an older image, 'sanaga plan --only {device.name}' and apply come "
        f"first; if not, find out why, and correct {EDGE_KEYS}"
    )


def _moving(loaded: Loaded) -> dict[DeviceName, Device]:
    return {name: d for name, d in sorted(loaded.intent.devices.items()) if d.next_key}


def _moved() -> Mapping[DeviceName, str]:
    """Return the day on which every edge moved to another key last."""
    with open_registrar() as registrar:
        trail = registrar.store.trail()
    return {trace.subject: trace.at[:10] for trace in trail if trace.what == "site.settle"}


def connect(loaded: Loaded) -> ConnectEdge:
    """Return what makes the driver of an edge, which connects on first use."""
    return edge_connector(loaded, state_dir())


def drivers(loaded: Loaded) -> protocol.Connect:
    """Return what makes the driver of a device, which connects on first use."""
    return connector(anchored(loaded), loaded.folder, state_dir=state_dir())


def rewrite(folder: Path, lines: Mapping[DeviceName, str]) -> None:
    """Put other lines into edge_keys, whole or not at all. Raises OSError."""
    if lines:
        file = folder / EDGE_KEYS
        text = rewritten(file.read_text(encoding="utf-8"), lines)
        atomic.replace(file, text, mode=S_IMODE(file.stat().st_mode))
