"""Addresses belong to one owner: the plan's parts, sites, static routes and management."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, TypeAlias

from inventory import addressing
from inventory.documents.partial import PartialDocuments, SiteDraft, seen_at
from inventory.errors import Fault, Location
from inventory.free_text import quoted
from inventory.model import AddressPlan, Role
from inventory.special_addresses import host_fault

Address: TypeAlias = IPv4Address | IPv6Address
Prefix: TypeAlias = IPv4Network | IPv6Network

# Each router has a private AS number of its own from here on (RFC 6996).
FIRST_ROUTER_ASN: Final = 4_200_000_000
LAST_ROUTER_ASN: Final = FIRST_ROUTER_ASN + addressing.MAX_SITE * 8 + addressing.MAX_DEVICE
_RESERVED_ASNS: Final = frozenset({23456, 65535})


@dataclass(frozen=True, slots=True)
class _Route:
    """A static route as far as it can be read."""

    site: SiteDraft
    prefix: Prefix
    where: Location

    @property
    def default(self) -> bool:
        """Return whether it takes whatever no other route wants."""
        return self.prefix.prefixlen == 0


def autonomous_system(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield a fault for an AS number that is reserved or that the routers use."""
    for entry in drafts.networks:
        asn = entry.integer("asn") or 0
        if asn in _RESERVED_ASNS or FIRST_ROUTER_ASN <= asn <= LAST_ROUTER_ASN:
            hint = "write a private AS number from 64512 to 65534, or the network's public one"
            yield Fault(entry.where("asn"), f"AS {asn} is not free for the network", hint)


