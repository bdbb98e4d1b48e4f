"""Which way packets really take: the kernel of every router on it is asked."""

import json
from dataclasses import dataclass
from typing import Any, Final

from inventory import addressing
from inventory.model import Circuit, CircuitName, DeviceName, Intent, Medium, SiteName
from simulations.lab.lab import Lab

MOST_HOPS: Final = 24


@dataclass(frozen=True, slots=True)
class Hop:
    """A router on the way, and the circuit by which it is left (None at the end)."""

    device: DeviceName
    circuit: CircuitName | None
    medium: Medium | None


@dataclass(frozen=True, slots=True)
class Way:
    """The routers between two hosts in order; whole when the last one serves the other host."""

    hops: tuple[Hop, ...]
    whole: bool

    @property
    def circuits(self) -> tuple[CircuitName, ...]:
        """Return the circuits crossed, in order."""
        return tuple(hop.circuit for hop in self.hops if hop.circuit)

    def __str__(self) -> str:
        """Return the way as a sentence would name it."""
        parts = [f"{h.device} —{h.medium or ''}—" if h.circuit else h.device for h in self.hops]
        return " ".join(parts) + ("" if self.whole else " …nowhere")


def trace_path(lab: Lab, intent: Intent, source: SiteName, target: SiteName) -> Way:
    """Return the way that packets between two sites' hosts take, outside of any tunnel."""
    goal = str(lab.blueprint.host(target).ipv4.ip)
    return _traced(lab, intent, (_door(intent, source), _door(intent, target)), goal)


def trace_below(lab: Lab, intent: Intent, source: SiteName, target: SiteName) -> Way:
    """Return the way between two sites' edges through the routers, which carries their tunnel.

    It begins at the router beside the source's edge and ends at the one beside the target's.
    """
    here, there = (_beside(intent, _door(intent, site)) for site in (source, target))
    plan = intent.network.plan
    far = intent.devices[there]
    goal = addressing.loopback4(plan, intent.sites[far.site].number, far.number)
    return _traced(lab, intent, (here, there), str(goal))


def _traced(lab: Lab, intent: Intent, ends: tuple[DeviceName, DeviceName], goal: str) -> Way:
    by_interface = _circuits(intent)
    device, last = ends
    hops: list[Hop] = []
    while len(hops) < MOST_HOPS:
        leaving = _interface(lab, device, goal)
        circuit = by_interface.get((device, leaving))
        if circuit is None:
            hops.append(Hop(device, None, None))
            return Way(tuple(hops), whole=device == last)
        hops.append(Hop(device, circuit.name, circuit.medium))
        device = _other_end(circuit, device)
    return Way(tuple(hops), whole=False)


def _beside(intent: Intent, edge: DeviceName) -> DeviceName:
    """Return the router at the other end of an edge's first circuit into the hierarchy."""
    circuit = next(c for c in intent.circuits.values() if c.b and edge in (c.a.device, c.b.device))
    return _other_end(circuit, edge)


def _circuits(intent: Intent) -> dict[tuple[DeviceName, str], Circuit]:
    ends = ((end, c) for c in intent.circuits.values() for end in (c.a, c.b) if end and c.b)
    return {(end.device, end.interface): circuit for end, circuit in ends}


def _door(intent: Intent, site: SiteName) -> DeviceName:
    return next(d.name for d in intent.devices_at(site) if d.lan)


def _other_end(circuit: Circuit, device: DeviceName) -> DeviceName:
    far = circuit.b if circuit.a.device == device else circuit.a
    return far.device if far else device


def _interface(lab: Lab, device: DeviceName, goal: str) -> str:
    """Return the interface by which a router would send to an address, or nothing."""
    answer = lab.exec(device, ["ip", "-j", "route", "get", goal])
    if answer.returncode:
        return ""
    routes: list[dict[str, Any]] = json.loads(answer.stdout)
    return str(routes[0].get("dev", "")) if routes else ""
