"""The driver of Linux edges against a real daemon, behind its door and a real SSH server."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from os import kill
from pathlib import Path
from threading import Event

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from controller.drivers.linux import LinuxDriver
from controller.drivers.ssh_door import Patience
from controller.signing import FILE as SIGNING_KEY
from controller.state import DeviceConfig
from edge import control, wire
from edge.policy import EdgePolicy
from inventory.errors import EdgeError, RejectedError
from inventory.model import Device, Management, Platform, Role
from simulations.lab.routers import ensure_wanted, remove_wanted
from simulations.lab.waiting import eventually
from tests.contract.driver_contract import DriverContract, Rig
from tests.edge_pair import LOOPBACKS, Daemon, Pair, pair
from tests.edge_rig import TWO, World, world
from tests.netns.frr_router import private_text, public_text

pytestmark = pytest.mark.netns
SERVES_WITHIN_S = 30.0


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
            patience=Patience(connect_s=10, silence_s=60),
        )

    def serves(self) -> bool:
        with suppress(EdgeError):
            return bool(control.ask(self.daemon.folder, {"verb": "read"}).get("ok"))
        return False

    def start(self) -> None:
        self.daemon.start()
        eventually(self.serves, within_s=SERVES_WITHIN_S, what="the daemon answers")

    def restart(self) -> None:
        """Start the daemon anew as after a restart of the machine, seen in the record's boot."""
        self.daemon.kill()
        trial = self.daemon.folder / "trial.json"
        if trial.exists():
            record = json.loads(trial.read_text())
            assert "boot" in record
            trial.write_text(json.dumps({**record, "boot": "the start before this one"}))
        self.start()

    def status(self) -> dict[str, object]:
        return dict(control.ask(self.daemon.folder, {"verb": "transaction"}))


@pytest.fixture(scope="module")
def edge() -> Iterator[Edge]:
    with world(TWO, name="l") as made:
        both = pair(made)
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
        lambda: ":22 " in edge.world.exec("edge", "ss", "-ltn"), within_s=10, what="sshd listens"
    )


def _end(edge: Edge) -> None:
    pid = edge.folder / "sshd.pid"
    if pid.exists():
        with suppress(ProcessLookupError):
            kill(int(pid.read_text()), signal.SIGTERM)


def config(policy: EdgePolicy) -> DeviceConfig:
    return DeviceConfig(wire.text(policy))


def dearer(policy: EdgePolicy) -> EdgePolicy:
    """Return a policy whose first path costs more."""
    peer = policy.peers[0]
    first, *rest = peer.paths
    changed = replace(peer, paths=(replace(first, cost=first.cost + 1), *rest))
    return replace(policy, peers=(changed,))


@pytest.fixture
def old(edge: Edge) -> DeviceConfig:
    """Let the edge run its first policy, confirmed."""
    wanted = config(edge.daemon.policy)
    driver = edge.driver()
    driver.rollback()
    if driver.read() != wanted:
        driver.stage(wanted)
        driver.commit(confirm_within_s=60)
        driver.confirm()
    driver.close()
    return wanted


def _wait(seconds: float) -> None:
    Event().wait(seconds)


@pytest.fixture
def rig(edge: Edge, old: DeviceConfig) -> Rig:
    return Rig(
        connect=edge.driver,
        old=old,
        new=config(dearer(edge.daemon.policy)),
        bad=config(replace(edge.daemon.policy, device="hub")),
        pass_time=_wait,
        reachable=LOOPBACKS["edge"],
        unreachable=IPv4Address("192.0.2.1"),
        # A request starts a Python process over there, which takes seconds on a busy machine.
        timer_s=15,
        restart=edge.restart,
    )


class TestLinuxDriver(DriverContract):
    """Everything that any driver must do."""


def test_every_change_bears_a_serial_of_its_own_also_after_one_that_was_taken_back(
    edge: Edge, old: DeviceConfig
):
    before, newest = edge.status()["serial"], edge.status()["newest_serial"]
    assert isinstance(newest, int)
    driver = edge.driver()
    for number in (1, 2):
        driver.stage(config(dearer(edge.daemon.policy)))
        driver.commit(confirm_within_s=60)
        assert edge.status()["serial"] == newest + number
        driver.rollback()
        assert edge.status()["serial"] == before
    assert driver.read() == old
    driver.close()


def test_a_policy_of_a_controller_that_the_edge_does_not_trust_is_refused(
    edge: Edge, old: DeviceConfig, tmp_path: Path
):
    stranger = edge.driver(state_dir=tmp_path)
    with pytest.raises(RejectedError, match="the controller that this edge trusts has not signed"):
        stranger.stage(config(dearer(edge.daemon.policy)))
    assert stranger.read() == old
    stranger.close()


def test_a_policy_for_another_device_is_refused_with_the_reason(edge: Edge, old: DeviceConfig):
    driver = edge.driver()
    with pytest.raises(RejectedError, match="hub"):
        driver.stage(config(replace(edge.daemon.policy, device="hub")))
    assert driver.read() == old
    driver.close()


@pytest.mark.parametrize("text", ["", "{}", "router bgp 65000\n"])
def test_what_is_no_policy_is_never_signed(edge: Edge, old: DeviceConfig, text: str):
    driver = edge.driver()
    with pytest.raises(RejectedError):
        driver.stage(DeviceConfig(text))
    assert edge.status()["staged"] is None or driver.read() == old
    driver.close()


def test_the_account_of_the_difference_names_what_changes(edge: Edge, old: DeviceConfig):
    driver = edge.driver()
    assert driver.stage(old) == "no difference"
    cost = edge.daemon.policy.peers[0].paths[0].cost + 1
    assert f'"cost": {cost}' in driver.stage(config(dearer(edge.daemon.policy)))
    driver.close()
