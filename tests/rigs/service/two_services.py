"""Two real services on one PostgreSQL, an edge that reports to them, and who is told."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import Final

from websockets.exceptions import ConnectionClosed

from controller.keys.signing import signing_key
from controller.store.place import ADDRESS
from controller.transport.api_client import ApiClient
from edge.telemetry.model import PathState
from inventory.country.examples import write_example
from inventory.documents.edge_keys import edge_key_line
from tests.rigs.controller.telemetry_rig import message, path_now
from tests.rigs.controller.telemetry_sender import connected
from tests.rigs.notices.peers import Peer, running
from tests.rigs.waiting import eventually
from tests.sanaga_process import ROOT
from vpn.wireguard.keys import Secret, generate_pair

EDGE: Final = "kolofata-e1"
HUB: Final = "yaounde-e1"
ACCESS: Final = "kolofata-leo"
STARTS_WITHIN_S: Final = 300
WITHIN_S: Final = 180
_NOTICES: Final = """notices:
  language: en
  people:
    - name: awa
      contacts: [{{webhook: "file:hook", secret: "file:hook_secret", loopback: true}}]
  subscriptions:
    - {{people: [awa], severity: info}}
"""


@dataclass
class Served:
    """A service that runs, and where it is asked."""

    process: "subprocess.Popen[bytes]"
    state: Path
    log: Path

    @property
    def client(self) -> ApiClient:
        return ApiClient(self.state / "controller.sock", within_s=30)

    @property
    def edge_port(self) -> int:
        return int(self._said(r"edges on (\d+)")[1])

    def said(self, what: str) -> bool:
        return what in self.log.read_text()

    def role(self) -> str:
        """Return what it does, nothing if it does not answer."""
        port = self._said(r"on 127\.0\.0\.1 port (\d+)")[1]
        client = ApiClient(f"http://127.0.0.1:{port}", within_s=5)
        connection = client._connection()
        try:
            connection.request("GET", "/healthz", headers={"Connection": "close"})
            text = connection.getresponse().read().decode()
        except OSError:
            return ""
        finally:
            connection.close()
        return "leader" if '"leader"' in text else "follower"

    def incidents(self) -> list[str]:
        """Return the roots of open incidents."""
        return [one["root"]["name"] for one in self.client.all("/incidents")]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def hang(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def _said(self, pattern: str) -> "re.Match[str]":
        found = re.search(pattern, self.log.read_text())
        assert found, self.log.read_text()
        return found


@dataclass
class World:
    """A network, a database, a receiver of notices, and the services."""

    folder: Path
    address: str
    hook: Peer
    secret: Secret
    stack: ExitStack
    sent: int = 0
    running: list[Served] = field(default_factory=list)

    def serve(self, name: str, mode: str = "plain") -> Served:
        """Start a service with a state folder of its own and the same keys, and wait for it."""
        state = self.folder / name
        if not state.exists():
            shutil.copytree(self.folder / "keys", state)
        log = self.folder / f"{name}-{len(self.running)}.log"
        argv = [sys.executable, "-m", "tests.rigs.service.serving_process", mode]
        options = ["--listen", "127.0.0.1:0", "--edges", "0"]
        variables = {"SANAGA_STATE_DIR": str(state), ADDRESS: self.address}
        with log.open("wb") as opened:
            process = subprocess.Popen(
                [*argv, str(self.folder / "net"), *options],
                cwd=ROOT,
                env={**os.environ, **variables},  # noqa: TID251
                stdout=opened,
                stderr=opened,
            )
        made = Served(process, state, log)
        self.running.append(made)
        self.stack.callback(_end, process)
        eventually(
            lambda: (made.said("edges on") and made.said("serving")) or process.poll() is not None,
            STARTS_WITHIN_S,
            "a service",
        )
        assert process.poll() is None, log.read_text()
        return made

    def report(self, to: Served, state: PathState) -> None:
        """Have the edge say to a service how its access is, and wait until that is acknowledged."""
        self.sent += 1
        eventually(lambda: self._reported(to.edge_port, state), WITHIN_S, "the acknowledgement")

    def _reported(self, port: int, state: PathState) -> bool:
        try:
            asyncio.run(self._report(port, state))
        except (ConnectionClosed, OSError, TimeoutError):
            # A machine that is short of time shakes hands too slowly; an edge dials again.
            return False
        return True

    async def _report(self, port: int, state: PathState) -> None:
        paths = (
            path_now(peer=HUB, circuit=ACCESS, medium="leo", state=state),
            path_now(peer=HUB, circuit="kolofata-lte", medium="lte"),
        )
        said = message(self.sent, time(), device=EDGE, paths=paths)
        trust = signing_key(self.folder / "keys").public_key()
        async with connected(port, EDGE, self.secret, trust, "0011223344556677") as sender:
            await sender.send(said)
            while await sender.acknowledged() < self.sent:
                pass

    def told(self) -> list[str]:
        """Return what the receiver of notices was told, in order."""
        found = []
        for one in self.hook.of("request"):
            status = re.search(r'"status": ?"(\w+)"', one["body"])
            assert status, one
            found.append(status[1])
        return found

    def told_apart(self) -> list[str]:
        """Return the same, each notice once: one whose sending was not recorded comes again.

        It then has the key that it had before.
        """
        keys = [_key_of(one["headers"]) for one in self.hook.of("request")]
        told = self.told()
        return [told[at] for at, key in enumerate(keys) if key not in keys[:at]]

    def logs(self) -> str:
        return "\n".join(one.log.read_text() for one in self.running)


def _key_of(headers: Mapping[str, str]) -> str:
    return next(value for name, value in headers.items() if name.lower() == "idempotency-key")


@contextmanager
def world(folder: Path, address: str) -> Iterator[World]:
    """Give a network with one edge whose key is pinned, and nothing that serves it yet."""
    with ExitStack() as stack:
        hook = stack.enter_context(running("hook_peer.py"))
        network, secret = folder / "net", pinned_network(folder / "net")
        (network / "notices.yaml").write_text(_NOTICES.format())
        for name, text in (("hook", f"http://127.0.0.1:{hook.port}/hook"), ("hook_secret", "s3")):
            (network / name).write_text(text)
            (network / name).chmod(0o600)
        (folder / "keys").mkdir(mode=0o700)
        signing_key(folder / "keys")
        yield World(folder, address, hook, secret, stack)


def pinned_network(network: Path) -> Secret:
    """Write a network in which one edge may report, and return its key."""
    write_example(network, "northern-spur")
    document = network / "network.yaml"
    lines = document.read_text().splitlines(keepends=True)
    document.write_text("".join(one for one in lines if "management_namespace" not in one))
    # Whether a laboratory runs on this machine, whose secrets are there, is no matter here.
    devices = network / "devices.yaml"
    devices.write_text(devices.read_text().replace("/run/sanaga/lab", str(network / "none")))
    secret, public = generate_pair()
    (network / "edge_keys").write_text(edge_key_line(EDGE, public))
    return secret


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
