"""Three routers with real snmpd and lldpd, cabled as wished, and the NOC that watches them."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

from controller.polling.network import WiredNetwork, wired_network
from controller.snmp import ber
from controller.snmp.targets import Target, make_target, polled_devices
from controller.transport.netns import inside
from inventory.model import Intent, Snmp, SnmpVersion
from simulations.devices import monitoring
from simulations.devices.monitoring import Passphrases, WatchedRouter
from simulations.netns import background, namespaces
from simulations.netns.processes import kill_processes
from simulations.netns.waiting import eventually
from tests.factories import Draft
from tests.rigs.snmp import encoding

ROUTERS = ("mora-r1", "kolofata-r1", "tokombere-r1")
NOC = "198.18.0.1"
TRAP_PORT = 1162
COMMUNITY = "hush"
# For what a test changes in snmpd itself; no other host may.
SETUP = "setup"
SET = 0xA3
# nsCacheTimeout of ifTable, in seconds (NET-SNMP-AGENT-MIB).
CACHE_OF_INTERFACES = "1.3.6.1.4.1.8072.1.5.3.1.2.1.3.6.1.2.1.2.2"
PASSPHRASES = Passphrases("authentication-of-tests", "privacy-of-tests")
# Which interfaces a cable joins: as intended, and with the ends at Mora swapped.
INTENDED = {"mora-r1/eth1": "kolofata-r1/eth1", "mora-r1/eth2": "tokombere-r1/eth1"}
SWAPPED = {"mora-r1/eth2": "kolofata-r1/eth1", "mora-r1/eth1": "tokombere-r1/eth1"}
# Kolofata sends informs of 2c, Tokombéré traps of version 3. Informs of version 3 are for a test
# alone: snmpd does nothing else while it looks for a receiver that is not there.
_USM = (
    f"-v3 -u {monitoring.USER} -l authPriv -a SHA-256 -A {PASSPHRASES.authentication} "
    f"-x AES -X {PASSPHRASES.privacy} {NOC}:{TRAP_PORT}"
)
INFORMS_OF_V3 = f"trapsess -Ci {_USM}"
EXTRA: Mapping[str, tuple[str, ...]] = {
    "mora-r1": (
        "override 1.3.6.1.2.1.99.1.1.1.1.7 integer 8",
        "override 1.3.6.1.2.1.99.1.1.1.4.7 integer 41",
        "override 1.3.6.1.2.1.33.1.4.1.0 integer 5",
        "override 1.3.6.1.2.1.33.1.2.4.0 integer 77",
    ),
    "kolofata-r1": (f"rocommunity {COMMUNITY}", f"informsink {NOC}:{TRAP_PORT} {COMMUNITY}"),
    "tokombere-r1": (f"trapsess {_USM}",),
}


def country() -> Intent:
    """Return the intent: circuits from Mora to Kolofata and to Tokombéré."""
    draft = Draft()
    draft.site("mora")
    draft.site("kolofata", "mora")
    draft.site("tokombere", "mora")
    draft.circuit("mora-kolofata", "mora-r1", "kolofata-r1")
    draft.circuit("mora-tokombere", "mora-r1", "tokombere-r1")
    user = Snmp(SnmpVersion.V3, 161, "", monitoring.USER, "env:AUTHENTICATION", "env:PRIVACY")
    community = Snmp(SnmpVersion.V2C, community="env:COMMUNITY")
    made = draft.intent()
    devices = {
        name: replace(device, snmp=community if name == "kolofata-r1" else user)
        for name, device in made.devices.items()
    }
    return replace(made, devices=devices)


SECRETS = {
    "env:AUTHENTICATION": PASSPHRASES.authentication,
    "env:PRIVACY": PASSPHRASES.privacy,
    "env:COMMUNITY": COMMUNITY,
}


@dataclass
class WatchedCountry:
    """The routers' namespaces by device, and the NOC's."""

    intent: Intent
    noc: str
    routers: dict[str, WatchedRouter]

    @property
    def network(self) -> WiredNetwork:
        """Return the lookups of the intent."""
        return wired_network(self.intent)

    def targets(self, *devices: str) -> list[Target]:
        """Return whom to poll; all without a choice."""
        polled = polled_devices(self.intent)
        chosen = (one for one in polled if not devices or one.name in devices)
        return [make_target(self.intent, one, SECRETS.__getitem__) for one in chosen]

    def run(self, device: str, *argv: str) -> str:
        """Run a program at a router and return what it printed."""
        done = namespaces.run_in_namespace(self.routers[device].namespace, argv, within_s=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def cable(self, cables: Mapping[str, str]) -> None:
        """Take all cables away and lay others."""
        for end in INTENDED:
            device, _, name = end.partition("/")
            if f"{name}@" in self.run(device, "ip", "-o", "link"):
                self.run(device, "ip", "link", "del", name)
        for number, (a, b) in enumerate(cables.items(), 1):
            here, there = (end.partition("/") for end in (a, b))
            home = self.routers[here[0]].namespace
            far = self.routers[there[0]].namespace
            veth = f"link add {here[2]} type veth peer name {there[2]} netns {far}"
            _ip(home, f"{veth}\nlink set {here[2]} up\naddr add 10.9.{number}.1/30 dev {here[2]}")
            _ip(far, f"link set {there[2]} up\naddr add 10.9.{number}.2/30 dev {there[2]}")

    def stop_snmpd(self, device: str) -> None:
        """End a router's snmpd at once."""
        process = background.program_runs(self.routers[device].folder / "snmpd.pid")
        assert process is not None
        kill_processes((process,))

    @contextmanager
    def configured(self, device: str, line: str) -> Iterator[None]:
        """Have a line in a router's snmpd.conf for a while; snmpd reads it at its next start."""
        file = self.routers[device].folder / "snmpd.conf"
        before = file.read_text(encoding="ascii")
        file.write_text(f"{before}{line}\n", encoding="ascii")
        try:
            yield
        finally:
            file.write_text(before, encoding="ascii")
            self.stop_snmpd(device)

    def start_snmpd(self, device: str) -> None:
        """Start a router's snmpd and wait until it answers."""
        router = self.routers[device]
        monitoring.start_snmpd(router)
        self.quicken(device)

    def quicken(self, device: str) -> None:
        """Have a router's snmpd look at interfaces every second instead of every 15 s."""
        request = encoding.message(
            SET, [(CACHE_OF_INTERFACES, encoding.number(1))], community=SETUP.encode()
        )

        def opened() -> socket.socket:
            return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

        with inside(self.routers[device].namespace, opened) as link:
            link.settimeout(0.2)

            def answered() -> bool:
                try:
                    link.sendto(request, ("127.0.0.1", 161))
                    return read_error(link.recv(4096)) == 0
                except OSError:
                    return False

            eventually(answered, within_s=120, what=f"an answer of {device}'s snmpd")

    def snmpd_runs(self, device: str) -> bool:
        """Return whether a router's snmpd runs."""
        return bool(background.program_runs(self.routers[device].folder / "snmpd.pid"))


