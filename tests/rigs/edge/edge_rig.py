"""The reference world of the edge: LAN host, edge, two or three circuits, hub, server.

Every world has names of its own, so that several can run at once; leaving it ends every process in
its namespaces and removes them.
"""

import socket
import struct
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Final, Literal
from uuid import uuid4

from inventory.model import Medium
from simulations.impairment import Impairment
from simulations.netns import capabilities, namespaces, processes
from simulations.netns.blueprint import Wire, WireEnd
from simulations.netns.links import Circuits, emulated_circuits
from simulations.netns.registry import Folder

ROOT: Final = Path(__file__).parents[3]
TUNNEL_SOCKETS: Final = Path("/var/run/wireguard")

Place = Literal["lan", "edge", "hub", "server"]
PLACES: Final[tuple[Place, ...]] = ("lan", "edge", "hub", "server")
LAN_HOST: Final = IPv4Address("10.91.1.10")
SERVER: Final = IPv4Address("10.91.2.10")
GONE_WITHIN_S: Final = 60.0
HOST_PORT: Final = "net0"
LAN_PORT: Final = "lan0"
_RTM_NEWROUTE, _RTM_GETROUTE, _NLM_F_REQUEST = 24, 26, 1
_RTA_DST, _RTA_OIF, _RTA_MARK = 1, 4, 16
_LANS: Final[tuple[tuple[Place, Place, int], ...]] = (("lan", "edge", 1), ("server", "hub", 2))


@dataclass(frozen=True, slots=True)
class Line:
    """A circuit between edge and hub; delay and jitter one way, the same both ways."""

    name: str
    medium: Medium
    delay_ms: float
    rate_mbps: float
    cost: int
    jitter_ms: float = 0.0
    metered: bool = False

    @property
    def healthy(self) -> Impairment:
        """Return what the circuit does in each direction when nothing is wrong."""
        return Impairment(self.delay_ms, self.jitter_ms, 0.0, self.rate_mbps)


FIBRE: Final = Line("fibre", Medium.FIBRE, 10, 20, 10)
SATELLITE: Final = Line("leo", Medium.LEO, 27.5, 50, 30, jitter_ms=2.5)
LTE: Final = Line("lte", Medium.LTE, 45, 10, 50, metered=True)
TWO: Final = (FIBRE, SATELLITE)
THREE: Final = (FIBRE, SATELLITE, LTE)


@dataclass(frozen=True, slots=True)
class World:
    """A running reference world; faults are set by the names of its lines."""

    mark: str
    lines: tuple[Line, ...]
    folder: Path
    carriers: Circuits
    wires: Mapping[str, Wire]
    spawned: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def namespace(self, place: Place) -> str:
        """Return the network namespace of a place."""
        return f"sgt-{self.mark}-{place}"

    def line(self, name: str) -> Line:
        """Return a line by its name."""
        return {line.name: line for line in self.lines}[name]

    def number(self, name: str) -> int:
        """Return a line's place among the lines, counted from 0."""
        return [line.name for line in self.lines].index(name)

    def outer(self, name: str, place: Place) -> IPv4Address:
        """Return the address of edge or hub on a line."""
        return IPv4Address(f"198.18.{self.number(name)}.{1 if place == 'edge' else 2}")

    def exec(self, place: Place, *argv: str, check: bool = True) -> str:
        """Run a program at a place and return what it said on both streams."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.namespace(place), *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        assert not check or done.returncode == 0, f"{place}: {argv}: {done.stdout}"
        return done.stdout

    def spawn(self, place: Place, argv: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
        """Start a program at a place; the world's end ends it."""
        with log.open("ab") as stream:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace(place), *argv],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                cwd=ROOT,
            )
        self.spawned.append(process)
        return process

    def pings(self, source: Place, target: IPv4Address, *, tos: int = 0) -> bool:
        """Return whether one ping is answered within a second."""
        words = ("ping", "-n", "-c1", "-W1", "-Q", str(tos), str(target))
        said = self.exec(source, *words, check=False)
        return " 1 received" in said

    def cut(self, name: str) -> None:
        """Pull the cable: nothing comes through from now on, and both ends lose their carrier."""
        # The kernel may take a second to act upon a lost carrier and sends on meanwhile.
        self.worsen(name, hole=True)
        self.carriers.set_carrier(self.wires[name], up=False)

    def impair(
        self, name: str, *, up: Impairment | None = None, down: Impairment | None = None
    ) -> None:
        """Change what a line does towards the hub (up) or towards the edge (down), at once."""
        changes: dict[Literal["ab", "ba"], Impairment] = {}
        if up is not None:
            changes["ab"] = up
        if down is not None:
            changes["ba"] = down
        self.carriers.impair(self.wires[name], changes)

    def worsen(self, name: str, **change: float | bool) -> None:
        """Change single properties of a healthy line in both directions."""
        bad = replace(self.line(name).healthy, **change)  # type: ignore[arg-type]
        self.impair(name, up=bad, down=bad)

    def heal(self, name: str) -> None:
        """Let a line be whole and healthy again."""
        if not self.carriers.states()[name].up:
            self.carriers.set_carrier(self.wires[name], up=True)
        healthy = self.line(name).healthy
        self.impair(name, up=healthy, down=healthy)

    def octets(self, name: str) -> tuple[int, int]:
        """Return the octets that have come out of a line so far: at the hub, at the edge."""
        port = port_of(name)
        return self._received("hub", port), self._received("edge", port)

    def way(self, place: Place, target: IPv4Address, mark: int = 0) -> str:
        """Return the interface by which the kernel would send from a place; empty for none."""
        with namespaces.entered_namespace(self.namespace(place)):
            index = _asked_way(target, mark)
            return socket.if_indextoname(index) if index else ""

    def _received(self, place: Place, port: str) -> int:
        with namespaces.entered_namespace(self.namespace(place)):
            table = Path("/proc/thread-self/net/dev").read_text(encoding="ascii")
        return next(int(row.split()[1]) for row in table.splitlines() if f"{port}:" in row)


