"""A running laboratory: look at it, break it, mend it, ask its routers."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypedDict, Unpack

from inventory.errors import LabError
from inventory.model import CircuitName, DeviceName, Intent, SiteName
from simulations.impairment import Impairment
from simulations.lab import faults, lifecycle, namespaces, registry, routers
from simulations.lab.blueprint import Blueprint, Host, Router, Wire
from simulations.lab.faults import FaultKind
from simulations.lab.keys import merged
from simulations.lab.links import BOTH, Circuits, CircuitState, Direction, circuits
from simulations.lab.probe import answering
from simulations.lab.registry import Folder
from simulations.lab.vty import ask_json
from simulations.lab.waiting import eventually

EXEC_WITHIN_S: Final = 60.0
ESTABLISHED: Final = "Established"
BFD_UP: Final = "up"
POLL_S: Final = 0.2
# bgpd gathers updates for a second before it sends them.
REST_S: Final = 1.5
REACH_WITHIN_S: Final = 1.0
_PING_COUNTS: Final = re.compile(r"(\d+) packets transmitted, (\d+) (?:packets )?received")
_PING_TIMES: Final = re.compile(r"= ([\d.]+)/([\d.]+)/([\d.]+)/([\d.]+) ms")


class Shape(TypedDict, total=False):
    """What can be changed on a circuit while it runs."""

    delay_ms: float
    jitter_ms: float
    loss: float
    rate_mbps: float | None
    hole: bool
    reorder: bool


@dataclass(frozen=True, slots=True)
class RouterState:
    """A router's programs that are dead, its BGP sessions, and the fault that is set on it."""

    device: DeviceName
    dead: tuple[str, ...]
    established: int
    sessions: int
    fault: FaultKind


@dataclass(frozen=True, slots=True)
class LabState:
    """A laboratory at one moment; emulator is None where the kernel impairs by itself."""

    name: str
    routers: tuple[RouterState, ...]
    circuits: tuple[CircuitState, ...]
    emulator: bool | None


@dataclass(frozen=True, slots=True)
class Pings:
    """What ping counted; times in ms, None when nothing came back."""

    sent: int
    received: int
    average_ms: float | None
    deviation_ms: float | None


@dataclass(slots=True)
class _Watch:
    """What convergence still lacks, and since when the routers' tables rest."""

    missing: list[str] = field(default_factory=lambda: ["anything"])
    versions: tuple[int, ...] = ()
    since: float = 0.0

    def unrest(self, versions: tuple[int, ...]) -> list[str]:
        """Return a complaint until the tables have not changed for a while."""
        now = time.monotonic()
        if versions != self.versions:
            self.versions, self.since = versions, now
        return [] if now - self.since >= REST_S else ["routes at rest"]


