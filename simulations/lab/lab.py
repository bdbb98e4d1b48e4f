"""A running laboratory: look at it, break it, mend it, ask its routers."""

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypedDict, Unpack

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from controller.environment import environment
from controller.keys.signing import signing_key
from controller.settings import Settings
from inventory.errors import LabError
from inventory.intent import EDGE_KEYS, KNOWN_HOSTS
from inventory.model import CircuitName, DeviceName, Intent, SiteName
from inventory.output_file import replace_file
from simulations.devices import edges, faults, routers
from simulations.devices.edges import EdgeState
from simulations.devices.faults import FaultKind
from simulations.devices.ssh_keys import merge_known_hosts
from simulations.impairment import Impairment
from simulations.lab import lifecycle, restart
from simulations.lab.convergence import ESTABLISHED, Sessions
from simulations.lab.lifecycle import Wishes
from simulations.lab.probe import answering_devices
from simulations.netns import background, namespaces, registry
from simulations.netns.blueprint import Blueprint, BlueprintRouter, Host
from simulations.netns.links import BOTH, Circuits, CircuitState, Direction, emulated_circuits
from simulations.netns.registry import Folder

EXEC_WITHIN_S: Final = 60.0
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
    edges: tuple[EdgeState, ...]
    circuits: tuple[CircuitState, ...]
    emulator: bool | None
    weather: bool


@dataclass(frozen=True, slots=True)
class Pings:
    """What ping counted; times in ms, None when nothing came back.

    least_ms is the quickest answer: a busy machine adds to answers, but hardly to all of them.
    """

    sent: int
    received: int
    least_ms: float | None
    average_ms: float | None
    deviation_ms: float | None


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
    def sessions(self) -> Sessions:
        """Return what the routers tell about their sessions."""
        return Sessions(self.folder, self.blueprint, self.links)

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
            edges=tuple(edges.edge_state(self.folder, edge) for edge in self.blueprint.edges),
            circuits=tuple(states.values()),
            emulator=None if self.netem else bool(states),
            weather=background.program_runs(self.folder.weather_pid) is not None,
        )

    def cut(
        self, circuit: CircuitName, directions: Sequence[Direction] = BOTH, *, silent: bool
    ) -> None:
        """Pull a circuit's cable, or let directions of it swallow everything without a sign."""
        wire = self.blueprint.wire(circuit)
        if silent:
            self.impair(circuit, directions, hole=True)
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

    def kill_edge(self, device: DeviceName) -> None:
        """End an edge's daemon as a power cut would; what it put into the kernel stays."""
        edges.kill_daemon(self.folder, self.blueprint.edge(device))

    def restart_edge(self, device: DeviceName) -> None:
        """Start an edge's daemon again, and end it first when it runs."""
        edge = self.blueprint.edge(device)
        edges.kill_daemon(self.folder, edge)
        edges.start_daemon(self.folder, edge)

    def restart(self, device: DeviceName) -> None:
        """Let a router or an edge start again as after a reboot.

        Raises LabError when there is none of that name, or a program does not start.
        """
        restart.restart_machine(self.folder, self.blueprint, self.blueprint.machine(device))

    def edge_folder(self, device: DeviceName) -> Path:
        """Return the folder in which an edge's daemon keeps its key, policy and state."""
        return self.folder.edge(self.blueprint.edge(device).device)

    def exec(
        self, thing: str, argv: Sequence[str], *, within_s: float = EXEC_WITHIN_S
    ) -> subprocess.CompletedProcess[str]:
        """Run a program where a device, a site's host, a provider or "noc" lives."""
        namespace = self.blueprint.namespace_of(thing)
        chosen = {**environment(), **self.variables(thing)}
        return namespaces.run_in_namespace(namespace, argv, within_s=within_s, variables=chosen)

    def variables(self, thing: str) -> Mapping[str, str]:
        """Return the variables by which commands find an edge's daemon, and vtysh a router's FRR.

        Raises LabError when there is no such thing.
        """
        namespace = self.blueprint.namespace_of(thing)
        for router in self.blueprint.routers:
            if router.namespace == namespace:
                own = self.folder.router(router.device) / routers.PROGRAMS
                return {"PATH": f"{own}:{environment().get('PATH', os.defpath)}"}
        for edge in self.blueprint.edges:
            if edge.namespace == namespace:
                return {edges.VARIABLE: str(self.folder.edge(edge.device))}
        return {}

    def ping(
        self, site: SiteName, target: SiteName, *, count: int = 5, interval_s: float = 0.05
    ) -> Pings:
        """Ping from one site's host to another's."""
        there = self.blueprint.host(target).ipv4.ip
        argv = ["ping", "-n", "-q", "-c", str(count), "-i", str(interval_s), "-W", "2", str(there)]
        home = self.blueprint.host(site).namespace
        return _pings(namespaces.run_in_namespace(home, argv, within_s=EXEC_WITHIN_S).stdout)

    def ping_across(
        self, circuit: CircuitName, *, count: int = 5, interval_s: float = 0.05
    ) -> Pings:
        """Ping over one circuit, from its end a to its end b, which must have addresses."""
        wire = self.blueprint.wire(circuit)
        here, there = map(str, wire.addresses)
        argv = ["ping", "-n", "-q", "-I", here, "-c", str(count), "-i", str(interval_s), there]
        answer = namespaces.run_in_namespace(
            wire.a.namespace, [*argv, "-W", "2"], within_s=EXEC_WITHIN_S
        )
        return _pings(answer.stdout or answer.stderr)

    def vtysh(self, device: DeviceName, command: str) -> str:
        """Return what a router answers to a command.

        Raises LabError when FRR does not answer.
        """
        router = self.blueprint.router(device)
        argv = routers.vtysh_argv(self.folder.router(device), "-c", command)
        result = namespaces.run_in_namespace(router.namespace, argv, within_s=EXEC_WITHIN_S)
        if result.returncode:
            raise LabError(f"{device}: vtysh: {(result.stderr or result.stdout).strip()}")
        return result.stdout

    def wait_converged(self, within_s: float) -> None:
        """Wait until sessions over whole circuits are up, routes rest and all hosts are reached.

        Raises LabError naming what is still missing.
        """
        self.sessions.wait(self._unreached, within_s)

    def reachable(self, site: SiteName) -> frozenset[SiteName]:
        """Return the sites whose hosts answer this site's host, in IPv4 and in IPv6."""
        hosts = [host for host in self.blueprint.hosts if host.site != site]
        targets = [address for host in hosts for address in (host.ipv4.ip, host.ipv6.ip)]
        home = self.blueprint.host(site).namespace
        found = answering_devices(home, targets, within_s=REACH_WITHIN_S)
        return frozenset(h.site for h in hosts if {h.ipv4.ip, h.ipv6.ip} <= found)

    def write_known_hosts(self, folder: Path) -> Path:
        """Add the machines' host keys to a folder's known_hosts file and return that file."""
        return self._pin(folder / KNOWN_HOSTS)

    def write_edge_keys(self, folder: Path) -> Path:
        """Add the edges' public keys to a folder's edge_keys file and return that file."""
        return self._pin(folder / EDGE_KEYS)

    def keys(self, name: str) -> str:
        """Return the laboratory's own known_hosts or edge_keys."""
        return (self.folder.path / name).read_text(encoding="ascii")

    def _pin(self, file: Path) -> Path:
        existing = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        replace_file(file, merge_known_hosts(existing, self.keys(file.name)).encode())
        return file

    def down(self) -> None:
        """Remove the laboratory."""
        lifecycle.destroy_lab(self.folder)

    def _circuit_state(self, circuit: CircuitName) -> CircuitState:
        states = self.links.states()
        if circuit not in states:
            raise LabError(f"{self.name}: the link emulator is dead; take the laboratory down")
        return states[circuit]

    def _router_state(self, router: BlueprintRouter) -> RouterState:
        peers = self.sessions.peers(router)
        return RouterState(
            device=router.device,
            dead=routers.dead_programs(self.folder, router),
            established=sum(state == ESTABLISHED for state in peers.values()),
            sessions=len(peers),
            fault=faults.current_fault(self.folder, router),
        )

    def _unreached(self) -> list[str]:
        """Return what the first host that misses any other misses; asking all takes longer."""
        sites = {host.site for host in self.blueprint.hosts}
        for here in sorted(sites):
            missing = sorted(sites - self.reachable(here) - {here})
            if missing:
                return [f"{there} from {here}" for there in missing]
        return []


