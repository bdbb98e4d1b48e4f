"""An edge's programs in its namespace: the daemon, and sshd with the daemon's door behind it."""

import shlex
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge.control import client as control
from edge.identity import enrolment
from inventory.errors import EdgeError
from inventory.model import DeviceName
from simulations.devices import sshd
from simulations.devices.ssh_keys import make_key
from simulations.netns import background
from simulations.netns.blueprint import Edge
from simulations.netns.capabilities import SOCKETS
from simulations.netns.namespaces import entered_namespace
from simulations.netns.processes import kill_processes
from simulations.netns.registry import Folder

SANAGA: Final = (sys.executable, "-m", "controller.cli.main")
DOOR: Final = (sys.executable, "-P", "-m", "edge.door")
DAEMON: Final = "edge"
# Where the commands of an edge look for its folder when they are not told.
VARIABLE: Final = "SANAGA_EDGE_DIR"
ANSWER_WITHIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class EdgeState:
    """An edge's programs that are dead, and what its daemon tells of itself.

    serial is that of the running policy, None while there is none; paths are named by peer and
    path and told in the daemon's own words; there are none when it does not answer.
    """

    device: DeviceName
    dead: tuple[str, ...]
    serial: int | None
    paths: tuple[tuple[str, str], ...]


def prepare_edge(place: Folder, edge: Edge) -> str:
    """Write an edge's folders and its SSH key and return its public host key."""
    folder = place.router(edge.device)
    folder.mkdir()
    place.edge(edge.device).mkdir(mode=0o700, parents=True)
    host_key = make_key(folder / "host_key")
    if edge.management:
        sshd.configure_sshd(place, edge, door_command(place, edge))
    return host_key


def enrol_edge(place: Folder, edge: Edge, controller: Ed25519PublicKey) -> str:
    """Let an edge make its own key and trust the controller; return its line of edge_keys."""
    return enrolment.enrol(place.edge(edge.device), edge.device, controller)


def door_command(place: Folder, edge: Edge) -> str:
    """Return what the shell of an SSH login runs."""
    return shlex.join(("exec", *DOOR, str(place.edge(edge.device))))


def start_edge(place: Folder, edge: Edge) -> None:
    """Start an edge's programs and return once they serve.

    Raises LabError with a program's own words when it does not start.
    """
    with entered_namespace(edge.namespace):
        if edge.management:
            sshd.start_sshd(place, edge)
    start_daemon(place, edge)


def start_daemon(place: Folder, edge: Edge) -> None:
    """Start an edge's daemon on what is in its folder and return once it serves.

    Raises LabError with its own words when it does not start.
    """
    folder, logs = place.edge(edge.device), place.router(edge.device)
    log = logs / f"{DAEMON}.log"
    argv = (*SANAGA, "edge", "run", "--dir", str(folder))
    (folder / control.SOCKET).unlink(missing_ok=True)
    with entered_namespace(edge.namespace):
        process = background.start_program(argv, pid_file=logs / f"{DAEMON}.pid", log=log)
    background.await_file(folder / control.SOCKET, process, log)


def kill_daemon(place: Folder, edge: Edge) -> None:
    """End an edge's daemon as a power cut would; what it put into the kernel stays."""
    process = background.program_runs(place.router(edge.device) / f"{DAEMON}.pid")
    if process:
        kill_processes([process])


def dead_edge_programs(place: Folder, edge: Edge) -> tuple[str, ...]:
    """Return the programs of an edge that should run and do not."""
    programs = (DAEMON, *(("sshd",) if edge.management else ()))
    folder = place.router(edge.device)
    return tuple(name for name in programs if not background.program_runs(folder / f"{name}.pid"))


def edge_state(place: Folder, edge: Edge) -> EdgeState:
    """Return what runs of an edge and what its daemon says."""
    told = _told(place.edge(edge.device))
    return EdgeState(
        device=edge.device,
        dead=dead_edge_programs(place, edge),
        serial=told["policy"].get("serial") or None,
        paths=tuple(
            (f"{peer['device']} {path['name']}", path["state"])
            for peer in told["peers"]
            for path in peer["paths"]
        ),
    )


def _told(folder: Path) -> Mapping[str, Any]:
    """Return the daemon's status, an empty one when it does not answer."""
    try:
        answer = control.send_request(folder, {"verb": "status"}, within_s=ANSWER_WITHIN_S)
    except EdgeError:
        answer = {}
    status: Mapping[str, Any] = answer.get("status") or {"policy": {}, "peers": []}
    return status


def forget_tunnels(place: Folder, edges: Iterable[Edge]) -> None:
    """Remove the sockets that killed wireguard-go processes of some edges left behind.

    They stand outside the laboratory's folder and would refuse the next tunnels of their names.
    """
    for edge in edges:
        for file in _sockets(place.edge(edge.device)):
            if not _served(file):
                file.unlink(missing_ok=True)


def _sockets(folder: Path) -> Iterator[Path]:
    """Yield the sockets of the tunnels that any document of an edge names."""
    documents = [file.read_text(encoding="utf-8") for file in folder.glob("*.json")]
    for file in SOCKETS.glob("*.sock"):
        if any(f'"{file.stem}"' in text for text in documents):
            yield file


def _served(file: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as door:
        try:
            door.connect(str(file))
        except OSError:
            return False
    return True
