"""Restarting a device of a laboratory: what its memory and its kernel held is gone, files stay."""

from pathlib import Path
from typing import Final

from edge.clock import boot_id
from simulations.devices import edges, faults, monitoring, routers
from simulations.devices.faults import FaultKind
from simulations.lab import lifecycle
from simulations.netns import namespaces, plumbing, registry
from simulations.netns.blueprint import Blueprint, BlueprintRouter, Edge, Machine
from simulations.netns.registry import Folder

EXEC_WITHIN_S: Final = 60.0
ANOTHER_BOOT: Final = "00000000-0000-0000-0000-000000000000"


def restart_machine(place: Folder, blueprint: Blueprint, machine: Machine) -> None:
    """End all that runs on a router or an edge, and start its programs as after a reboot.

    A router runs its startup configuration then, an edge its confirmed policy. A fault stays set.
    Raises LabError with a program's own words when it does not start.
    """
    with registry.locked_registry(place):
        lifecycle.end_processes_in((machine.namespace,), machine.device)
        if isinstance(machine, Edge):
            _start_edge(place, machine)
        else:
            _start_router(place, blueprint, machine)


def _start_edge(place: Folder, edge: Edge) -> None:
    _forget_boot(place.edge(edge.device))
    edges.forget_tunnels(place, (edge,))
    edges.start_edge(place, edge)


def _start_router(place: Folder, blueprint: Blueprint, router: BlueprintRouter) -> None:
    fault = faults.current_fault(place, router)
    faults.set_fault(place, blueprint, router, FaultKind.NONE)
    _forget_boot(place.router(router.device))
    plumbing.reset_addresses(blueprint, router)
    flush = ("nft", "flush", "ruleset")
    namespaces.run_in_namespace(router.namespace, flush, within_s=EXEC_WITHIN_S)
    watched = monitoring.watched_router(place, blueprint, router)
    monitoring.start_snmpd(watched)
    routers.start_router(place, router)
    monitoring.start_lldpd(watched)
    faults.set_fault(place, blueprint, router, fault)


def _forget_boot(folder: Path) -> None:
    """Let what a device recorded look like records of another boot; the machine's goes on."""
    now = boot_id()
    for file in folder.rglob("*.json"):
        text = file.read_text(encoding="utf-8")
        if now in text:
            file.write_text(text.replace(now, ANOTHER_BOOT), encoding="utf-8")