def bring_up(
    intent: Intent,
    *,
    configs: Mapping[DeviceName, str] | None = None,
    controller: Ed25519PublicKey | None = None,
    weather: int | None = None,
    report: Callable[[str], None] = lambda _step: None,
) -> Lab:
    """Make the laboratory of an intent; its routers are blank, or run the given configurations.

    Its edges take the policies that the controller signs: this machine's if none is given. The
    sky is calm unless the weather's seed is given. Raises LabError; nothing is left then.
    """
    wishes = Wishes(configs or {}, lambda: controller or _controller(), weather)
    lifecycle.build_lab(intent, wishes, report=report)
    return find_lab(intent.network.name)


def _controller() -> Ed25519PublicKey:
    return signing_key(Settings().state_dir).public_key()


def find_lab(name: str) -> Lab:
    """Return a laboratory that is up.

    Raises LabError when there is none of that name.
    """
    place = registry.lab_folder(name)
    record = place.read()
    links = emulated_circuits(place, netem=record.netem, home=record.blueprint.controller)
    return Lab(place, record.blueprint, links, record.netem)


def take_down(name: str) -> None:
    """Remove a laboratory, whatever is left of it; nothing happens when there is none."""
    lifecycle.destroy_lab(registry.lab_folder(name))


def lab_hosts(lab: Lab) -> Mapping[SiteName, Host]:
    """Return the hosts of a laboratory by site."""
    return {host.site: host for host in lab.blueprint.hosts}


def _pings(said: str) -> Pings:
    counts, times = _PING_COUNTS.search(said), _PING_TIMES.search(said)
    if not counts:
        raise LabError(f"ping said: {said.strip()[:200]}")
    return Pings(
        sent=int(counts[1]),
        received=int(counts[2]),
        least_ms=float(times[1]) if times else None,
        average_ms=float(times[2]) if times else None,
        deviation_ms=float(times[4]) if times else None,
    )
