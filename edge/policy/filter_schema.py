"""The packet filter of a policy as it is written in JSON, checked value by value."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StrictStr

from inventory.documents.fields import Document, PortRange, Prefix
from inventory.documents.messages import refuse_value
from inventory.free_text import quoted
from inventory.model import Segment
from policies.packet_filter.model import (
    ControlPorts,
    ManagementPort,
    PacketFilter,
    SegmentLan,
    SegmentOpening,
    SegmentPattern,
)

_INTERFACE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")
MOST: Final = 4096


def plain_interface(value: str) -> str:
    """Return an interface's name where it is a plain word. Raises what pydantic reports."""
    if _INTERFACE.fullmatch(value):
        return value
    hint = "use letters, digits and . _ -, at most 15 characters, such as 'eth1'"
    raise refuse_value(f"{quoted(value)} is no interface name", hint)


def _address(value: object) -> IPv4Address | IPv6Address:
    if isinstance(value, str) and "%" not in value:
        try:
            return ip_address(value)
        except ValueError:
            pass
    raise refuse_value(f"{quoted(value)} is no address", "write it as '10.0.3.140'")


Address: TypeAlias = Annotated[Any, BeforeValidator(_address)]
Addresses: TypeAlias = Annotated[tuple[Address, ...], Field(max_length=MOST)]
Prefixes: TypeAlias = Annotated[tuple[Prefix, ...], Field(max_length=MOST)]
PortRanges: TypeAlias = Annotated[tuple[PortRange, ...], Field(max_length=MOST)]
InterfaceName: TypeAlias = Annotated[StrictStr, AfterValidator(plain_interface)]


class PatternDocument(Document):
    """Where the hosts of a segment are at every site."""

    segment: Segment
    within: Prefix
    mask: Address
    value: Address

    def to_model(self) -> SegmentPattern:
        """Return the trusted value."""
        if {self.mask.version, self.value.version} != {self.within.version}:
            raise ValueError("the parts of a pattern are of different IP versions")
        return SegmentPattern(self.segment, self.within, self.mask, self.value)


class LanDocument(Document):
    """A LAN of the device."""

    segment: Segment
    interface: InterfaceName
    own: Addresses
    prefixes: Prefixes
    behind: Prefixes

    def to_model(self) -> SegmentLan:
        """Return the trusted value."""
        return SegmentLan(self.segment, self.interface, self.own, self.prefixes, self.behind)


class OpeningDocument(Document):
    """What is open to a segment."""

    source: Segment
    target: Segment | None
    prefixes: Prefixes
    ports: PortRanges

    def to_model(self) -> SegmentOpening:
        """Return the trusted value."""
        return SegmentOpening(self.source, self.target, self.prefixes, self.ports)


class ControlDocument(Document):
    """Ports that peers alone may reach."""

    ports: Annotated[tuple[PortRange, ...], Field(min_length=1, max_length=MOST)]
    peers: Addresses

    def to_model(self) -> ControlPorts:
        """Return the trusted value."""
        return ControlPorts(self.ports, self.peers)


class ManagementDocument(Document):
    """Where the controller reaches the device."""

    address: Address
    port: Annotated[StrictInt, Field(ge=1, le=65_535)]

    def to_model(self) -> ManagementPort:
        """Return the trusted value."""
        return ManagementPort(self.address, self.port)


class PacketFilterDocument(Document):
    """What a device lets pass between segments and into itself."""

    plan: Prefixes
    people: Prefixes
    segments: Annotated[tuple[PatternDocument, ...], Field(max_length=MOST)]
    lans: Annotated[tuple[LanDocument, ...], Field(max_length=len(Segment))]
    openings: Annotated[tuple[OpeningDocument, ...], Field(max_length=MOST)]
    control: Annotated[tuple[ControlDocument, ...], Field(max_length=MOST)]
    outside: Annotated[tuple[InterfaceName, ...], Field(max_length=MOST)]
    management: ManagementDocument | None

    def to_model(self) -> PacketFilter:
        """Return the trusted value."""
        return PacketFilter(
            plan=self.plan,
            people=self.people,
            segments=tuple(pattern.to_model() for pattern in self.segments),
            lans=tuple(lan.to_model() for lan in self.lans),
            openings=tuple(opening.to_model() for opening in self.openings),
            control=tuple(control.to_model() for control in self.control),
            outside=self.outside,
            management=self.management.to_model() if self.management else None,
        )