def plan_parts(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield a fault for each part of the plan that overlaps an earlier one."""
    if drafts.plan is None:
        return
    prefixes = addressing.plan_prefixes(drafts.plan)
    for one, other in addressing.find_overlaps(drafts.plan):
        what = f"{other} {prefixes[other]} overlaps {one} {prefixes[one]}"
        where = drafts.networks[0].where("addressing", other)
        yield Fault(where, what, "choose prefixes that share no address")


def plan_room(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield a fault for every site or circuit number beyond what the plan has room for."""
    if drafts.plan is None:
        return
    room = addressing.block_capacity(drafts.plan)
    limits = (
        (drafts.sites, room.sites, addressing.MAX_SITE, "site"),
        (drafts.circuits, room.circuits, addressing.MAX_CIRCUIT, "circuit"),
    )
    for group, limit, highest, noun in limits:
        for draft in group:
            if draft.number is not None and limit < draft.number <= highest:
                what = f"the address plan is too small for {noun} number {draft.number}"
                hint = f"it has room up to {limit}; widen the prefixes under 'network.addressing'"
                yield Fault(draft.entry.where("number"), what, hint)


def static_routes(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield a fault for every static route that meets the plan, another route or a far next hop."""
    routes = [route for site in drafts.sites for route in _routes(site)]
    if drafts.plan is not None:
        for route in routes:
            yield from _plan_overlap(route, drafts.plan)
        for site in drafts.sites:
            yield from _next_hops(site, drafts.plan)
    for site in drafts.sites:
        yield from _families(site)
    yield from _route_overlaps([route for route in routes if not route.default])
    yield from _default_routes(drafts, [route for route in routes if route.default])


def management_addresses(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield a fault for every second device behind one address and port."""
    seen: dict[tuple[str, int], Location] = {}
    for device in drafts.devices:
        address = device.entry.text("management", "address")
        if address is None:
            continue
        key = (address, device.entry.integer("management", "port") or 22)
        where = device.entry.where("management", "address")
        if key in seen:
            what = f"management address {quoted(address)} belongs to another device already"
            yield Fault(where, what, f"write the device's own; {seen_at(seen[key])}")
        seen.setdefault(key, where)


def lan_devices(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield a fault for every second device on the LANs of a site."""
    seen: dict[str, Location] = {}
    for device in drafts.devices:
        written = device.entry.get("lan")
        if device.site is None or not (written is True or (written is None and device.number == 1)):
            continue
        where = device.entry.where("lan")
        if device.site in seen:
            what = f"{quoted(device.site)} has two devices on its LANs"
            first = seen[device.site]
            hint = (
                f"write 'lan: false' at one of them (number 1 has it by default); {seen_at(first)}"
            )
            yield Fault(where, what, hint)
        seen.setdefault(device.site, where)


def _routes(site: SiteDraft) -> Iterator[_Route]:
    for index in range(len(site.entry.items("routes"))):
        prefix = _prefix(site, index)
        if prefix is not None:
            yield _Route(site, prefix, site.entry.where("routes", index, "prefix"))


def _prefix(site: SiteDraft, index: int) -> Prefix | None:
    """Return the prefix of a route, None where none can be read."""
    text = site.entry.text("routes", index, "prefix")
    try:
        return ip_network(text) if text and "/" in text else None
    except ValueError:
        return None


def _via(site: SiteDraft, index: int) -> Address | None:
    """Return the next hop of a route, None where no host's address can be read."""
    try:
        via = ip_address(site.entry.text("routes", index, "via") or "")
    except ValueError:
        return None
    return None if host_fault(via) else via


def _plan_overlap(route: _Route, plan: AddressPlan) -> Iterator[Fault]:
    """Yield a fault for a route that meets the plan elsewhere than in its site's own block."""
    own = _block(plan, route.site, route.prefix.version)
    if route.default:
        return
    if own is not None and _within(route.prefix, own):
        return
    met = [
        f"{key} {part}"
        for key, part in addressing.plan_prefixes(plan).items()
        if addressing.prefixes_overlap(part, route.prefix)
    ]
    if met:
        what = f"the route {route.prefix} overlaps {', '.join(met)} of the address plan"
        within = f", or within the site's {own}" if own else ""
        yield Fault(route.where, what, f"write a prefix outside the plan{within}")


def _next_hops(site: SiteDraft, plan: AddressPlan) -> Iterator[Fault]:
    """Yield a fault for every next hop that is not on the LANs of its site."""
    for index in range(len(site.entry.items("routes"))):
        via = _via(site, index)
        if via is None:
            continue
        own = _block(plan, site, via.version)
        where = site.entry.where("routes", index, "via")
        if own is not None and via not in own:
            what = f"next hop {via} is not on the site's LANs"
            yield Fault(where, what, f"write an address within {own}")
        elif own is not None and (fault := _next_hop_fault(plan, site.number or 0, via)):
            yield Fault(where, *fault)


def _next_hop_fault(plan: AddressPlan, number: int, via: Address) -> tuple[str, str] | None:
    """Return what keeps an address of a site's block from being a next hop, and what to write."""
    lan = addressing.lan_of(plan, number, via)
    if lan is None:
        lans = ", ".join(str(lan) for lan in addressing.site_lans(plan, number, via.version))
        return f"next hop {via} is on none of the site's LANs", f"write an address within {lans}"
    if what := addressing.lan_edge_fault(plan, number, via):
        return f"next hop {what}", f"write the address of a router on it, such as {lan[5]}"
    if via == lan[1]:
        what = f"next hop {via} is the site's own router"
        return what, "write the address of the router behind it"
    return None


def _families(site: SiteDraft) -> Iterator[Fault]:
    """Yield a fault for every route whose next hop is not of the same IP version."""
    for index in range(len(site.entry.items("routes"))):
        prefix, via = _prefix(site, index), _via(site, index)
        if prefix is not None and via is not None and prefix.version != via.version:
            where = site.entry.where("routes", index, "via")
            what = f"next hop {via} is IPv{via.version}, but {prefix} is IPv{prefix.version}"
            yield Fault(where, what, f"write the next router's IPv{prefix.version} address")


def _route_overlaps(routes: list[_Route]) -> Iterator[Fault]:
    """Yield a fault for every route that overlaps another, at the later one in the documents."""
    told: set[Location] = set()
    for version in (4, 6):
        same = [route for route in routes if route.prefix.version == version]
        for pair in _enclosed(same):
            first, second = sorted(pair, key=lambda route: route.where)
            if second.where not in told:
                what = f"the route {second.prefix} overlaps the route {first.prefix}"
                yield Fault(second.where, what, f"keep one of them; {seen_at(first.where)}")
            told.add(second.where)


def _default_routes(drafts: PartialDocuments, routes: list[_Route]) -> Iterator[Fault]:
    """Yield a fault for every second default route of a site, and for each behind an edge."""
    behind = {device.site for device in drafts.devices if device.role is Role.EDGE}
    seen: dict[tuple[str | None, int], Location] = {}
    for route in routes:
        if route.site.name in behind:
            what = f"a default route at {quoted(route.site.name or '')}, which has an edge"
            yield Fault(route.where, what, "write it at a site with routers alone")
        key = (route.site.name, route.prefix.version)
        if key in seen:
            what = f"a second default route {route.prefix} of the site"
            yield Fault(route.where, what, f"keep one of them; {seen_at(seen[key])}")
        seen.setdefault(key, route.where)


def _enclosed(routes: list[_Route]) -> Iterator[tuple[_Route, _Route]]:
    """Yield each route that lies within another, with the narrowest of those."""
    around: list[_Route] = []
    for route in sorted(routes, key=lambda r: (r.prefix.network_address, r.prefix.prefixlen)):
        while around and not addressing.prefixes_overlap(around[-1].prefix, route.prefix):
            around.pop()
        if around:
            yield around[-1], route
        around.append(route)


def _block(plan: AddressPlan, site: SiteDraft, version: int) -> Prefix | None:
    """Return the block a site owns, where its number is known and has room."""
    if site.number is None or not 1 <= site.number <= addressing.block_capacity(plan).sites:
        return None
    block = addressing.site_block4 if version == 4 else addressing.site_block6
    return block(plan, site.number)


def _within(prefix: Prefix, own: Prefix) -> bool:
    if isinstance(prefix, IPv4Network) and isinstance(own, IPv4Network):
        return prefix.subnet_of(own)
    return (
        isinstance(prefix, IPv6Network) and isinstance(own, IPv6Network) and prefix.subnet_of(own)
    )
