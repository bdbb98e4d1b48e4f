"""Every address of the network, computed from the plan and a number that never changes.

Numbers are written in the documents, so adding a site or circuit moves nobody's addresses, and
two numbers never share an address. The layout is described in docs/intent.md.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from itertools import combinations
from typing import Final, TypeAlias

from inventory.model import AddressPlan, Segment

Prefix: TypeAlias = IPv4Network | IPv6Network

MAX_SITE: Final = 32767
MAX_CIRCUIT: Final = 131071
MAX_DEVICE: Final = 7
MAX_GATEWAY: Final = 8
# UDP ports that tunnels of edges listen at: the care tunnel, and one for each circuit.
TUNNEL_PORTS: Final = range(51_831, 60_032)
_SITE_SIZE: Final = 512
_DEVICES: Final = 8
_SUBNETS: Final = 16
# Offset within the site's /23 and prefix length; the last /27 stays in reserve.
_LAYOUT: Final[Mapping[Segment, tuple[int, int]]] = {
    Segment.PROFESSIONALS: (0, 25),
    Segment.PATIENTS: (128, 25),
    Segment.DEVICES: (256, 25),
    Segment.CLINICAL: (384, 26),
    Segment.MANAGEMENT: (448, 27),
}
_ORDER: Final = tuple(Segment)


@dataclass(frozen=True, slots=True)
class Capacity:
    """The highest numbers that a plan has addresses for."""

    sites: int
    circuits: int


def site_block4(plan: AddressPlan, site: int) -> IPv4Network:
    """Return the /23 that a site owns."""
    return IPv4Network((_first(plan.ipv4_sites) + site * _SITE_SIZE, 23))


def site_block6(plan: AddressPlan, site: int) -> IPv6Network:
    """Return the /60 that a site owns."""
    return IPv6Network((_subnet6(plan, site * _SUBNETS), 60))


def segment4(plan: AddressPlan, site: int, segment: Segment) -> IPv4Network:
    """Return a LAN's prefix; its first usable address is the router's."""
    offset, length = _LAYOUT[segment]
    return IPv4Network((_first(plan.ipv4_sites) + site * _SITE_SIZE + offset, length))


def segment6(plan: AddressPlan, site: int, segment: Segment) -> IPv6Network:
    """Return a LAN's /64; its first address after the subnet's own is the router's."""
    return IPv6Network((_subnet6(plan, site * _SUBNETS + _ORDER.index(segment)), 64))


def segment_pattern4(
    plan: AddressPlan, segment: Segment
) -> tuple[IPv4Network, IPv4Address, IPv4Address]:
    """Return where a segment's hosts are at every site: within a prefix, a mask and its value."""
    offset, length = _LAYOUT[segment]
    mask = (_SITE_SIZE - 1) ^ ((1 << 32 - length) - 1)
    value = _first(plan.ipv4_sites) & mask | offset
    return plan.ipv4_sites, IPv4Address(mask), IPv4Address(value)


def segment_pattern6(
    plan: AddressPlan, segment: Segment
) -> tuple[IPv6Network, IPv6Address, IPv6Address]:
    """Return the same in IPv6, where the last four bits of a /64 tell the segment."""
    mask, value = (_SUBNETS - 1) << 64, _ORDER.index(segment) << 64
    return plan.ipv6, IPv6Address(mask), IPv6Address(value)


def site_lans(plan: AddressPlan, site: int, version: int) -> tuple[Prefix, ...]:
    """Return all LANs of a site in one IP version."""
    segment_of = segment4 if version == 4 else segment6
    return tuple(segment_of(plan, site, segment) for segment in _ORDER)


def lan_of(plan: AddressPlan, site: int, address: IPv4Address | IPv6Address) -> Prefix | None:
    """Return the LAN of a site that an address is on, None where it is on none."""
    lans = site_lans(plan, site, address.version)
    return next((lan for lan in lans if address in lan), None)


def lan_edge_fault(plan: AddressPlan, site: int, address: IPv4Address | IPv6Address) -> str | None:
    """Return what an address is if it stands for a LAN of a site, not for one host on it."""
    lan = lan_of(plan, site, address)
    if lan is None or address not in {lan.network_address, lan.broadcast_address}:
        return None
    if address == lan.network_address:
        whose = "network address" if lan.version == 4 else "address of every router (RFC 4291)"
        return f"{address} is the {whose} of the LAN {lan}"
    return f"{address} is the broadcast address of the LAN {lan}" if lan.version == 4 else None


def loopback4(plan: AddressPlan, site: int, device: int) -> IPv4Address:
    """Return the loopback address of a device (1 to 7) at a site."""
    return IPv4Address(_first(plan.ipv4_loopbacks) + site * _DEVICES + device)


def loopback6(plan: AddressPlan, site: int, device: int) -> IPv6Address:
    """Return the IPv6 loopback address of a device at a site."""
    return IPv6Address(int(loopbacks6(plan).network_address) + site * _DEVICES + device)


def link4(plan: AddressPlan, circuit: int) -> tuple[IPv4Interface, IPv4Interface]:
    """Return the addresses of a circuit's ends a and b, a /31 (RFC 3021)."""
    first = _first(plan.ipv4_links) + 2 * circuit
    return IPv4Interface((first, 31)), IPv4Interface((first + 1, 31))


def link6(plan: AddressPlan, circuit: int) -> tuple[IPv6Interface, IPv6Interface]:
    """Return the IPv6 addresses of a circuit's ends a and b, a /127 (RFC 6164)."""
    first = int(links6(plan).network_address) + 2 * circuit
    return IPv6Interface((first, 127)), IPv6Interface((first + 1, 127))