def _asked_way(target: IPv4Address, mark: int) -> int:
    """Ask the kernel for a route over rtnetlink (a program per question would load the machine)."""
    attributes = struct.pack("=HH4s", 8, _RTA_DST, target.packed)
    attributes += struct.pack("=HHI", 8, _RTA_MARK, mark)
    body = struct.pack("=BBBBBBBBI", socket.AF_INET, 32, 0, 0, 0, 0, 0, 0, 0) + attributes
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as door:
        door.settimeout(5)
        head = struct.pack("=IHHII", 16 + len(body), _RTM_GETROUTE, _NLM_F_REQUEST, 1, 0)
        door.sendto(head + body, (0, 0))
        answer = door.recv(8192)
    _, kind = struct.unpack_from("=IH", answer)
    at = 16 + 12
    while kind == _RTM_NEWROUTE and at + 4 <= len(answer):
        length, attribute = struct.unpack_from("=HH", answer, at)
        if attribute == _RTA_OIF:
            return int(struct.unpack_from("=I", answer, at + 4)[0])
        at += (length + 3) & ~3
    return 0


def port_of(line: str) -> str:
    """Return the name of a line's interface at both of its ends."""
    return f"w-{line}"


@contextmanager
def world(lines: Sequence[Line] = TWO, *, name: str = "w") -> Iterator[World]:
    """Build a world and take every trace of it away afterwards; name must be short."""
    capabilities.require_root()
    made = _draw(tuple(lines), name)
    try:
        _build(made)
        yield made
    finally:
        _remove(made)


def _draw(lines: tuple[Line, ...], name: str) -> World:
    mark = f"{name}{uuid4().hex[:4]}"
    folder = Path(mkdtemp(prefix=f"sgt-{mark}-"))
    folder.chmod(0o755)
    place = Folder("world", folder)
    place.path.mkdir()
    carriers = emulated_circuits(
        place, netem=capabilities.probe_kernel().netem, home=f"sgt-{mark}-lan"
    )
    unwired = World(mark, lines, folder, carriers, {})
    return replace(unwired, wires={line.name: _wire(unwired, line) for line in lines})


def _wire(world: World, line: Line) -> Wire:
    edge = WireEnd(world.namespace("edge"), port_of(line.name))
    hub = WireEnd(world.namespace("hub"), port_of(line.name))
    addresses = (world.outer(line.name, "edge"), world.outer(line.name, "hub"))
    return Wire(line.name, edge, hub, line.healthy, line.healthy, addresses)


def _build(world: World) -> None:
    spaces = {place: world.namespace(place) for place in PLACES}
    namespaces.run_ip_batch(f"netns add {space}" for space in spaces.values())
    namespaces.run_ip_batch(
        f"link add {HOST_PORT} netns {spaces[host]} type veth "
        f"peer name {LAN_PORT} netns {spaces[gateway]}"
        for host, gateway, _ in _LANS
    )
    world.carriers.start(world.wires.values())
    for place, space in spaces.items():
        namespaces.set_sysctls(space, _sysctls(place))
        namespaces.run_ip_batch(_addressing(world, place), space)


def _sysctls(place: Place) -> Iterator[tuple[str, str]]:
    # Tentative addresses would delay the first packets by a second or two.
    yield "net/ipv6/conf/default/accept_dad", "0"
    yield "net/ipv6/conf/all/accept_dad", "0"
    yield from ((f"net/{v}/forwarding", "1") for v in _forwarding(place))


def _forwarding(place: Place) -> tuple[str, ...]:
    return ("ipv4/conf/all", "ipv6/conf/all") if place in {"edge", "hub"} else ()


def _addressing(world: World, place: Place) -> Iterator[str]:
    yield "link set lo up"
    for host, gateway, number in _LANS:
        if place == host:
            yield from _attached(HOST_PORT, number, 10)
            yield f"route add default via 10.91.{number}.1"
            yield f"route add ::/0 via fd91:{number}::1"
        if place == gateway:
            yield from _attached(LAN_PORT, number, 1)
    if place in {"edge", "hub"}:
        for line in world.lines:
            port = port_of(line.name)
            yield f"addr add {world.outer(line.name, place)}/24 dev {port}"
            yield f"link set {port} up"


def _attached(port: str, lan: int, host: int) -> Iterator[str]:
    ipv4, ipv6 = IPv4Interface(f"10.91.{lan}.{host}/24"), IPv6Interface(f"fd91:{lan}::{host:x}/64")
    yield f"addr add {ipv4} dev {port}"
    yield f"addr add {ipv6} dev {port} nodad"
    yield f"link set {port} up"


def _remove(world: World) -> None:
    spaces = [world.namespace(place) for place in PLACES]
    living = map(processes.identify_process, namespaces.processes_in(spaces))
    processes.kill_processes(one for one in living if one is not None)
    for process in world.spawned:
        process.wait(GONE_WITHIN_S)
    for space in spaces:
        if namespaces.namespace_exists(space):
            namespaces.run_ip_batch([f"netns del {space}"])
    for stale in TUNNEL_SOCKETS.glob(f"*{world.mark}*"):
        stale.unlink(missing_ok=True)
    rmtree(world.folder, ignore_errors=True)
