"""What a device lets pass between segments and into itself, in no vendor's words.

The segment of a host is seen from its address alone, since every site is laid out alike. So a
filter speaks of no other site, and a new site changes no other device.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeAlias

from inventory.model import Ports, Segment

Address: TypeAlias = IPv4Address | IPv6Address
Prefix: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class SegmentPattern:
    """Where the hosts of a segment are at every site: within a prefix, value under a mask."""

    segment: Segment
    within: Prefix
    mask: Address
    value: Address


@dataclass(frozen=True, slots=True)
class SegmentLan:
    """A LAN of the device.

    own are the device's addresses on it; behind are prefixes outside of the plan that next hops
    on it lead to, a default route among them.
    """

    segment: Segment
    interface: str
    own: tuple[Address, ...]
    prefixes: tuple[Prefix, ...]
    behind: tuple[Prefix, ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentOpening:
    """What is open to a segment: the hosts of a target segment, or prefixes on some ports.

    No ports are all of them. Either target or prefixes are given.
    """

    source: Segment
    target: Segment | None = None
    prefixes: tuple[Prefix, ...] = ()
    ports: tuple[Ports, ...] = ()


@dataclass(frozen=True, slots=True)
class ControlPorts:
    """Ports of the device that its peers alone may reach; without any, nobody may."""

    ports: tuple[Ports, ...]
    peers: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class ManagementPort:
    """Where the controller reaches the device; the port is shut at its other addresses."""

    address: IPv4Address
    port: int


@dataclass(frozen=True, slots=True)
class PacketFilter:
    """What a device lets pass; what nothing opens between segments is dropped.

    plan are all prefixes of the address plan; people are those that people's devices have, which
    their gateway has judged. outside are interfaces into networks of others, from which nobody
    opens a connection to a LAN. A device without LANs guards itself alone.
    """

    plan: tuple[Prefix, ...]
    people: tuple[Prefix, ...]
    segments: tuple[SegmentPattern, ...]
    lans: tuple[SegmentLan, ...]
    openings: tuple[SegmentOpening, ...]
    control: tuple[ControlPorts, ...]
    outside: tuple[str, ...] = ()
    management: ManagementPort | None = None

    def manages(self) -> bool:
        """Return whether hosts of the management segment may reach devices."""
        pair = Segment.MANAGEMENT, Segment.MANAGEMENT
        return pair in {(opening.source, opening.target) for opening in self.openings}
