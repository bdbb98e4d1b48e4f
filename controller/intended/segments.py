"""From zone rules and the addresses of services to the packet filter of every device."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, ip_address
from typing import Final

from edge.keys.gossip import PORT
from inventory import addressing
from inventory.model import AddressPlan, Device, Intent, Ports, Segment, Site
from policies.model import Policies, ServiceName, ZoneRule
from policies.packet_filter.model import (
    ControlPorts,
    ManagementPort,
    PacketFilter,
    Prefix,
    SegmentLan,
    SegmentOpening,
    SegmentPattern,
)
from policies.segmentation import FORBIDDEN
from vpn.model import ServiceHost

LAN_INTERFACE: Final[Mapping[Segment, str]] = {
    Segment.CLINICAL: "vlan10",
    Segment.PROFESSIONALS: "vlan20",
    Segment.PATIENTS: "vlan30",
    Segment.DEVICES: "vlan40",
    Segment.MANAGEMENT: "vlan99",
}


def segment_openings(
    policies: Policies, hosts: Iterable[ServiceHost], plan: AddressPlan
) -> tuple[SegmentOpening, ...]:
    """Return what the rules open, in their order.

    A service is open where its addresses are written. Whoever may manage hosts may manage devices.
    """
    answering = tuple(hosts)
    found = (
        opening
        for rule in policies.rules
        if (rule.source, rule.target) not in FORBIDDEN
        for opening in _of_rule(rule, answering, plan)
    )
    return tuple(dict.fromkeys(found))


def shut_services(
    policies: Policies, intent: Intent, hosts: Iterable[ServiceHost]
) -> Mapping[ServiceName, tuple[str, ...]]:
    """Return the services that rules open, each with the zones where no address is written."""
    written = {(host.service, host.zone) for host in hosts}
    ruled = dict.fromkeys(rule.target for rule in policies.rules)
    missing = {
        service: tuple(
            zone.name
            for zone in intent.zones.values()
            if service in zone.services and (service, zone.name) not in written
        )
        for service in ruled
        if not isinstance(service, Segment)
    }
    return {service: zones for service, zones in missing.items() if zones}


def device_filter(
    intent: Intent,
    device: Device,
    opened: Sequence[SegmentOpening],
    control: Sequence[ControlPorts],
) -> PacketFilter | None:
    """Return the packet filter of a device, None where the intent asks for none."""
    if not (intent.network.segmentation and device.packet_filter):
        return None
    plan, site = intent.network.plan, intent.sites[device.site]
    managed = device.management
    return PacketFilter(
        plan=tuple(addressing.plan_prefixes(plan).values()),
        people=addressing.people_blocks(plan),
        segments=tuple(_patterns(plan)),
        lans=tuple(_lans(plan, site)) if device.lan else (),
        openings=tuple(opened) if device.lan else _managing(opened),
        control=tuple(control),
        outside=tuple(_outside(intent, device)),
        management=ManagementPort(managed.address, managed.port) if managed else None,
    )


def _of_rule(
    rule: ZoneRule, hosts: Sequence[ServiceHost], plan: AddressPlan
) -> Iterator[SegmentOpening]:
    if isinstance(rule.target, Segment):
        yield SegmentOpening(rule.source, rule.target)
        if rule.target is Segment.MANAGEMENT:
            yield SegmentOpening(rule.source, prefixes=tuple(_of_devices(plan)))
    for host in hosts:
        if host.service == rule.target:
            addresses = tuple(addressing.only_address(address) for address in host.addresses)
            yield SegmentOpening(rule.source, prefixes=addresses, ports=host.ports)


def _of_devices(plan: AddressPlan) -> Iterator[Prefix]:
    yield from (plan.ipv4_loopbacks, plan.ipv4_links, addressing.loopbacks6(plan))
    yield addressing.links6(plan)


def _managing(opened: Iterable[SegmentOpening]) -> tuple[SegmentOpening, ...]:
    """Return what a device without LANs has to know: who may manage it."""
    return tuple(opening for opening in opened if opening.target is Segment.MANAGEMENT)


def _patterns(plan: AddressPlan) -> Iterator[SegmentPattern]:
    for segment in Segment:
        yield SegmentPattern(segment, *addressing.segment_pattern4(plan, segment))
        yield SegmentPattern(segment, *addressing.segment_pattern6(plan, segment))


def _lans(plan: AddressPlan, site: Site) -> Iterator[SegmentLan]:
    for segment, interface in LAN_INTERFACE.items():
        lan4 = addressing.segment4(plan, site.number, segment)
        lan6 = addressing.segment6(plan, site.number, segment)
        routed = [route.prefix for route in site.routes if _is_on(route.via, lan4, lan6)]
        inside = [prefix for prefix in routed if _in_block(plan, site, prefix)]
        yield SegmentLan(
            segment,
            interface,
            own=(lan4[1], lan6[1]),
            prefixes=(lan4, lan6, *inside),
            behind=tuple(prefix for prefix in routed if prefix not in inside),
        )


def _is_on(via: str, *lans: Prefix) -> bool:
    return any(ip_address(via) in lan for lan in lans)


def _in_block(plan: AddressPlan, site: Site, prefix: Prefix) -> bool:
    blocks = (
        addressing.site_block4(plan, site.number),
        addressing.site_block6(plan, site.number),
    )
    return bool(prefix.prefixlen) and any(
        addressing.prefixes_overlap(prefix, block) for block in blocks
    )


def _outside(intent: Intent, device: Device) -> Iterator[str]:
    """Yield the interfaces of a device that lead into networks of providers."""
    for circuit in intent.usable_circuits():
        if circuit.b is None and circuit.a.device == device.name:
            yield circuit.a.interface


def gossip_ports(peers: Iterable[IPv4Address]) -> tuple[ControlPorts, ...]:
    """Return the port at which edges tell each other of revoked keys, open to an edge's peers."""
    return (ControlPorts((Ports("tcp", PORT, PORT),), tuple(peers)),)


def bgp_ports(peers: Iterable[IPv4Address]) -> tuple[ControlPorts, ...]:
    """Return the ports of BGP (RFC 4271) and BFD (RFC 5881, 5883), open to a router's peers."""
    bfd = Ports("udp", 3784, 3785), Ports("udp", 4784, 4784)
    return (ControlPorts((Ports("tcp", 179, 179), *bfd), tuple(peers)),)
