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

from controller.intended.routers import LAN_INTERFACE, behind_gateways
from edge.policy import model as edge_policy
from edge.policy.model import (
    CARE_PORT,
    CareTunnel,
    EdgePolicy,
    Endpoint,
    Prefix,
    TrafficClass,
    Underlay,
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
    Site,
)
from inventory.names import interface_name
from policies.model import Policies
from topology.build import BASE_COST, circuit_cost
from vpn.model import Gateway

# Where circuits meet: the provider whose network they lead into, nothing for the routers'.
Meeting: TypeAlias = str

WIDE_MTU: Final = 1420
# What WireGuard leaves of the 1,400 octets that satellites and mobile networks carry whole.
NARROW_MTU: Final = 1340
CARE_OVERHEAD: Final = 60
FIRST_PORT: Final = CARE_PORT + 9
PORTS: Final = 8192
# What a circuit under maintenance adds to a path: all others come first.
DRAINED_COST: Final = 1_000
_NARROW: Final = frozenset({Medium.LEO, Medium.LTE, Medium.VSAT})


@dataclass(frozen=True, slots=True)
class _Pairing:
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
class _Ends:
    """An edge and a hub, and how they are joined."""

    edge: Device
    hub: Device
    ways: tuple[_Pairing, ...]

    def far(self, device: Device) -> Device:
        """Return the other one."""
        return self.hub if device is self.edge else self.edge

    def own(self, device: Device, way: _Pairing) -> Circuit:
        """Return the device's circuit of a way."""
        return way.edge if device is self.edge else way.hub


@dataclass(frozen=True, slots=True)
class Overlay:
    """Who is joined to whom by tunnels; unfit says of the other edges why they have none.

    people are the addresses that people's devices have behind gateways.
    """

    intent: Intent
    joined: tuple[_Ends, ...]
    managed: Mapping[DeviceName, Device]
    hubs: frozenset[DeviceName]
    unfit: Mapping[DeviceName, str]
    ports: Mapping[DeviceName, Mapping[CircuitName, int]]
    people: Mapping[DeviceName, tuple[Prefix, ...]]

    @property
    def pairs(self) -> tuple[tuple[DeviceName, DeviceName], ...]:
        """Return who must reach whom through the tunnels, the edge before its hub."""
        return tuple((ends.edge.name, ends.hub.name) for ends in self.joined)

    def tunnels(self, device: DeviceName) -> Mapping[DeviceName, tuple[CircuitName, ...]]:
        """Return whom a device has tunnels to, and over which of its own circuits."""
        own = self.managed.get(device)
        return {
            ends.far(own).name: tuple(ends.own(own, way).name for way in ends.ways)
            for ends in self.joined
            if own and own in (ends.edge, ends.hub)
        }


