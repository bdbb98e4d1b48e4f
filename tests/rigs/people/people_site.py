"""A gateway that people dial: an edge behind an SSH server, a blank host, an administrator."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, ip_network
from os import kill
from pathlib import Path
from shutil import copyfile
from typing import Final

from controller.access.registrar import Registrar
from controller.clock import SystemClock
from controller.keys.signing import FILE as SIGNING_KEY
from edge.control import client as control
from edge.identity.private_key import read_private_key
from edge.wireguard import go_process
from inventory.model import Ports
from inventory.names import PEOPLE, interface_name
from simulations.netns import namespaces
from simulations.netns.namespaces import entered_namespace
from simulations.netns.waiting import eventually
from tests.rigs.edge.edge_pair import give
from tests.rigs.edge.edge_rig import LAN_HOST, SERVER, TWO, world
from tests.rigs.edge.edge_ssh import Edge, serving
from tests.rigs.people.people_rig import ACT, TERMS
from tests.rigs.people.people_spaces import CALL, SERVE, SPEAK, SPEAK_ON
from tests.sanaga_process import Sanaga
from vpn.grants.packet_filter import FilterOpening
from vpn.key_text import public_text
from vpn.model import Endpoint, Gateway

GATEWAY: Final = "198.51.100.1"
BLOCK: Final = ip_network("172.26.0.0/18")
PORT: Final = 51_999
ENROLMENT_PORT: Final = 51_998
HTTPS: Final = (Ports("tcp", 443, 443),)
SHAKEN_WITHIN_S: Final = 120.0


@dataclass(frozen=True)
class Gate:
    """An edge that is a gateway, a host of people that reaches it, and an administrator."""

    edge: Edge
    sanaga: Sanaga
    heard: list[str] = field(default_factory=list)

    @property
    def mark(self) -> str:
        return self.edge.world.mark

    @property
    def people(self) -> str:
        """Return the namespace of the blank host."""
        return f"sgt-{self.mark}-people"

    @property
    def interface(self) -> str:
        """Return the interface that people dial."""
        return interface_name(self.mark, "edge", PEOPLE)

    @property
    def state(self) -> Path:
        return self.sanaga.folder / "state"

    def status(self):
        return control.request(self.edge.daemon.folder, "people", there=True)["people"]

    def asked(self, *words: str, code: int = 0) -> str:
        """Return what a verb of the administrator's says to them."""
        answer = self.sanaga("vpn", *words)
        self.heard.extend((answer.out, answer.err))
        assert answer.code == code, answer.err
        return answer.err

    def add(self, name: str, role: str = "oncologist", site: str = "yaounde") -> Path:
        """Give somebody access; return the file for their device."""
        file = self.sanaga.folder / f"{self.mark}{name}.conf"
        person = ("--title", name, "--role", role, "--site", site, "--because", "x")
        self.asked("person", "add", name, *person, "--file", str(file))
        return file

    def on_host(self, *argv: str) -> str:
        done = namespaces.run_in_namespace(self.people, argv, within_s=60)
        assert not done.returncode, done.stderr
        return done.stdout

    def dial(self, file: Path) -> None:
        """Bring a device's tunnel up on the blank host and wait for its handshake."""
        self.on_host("wg-quick", "up", str(file))
        name = file.stem
        eventually(lambda: self.shaken(name), within_s=SHAKEN_WITHIN_S, what="a handshake")

    def shaken(self, name: str) -> bool:
        """Return whether an interface of the blank host has shaken hands."""
        # "all" would be those of other tests', too: wireguard-go's sockets are the machine's.
        said = self.on_host("wg", "show", name, "latest-handshakes").split()
        return bool(said) and said[-1] != "0"

    def reached(self, target: IPv4Address, port: int, source: str = "172.26.0.2") -> bool:
        """Return whether a connection from a device's address opens."""
        words = (sys.executable, "-c", CALL, source, str(target), str(port))
        return self.on_host(*words).startswith("reached")

    def speaks(self, target: IPv4Address, port: int, source: str = "172.26.0.2") -> None:
        """Send what a consultation sends from a device's address."""
        self.on_host(sys.executable, "-c", SPEAK, source, str(target), str(port))

    @contextmanager
    def speaking(
        self, target: IPv4Address, port: int, source: str = "172.26.0.2"
    ) -> Iterator[None]:
        """Go on with a consultation from a device's address while the block runs."""
        argv = (sys.executable, "-c", SPEAK_ON, source, str(target), str(port))
        with entered_namespace(self.people):
            process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.kill()
            process.wait()


