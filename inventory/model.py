"""What exists: sites, devices, circuits and data-centre zones, as trusted values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Final, Literal, TypeAlias

SiteName: TypeAlias = str
DeviceName: TypeAlias = str
CircuitName: TypeAlias = str
ZoneName: TypeAlias = str


class Level(StrEnum):
    """A place in the switch hierarchy; the parent is always one level up."""

    CENTRAL = "central"
    REGIONAL = "regional"
    DEPARTMENTAL = "departmental"
    ARRONDISSEMENT = "arrondissement"


PARENT_LEVEL: Final[Mapping[Level, Level | None]] = {
    Level.CENTRAL: None,
    Level.REGIONAL: Level.CENTRAL,
    Level.DEPARTMENTAL: Level.REGIONAL,
    Level.ARRONDISSEMENT: Level.DEPARTMENTAL,
}


class Platform(StrEnum):
    """A device's operating system, in the words of netmiko and NAPALM where they have one."""

    LINUX = "linux"
    FRR = "frr"
    IOS = "ios"
    EOS = "eos"
    JUNOS = "junos"
    ROUTEROS = "routeros"
    VYOS = "vyos"


class Role(StrEnum):
    """What a device does at its site."""

    ROUTER = "router"
    SWITCH = "switch"
    EDGE = "edge"


class Medium(StrEnum):
    """What a circuit is made of."""

    FIBRE = "fibre"
    MICROWAVE = "microwave"
    LEO = "leo"
    LTE = "lte"
    VSAT = "vsat"


class SnmpVersion(StrEnum):
    """How an SNMP agent knows who asks: by a community, or by a user with two passphrases."""

    V2C = "v2c"
    V3 = "v3"


class FacilityKind(StrEnum):
    """A health facility's category in the national health pyramid."""

    GENERAL = "general-hospital"
    CENTRAL = "central-hospital"
    REGIONAL = "regional-hospital"
    DISTRICT = "district-hospital"
    ONCOLOGY = "oncology-centre"
    MEDICAL_CENTRE = "medical-centre"
    HEALTH_CENTRE = "health-centre"


class EquipmentKind(StrEnum):
    """What stands in a consultation room or serves it."""

    SDWAN_ROUTER = "sdwan-router"
    GIGABIT_SWITCH = "gigabit-switch"
    WIFI_AP = "wifi-access-point"
    TOUCH_SCREEN = "touch-screen-24in"
    CAMERA = "hd-medical-camera"
    MICROPHONE = "noise-cancelling-microphone"
    HEADSET = "headset"
    TABLET = "tablet"
    SCANNER = "document-scanner"
    PRINTER = "printer"


class Segment(StrEnum):
    """A LAN at a site; every site has all of them."""

    CLINICAL = "clinical"
    PROFESSIONALS = "professionals"
    PATIENTS = "patients"
    DEVICES = "devices"
    MANAGEMENT = "management"


# surveyed: measured on the spot. The others are the quality flags of the national data.
CoordinateQuality: TypeAlias = Literal[
    "surveyed", "exact", "city_shared", "near_name", "proxy_village", "memory"
]
DEFAULT_TUNNELS: Final = IPv4Network("172.24.0.0/15")
DEFAULT_PEOPLE: Final = IPv4Network("172.26.0.0/15")
# Raised by one, all edges get other preshared keys; 0 is none.
DEFAULT_SERIES: Final = 1
LAST_SERIES: Final = 65_535
# Raised by one, all tunnels of one edge get other preshared keys: it adds to the network's number.
LAST_OWN_SERIES: Final = 1_000
# Two tunnels, one in the other, leave the 1,280 octets of it that IPv6 needs.
LEAST_MTU: Final = 1_400
MOST_MTU: Final = 9_216
APPROXIMATE: Final[frozenset[str]] = frozenset({"near_name", "proxy_village", "memory"})


@dataclass(frozen=True, slots=True)
class Place:
    """A point in degrees (WGS 84) and how far it can be trusted."""

    latitude: float
    longitude: float
    quality: CoordinateQuality = "surveyed"


@dataclass(frozen=True, slots=True)
class Facility:
    """A hospital or health centre at a site."""

    name: str
    kind: FacilityKind
    oncology: bool = False


