"""The policy of an edge, derived from the overlay: underlays, peers, paths and classes."""

from collections.abc import Iterator
from typing import Final

from controller.intended.overlay import Overlay, SitePair, TunnelPair, loopback
from controller.intended.segments import LAN_INTERFACE, device_filter, gossip_ports
from edge.policy import model as edge_policy
from edge.policy.model import CareTunnel, EdgePolicy, Prefix, TrafficClass, TunnelEndpoint, Underlay
from inventory import addressing
from inventory.model import Circuit, CircuitName, Device, DeviceName, Intent, Medium, Site
from inventory.names import interface_name
from policies.model import Policies
from policies.packet_filter.model import PacketFilter, SegmentOpening

WIDE_MTU: Final = 1420
# What WireGuard leaves of the 1,400 octets that satellites and mobile networks carry whole.
NARROW_MTU: Final = 1340
# What WireGuard adds to a packet over IPv4 (20 octets of IP, 8 of UDP, 32 of its own).
OVERHEAD: Final = 60
CARE_OVERHEAD: Final = OVERHEAD
_NARROW: Final = frozenset({Medium.LEO, Medium.LTE, Medium.VSAT})


def policy_of(
    made: Overlay,
    name: DeviceName,
    duties: Policies,
    opened: tuple[SegmentOpening, ...] | None = None,
) -> EdgePolicy:
    """Return what an edge that has tunnels must do.

    opened is what rules open between segments; without it the edge does not filter.
    """
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
        packet_filter=None if opened is None else _packet_filter(made, device, joined, opened),
        telemetry=made.intent.network.controllers,
    )


def _packet_filter(
    made: Overlay, device: Device, joined: list[SitePair], opened: tuple[SegmentOpening, ...]
) -> PacketFilter | None:
    peers = (loopback(made.intent, ends.far(device).name) for ends in joined)
    return device_filter(made.intent, device, opened, gossip_ports(peers))


def _underlays(made: Overlay, device: Device, joined: list[SitePair]) -> Iterator[Underlay]:
    """Yield the device's circuits that a tunnel runs over, by their numbers."""
    used: dict[CircuitName, Circuit] = {}
    mtu: dict[CircuitName, int] = {}
    for ends in joined:
        for way in ends.ways:
            circuit = ends.own(device, way)
            used[circuit.name] = circuit
            mtu[circuit.name] = min(_mtu(made.intent, way), mtu.get(circuit.name, WIDE_MTU))
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


def _peer(made: Overlay, device: Device, ends: SitePair) -> edge_policy.Peer:
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


def _path(made: Overlay, device: Device, ends: SitePair, way: TunnelPair) -> edge_policy.PeerPath:
    far, theirs = ends.far(device), ends.own(ends.far(device), way)
    is_a, plan = theirs.a.device == far.name, made.intent.network.plan
    outer = addressing.link4(plan, theirs.number)[0 if is_a else 1].ip
    dials = device is ends.edge
    return edge_policy.PeerPath(
        name=way.edge.name,
        circuit=ends.own(device, way).name,
        remote_address=addressing.tunnel4(plan, theirs.number),
        endpoint=TunnelEndpoint(outer, made.ports[far.name][theirs.name]) if dials else None,
        medium=way.medium,
        metered=way.edge.metered or way.hub.metered,
        cost=way.cost,
        rate_mbps=theirs.rate_down_mbps if is_a else theirs.rate_up_mbps,
    )


def _number(way: TunnelPair) -> int:
    return way.edge.number


def _mtu(intent: Intent, way: TunnelPair) -> int:
    """Return the MTU of the tunnel over a way: that of its narrowest part."""
    return min(map(_tunnel_mtu, (way.edge, way.hub, *_between(intent, way))))


def _between(intent: Intent, way: TunnelPair) -> Iterator[Circuit]:
    """Yield the circuits that a way may cross between its ends, if an MTU is written there."""
    if way.edge.provider is None:
        yield from (c for c in intent.usable_circuits() if c.b and c.mtu is not None)


def _tunnel_mtu(circuit: Circuit) -> int:
    if circuit.mtu is not None:
        return min(circuit.mtu - OVERHEAD, WIDE_MTU)
    return NARROW_MTU if circuit.medium in _NARROW else WIDE_MTU


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
    return addressing.prefixes_overlap(prefix, addressing.site_block4(plan, site.number)) or (
        addressing.prefixes_overlap(prefix, addressing.site_block6(plan, site.number))
    )