@dataclass(frozen=True, slots=True)
class Lab:
    """A laboratory that is up."""

    folder: Folder
    blueprint: Blueprint
    links: Circuits
    netem: bool

    @property
    def name(self) -> str:
        """Return the laboratory's name, which is its network's."""
        return self.blueprint.name

    @property
    def controller_key(self) -> Path:
        """Return the private key that every router admits."""
        return self.folder.controller_key

    def status(self) -> LabState:
        """Return what runs, which sessions are established, and what is wrong on purpose."""
        states = self.links.states()
        return LabState(
            name=self.name,
            routers=tuple(self._router_state(router) for router in self.blueprint.routers),
            circuits=tuple(states.values()),
            emulator=None if self.netem else bool(states),
        )

    def cut(self, circuit: CircuitName, *, silent: bool) -> None:
        """Pull a circuit's cable, or let it swallow everything without a sign."""
        wire = self.blueprint.wire(circuit)
        if silent:
            self.impair(circuit, hole=True)
        else:
            self.links.set_carrier(wire, up=False)

    def restore(self, circuit: CircuitName) -> None:
        """Make a circuit what the intent says it is."""
        wire = self.blueprint.wire(circuit)
        self.links.impair(wire, {"ab": wire.ab, "ba": wire.ba})
        self.links.set_carrier(wire, up=True)

    def impair(
        self,
        circuit: CircuitName,
        directions: Sequence[Direction] = BOTH,
        **shape: Unpack[Shape],
    ) -> None:
        """Change what a circuit does in some directions and leave the rest of it as it is.

        Raises LabError when a value makes no sense.
        """
        wire = self.blueprint.wire(circuit)
        state = self._circuit_state(circuit)
        now: Mapping[Direction, Impairment] = {"ab": state.ab, "ba": state.ba}
        wanted = {direction: replace(now[direction], **shape) for direction in directions}
        wrong = {text for impairment in wanted.values() for text in impairment.faults()}
        if wrong:
            raise LabError(f"{circuit}: {'; '.join(sorted(wrong))}")
        self.links.impair(wire, wanted)

    def fault(self, device: DeviceName, kind: FaultKind) -> None:
        """Make a router misbehave when it is next changed, or repair it."""
        router = self.blueprint.router(device)
        faults.set_fault(self.folder, self.blueprint, router, kind)

    def exec(
        self, thing: str, argv: Sequence[str], *, within_s: float = EXEC_WITHIN_S
    ) -> subprocess.CompletedProcess[str]:
        """Run a program where a device, a site's host, a provider or "noc" lives."""
        return namespaces.run(self.blueprint.namespace_of(thing), argv, within_s=within_s)

    def ping(
        self, site: SiteName, target: SiteName, *, count: int = 5, interval_s: float = 0.05
    ) -> Pings:
        """Ping from one site's host to another's."""
        there = self.blueprint.host(target).ipv4.ip
        argv = ["ping", "-n", "-q", "-c", str(count), "-i", str(interval_s), "-W", "2", str(there)]
        home = self.blueprint.host(site).namespace
        return _pings(namespaces.run(home, argv, within_s=EXEC_WITHIN_S).stdout)

    def ping_across(
        self, circuit: CircuitName, *, count: int = 5, interval_s: float = 0.05
    ) -> Pings:
        """Ping over one circuit, from its end a to its end b, which must have addresses."""
        wire = self.blueprint.wire(circuit)
        here, there = map(str, wire.addresses)
        argv = ["ping", "-n", "-q", "-I", here, "-c", str(count), "-i", str(interval_s), there]
        answer = namespaces.run(wire.a.namespace, [*argv, "-W", "2"], within_s=EXEC_WITHIN_S)
        return _pings(answer.stdout or answer.stderr)

    def vtysh(self, device: DeviceName, command: str) -> str:
        """Return what a router answers to a command.

        Raises LabError when FRR does not answer.
        """
        router = self.blueprint.router(device)
        argv = routers.vtysh_argv(self.folder.router(device), "-c", command)
        result = namespaces.run(router.namespace, argv, within_s=EXEC_WITHIN_S)
        if result.returncode:
            raise LabError(f"{device}: vtysh: {(result.stderr or result.stdout).strip()}")
        return result.stdout

    def wait_converged(self, within_s: float) -> None:
        """Wait until sessions over whole circuits are up, routes rest and all hosts are reached.

        Raises LabError naming what is still missing.
        """
        watch = _Watch()

        def settled() -> bool:
            watch.missing = self._unsettled() or watch.unrest(self._table_versions())
            watch.missing = watch.missing or self._unreached()
            return not watch.missing

        try:
            eventually(settled, within_s=within_s, what="convergence", every_s=POLL_S)
        except LabError as error:
            more = f" and {len(watch.missing) - 5} more" if len(watch.missing) > 5 else ""
            raise LabError(f"{error}; missing: {', '.join(watch.missing[:5])}{more}") from error

    def reachable(self, site: SiteName) -> frozenset[SiteName]:
        """Return the sites whose hosts answer this site's host, in IPv4 and in IPv6."""
        hosts = [host for host in self.blueprint.hosts if host.site != site]
        targets = [address for host in hosts for address in (host.ipv4.ip, host.ipv6.ip)]
        home = self.blueprint.host(site).namespace
        found = answering(home, targets, within_s=REACH_WITHIN_S)
        return frozenset(h.site for h in hosts if {h.ipv4.ip, h.ipv6.ip} <= found)

    def write_known_hosts(self, folder: Path) -> Path:
        """Add the routers' host keys to a folder's known_hosts file and return that file."""
        file = folder / lifecycle.HOST_KEYS
        existing = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        ours = (self.folder.path / lifecycle.HOST_KEYS).read_text(encoding="ascii")
        file.write_text(merged(existing, ours), encoding="utf-8")
        return file

    def down(self) -> None:
        """Remove the laboratory."""
        lifecycle.destroy(self.folder)

    def _circuit_state(self, circuit: CircuitName) -> CircuitState:
        states = self.links.states()
        if circuit not in states:
            raise LabError(f"{self.name}: the link emulator is dead; take the laboratory down")
        return states[circuit]

    def _router_state(self, router: Router) -> RouterState:
        peers = self._peers(router)
        return RouterState(
            device=router.device,
            dead=routers.health(self.folder, router).dead,
            established=sum(state == ESTABLISHED for state in peers.values()),
            sessions=len(peers),
            fault=faults.fault(self.folder, router),
        )

    def _peers(self, router: Router) -> Mapping[str, str]:
        """Return the state of a router's BGP sessions by the neighbour's address."""
        return {
            address: str(peer.get("state"))
            for family in self._summary(router)
            for address, peer in family.get("peers", {}).items()
        }

    def _summary(self, router: Router) -> Sequence[dict[str, Any]]:
        """Return what bgpd tells about each address family; nothing when it does not answer."""
        socket_path = self.folder.router(router.device) / "bgpd.vty"
        summary: dict[str, Any] = ask_json(socket_path, "show bgp summary json") or {}
        return [family for family in summary.values() if isinstance(family, dict)]

    def _table_versions(self) -> tuple[int, ...]:
        """Return numbers that change with every change of any router's BGP tables."""
        return tuple(
            int(family.get("tableVersion", 0))
            for router in self.blueprint.routers
            for family in self._summary(router)
        )

    def _unsettled(self) -> list[str]:
        broken = self._broken_addresses()
        return [text for r in self.blueprint.routers for text in self._missing_peers(r, broken)]

    def _missing_peers(self, router: Router, broken: frozenset[str]) -> Iterator[str]:
        peers = self._peers(router)
        if not peers:
            yield f"any session of {router.device}"
        for address, state in peers.items():
            if state != ESTABLISHED and address not in broken:
                yield f"{router.device} to {address} ({state})"
        # BGP alone notices a black hole only after its hold time.
        for address, state in self._bfd(router).items():
            if state != BFD_UP and address not in broken:
                yield f"BFD of {router.device} to {address} ({state})"

    def _bfd(self, router: Router) -> Mapping[str, str]:
        """Return the state of a router's BFD sessions by the neighbour's address."""
        socket_path = self.folder.router(router.device) / "bfdd.vty"
        peers: list[dict[str, Any]] = ask_json(socket_path, "show bfd peers json") or []
        return {str(peer["peer"]): str(peer["status"]) for peer in peers}

    def _broken_addresses(self) -> frozenset[str]:
        states = self.links.states()
        wires: list[Wire] = [
            w for w in self.blueprint.wires if w.circuit in states and not states[w.circuit].carries
        ]
        return frozenset(str(address) for wire in wires for address in wire.addresses)

    def _unreached(self) -> list[str]:
        """Return what the first host that misses any other misses; asking all takes longer."""
        sites = {host.site for host in self.blueprint.hosts}
        for here in sorted(sites):
            missing = sorted(sites - self.reachable(here) - {here})
            if missing:
                return [f"{there} from {here}" for there in missing]
        return []


