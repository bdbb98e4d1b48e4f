"""Making routers misbehave on purpose: what the gate before a router's door shall play."""

import json
import shlex
import shutil
import sys
from collections.abc import Iterable
from enum import StrEnum
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

from simulations.devices import refusing_vtysh
from simulations.devices.faulty_door import BEFORE, FAULT_FILE, MANAGEMENT_INTERFACE, REFUSING
from simulations.devices.vty import ask_json
from simulations.netns.blueprint import Blueprint, BlueprintRouter
from simulations.netns.namespaces import run_ip_batch
from simulations.netns.registry import Folder, write_whole

LOOPBACK: Final = "lo"


class FaultKind(StrEnum):
    """What can be wrong with a router.

    reject: bgpd refuses a new neighbour, since the router itself holds that address; where all
    neighbours are there already, a vtysh stands before the router that refuses every change.
    drop: the connection dies while the router commits. hang: nothing is heard from the start of
    a commit until the router has reverted. lockout: after a commit the management path is gone
    until the router has reverted. crash-before: the door dies before it commits anything.
    slow: every request takes two seconds longer.
    """

    NONE = "none"
    REJECT = "reject"
    DROP = "drop"
    HANG = "hang"
    LOCKOUT = "lockout"
    CRASH_BEFORE = "crash-before"
    SLOW = "slow"


def set_fault(
    place: Folder, blueprint: Blueprint, router: BlueprintRouter, kind: FaultKind
) -> None:
    """Replace the fault of a router; none repairs what the one before broke."""
    _repair(place, router)
    if kind is FaultKind.NONE:
        return
    planted: tuple[IPv4Address, ...] = ()
    if kind is FaultKind.REJECT:
        planted = tuple(_refusable(place, blueprint, router))
    told = {"kind": kind.value, "planted": [str(address) for address in planted]}
    write_whole(_file(place, router), json.dumps(told).encode())
    run_ip_batch((f"addr add {a}/32 dev {LOOPBACK}" for a in planted), router.namespace)
    if kind is FaultKind.REJECT and not planted:
        _refuse_everything(place.router(router.device) / REFUSING)


def _refuse_everything(folder: Path) -> None:
    """Give the door a folder of programs in which vtysh refuses every change."""
    folder.mkdir()
    command = shlex.join((sys.executable, "-I", refusing_vtysh.__file__))
    script = folder / "vtysh"
    script.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    script.chmod(0o755)


def current_fault(place: Folder, router: BlueprintRouter) -> FaultKind:
    """Return the fault that is set on a router."""
    return FaultKind(_told(place, router).get("kind", "none"))


def _repair(place: Folder, router: BlueprintRouter) -> None:
    told = _told(place, router)
    _file(place, router).unlink(missing_ok=True)
    (place.router(router.device) / BEFORE).unlink(missing_ok=True)
    shutil.rmtree(place.router(router.device) / REFUSING, ignore_errors=True)
    planted = told.get("planted", [])
    run_ip_batch((f"addr del {address}/32 dev {LOOPBACK}" for address in planted), router.namespace)
    if told.get("kind") == FaultKind.LOCKOUT and router.management:
        run_ip_batch([f"link set {MANAGEMENT_INTERFACE} up"], router.namespace)


def _refusable(
    place: Folder, blueprint: Blueprint, router: BlueprintRouter
) -> Iterable[IPv4Address]:
    """Return the far ends of this router's circuits that are not its neighbours yet."""
    summary = ask_json(place.router(router.device) / "bgpd.vty", "show bgp summary json") or {}
    known = {peer for family in summary.values() for peer in family.get("peers", {})}
    for wire in blueprint.wires:
        for end, far in ((wire.a, wire.addresses[1]), (wire.b, wire.addresses[0])):
            if end.namespace == router.namespace and str(far) not in known:
                yield far


def _file(place: Folder, router: BlueprintRouter) -> Path:
    return place.router(router.device) / FAULT_FILE


def _told(place: Folder, router: BlueprintRouter) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(_file(place, router).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return told
