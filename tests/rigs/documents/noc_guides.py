"""How recipes are followed that ask a running service: one edge reports to it, and it decides."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from typing import Final

from controller.keys.signing import signing_key
from controller.transport.api_client import ApiClient
from edge.telemetry.model import PathState
from tests.rigs.controller.telemetry_rig import message, path_now
from tests.rigs.controller.telemetry_sender import connected
from tests.rigs.documents.follow import Guide
from tests.rigs.documents.shell import Shell, variables
from tests.rigs.service.two_services import ACCESS, EDGE, HUB, pinned_network
from tests.rigs.waiting import eventually
from tests.sanaga_process import ROOT
from vpn.wireguard.keys import Secret

NUMBER: Final = "31"
DAY: Final = "2026-12-01"
_SPOOL: Final = "0011223344556677"
_WITHIN_S: Final = 180
_NOTICES: Final = """notices:
  mail: {server: mail.example.cm, sender: noc@example.cm}
  people:
    - {name: awa, contacts: [{email: awa@example.cm}]}
  rotas:
    - {name: noc, begins: 2026-01-05, at: "08:00", turn_days: 7, order: [awa]}
"""


@dataclass
class Noc:
    """A service that runs, and an edge whose access circuit is well or dead."""

    folder: Path
    log: Path
    secret: Secret
    sent: int = 0

    @property
    def client(self) -> ApiClient:
        """Return what asks the service."""
        return ApiClient(self.folder / "state" / "controller.sock", within_s=60)

    def number(self) -> str:
        """Return the number of the one open incident."""
        (incident,) = self.client.all("/incidents")
        return str(incident["number"])

    def report(self, state: PathState) -> None:
        """Let the edge say how its access is, and wait for what is decided on that."""
        self.sent += 1
        asyncio.run(self._report(state))
        many = 0 if state is PathState.UP else 1
        eventually(lambda: len(self.client.all("/incidents")) == many, _WITHIN_S, "the decision")

    def announce_now(self) -> None:
        """Announce a consultation that begins at once."""
        self.announce(timedelta())

    def announce(self, ahead: timedelta) -> None:
        """Announce a consultation."""
        begins = datetime.fromtimestamp(time(), UTC) + ahead
        sites = ["kolofata", "mora"]
        body = {"sites": sites, "begins_at": begins.isoformat(), "minutes": 30}
        self.client.send("POST", "/consultations", body)

    def clear(self) -> None:
        """Take away what another recipe announced, and let all be well."""
        for window in self.client.all("/maintenance"):
            self.client.send("DELETE", f"/maintenance/{window['name']}")
        for one in self.client.all("/consultations", state="coming"):
            self.client.send("DELETE", f"/consultations/{one['name']}")
        self.report(PathState.UP)

    async def _report(self, state: PathState) -> None:
        paths = (
            path_now(peer=HUB, circuit=ACCESS, medium="leo", state=state),
            path_now(peer=HUB, circuit="kolofata-lte", medium="lte"),
        )
        said = message(self.sent, time(), device=EDGE, paths=paths)
        found = re.search(r"edges on (\d+)", self.log.read_text())
        assert found, self.log.read_text()
        trust = signing_key(self.folder / "state").public_key()
        async with connected(int(found[1]), EDGE, self.secret, trust, _SPOOL) as sender:
            await sender.send(said)
            while await sender.acknowledged() < self.sent:
                pass


@contextmanager
def noc(folder: Path, mode: str = "plain") -> Iterator[Noc]:
    """Give a service of a network with one edge; the shells of the folder ask it."""
    secret, log = pinned_network(folder / "my-network"), folder / "service.log"
    (folder / "my-network" / "notices.yaml").write_text(_NOTICES, encoding="utf-8")
    argv = [sys.executable, "-m", "tests.rigs.service.serving_process", mode]
    options = ["--listen", "127.0.0.1:0", "--edges", "0"]
    with log.open("wb") as opened:
        process = subprocess.Popen(
            [*argv, str(folder / "my-network"), *options],
            cwd=ROOT,
            env={**os.environ, **variables(folder)},  # noqa: TID251
            stdout=opened,
            stderr=opened,
        )

    def started() -> bool:
        said = log.read_text()
        return ("edges on" in said and "serving" in said) or process.poll() is not None

    try:
        eventually(started, _WITHIN_S, "a service")
        assert process.poll() is None, log.read_text()
        yield Noc(folder, log, secret)
    finally:
        process.kill()
        process.wait()


def hand_over_a_shift(world: Noc, made: Shell) -> Guide:
    """Return how a shift is handed over in which a circuit died and was muted."""
    world.report(PathState.DEAD)
    number = world.number()
    world.client.send("POST", f"/incidents/{number}/acts", {"kind": "mute", "for_s": 3600})
    begins = datetime.fromtimestamp(time(), UTC) + timedelta(hours=2)
    window = {
        "subjects": [{"kind": "circuit", "name": "mora-kolofata-fibre"}],
        "zone": "UTC",
        "first_day": f"{begins:%Y-%m-%d}",
        "begins": f"{begins:%H:%M}",
        "ends": f"{begins + timedelta(hours=1):%H:%M}",
    }
    world.client.send("PUT", "/maintenance/splice", window)
    world.announce(timedelta(hours=3))
    return Guide(names={NUMBER: number})


def plan_a_maintenance_window(world: Noc, made: Shell) -> Guide:
    """Return how work is announced for tomorrow, and taken back when it is done."""
    world.announce(timedelta(hours=20))
    tomorrow = datetime.fromtimestamp(time(), UTC) + timedelta(days=1)
    return Guide(names={DAY: f"{tomorrow:%Y-%m-%d}"})


GUIDES: Final[Mapping[str, Callable[[Noc, Shell], Guide]]] = {
    "hand-over-a-shift": hand_over_a_shift,
    "plan-a-maintenance-window": plan_a_maintenance_window,
}