def overlay(intent: Intent, gateways: Iterable[Gateway] = ()) -> Overlay:
    """Return the tunnels of an intent; gateways are those that people's devices dial."""
    edges = {n: d for n, d in sorted(intent.devices.items()) if d.role is Role.EDGE}
    zones = {zone.site for zone in intent.zones.values()}
    fit = [d for d in edges.values() if d.public_key and d.lan]
    hubs = [device for device in fit if device.site in zones]
    meetings = _meetings(intent) if hubs else {}
    joined = tuple(
        _Ends(device, hub, ways)
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


def policy_of(made: Overlay, name: DeviceName, duties: Policies) -> EdgePolicy:
    """Return what an edge that has tunnels must do."""
    device = made.managed[name]
    joined = [ends for ends in made.joined if device in (ends.edge, ends.hub)]
    underlays = tuple(_underlays(made, device, joined))
    return EdgePolicy(
        network=made.intent.network.name,
        device=name,
        loopback=loopback(made.intent, name),
        prefixes=tuple(_prefixes(made, device)),
        lans=tuple(LAN_INTERFACE.values()) if device.lan else (),
        underlays=underlays,
        peers=tuple(_peer(made, device, ends) for ends in joined),
        care=CareTunnel(
            interface=interface_name(made.intent.network.name, name, "care"),
            mtu=min((one.mtu for one in underlays), default=NARROW_MTU) - CARE_OVERHEAD,
        ),
        classes=tuple(
            TrafficClass(service, duties.paths[service.name])
            for service in duties.classes.values()
            if service.name in duties.paths
        ),
        key=device.next_key or device.public_key,
        preshared=made.intent.network.preshared,
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
) -> Iterator[_Pairing]:
    """Yield the ways between an edge and a hub; each circuit takes part in one of them.

    A device has one key for all its tunnels, and an interface knows each key once, so two
    circuits of an edge cannot end on one of the hub's.
    """
    theirs = meetings.get(hub.name, {})
    for place, ours in meetings.get(device.name, {}).items():
        for near, far in zip(ours, theirs.get(place, ()), strict=False):
            yield _Pairing(near, far)


def _underlays(made: Overlay, device: Device, joined: list[_Ends]) -> Iterator[Underlay]:
    """Yield the device's circuits that a tunnel runs over, by their numbers."""
    used: dict[CircuitName, Circuit] = {}
    mtu: dict[CircuitName, int] = {}
    for ends in joined:
        for way in ends.ways:
            circuit = ends.own(device, way)
            used[circuit.name] = circuit
            mtu[circuit.name] = min(_mtu(way.medium), mtu.get(circuit.name, WIDE_MTU))
    for circuit in sorted(used.values(), key=lambda one: one.number):
        yield _underlay(made, device, circuit, mtu[circuit.name])


def _underlay(made: Overlay, device: Device, circuit: Circuit, mtu: int) -> Underlay:
    intent = made.intent
    is_a = circuit.a.device == device.name
    ends = addressing.link4(intent.network.plan, circuit.number)
    rates = circuit.rate_up_mbps, circuit.rate_down_mbps
    near = circuit.a if is_a or circuit.b is None else circuit.b
    return Underlay(
        circuit=circuit.name,
        interface=near.interface,
        gateway=ends[1 if is_a else 0].ip,
        medium=circuit.medium,
        metered=circuit.metered,
        rate_up_mbps=rates[0 if is_a else 1],
        rate_down_mbps=rates[1 if is_a else 0],
        tunnel=interface_name(intent.network.name, device.name, f"c{circuit.number}"),
        tunnel_address=addressing.tunnel4(intent.network.plan, circuit.number),
        listen_port=made.ports[device.name][circuit.name],
        mtu=mtu,
    )


def _peer(made: Overlay, device: Device, ends: _Ends) -> edge_policy.Peer:
    intent, far = made.intent, ends.far(device)
    return edge_policy.Peer(
        device=far.name,
        public_key=far.public_key,
        loopback=loopback(intent, far.name),
        prefixes=tuple(_prefixes(made, far)),
        paths=tuple(_path(made, device, ends, way) for way in sorted(ends.ways, key=_number)),
        next_key=far.next_key,
        preshared=_series(made.intent.network.preshared, device, far),
    )


def _series(everywhere: int, one: Device, other: Device) -> int | None:
    """Return the series of the preshared keys of a pair where it is not that of the network."""
    own = one.preshared + other.preshared
    return everywhere + own if everywhere and own else None


def _path(made: Overlay, device: Device, ends: _Ends, way: _Pairing) -> edge_policy.Path:
    far, theirs = ends.far(device), ends.own(ends.far(device), way)
    is_a, plan = theirs.a.device == far.name, made.intent.network.plan
    outer = addressing.link4(plan, theirs.number)[0 if is_a else 1].ip
    dials = device is ends.edge
    return edge_policy.Path(
        name=way.edge.name,
        circuit=ends.own(device, way).name,
        remote_address=addressing.tunnel4(plan, theirs.number),
        endpoint=Endpoint(outer, made.ports[far.name][theirs.name]) if dials else None,
        medium=way.medium,
        metered=way.edge.metered or way.hub.metered,
        cost=way.cost,
        rate_mbps=theirs.rate_down_mbps if is_a else theirs.rate_up_mbps,
    )


def _number(way: _Pairing) -> int:
    return way.edge.number


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


def _mtu(medium: Medium) -> int:
    return NARROW_MTU if medium in _NARROW else WIDE_MTU


def _prefixes(made: Overlay, device: Device) -> Iterator[Prefix]:
    """Yield what is behind an edge: its site's blocks, what lies behind those, and people."""
    intent, site = made.intent, made.intent.sites[device.site]
    if device.lan:
        yield addressing.site_block4(intent.network.plan, site.number)
        yield addressing.site_block6(intent.network.plan, site.number)
        yield from (r.prefix for r in site.routes if not _inside(intent, site, r.prefix))
    yield from made.people.get(device.name, ())


def _inside(intent: Intent, site: Site, prefix: Prefix) -> bool:
    """Return whether a prefix is a part of the site's own block, which stands for it."""
    plan = intent.network.plan
    return addressing.overlap(prefix, addressing.site_block4(plan, site.number)) or (
        addressing.overlap(prefix, addressing.site_block6(plan, site.number))
    )
