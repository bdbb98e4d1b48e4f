"""What the NOC is told of a cut: the service beside the laboratory, and the incident it makes."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, Final

from controller.app import LOCAL_SOCKET
from controller.environment import environment
from controller.transport.api_client import ApiClient, ApiError
from edge.control import client as control
from inventory.errors import LabError, NoControllerError
from inventory.model import CircuitName
from simulations.demo.facts import NocIncident
from simulations.demo.stage import Stage
from simulations.netns.waiting import eventually, pause

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


@contextmanager
def running_service(stage: Stage) -> Iterator[ApiClient]:
    """Run "sanaga serve" for the laboratory until the block ends."""
    argv = [sys.executable, "-m", "controller.start", "serve", str(stage.folder)]
    own = {**environment(), "SANAGA_STATE_DIR": str(stage.state)}
    log = stage.folder.with_name("serve.log")
    with log.open("wb") as opened:
        process = subprocess.Popen(
            [*argv, "--listen", "127.0.0.1:0"], env=own, stdout=opened, stderr=opened
        )
    client = ApiClient(stage.state / LOCAL_SOCKET)
    try:
        eventually(
            lambda: _answers(client, process, log),
            within_s=READY_WITHIN_S,
            what="an answer of the service",
        )
        yield client
    finally:
        process.terminate()
        process.wait(_STOP_WITHIN_S)


def wait_heard(stage: Stage) -> None:
    """Wait until every edge reports. Raises LabError when one does not."""
    for edge in stage.lab.blueprint.edges:
        folder = stage.lab.edge_folder(edge.device)

        def reports(folder: Path = folder) -> bool:
            status = control.request(folder, "status")["status"]
            return bool((status.get("reporting") or {}).get("connected_since"))

        what = f"a report of {edge.device} to the service"
        eventually(reports, within_s=READY_WITHIN_S, what=what)


def cut_and_mend(stage: Stage, client: ApiClient, circuit: CircuitName) -> NocIncident:
    """Cut a circuit and mend it; return the one incident that the NOC is told of.

    Raises LabError when there is none in time, or more than one.
    """
    news = _follow(client)
    began_s = monotonic()
    stage.lab.cut(circuit, silent=False)
    number, opened_s = _next(client, news, circuit, {"opened", "reopened"})
    pause(_QUIET_S)
    title = str(client.get(f"/incidents/{number}")["title"])
    mended_s = monotonic()
    stage.lab.restore(circuit)
    _, ended_s = _next(client, news, circuit, {"ended"})
    cuts = [one for one in client.all("/incidents", state="all") if one["cause"] == "fibre-cut"]
    if [one["number"] for one in cuts] != [number]:
        raise LabError(
            f"one cut made {len(cuts)} incidents of cut fibres; see 'sanaga noc incidents'"
        )
    return NocIncident(number, title, opened_s - began_s, ended_s - mended_s)


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
