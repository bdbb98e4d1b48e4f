"""Who may reach what over the VPN, as values: people, groups, grants, and where services answer."""

from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias

from inventory.model import DeviceName, Ports, Segment, SiteName, ZoneName
from vpn.key_text import PublicKey

RoleName: TypeAlias = str
GroupName: TypeAlias = str
PersonName: TypeAlias = str
ServiceName: TypeAlias = str
Target: TypeAlias = Segment | ServiceName
Address: TypeAlias = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Group:
    """Everybody of a role whose site is at or below a place of the hierarchy."""

    name: GroupName
    title: str
    role: RoleName
    under: SiteName


@dataclass(frozen=True, slots=True)
class Grant:
    """An exception to default deny: a group reaches services at zones, or segments at sites.

    at names zones for a service, and places of the hierarchy, with all below, for a segment;
    without any it is all of them. because is told wherever the grant is.
    """

    group: GroupName
    reach: tuple[Target, ...]
    because: str
    at: tuple[ZoneName | SiteName, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceHost:
    """Where a service answers at a zone."""

    service: ServiceName
    zone: ZoneName
    addresses: tuple[Address, ...]
    ports: tuple[Ports, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works with the network from where no edge is; until is the last day of access.

    licence is the number under which a professional order lists the person, licence_until its
    last day, which until never lies behind.
    """

    name: PersonName
    title: str
    role: RoleName
    site: SiteName
    licence: str = ""
    licence_until: date | None = None
    until: date | None = None

    def expired(self, today: date) -> bool:
        """Return whether access has ended by itself."""
        return self.until is not None and today > self.until


@dataclass(frozen=True, slots=True)
class PersonDevice:
    """A device of a person: number decides its addresses, public_key proves that it is it."""

    person: PersonName
    name: str
    number: int
    public_key: PublicKey


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a far end listens: an address or a name, and a UDP port."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return host:port as WireGuard writes it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Gateway:
    """A hub that people's devices dial; its number (1 to 8) decides their addresses behind it.

    resolver says that it answers for names, at its own addresses among people's; kept, that
    people's files go on holding its key, also when its tunnels to other edges move to another one;
    enrolment_port, at which UDP port devices in the field ask to join, 0 where they cannot.
    """

    device: DeviceName
    number: int
    endpoint: Endpoint
    public_key: PublicKey
    resolver: bool = False
    kept: bool = False
    enrolment_port: int = 0


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """Groups, what they may reach, and where that is; what nothing grants is denied."""

    groups: tuple[Group, ...] = ()
    grants: tuple[Grant, ...] = ()
    hosts: tuple[ServiceHost, ...] = ()
    gateways: tuple[Gateway, ...] = ()
