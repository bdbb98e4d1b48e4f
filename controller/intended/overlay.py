"""From the intent to what every edge must do: its tunnels, its peers and its classes of traffic.

An edge at the site of a data-centre zone is a hub, which every other edge dials. Their circuits
are paired where they meet: in one provider's network, or in the routers'. Which tunnel is named
and numbered how follows from names and numbers of the intent alone, so both ends agree without
speaking to each other.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, TypeAlias

from controller.intended.routers import behind_gateways
from edge.policy.model import (
    CARE_PORT,
    Prefix,
)
from inventory import addressing
from inventory.model import (
    Circuit,
    CircuitName,
    Device,
    DeviceName,
    Intent,
    Medium,
    Role,
)
from topology.build import BASE_COST, circuit_cost
from vpn.model import Gateway

# Where circuits meet: the provider whose network they lead into, nothing for the routers'.
Meeting: TypeAlias = str

FIRST_PORT: Final = CARE_PORT + 9
PORTS: Final = 8192
# What a circuit under maintenance adds to a path: all others come first.
DRAINED_COST: Final = 1_000


@dataclass(frozen=True, slots=True)
class TunnelPair:
    """A way between an edge and a hub: a circuit of each that meet."""

    edge: Circuit
    hub: Circuit

    @property
    def medium(self) -> Medium:
        """Return the medium of the worse half."""
        return max(self.edge.medium, self.hub.medium, key=BASE_COST.__getitem__)

    @property
    def cost(self) -> int:
        """Return what the circuits cost together."""
        drained = DRAINED_COST * (self.edge.maintenance + self.hub.maintenance)
        return circuit_cost(self.edge) + circuit_cost(self.hub) + drained


@dataclass(frozen=True, slots=True)
class SitePair:
    """An edge and a hub, and how they are joined."""

    edge: Device
    hub: Device
    ways: tuple[TunnelPair, ...]

    def far(self, device: Device) -> Device:
        """Return the other one."""
        return self.hub if device is self.edge else self.edge

    def own(self, device: Device, way: TunnelPair) -> Circuit:
        """Return the device's circuit of a way."""
        return way.edge if device is self.edge else way.hub


@dataclass(frozen=True, slots=True)
class Overlay:
    """Which devices are joined by tunnels; unfit says of the other edges why they have none.

    people are the addresses that people's devices have behind gateways.
    """

    intent: Intent
    joined: tuple[SitePair, ...]
    managed: Mapping[DeviceName, Device]
    hubs: frozenset[DeviceName]
    unfit: Mapping[DeviceName, str]
    ports: Mapping[DeviceName, Mapping[CircuitName, int]]
    people: Mapping[DeviceName, tuple[Prefix, ...]]

    @property
    def pairs(self) -> tuple[tuple[DeviceName, DeviceName], ...]:
        """Return the pairs that must reach each other through tunnels, the edge before its hub."""
        return tuple((ends.edge.name, ends.hub.name) for ends in self.joined)

    def tunnels(self, device: DeviceName) -> Mapping[DeviceName, tuple[CircuitName, ...]]:
        """Return the far ends of a device's tunnels, each with its own circuits that carry them."""
        own = self.managed.get(device)
        return {
            ends.far(own).name: tuple(ends.own(own, way).name for way in ends.ways)
            for ends in self.joined
            if own and own in (ends.edge, ends.hub)
        }


def build_overlay(intent: Intent, gateways: Iterable[Gateway] = ()) -> Overlay:
    """Return the tunnels of an intent; gateways are those that people's devices dial."""
    edges = {n: d for n, d in sorted(intent.devices.items()) if d.role is Role.EDGE}
    zones = {zone.site for zone in intent.zones.values()}
    fit = [d for d in edges.values() if d.public_key and d.lan]
    hubs = [device for device in fit if device.site in zones]
    meetings = _meetings(intent) if hubs else {}
    joined = tuple(
        SitePair(device, hub, ways)
        for device in fit
        if device.site not in zones
        for hub in hubs
        if (ways := tuple(_ways(meetings, device, hub)))
    )
    names = {ends.edge.name for ends in joined} | {hub.name for hub in hubs}
    return Overlay(
        intent,
        joined,
        managed={name: device for name, device in edges.items() if name in names},
        hubs=frozenset(hub.name for hub in hubs),
        unfit={n: _why(d, hubs=bool(hubs)) for n, d in edges.items() if n not in names},
        ports=_ports(intent) if hubs else {},
        people=behind_gateways(intent.network.plan, gateways),
    )


def loopback(intent: Intent, name: DeviceName) -> IPv4Address:
    """Return a device's own address."""
    device = intent.devices[name]
    site = intent.sites[device.site]
    return addressing.loopback4(intent.network.plan, site.number, device.number)


def _why(device: Device, *, hubs: bool) -> str:
    """Return why an edge has no tunnels."""
    if not device.public_key:
        return "no public key pinned; 'sanaga edge enrol' there prints the line for edge_keys"
    if not device.lan:
        return "no LANs behind it; write 'lan: true' there and 'lan: false' at the router"
    if not hubs:
        return "no hub; pin the key of an edge at the site of a zone"
    return "no circuit that meets one of a hub's; give both one into the same provider's network"


def _meetings(intent: Intent) -> Mapping[DeviceName, Mapping[Meeting, list[Circuit]]]:
    """Return for every edge its circuits by where they lead, the cheapest first."""
    found: defaultdict[DeviceName, defaultdict[Meeting, list[Circuit]]]
    found = defaultdict(lambda: defaultdict(list))
    for circuit in sorted(intent.usable_circuits(), key=_rank):
        for end in filter(None, (circuit.a, circuit.b)):
            if intent.devices[end.device].role is Role.EDGE:
                found[end.device][circuit.provider or ""].append(circuit)
    return found


def _rank(circuit: Circuit) -> tuple[int, int]:
    return circuit_cost(circuit), circuit.number


def _ways(
    meetings: Mapping[DeviceName, Mapping[Meeting, list[Circuit]]], device: Device, hub: Device
) -> Iterator[TunnelPair]:
    """Yield the ways between an edge and a hub; each circuit takes part in one of them.

    A device has one key for all its tunnels, and an interface knows each key once, so two
    circuits of an edge cannot end on one of the hub's.
    """
    theirs = meetings.get(hub.name, {})
    for place, ours in meetings.get(device.name, {}).items():
        for near, far in zip(ours, theirs.get(place, ()), strict=False):
            yield TunnelPair(near, far)


def _ports(intent: Intent) -> Mapping[DeviceName, Mapping[CircuitName, int]]:
    """Return where every device listens on its circuits, by their numbers alone.

    Only where two circuits of a device have numbers that differ by a multiple of PORTS does the
    one with the greater number take the next free port.
    """
    found: defaultdict[DeviceName, dict[CircuitName, int]] = defaultdict(dict)
    for circuit in sorted(intent.circuits.values(), key=lambda one: one.number):
        for end in filter(None, (circuit.a, circuit.b)):
            own = found[end.device]
            own[circuit.name] = _port(circuit.number, frozenset(own.values()))
    return found


def _port(number: int, taken: Set[int]) -> int:
    """Return the first free port from a circuit's own on."""
    return next(
        port for step in range(PORTS) if (port := FIRST_PORT + (number + step) % PORTS) not in taken
    )