@contextmanager
def gate(*, all_ports: bool = False) -> Iterator[Gate]:
    """Have an edge be a gateway, without any roster yet, behind an SSH server.

    Oncologists reach HTTPS of two hosts, or all ports of them.
    """
    with world(TWO, name="g") as made, serving(made, made.mark) as edge:
        found = Gate(edge, Sanaga(edge.folder))
        try:
            _join(found)
            _let_answers_back(edge)
            _accept(found, () if all_ports else HTTPS)
            with _services(found):
                yield found
        finally:
            for name in (found.interface, *_dialled(found)):
                with suppress(OSError):
                    go_process.end_process(name)
            subprocess.run(["ip", "netns", "del", found.people], check=False, capture_output=True)


def _dialled(gate: Gate) -> list[str]:
    return [file.stem for file in gate.sanaga.folder.glob(f"{gate.mark}*.conf")]


def _join(gate: Gate) -> None:
    """Give the blank host a cable to the gateway."""
    edge = gate.edge.world.namespace("edge")
    namespaces.run_ip_batch(
        [
            f"netns add {gate.people}",
            f"link add wan0 netns {edge} type veth peer name p0 netns {gate.people}",
        ]
    )
    namespaces.run_ip_batch([f"addr add {GATEWAY}/24 dev wan0", "link set wan0 up"], edge)
    namespaces.run_ip_batch(
        ["link set lo up", "addr add 198.51.100.2/24 dev p0", "link set p0 up"], gate.people
    )


def _let_answers_back(edge: Edge) -> None:
    """Have the hub know that people are behind the edge, as a policy of the controller says."""
    hub = edge.pair.daemons["hub"]
    (peer,) = hub.policy.peers
    policy = replace(hub.policy, peers=(replace(peer, prefixes=(*peer.prefixes, BLOCK)),))
    hub.policy = policy
    give(edge.pair, "hub", policy, serial=1)
    hub.start()


def _accept(gate: Gate, ports: tuple[Ports, ...]) -> None:
    """Let terms hold under which oncologists reach two servers, and nurses one."""
    edge = gate.edge
    key = edge.folder / "login_key"
    key.write_text(edge.secret)
    key.chmod(0o600)
    management = edge.device.management
    assert management
    door = replace(management, credential=f"file:{key}")
    public = public_text(read_private_key(edge.daemon.folder / "key"))
    terms = replace(
        TERMS,
        network=gate.mark,
        gateways=(
            Gateway("edge", 1, Endpoint(GATEWAY, PORT), public, enrolment_port=ENROLMENT_PORT),
        ),
        openings=(
            FilterOpening("oncologists", ports, (ip_network(LAN_HOST), ip_network(SERVER))),
            FilterOpening("nurses", HTTPS, (ip_network(LAN_HOST),)),
        ),
        doors={"edge": door},
        namespace=edge.world.namespace("edge"),
    )
    gate.state.mkdir(mode=0o700)
    copyfile(edge.folder / SIGNING_KEY, gate.state / SIGNING_KEY)
    (gate.state / SIGNING_KEY).chmod(0o600)
    registrar = Registrar.open(gate.state, SystemClock())
    registrar.accept(terms, ACT)
    registrar.close()


@contextmanager
def _services(gate: Gate) -> Iterator[None]:
    """Have something listen on two ports of both LANs' hosts."""
    running = []
    try:
        for place in ("lan", "server"):
            argv = ["ip", "netns", "exec", f"sgt-{gate.mark}-{place}", sys.executable, "-c", SERVE]
            running.append(
                subprocess.Popen(
                    [*argv, "443", "22"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
        for one in running:
            assert one.stdout
            assert one.stdout.readline() == "ready\n"
        yield
    finally:
        for one in running:
            with suppress(ProcessLookupError):
                kill(one.pid, signal.SIGKILL)
            one.communicate()
