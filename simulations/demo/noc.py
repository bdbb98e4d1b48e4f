"""The NOC beside the laboratory: the service with its pages, and what it tells of a cut."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from socket import SO_REUSEADDR, SOL_SOCKET, socket
from threading import Thread
from time import monotonic
from typing import Any, Final

from controller.app import LOCAL_SOCKET
from controller.clock import SystemClock
from controller.environment import environment
from controller.transport.api_client import ApiClient, ApiError
from edge.control import client as control
from inventory.errors import LabError, NoControllerError
from inventory.model import CircuitName
from simulations.demo.facts import DOCTOR, PATIENT, NocIncident
from simulations.demo.guest import HOME, Guest
from simulations.demo.stage import Stage
from simulations.netns.waiting import eventually, pause

FIRST_PORT: Final = 8080
_PORTS: Final = 10
_WELL_WITHIN_S: Final = 300.0
_CALL_MINUTES: Final = 240
READY_WITHIN_S: Final = 150.0
TOLD_WITHIN_S: Final = 60.0
_STOP_WITHIN_S: Final = 30.0
_QUIET_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class _News:
    """An event of the stream, and when it came on the monotonic clock."""

    at_s: float
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Noc:
    """A service that runs beside the laboratory, and the link that signs in at it once."""

    client: ApiClient
    link: str


@contextmanager
def running_service(stage: Stage) -> Iterator[Noc]:
    """Run the service and the laboratory's page until the block ends.

    It answers at port 8080 of localhost, or at the next that is free. Raises LabError when it ends,
    or does not answer.
    """
    argv = [sys.executable, "-m", "simulations.panel.program", str(stage.folder)]
    argv += ["--port", str(free_port()), "--call", PATIENT, DOCTOR]
    own = {**environment(), "SANAGA_STATE_DIR": str(stage.state)}
    log = stage.folder.with_name("serve.log")
    with log.open("wb") as opened:
        process = subprocess.Popen(argv, env=own, stdout=subprocess.PIPE, stderr=opened)
    client = ApiClient(stage.state / LOCAL_SOCKET)
    try:
        link = _first_line(process, log)
        eventually(
            lambda: _answers(client, process, log),
            within_s=READY_WITHIN_S,
            what="an answer of the service",
        )
        yield Noc(client, link)
    finally:
        process.terminate()
        process.wait(_STOP_WITHIN_S)
        if process.stdout:
            process.stdout.close()


def free_port() -> int:
    """Return the first port of localhost from 8080 on at which nothing listens.

    Raises LabError when there is none among ten.
    """
    for port in range(FIRST_PORT, FIRST_PORT + _PORTS):
        with socket() as door, suppress(OSError):
            door.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
            door.bind(("127.0.0.1", port))
            return port
    raise LabError(
        f"something listens at each of the ports {FIRST_PORT} to {FIRST_PORT + _PORTS - 1} of "
        "localhost; stop what listens at one of them"
    )


def announce_call(stage: Stage, noc: Noc) -> None:
    """Tell the service of the call between the patient and the doctor, as a clinic would, once."""
    if noc.client.all("/consultations", state="running"):
        return
    hosts = [stage.lab.blueprint.host(site) for site in (PATIENT, DOCTOR)]
    body = {
        "sites": [PATIENT, DOCTOR],
        "addresses": [str(host.ipv4.ip) for host in hosts],
        "begins_at": SystemClock().instant().isoformat(),
        "minutes": _CALL_MINUTES,
        "service": "consultation-audio",
    }
    noc.client.send("POST", "/consultations", body)


def wait_heard(stage: Stage) -> None:
    """Wait until every edge reports. Raises LabError when one does not."""
    for edge in stage.lab.blueprint.edges:
        folder = stage.lab.edge_folder(edge.device)

        def reports(folder: Path = folder) -> bool:
            status = control.request(folder, "status")["status"]
            return bool((status.get("reporting") or {}).get("connected_since"))

        what = f"a report of {edge.device} to the service"
        eventually(reports, within_s=READY_WITHIN_S, what=what)


def wait_well(client: ApiClient, circuit: CircuitName) -> None:
    """Wait until nothing is wrong at a circuit any more that somebody cut before.

    Raises LabError when it does not end.
    """
    eventually(
        lambda: all(one["root"]["name"] != circuit for one in client.all("/incidents")),
        within_s=_WELL_WITHIN_S,
        what=f"the end of what was wrong at {circuit} before",
    )


def cut_and_mend(client: ApiClient, guest: Guest, circuit: CircuitName) -> NocIncident:
    """Cut a circuit and mend it on the laboratory's page; return the incident that the NOC shows.

    Raises LabError when there is none in time, or more than one, or no page shows it.
    """
    before, news = _fibre_cuts(client), _follow(client)
    began_s = monotonic()
    guest.act("cut", circuit)
    number, opened_s = _next(client, news, circuit, {"opened", "reopened"})
    title = str(client.get(f"/incidents/{number}")["title"])
    guest.demand(HOME, title)
    pause(_QUIET_S)
    mended_s = monotonic()
    guest.act("mend", circuit)
    _, ended_s = _next(client, news, circuit, {"ended"})
    if others := _fibre_cuts(client) - before - {number}:
        raise LabError(
            f"one cut made {len(others) + 1} incidents of cut fibres; see 'sanaga noc incidents'"
        )
    return NocIncident(number, title, opened_s - began_s, ended_s - mended_s)


def _fibre_cuts(client: ApiClient) -> set[int]:
    """Return the numbers of all incidents of cut fibres, also of those that are over."""
    found = client.all("/incidents", state="all")
    return {int(one["number"]) for one in found if one["cause"] == "fibre-cut"}


def _first_line(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """Return the link that the service prints first."""
    line = process.stdout.readline().decode().strip() if process.stdout else ""
    if not line:
        raise LabError(f"the service ended: {log.read_text(encoding='utf-8')}")
    return line


def _answers(client: ApiClient, process: "subprocess.Popen[bytes]", log: Path) -> bool:
    if process.poll() is not None:
        raise LabError(f"the service ended: {log.read_text(encoding='utf-8')}")
    try:
        client.get("/summary")
    except (NoControllerError, ApiError):
        return False
    return True


def _follow(client: ApiClient) -> "SimpleQueue[_News]":
    """Read the stream in a thread from now on; returns once the stream is open."""
    news: SimpleQueue[_News] = SimpleQueue()

    def read() -> None:
        try:
            for event in client.events():
                news.put(_News(monotonic(), event.kind, dict(event.data)))
        except (NoControllerError, ApiError):
            return

    Thread(target=read, name="stream", daemon=True).start()
    news.get(timeout=TOLD_WITHIN_S)
    return news


def _next(
    client: ApiClient, news: "SimpleQueue[_News]", circuit: CircuitName, changes: set[str]
) -> tuple[int, float]:
    """Return the number of the incident at a circuit that changes so, and when that was told."""
    deadline_s = monotonic() + TOLD_WITHIN_S
    while True:
        try:
            one = news.get(timeout=max(0.0, deadline_s - monotonic()))
        except Empty:
            what = " or ".join(sorted(changes))
            raise LabError(
                f"no incident at {circuit} was {what} within {TOLD_WITHIN_S:.0f} s"
            ) from None
        if one.kind == "incident" and one.data["change"] in changes:
            number = int(one.data["number"])
            if client.get(f"/incidents/{number}")["root"]["name"] == circuit:
                return number, one.at_s
