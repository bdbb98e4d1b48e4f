"""One FRR router in a namespace of its own, with sshd and the door, and wires between such."""

import json
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from os import kill
from pathlib import Path
from tempfile import mkdtemp
from typing import Final
from uuid import uuid4

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controller.drivers.frr import FrrDriver
from controller.drivers.frr_files import DOOR, FILTER, write_router_files
from controller.transport.ssh_door import SshTimeouts
from inventory.model import Device, Management, Platform, Role
from simulations.devices.routers import ensure_wanted, remove_wanted
from tests.rigs.waiting import eventually

FRR: Final = Path("/usr/lib/frr")
DAEMONS: Final = ("zebra", "staticd", "bfdd", "bgpd")
PATIENCE: Final = SshTimeouts(connect_s=10, silence_s=60)


def run(*argv: str | Path, check: bool = True) -> str:
    """Return what a program says, both streams."""
    done = subprocess.run(
        list(map(str, argv)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    assert not check or done.returncode == 0, f"{argv}: {done.stdout}"
    return done.stdout


@dataclass(frozen=True)
class FrrRouter:
    """A router: its namespace, its folder, and how the controller reaches it."""

    name: str
    namespace: str
    folder: Path
    device: Device
    secret: str

    def driver(self, *, patience: SshTimeouts = PATIENCE) -> FrrDriver:
        """Return a new driver that connects inside the router's own namespace."""
        return FrrDriver(
            self.device, secret=self.secret, namespace=self.namespace, patience=patience
        )

    def exec(self, *argv: str, check: bool = True) -> str:
        """Run a program in the router's namespace."""
        return run("ip", "netns", "exec", self.namespace, *argv, check=check)

    def vtysh(self, *commands: str, check: bool = True) -> str:
        """Return what vtysh answers."""
        words = [word for command in commands for word in ("-c", command)]
        place = ("--vty_socket", self.folder, "--config_dir", self.folder)
        return run("vtysh", *place, *words, check=check)

    def pings(self, source: str, target: str) -> bool:
        """Return whether one ping is answered."""
        said = self.exec("ping", "-n", "-c1", "-W1", "-I", source, target, check=False)
        return " 1 received" in said

    def nft(self, *words: str) -> str:
        """Return what nft answers in the router's namespace."""
        return self.exec("nft", *words)

    def door(self, request: str) -> str:
        """Return what the door answers to a request that comes from the router itself."""
        return self.exec("/usr/bin/env", f"SSH_ORIGINAL_COMMAND={request}", *door_argv(self.folder))

    def restart(self) -> None:
        """Let the router lose what a restart takes, and start it as its boot does."""
        self.stop_daemons()
        for name in ("pending.json", "confirming.json", "reverting.json"):
            record = self.folder / "door" / name
            if record.exists():
                record.write_text(json.dumps({**json.loads(record.read_text()), "boot": "another"}))
        self.nft("flush", "ruleset")
        self.door("boot")
        self.start_daemons()

    def guards(self) -> list[int]:
        """Return the processes of this router's door that are alive."""
        return [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and str(self.folder / "door") in _cmdline(entry)
        ]

    def start_daemons(self) -> None:
        """Start FRR with its startup configuration."""
        for daemon in DAEMONS:
            place = ("-z", self.folder / "zserv.sock", "--vty_socket", self.folder)
            files = ("-f", self.folder / "blank.conf", "-i", self.folder / f"{daemon}.pid")
            more = ("--bfdctl", self.folder / "bfdd.sock") if daemon == "bfdd" else ()
            log = ("--log", f"file:{self.folder / daemon}.log")
            words = ("-d", *files, *place, "-u", "frr", "-g", "frr", "-P", "0", *log, *more)
            self.exec(*map(str, (FRR / daemon, *words)))
        run("vtysh", "--vty_socket", self.folder, "--config_dir", self.folder, "-b")

    def stop_daemons(self) -> None:
        """Stop FRR as a restart would."""
        for daemon in reversed(DAEMONS):
            _stop(self.folder / f"{daemon}.pid")


def _cmdline(entry: Path) -> str:
    with suppress(OSError):
        return (entry / "cmdline").read_bytes().decode(errors="replace")
    return ""


def _stop(pid_file: Path) -> None:
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text())
    with suppress(ProcessLookupError):
        kill(pid, signal.SIGTERM)
    eventually(lambda: not _alive(pid), 20, f"{pid_file.name} ends")
    pid_file.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    with suppress(OSError):
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    return False


@contextmanager
def frr_routers(names: Sequence[str]) -> Iterator[dict[str, FrrRouter]]:
    """Run blank routers and take every trace of them away afterwards."""
    base = Path(mkdtemp(prefix="sanaga-frr-"))
    base.chmod(0o755)
    mark = uuid4().hex[:6]
    made: dict[str, FrrRouter] = {}
    ensure_wanted(f"test-{mark}")
    try:
        for name in names:
            made[name] = _make(base, mark, name)
            _start(made[name])
        yield made
    finally:
        for router in made.values():
            _remove(router)
        shutil.rmtree(base)
        remove_wanted(f"test-{mark}")


def _make(base: Path, mark: str, name: str) -> FrrRouter:
    folder = base / name
    write_router_files(folder)
    key, host_key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    (folder / "authorized_keys").write_text(public_text(key) + "\n")
    (folder / "host_key").write_text(private_text(host_key))
    (folder / "host_key").chmod(0o600)
    for file in ("vtysh.conf", "blank.conf", "frr.conf"):
        (folder / file).write_text("")
    management = Management(IPv4Address("127.0.0.1"), 22, "root", "", public_text(host_key))
    device = Device(name, name, 1, Role.ROUTER, Platform.FRR, management, lan=True)
    return FrrRouter(name, f"st-{mark}-{name}"[-15:], folder, device, private_text(key))


def door_argv(folder: Path) -> tuple[str, ...]:
    """Return the command line of the door of a router."""
    places = ("--vty-socket", folder, "--state", folder / "door", "--confdir", folder)
    tool = ("--filter-tool", folder / FILTER)
    return tuple(map(str, (sys.executable, "-I", folder / DOOR, *places, *tool)))


def _start(router: FrrRouter) -> None:
    folder = router.folder
    (folder / "sshd_config").write_text(
        f"Port 22\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\nPidFile {folder}/sshd.pid\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nUsePAM no\nUseDNS no\n"
        "PermitRootLogin prohibit-password\nPasswordAuthentication no\nPrintLastLog no\n"
        f"SetEnv SHLVL=2\nForceCommand {shlex.join(door_argv(folder))}\n"
    )
    for path in (folder, *folder.iterdir()):
        if path.name not in {"host_key", "sshd_config"}:
            shutil.chown(path, "frr", "frr")
    run("ip", "netns", "add", router.namespace)
    run("ip", "-n", router.namespace, "link", "set", "lo", "up")
    router.start_daemons()
    router.exec("/usr/sbin/sshd", "-f", f"{folder}/sshd_config", "-E", f"{folder}/sshd.log")
    eventually(lambda: ":22 " in router.exec("ss", "-ltn"), 10, "sshd listens")


def _remove(router: FrrRouter) -> None:
    _stop(router.folder / "sshd.pid")
    router.stop_daemons()
    for guard in router.guards():
        with suppress(ProcessLookupError):
            kill(guard, signal.SIGKILL)
    run("ip", "netns", "del", router.namespace, check=False)


def wire(a: FrrRouter, a_port: str, b: FrrRouter, b_port: str) -> None:
    """Lay a cable between two routers."""
    end = ("type", "veth", "peer", "name", b_port, "netns", b.namespace)
    run("ip", "-n", a.namespace, "link", "add", a_port, *end)
    run("ip", "-n", a.namespace, "link", "set", a_port, "up")
    run("ip", "-n", b.namespace, "link", "set", b_port, "up")


def lan(router: FrrRouter, port: str) -> None:
    """Give a router a LAN port with carrier."""
    peer = ("type", "veth", "peer", "name", f"{port}-far")
    run("ip", "-n", router.namespace, "link", "add", port, *peer)
    for name in (port, f"{port}-far"):
        run("ip", "-n", router.namespace, "link", "set", name, "up")


def private_text(key: Ed25519PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    ).decode()


def public_text(key: Ed25519PrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        .decode()
    )
