"""From the intent to what every router should be, in no vendor's words."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import (
    IPv4Interface,
    IPv4Network,
    IPv6Interface,
    IPv6Network,
    ip_address,
)
from itertools import starmap
from typing import Final

from controller.intended.segments import LAN_INTERFACE, bgp_ports, device_filter
from controller.model import BgpSession, Intended, Interface
from inventory import addressing
from inventory.addressing import Prefix
from inventory.errors import PlanError
from inventory.model import (
    AddressPlan,
    Circuit,
    CircuitEnd,
    CircuitName,
    Device,
    DeviceName,
    Intent,
    Role,
    Site,
    StaticRoute,
)
from policies.packet_filter.model import PacketFilter, SegmentOpening
from topology.build import circuit_cost
from vpn.model import Gateway

# Where a route sends what no more specific prefix wants.
DISCARD: Final = "blackhole"


@dataclass(frozen=True, slots=True)
class _CircuitEnd:
    """One end of a circuit, seen from its device."""

    circuit: Circuit
    here: CircuitEnd
    far: Device | None

    @property
    def is_a(self) -> bool:
        return self.here is self.circuit.a

    @property
    def gateway(self) -> Device | None:
        """Return the edge at the far end that has the LANs of its site behind it."""
        far = self.far
        return far if far and far.role is Role.EDGE and far.lan else None


@dataclass(frozen=True, slots=True)
class _Link:
    """The addresses of a usable circuit's ends a and b."""

    ipv4: tuple[IPv4Interface, IPv4Interface]
    ipv6: tuple[IPv6Interface, IPv6Interface]


@dataclass(frozen=True, slots=True)
class _View:
    """The intent with the lookups that every device needs, made once."""

    intent: Intent
    landings: Mapping[DeviceName, tuple[_CircuitEnd, ...]]
    links: Mapping[CircuitName, _Link]
    people: Mapping[DeviceName, tuple[Prefix, ...]]
    opened: tuple[SegmentOpening, ...] | None


def intended_routers(
    intent: Intent,
    gateways: Iterable[Gateway] = (),
    opened: tuple[SegmentOpening, ...] | None = None,
) -> Mapping[DeviceName, Intended]:
    """Return what every router should be, in the order of the documents.

    gateways are the edges that people's devices dial, behind which their addresses are. opened is
    what rules open between segments; without it no router filters. Raises PlanError for a static
    route whose next hop is not an address.
    """
    view = _view(intent, gateways, opened)
    return {d.name: _intended(view, d) for d in intent.devices.values() if d.role is Role.ROUTER}


def behind_gateways(
    plan: AddressPlan, gateways: Iterable[Gateway]
) -> Mapping[DeviceName, tuple[Prefix, ...]]:
    """Return the addresses that people's devices have behind every gateway."""
    return {
        gateway.device: (
            addressing.people_block4(plan, gateway.number),
            addressing.people_block6(plan, gateway.number),
        )
        for gateway in gateways
    }


def _view(
    intent: Intent, gateways: Iterable[Gateway], opened: tuple[SegmentOpening, ...] | None
) -> _View:
    landings: dict[DeviceName, list[_CircuitEnd]] = defaultdict(list)
    for circuit in intent.circuits.values():
        a, b = circuit.a, circuit.b
        landings[a.device].append(_CircuitEnd(circuit, a, intent.devices[b.device] if b else None))
        if b:
            landings[b.device].append(_CircuitEnd(circuit, b, intent.devices[a.device]))
    return _View(
        intent=intent,
        landings={name: tuple(ends) for name, ends in landings.items()},
        links={c.name: _link(intent, c) for c in intent.usable_circuits() if c.b},
        people=behind_gateways(intent.network.plan, gateways),
        opened=opened,
    )


def _link(intent: Intent, circuit: Circuit) -> _Link:
    plan, number = intent.network.plan, circuit.number
    return _Link(addressing.link4(plan, number), addressing.link6(plan, number))


def _intended(view: _View, device: Device) -> Intended:
    intent, site = view.intent, view.intent.sites[device.site]
    plan = intent.network.plan
    loopback4 = addressing.loopback4(plan, site.number, device.number)
    loopback6 = addressing.loopback6(plan, site.number, device.number)
    routes = tuple(sorted(_routes(view, device), key=_by_prefix))
    prefixes = {route.prefix for route in routes} | {*_links_of_edges(view, device)}
    networks4 = {p for p in prefixes if isinstance(p, IPv4Network)} | {IPv4Network(loopback4)}
    networks6 = {p for p in prefixes if isinstance(p, IPv6Network)} | {IPv6Network(loopback6)}
    sessions = tuple(sorted(_sessions(view, device), key=lambda s: s.peer))
    return Intended(
        device=device.name,
        platform=device.platform,
        asn=intent.network.asn,
        router_id=loopback4,
        loopback6=loopback6,
        interfaces=tuple(sorted(_interfaces(view, device, site), key=_by_name)),
        sessions=sessions,
        networks4=tuple(sorted(networks4)),
        networks6=tuple(sorted(networks6)),
        routes=routes,
        description=device.description,
        packet_filter=_packet_filter(view, device, sessions),
    )


def _packet_filter(
    view: _View, device: Device, sessions: Iterable[BgpSession]
) -> PacketFilter | None:
    if view.opened is None:
        return None
    control = bgp_ports(session.peer for session in sessions)
    return device_filter(view.intent, device, view.opened, control)


