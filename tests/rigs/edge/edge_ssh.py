"""An edge of the reference world behind its door and a real SSH server, as controllers meet it."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from os import kill
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from controller.drivers.linux import LinuxDriver
from controller.keys.signing import FILE as SIGNING_KEY
from controller.transport.ssh_door import SshTimeouts
from edge.control import client as control
from inventory.errors import EdgeError
from inventory.model import Device, Management, Platform, Role
from simulations.devices.routers import ensure_wanted, remove_wanted
from simulations.netns.waiting import eventually
from tests.netns.controller.frr_router import private_text, public_text
from tests.rigs.edge.edge_pair import Daemon, Pair, give, pair
from tests.rigs.edge.edge_rig import World

# Only ends what hangs: a start was seen to take 30 s on a busy machine.
SERVES_WITHIN_S: Final = 120.0


@dataclass(frozen=True)
class Edge:
    """An edge with its daemon and its SSH server, and how the controller reaches it."""

    world: World
    pair: Pair
    folder: Path
    device: Device
    secret: str

    @property
    def daemon(self) -> Daemon:
        return self.pair.daemons["edge"]

    def driver(self, *, state_dir: Path | None = None) -> LinuxDriver:
        """Return a new driver that connects inside the edge's own namespace."""
        return LinuxDriver(
            self.device,
            secret=self.secret,
            namespace=self.world.namespace("edge"),
            state_dir=state_dir or self.folder,
            patience=SshTimeouts(connect_s=10, silence_s=60),
        )

    def serves(self) -> bool:
        with suppress(EdgeError):
            return bool(control.send_request(self.daemon.folder, {"verb": "read"}).get("ok"))
        return False

    def start(self) -> None:
        self.daemon.start()
        eventually(self.serves, within_s=SERVES_WITHIN_S, what="the daemon answers")

    def restart(self) -> None:
        """Start the daemon again as after a restart of the machine, seen in the record's boot."""
        self.daemon.kill()
        trial = self.daemon.folder / "trial.json"
        if trial.exists():
            record = json.loads(trial.read_text())
            assert "boot" in record
            trial.write_text(json.dumps({**record, "boot": "the start before this one"}))
        self.start()

    def status(self) -> dict[str, object]:
        return dict(control.send_request(self.daemon.folder, {"verb": "transaction"}))


@contextmanager
def serving(made: World, network: str = "reference") -> Iterator[Edge]:
    """Have the daemon of a world's edge and its SSH server run; network is what its policy says."""
    both = pair(made)
    daemon = both.daemons["edge"]
    daemon.policy = replace(daemon.policy, network=network)
    give(both, "edge", daemon.policy, serial=1)
    found = _edge(made, both)
    ensure_wanted(f"test-{made.mark}")
    try:
        _serve(found)
        found.start()
        yield found
    finally:
        _end(found)
        both.stop()
        remove_wanted(f"test-{made.mark}")


def _edge(made: World, both: Pair) -> Edge:
    folder = made.folder / "ssh"
    folder.mkdir()
    key, host_key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    (folder / "authorized_keys").write_text(public_text(key) + "\n")
    for name, secret in (("host_key", private_text(host_key)), (SIGNING_KEY, _pem(both.key))):
        (folder / name).write_text(secret)
        (folder / name).chmod(0o600)
    management = Management(IPv4Address("127.0.0.1"), 22, "root", "", public_text(host_key))
    device = Device("edge", "edge", 1, Role.EDGE, Platform.LINUX, management, lan=True)
    return Edge(made, both, folder, device, private_text(key))


def _pem(key: Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _serve(edge: Edge) -> None:
    folder = edge.folder
    command = f"{sys.executable} -P -m edge.door {edge.daemon.folder}"
    (folder / "sshd_config").write_text(
        f"Port 22\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\nPidFile {folder}/sshd.pid\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nUsePAM no\nUseDNS no\n"
        "PermitRootLogin prohibit-password\nPasswordAuthentication no\nPrintLastLog no\n"
        f"SetEnv SHLVL=2\nForceCommand {command}\n"
    )
    words = ("-f", f"{folder}/sshd_config", "-E", f"{folder}/sshd.log")
    edge.world.exec("edge", "/usr/sbin/sshd", *words)
    eventually(
        lambda: ":22 " in edge.world.exec("edge", "ss", "-ltn"), within_s=60, what="sshd listens"
    )


def _end(edge: Edge) -> None:
    pid = edge.folder / "sshd.pid"
    if pid.exists():
        with suppress(ProcessLookupError):
            kill(int(pid.read_text()), signal.SIGTERM)