@contextmanager
def watched_country() -> Iterator[WatchedCountry]:
    """Give the routers, their programs running, and see to it that nothing is left of them."""
    stem, folder, made = f"sanaga-w{uuid4().hex[:5]}", Path(mkdtemp()), country()
    routers = {
        name: WatchedRouter(
            name,
            f"{stem}-{name}",
            folder / name,
            ("eth1", "eth2"),
            (*EXTRA[name], f"rwcommunity {SETUP} 127.0.0.1"),
            say_again_s=1,
        )
        for name in ROUTERS
    }
    watched = WatchedCountry(made, f"{stem}-noc", routers)
    names = (watched.noc, *(one.namespace for one in routers.values()))
    folder.chmod(0o755)
    try:
        _build(watched, names)
        watched.cable(INTENDED)
        for router in routers.values():
            router.folder.mkdir()
            monitoring.prepare_monitoring(router, PASSPHRASES)
            watched.start_snmpd(router.device)
            monitoring.start_lldpd(router)
        yield watched
    finally:
        _end(names)
        shutil.rmtree(folder)


def read_error(answer: bytes) -> int:
    """Return the error in an answer, 0 for none."""
    _, _, (_, body) = ber.items(ber.only(answer, ber.SEQUENCE))
    return ber.number(list(ber.items(body))[1][1])


def _build(watched: WatchedCountry, names: tuple[str, ...]) -> None:
    for name in names:
        subprocess.run(["ip", "netns", "add", name], check=True)
        _ip(name, "link set lo up")
    _ip(watched.noc, f"addr add {NOC}/32 dev lo")
    for number, router in enumerate(watched.routers.values()):
        management = watched.intent.devices[router.device].management
        assert management is not None
        address = management.address
        _ip(
            watched.noc,
            f"link add m{number} type veth peer name mgmt0 netns {router.namespace}\n"
            f"link set m{number} up\nroute add {address}/32 dev m{number} src {NOC}",
        )
        _ip(
            router.namespace,
            f"link set mgmt0 up\naddr add {address}/32 dev mgmt0\nroute add {NOC}/32 dev mgmt0",
        )


def _ip(namespace: str, commands: str) -> None:
    namespaces.run_ip_batch(commands.splitlines(), namespace)


def _end(names: tuple[str, ...]) -> None:
    for pid in namespaces.processes_in(names):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    eventually(lambda: not namespaces.processes_in(names), within_s=120, what="their end")
    for name in names:
        if namespaces.namespace_exists(name):
            subprocess.run(["ip", "netns", "del", name], check=True)