def up(
    intent: Intent,
    *,
    configs: Mapping[DeviceName, str] | None = None,
    report: Callable[[str], None] = lambda _step: None,
) -> Lab:
    """Make the laboratory of an intent; its routers are blank, or run the given configurations.

    Raises LabError; nothing is left then.
    """
    lifecycle.build(intent, configs, report=report)
    return find(intent.network.name)


def find(name: str) -> Lab:
    """Return a laboratory that is up.

    Raises LabError when there is none of that name.
    """
    place = registry.folder(name)
    record = place.read()
    links = circuits(place, netem=record.netem, home=record.blueprint.controller)
    return Lab(place, record.blueprint, links, record.netem)


def down(name: str) -> None:
    """Remove a laboratory, whatever is left of it; nothing happens when there is none."""
    lifecycle.destroy(registry.folder(name))


def hosts(lab: Lab) -> Mapping[SiteName, Host]:
    """Return the hosts of a laboratory by site."""
    return {host.site: host for host in lab.blueprint.hosts}


def _pings(said: str) -> Pings:
    counts, times = _PING_COUNTS.search(said), _PING_TIMES.search(said)
    if not counts:
        raise LabError(f"ping said: {said.strip()[:200]}")
    return Pings(
        sent=int(counts[1]),
        received=int(counts[2]),
        average_ms=float(times[2]) if times else None,
        deviation_ms=float(times[4]) if times else None,
    )