def _routes(view: _View, device: Device) -> Iterator[StaticRoute]:
    """Yield what a router announces of sites: its own, and those of the edges that it leads to.

    A site's whole blocks are announced, what lies behind it, and people whose gateway it has.
    """
    intent = view.intent
    plan = intent.network.plan
    if device.lan:
        site = intent.sites[device.site]
        yield StaticRoute(addressing.site_block4(plan, site.number), DISCARD)
        yield StaticRoute(addressing.site_block6(plan, site.number), DISCARD)
        yield from (_with_address(site, route) for route in site.routes)
    for name, landing in _gateways(view, device).items():
        site, via = intent.sites[intent.devices[name].site], _far_end(view, landing)
        yield StaticRoute(addressing.site_block4(plan, site.number), via[4])
        yield StaticRoute(addressing.site_block6(plan, site.number), via[6])
        behind = [_with_address(site, route).prefix for route in site.routes]
        behind += view.people.get(name, ())
        yield from (StaticRoute(prefix, via[prefix.version]) for prefix in behind)


def _gateways(view: _View, device: Device) -> Mapping[DeviceName, _CircuitEnd]:
    """Return the edges that a router leads to, each with its best circuit."""
    found: dict[DeviceName, _CircuitEnd] = {}
    landings = view.landings.get(device.name, ())
    for landing in sorted(landings, key=lambda at: (circuit_cost(at.circuit), at.circuit.number)):
        if landing.gateway and landing.circuit.name in view.links:
            found.setdefault(landing.gateway.name, landing)
    return found


def _far_end(view: _View, landing: _CircuitEnd) -> Mapping[int, str]:
    """Return the addresses of a circuit's far end by IP version."""
    link, side = view.links[landing.circuit.name], 1 if landing.is_a else 0
    return {4: str(link.ipv4[side].ip), 6: str(link.ipv6[side].ip)}


def _links_of_edges(view: _View, device: Device) -> Iterator[IPv4Network | IPv6Network]:
    """Yield the prefixes of a router's circuits to edges, whose tunnels end on their addresses."""
    for landing in view.landings.get(device.name, ()):
        link, far = view.links.get(landing.circuit.name), landing.far
        if link and far and far.role is Role.EDGE:
            yield link.ipv4[0].network
            yield link.ipv6[0].network


def _by_prefix(route: StaticRoute) -> tuple[int, int, int]:
    prefix = route.prefix
    return prefix.version, int(prefix.network_address), prefix.prefixlen


def _with_address(site: Site, route: StaticRoute) -> StaticRoute:
    try:
        return StaticRoute(route.prefix, str(ip_address(route.via)))
    except ValueError:
        raise PlanError(
            f"site {site.name}: route {route.prefix}: {route.via!r} is not an address; "
            "write the next hop's IPv4 or IPv6 address"
        ) from None


def _interfaces(view: _View, device: Device, site: Site) -> Iterator[Interface]:
    plan = view.intent.network.plan
    yield Interface(
        name="lo",
        ipv4=IPv4Interface(addressing.loopback4(plan, site.number, device.number)),
        ipv6=IPv6Interface(addressing.loopback6(plan, site.number, device.number)),
        description=_joined(f"{device.name} at {site.title}", device.description),
    )
    if device.lan:
        yield from _lans(view.intent, site)
    for landing in view.landings.get(device.name, ()):
        yield _circuit_interface(view, landing)


def _lans(intent: Intent, site: Site) -> Iterator[Interface]:
    plan = intent.network.plan
    for segment, name in LAN_INTERFACE.items():
        lan4 = addressing.segment4(plan, site.number, segment)
        lan6 = addressing.segment6(plan, site.number, segment)
        yield Interface(
            name=name,
            ipv4=IPv4Interface((lan4.network_address + 1, lan4.prefixlen)),
            ipv6=IPv6Interface((lan6.network_address + 1, lan6.prefixlen)),
            description=_joined(f"{segment} LAN of {site.title}", site.description),
        )


def _circuit_interface(view: _View, landing: _CircuitEnd) -> Interface:
    circuit, link = landing.circuit, view.links.get(landing.circuit.name)
    far = landing.far.name if landing.far else circuit.provider
    description = _joined(f"{circuit.name} to {far}", circuit.description)
    if link is None:
        return Interface(landing.here.interface, None, None, description)
    side = 0 if landing.is_a else 1
    return Interface(
        name=landing.here.interface,
        ipv4=link.ipv4[side],
        ipv6=link.ipv6[side],
        description=description,
    )


def _sessions(view: _View, device: Device) -> Iterator[BgpSession]:
    for landing in view.landings.get(device.name, ()):
        far, link = landing.far, view.links.get(landing.circuit.name)
        if far and link and far.role is Role.ROUTER:
            yield _session(link, landing, far)


def _session(link: _Link, landing: _CircuitEnd, far: Device) -> BgpSession:
    circuit = landing.circuit
    return BgpSession(
        peer=link.ipv4[1 if landing.is_a else 0].ip,
        peer_device=far.name,
        cost=circuit_cost(circuit),
        graceful_shutdown=circuit.maintenance,
        description=f"{far.name} over {circuit.name}",
    )


def _joined(*parts: str) -> str:
    return ": ".join(part for part in parts if part)


def _by_name(interface: Interface) -> tuple[tuple[str, int], ...]:
    """Order eth2 before eth10, letter by letter and number by number, as routers list them."""
    parts: Iterable[tuple[str, str]] = re.findall(r"(\D*)(\d+|$)", interface.name)
    return tuple(starmap(_part, parts))


def _part(text: str, number: str) -> tuple[str, int]:
    return (f"{text}0", int(number)) if number else (text, -1)