@dataclass(frozen=True, slots=True)
class ConsultationRoom:
    """A room where consultations are held, with its equipment counted by kind."""

    name: str
    equipment: Mapping[EquipmentKind, int]


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a service listens: ports from first to last of one protocol."""

    protocol: Literal["tcp", "udp"]
    first: int
    last: int

    def __str__(self) -> str:
        """Return the ports as policies and nftables write them, such as udp/3478."""
        both = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        return f"{self.protocol}/{both}"


@dataclass(frozen=True, slots=True)
class StaticRoute:
    """A prefix behind a site that does not speak BGP: where it is, and through which next hop."""

    prefix: IPv4Network | IPv6Network
    via: str


@dataclass(frozen=True, slots=True)
class Site:
    """A place of the hierarchy; number is its identity in the addressing plan and never changes.

    contact: whom the NOC calls there, as people write it.
    """

    name: SiteName
    number: int
    level: Level
    parent: SiteName | None
    title: str
    region: str
    place: Place
    population: int | None = None
    pcode: str | None = None
    description: str = ""
    contact: str = ""
    facilities: tuple[Facility, ...] = ()
    rooms: tuple[ConsultationRoom, ...] = ()
    routes: tuple[StaticRoute, ...] = ()


@dataclass(frozen=True, slots=True)
class Management:
    """How the controller reaches a device: SSH address, pinned host key, credential reference."""

    address: IPv4Address
    port: int = 22
    username: str = "sanaga"
    credential: str = ""
    host_key: str = ""


@dataclass(frozen=True, slots=True)
class Snmp:
    """How the controller polls a device, at its management address.

    community, authentication and privacy are credential references; version 2c has the first
    alone, version 3 (authPriv: SHA-256 and AES-128) the others and a user.
    """

    version: SnmpVersion
    port: int = 161
    community: str = ""
    user: str = ""
    authentication: str = ""
    privacy: str = ""


@dataclass(frozen=True, slots=True)
class Device:
    """A router, switch or edge; number (1 to 7) is its identity within the site.

    public_key is the WireGuard key that an edge made itself, in base64; empty until it is pinned.
    next_key is the one that it moves to, empty when it does not. preshared adds to the network's
    series of preshared keys wherever the edge has a tunnel. packet_filter says that the device
    drops what no rule opens between segments, where the network asks for that.
    """

    name: DeviceName
    site: SiteName
    number: int
    role: Role
    platform: Platform
    management: Management | None = None
    lan: bool = False
    description: str = ""
    public_key: str = ""
    next_key: str = ""
    preshared: int = 0
    packet_filter: bool = True
    snmp: Snmp | None = None


@dataclass(frozen=True, slots=True)
class CircuitEnd:
    """Where a circuit lands: a device and the interface on it."""

    device: DeviceName
    interface: str


@dataclass(frozen=True, slots=True)
class Circuit:
    """An underlay: between two devices, or from one device into a provider's network.

    MEF 70.1 calls it an underlay connectivity service. number is its identity in the
    addressing plan. rate_up_mbps is towards b (or the provider), delay_ms is one way. mtu is the
    largest IP packet that it carries whole, None for what is usual of its medium.
    """

    name: CircuitName
    number: int
    a: CircuitEnd
    b: CircuitEnd | None
    provider: str | None
    medium: Medium
    rate_up_mbps: float
    rate_down_mbps: float
    delay_ms: float
    metered: bool = False
    cost: int | None = None
    maintenance: bool = False
    enabled: bool = True
    description: str = ""
    mtu: int | None = None


@dataclass(frozen=True, slots=True)
class DataCentreZone:
    """Where clinical services run: a site and the service classes offered there."""

    name: ZoneName
    site: SiteName
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddressPlan:
    """The prefixes from which every address is computed."""

    ipv4_sites: IPv4Network
    ipv4_loopbacks: IPv4Network
    ipv4_links: IPv4Network
    ipv6: IPv6Network
    ipv4_tunnels: IPv4Network = DEFAULT_TUNNELS
    ipv4_people: IPv4Network = DEFAULT_PEOPLE


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The share of devices and facilities (0 to 1) that a plan may cut off without a word."""

    devices: float = 0.0
    facilities: float = 0.0


@dataclass(frozen=True, slots=True)
class Network:
    """What holds for the whole network.

    preshared is the series of edges' preshared keys. segmentation says that devices drop what no
    rule opens between segments. controllers are the endpoints that edges report to.
    """

    name: str
    asn: int
    plan: AddressPlan
    thresholds: Thresholds = Thresholds()
    disabled_media: frozenset[Medium] = frozenset()
    management_namespace: str | None = None
    preshared: int = DEFAULT_SERIES
    segmentation: bool = True
    controllers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Intent:
    """Everything a folder declares, by name, in the order of the documents."""

    network: Network
    sites: Mapping[SiteName, Site]
    devices: Mapping[DeviceName, Device]
    circuits: Mapping[CircuitName, Circuit]
    zones: Mapping[ZoneName, DataCentreZone] = field(default_factory=dict)
    _at_site: Mapping[SiteName, tuple[Device, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Group the devices once; asking for each site's in turn would grow with the square."""
        groups: dict[SiteName, list[Device]] = {}
        for device in sorted(self.devices.values(), key=lambda d: d.number):
            groups.setdefault(device.site, []).append(device)
        at_site = {site: tuple(devices) for site, devices in groups.items()}
        object.__setattr__(self, "_at_site", at_site)

    def usable_circuits(self) -> tuple[Circuit, ...]:
        """Return the circuits that neither their owner nor the media policy has switched off."""
        barred = self.network.disabled_media
        return tuple(c for c in self.circuits.values() if c.enabled and c.medium not in barred)

    def devices_at(self, site: SiteName) -> tuple[Device, ...]:
        """Return the devices of a site by their number."""
        return self._at_site.get(site, ())


def edge_keys_of(intent: Intent) -> dict[str, DeviceName]:
    """Return whose every key of an intent's edges is, the ones that they move to as well."""
    return {
        key: device.name
        for device in intent.devices.values()
        for key in (device.public_key, device.next_key)
        if key
    }