def tunnel4(plan: AddressPlan, circuit: int) -> IPv4Address:
    """Return the address that an edge has within the tunnel over a circuit of its own."""
    return IPv4Address(_first(plan.ipv4_tunnels) + circuit)


def loopbacks6(plan: AddressPlan) -> IPv6Network:
    """Return the /64 of all IPv6 loopbacks, the last of the plan."""
    return IPv6Network((_subnet6(plan, _subnets6(plan) - 1), 64))


def links6(plan: AddressPlan) -> IPv6Network:
    """Return the /64 of all IPv6 links, the last but one of the plan."""
    return IPv6Network((_subnet6(plan, _subnets6(plan) - 2), 64))


def people_block4(plan: AddressPlan, gateway: int) -> IPv4Network:
    """Return the addresses behind a gateway (1 to 8): an eighth of what people have."""
    return IPv4Network((_people4(plan, gateway), _people_length(plan)))


def people_block6(plan: AddressPlan, gateway: int) -> IPv6Network:
    """Return the IPv6 addresses behind a gateway, a /96."""
    return IPv6Network((_people6(plan, gateway), 96))


def people_blocks(plan: AddressPlan) -> tuple[IPv4Network, IPv6Network]:
    """Return the addresses behind all gateways."""
    return plan.ipv4_people, IPv6Network((_subnet6(plan, _subnets6(plan) - 3), 64))


def gateway4(plan: AddressPlan, gateway: int) -> IPv4Address:
    """Return a gateway's own address among people's, the first of its block."""
    return IPv4Address(_people4(plan, gateway) + 1)


def gateway6(plan: AddressPlan, gateway: int) -> IPv6Address:
    """Return a gateway's own IPv6 address among people's."""
    return IPv6Address(_people6(plan, gateway) + 1)


def people4(plan: AddressPlan, gateway: int, device: int) -> IPv4Address:
    """Return the address of a person's device (1 to people_capacity) behind a gateway."""
    return IPv4Address(_people4(plan, gateway) + 1 + device)


def people6(plan: AddressPlan, gateway: int, device: int) -> IPv6Address:
    """Return the IPv6 address of a person's device behind a gateway."""
    return IPv6Address(_people6(plan, gateway) + 1 + device)


def people_number(
    plan: AddressPlan, gateway: int, address: IPv4Address | IPv6Address
) -> int | None:
    """Return which person's device has an address behind a gateway; None when none can."""
    for block in (people_block4(plan, gateway), people_block6(plan, gateway)):
        if address in block:
            number = int(address) - int(block.network_address) - 1
            return number if 0 < number <= people_capacity(plan) else None
    return None


def _people_length(plan: AddressPlan) -> int:
    return min(plan.ipv4_people.prefixlen + 3, 32)


def _people4(plan: AddressPlan, gateway: int) -> int:
    return _first(plan.ipv4_people) + (gateway - 1) * (1 << 32 - _people_length(plan))


def _people6(plan: AddressPlan, gateway: int) -> int:
    return _subnet6(plan, _subnets6(plan) - 3) + (gateway << 32)


def only_address(address: IPv4Address | IPv6Address) -> Prefix:
    """Return the prefix that is one address; a tenth of the time that ip_network() takes for it."""
    if isinstance(address, IPv4Address):
        return IPv4Network((int(address), 32))
    return IPv6Network((int(address), 128))


def people_capacity(plan: AddressPlan) -> int:
    """Return the highest number of a person's device that a plan has addresses for."""
    return max(people_block4(plan, 1).num_addresses - 3, 0)


def block_capacity(plan: AddressPlan) -> Capacity:
    """Return the highest site and circuit numbers that every part of a plan has room for."""
    # Site 0 is never used, and the last 16 /64s hold loopbacks and links.
    sites = min(
        plan.ipv4_sites.num_addresses // _SITE_SIZE - 1,
        plan.ipv4_loopbacks.num_addresses // _DEVICES - 1,
        _subnets6(plan) // _SUBNETS - 2,
        MAX_SITE,
    )
    links = plan.ipv4_links.num_addresses // 2 - 1
    tunnels = plan.ipv4_tunnels.num_addresses - 1
    circuits = min(links, tunnels, MAX_CIRCUIT) if sites > 0 else 0
    return Capacity(max(sites, 0), max(circuits, 0))


def plan_prefixes(plan: AddressPlan) -> Mapping[str, Prefix]:
    """Return the prefixes of a plan by their key in the documents."""
    return {
        "ipv4_sites": plan.ipv4_sites,
        "ipv4_loopbacks": plan.ipv4_loopbacks,
        "ipv4_links": plan.ipv4_links,
        "ipv6": plan.ipv6,
        "ipv4_tunnels": plan.ipv4_tunnels,
        "ipv4_people": plan.ipv4_people,
    }


def find_overlaps(plan: AddressPlan) -> Iterator[tuple[str, str]]:
    """Yield the pairs of keys whose prefixes overlap."""
    for (name, one), (other, two) in combinations(plan_prefixes(plan).items(), 2):
        if prefixes_overlap(one, two):
            yield name, other


def prefixes_overlap(one: Prefix, two: Prefix) -> bool:
    """Return whether two prefixes share an address."""
    if isinstance(one, IPv4Network) and isinstance(two, IPv4Network):
        return one.overlaps(two)
    return isinstance(one, IPv6Network) and isinstance(two, IPv6Network) and one.overlaps(two)


def _first(prefix: IPv4Network) -> int:
    return int(prefix.network_address)


def _subnets6(plan: AddressPlan) -> int:
    """Return how many /64s the IPv6 part of a plan has."""
    return 1 << max(64 - plan.ipv6.prefixlen, 0)


def _subnet6(plan: AddressPlan, index: int) -> int:
    return int(plan.ipv6.network_address) + (index << 64)
