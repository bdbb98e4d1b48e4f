"""The inventory's documents: what an engineer writes, and how it becomes trusted values."""

from typing import Annotated, Self

from pydantic import Field, StrictFloat, StrictInt, model_validator

from inventory import model
from inventory.addressing import MAX_CIRCUIT, MAX_DEVICE, MAX_SITE
from inventory.documents.edge_keys import EdgeKeys
from inventory.documents.fields import (
    ControllerEndpoint,
    Count,
    CredentialReference,
    Delay,
    Description,
    Document,
    Flag,
    HostKey,
    InterfaceName,
    ManagementAddress,
    NamespaceName,
    NextHop,
    PlaceCode,
    Prefix,
    Prefix4,
    Prefix6,
    Rate,
    Region,
    Share,
    Slug,
    Title,
    UserName,
)
from inventory.documents.messages import refuse_value

SiteNumber = Annotated[StrictInt, Field(ge=1, le=MAX_SITE)]
CircuitNumber = Annotated[StrictInt, Field(ge=1, le=MAX_CIRCUIT)]
DeviceNumber = Annotated[StrictInt, Field(ge=1, le=MAX_DEVICE)]
Series = Annotated[StrictInt, Field(ge=0, le=model.LAST_SERIES)]
OwnSeries = Annotated[StrictInt, Field(ge=0, le=model.LAST_OWN_SERIES)]
Mtu = Annotated[StrictInt, Field(ge=model.LEAST_MTU, le=model.MOST_MTU)]
Port = Annotated[StrictInt, Field(ge=1, le=65535)]
Degrees = Annotated[StrictFloat, Field(allow_inf_nan=False)]


class AddressPlanDocument(Document):
    """The prefixes from which every address is computed."""

    ipv4_sites: Prefix4 = Field(examples=["10.0.0.0/8"])
    ipv4_loopbacks: Prefix4 = Field(examples=["172.16.0.0/14"])
    ipv4_links: Prefix4 = Field(examples=["172.20.0.0/14"])
    ipv4_tunnels: Prefix4 = Field(default=model.DEFAULT_TUNNELS, examples=["172.24.0.0/15"])
    ipv4_people: Prefix4 = Field(default=model.DEFAULT_PEOPLE, examples=["172.26.0.0/15"])
    ipv6: Prefix6 = Field(examples=['"fd5a:6e61:6700::/40"'])

    def to_model(self) -> model.AddressPlan:
        """Return the trusted value."""
        return model.AddressPlan(
            self.ipv4_sites,
            self.ipv4_loopbacks,
            self.ipv4_links,
            self.ipv6,
            self.ipv4_tunnels,
            self.ipv4_people,
        )


class ThresholdsDocument(Document):
    """The share of devices and facilities that a plan may cut off without a word."""

    devices: Share = Field(default=0.0, examples=["0.05"])
    facilities: Share = Field(default=0.0, examples=["0.05"])

    def to_model(self) -> model.Thresholds:
        """Return the trusted value."""
        return model.Thresholds(float(self.devices), float(self.facilities))


class ControllerDocument(Document):
    """Where edges reach the controller that they report to."""

    endpoints: Annotated[tuple[ControllerEndpoint, ...], Field(min_length=1, max_length=8)] = Field(
        examples=["[noc.example.cm:8444]"]
    )


class NetworkDocument(Document):
    """What holds for the whole network."""

    name: Slug = Field(examples=["national"])
    asn: Annotated[StrictInt, Field(ge=1, le=4_294_967_294)] = Field(examples=["65000"])
    addressing: AddressPlanDocument = Field(examples=["{ipv4_sites: 10.0.0.0/8, ...}"])
    thresholds: ThresholdsDocument = Field(
        default=ThresholdsDocument(), examples=["{devices: 0, facilities: 0}"]
    )
    disabled_media: tuple[model.Medium, ...] = Field(default=(), examples=["[leo]"])
    management_namespace: NamespaceName | None = Field(default=None, examples=["sanaga-noc"])
    preshared: Series = Field(default=model.DEFAULT_SERIES, examples=["2"])
    segmentation: Flag = Field(default=True, examples=["false"])
    controller: ControllerDocument | None = Field(
        default=None, examples=["{endpoints: [noc.example.cm:8444]}"]
    )

    def to_model(self) -> model.Network:
        """Return the trusted value."""
        return model.Network(
            self.name,
            self.asn,
            self.addressing.to_model(),
            self.thresholds.to_model(),
            frozenset(self.disabled_media),
            self.management_namespace,
            self.preshared,
            self.segmentation,
            self.controller.endpoints if self.controller else (),
        )


class PlaceDocument(Document):
    """A point on the map and how far it can be trusted."""

    latitude: Annotated[Degrees, Field(ge=-90, le=90)] = Field(examples=["11.04611"])
    longitude: Annotated[Degrees, Field(ge=-180, le=180)] = Field(examples=["14.14011"])
    quality: model.CoordinateQuality = Field(default="surveyed", examples=["exact"])

    def to_model(self) -> model.Place:
        """Return the trusted value."""
        return model.Place(float(self.latitude), float(self.longitude), self.quality)


class FacilityDocument(Document):
    """A hospital or health centre at a site."""

    name: Title = Field(examples=["Hôpital de District de Mora"])
    kind: model.FacilityKind = Field(examples=["district-hospital"])
    oncology: Flag = Field(default=False, examples=["true"])

    def to_model(self) -> model.Facility:
        """Return the trusted value."""
        return model.Facility(self.name, self.kind, self.oncology)


class RoomDocument(Document):
    """A room where consultations are held."""

    name: Slug = Field(examples=["room-1"])
    equipment: dict[model.EquipmentKind, Count] = Field(
        default_factory=dict, examples=["{sdwan-router: 1}"]
    )

    def to_model(self) -> model.ConsultationRoom:
        """Return the trusted value."""
        return model.ConsultationRoom(self.name, dict(self.equipment))


class RouteDocument(Document):
    """A prefix behind a site that does not speak BGP."""

    prefix: Prefix = Field(examples=["198.51.100.0/24"])
    via: NextHop = Field(examples=["10.0.18.5"])

    def to_model(self) -> model.StaticRoute:
        """Return the trusted value."""
        return model.StaticRoute(self.prefix, self.via)


class SiteDocument(Document):
    """A place of the hierarchy."""

    name: Slug = Field(examples=["mora"])
    number: SiteNumber = Field(examples=["9"])
    level: model.Level = Field(examples=["arrondissement"])
    parent: Slug | None = Field(default=None, examples=["mayo-sava"])
    title: Title = Field(examples=["Mora"])
    region: Region = Field(examples=["CM-EN"])
    place: PlaceDocument = Field(examples=["{latitude: 11.04611, longitude: 14.14011}"])
    population: Count | None = Field(default=None, examples=["179777"])
    pcode: PlaceCode | None = Field(default=None, examples=["CM004003"])
    description: Description = Field(default="", examples=["Behind the sub-prefecture"])
    contact: Title = Field(default="", examples=["A. Oumarou, head nurse, +237 6 00 00 00 00"])
    facilities: tuple[FacilityDocument, ...] = Field(default=(), examples=["[...]"])
    rooms: tuple[RoomDocument, ...] = Field(default=(), examples=["[...]"])
    routes: tuple[RouteDocument, ...] = Field(default=(), examples=["[...]"])

    def to_model(self) -> model.Site:
        """Return the trusted value."""
        return model.Site(
            name=self.name,
            number=self.number,
            level=self.level,
            parent=self.parent,
            title=self.title,
            region=self.region,
            place=self.place.to_model(),
            population=self.population,
            pcode=self.pcode,
            description=self.description,
            contact=self.contact,
            facilities=tuple(f.to_model() for f in self.facilities),
            rooms=tuple(r.to_model() for r in self.rooms),
            routes=tuple(r.to_model() for r in self.routes),
        )


class ManagementDocument(Document):
    """How the controller reaches a device."""

    address: ManagementAddress = Field(examples=["198.18.0.19"])
    port: Port = Field(default=22, examples=["22"])
    username: UserName = Field(default="sanaga", examples=["root"])
    credential: CredentialReference = Field(default="", examples=["env:SANAGA_KEY"])
    host_key: HostKey = Field(default="", examples=["ssh-ed25519 AAAA..."])

    def to_model(self, known_key: str) -> model.Management:
        """Return the trusted value; known_key serves where no key is written here."""
        return model.Management(
            self.address, self.port, self.username, self.credential, self.host_key or known_key
        )


class SnmpDocument(Document):
    """How the controller polls a device."""

    version: model.SnmpVersion = Field(examples=["v3"])
    port: Port = Field(default=161, examples=["161"])
    community: CredentialReference = Field(default="", examples=["env:SNMP_COMMUNITY"])
    user: UserName | None = Field(default=None, examples=["sanaga"])
    authentication: CredentialReference = Field(
        default="", examples=['"sealed:snmp.json#authentication"']
    )
    privacy: CredentialReference = Field(default="", examples=['"sealed:snmp.json#privacy"'])

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Refuse what the version lacks, and what it would leave unused."""
        of_v3 = {
            "user": self.user,
            "authentication": self.authentication,
            "privacy": self.privacy,
        }
        of_v2c = {"community": self.community}
        is_v3 = self.version is model.SnmpVersion.V3
        wanted, unused = (of_v3, of_v2c) if is_v3 else (of_v2c, of_v3)
        name = "version 3" if is_v3 else "version 2c"
        if missing := [key for key, value in wanted.items() if not value]:
            keys = " and ".join(f"'{key}: ...'" for key in missing)
            raise refuse_value(f"SNMP {name} lacks {' and '.join(missing)}", f"add {keys}")
        if excess := [key for key, value in unused.items() if value]:
            raise refuse_value(f"SNMP {name} has no {' and '.join(excess)}", "remove it")
        return self

    def to_model(self) -> model.Snmp:
        """Return the trusted value."""
        return model.Snmp(
            self.version,
            self.port,
            self.community,
            self.user or "",
            self.authentication,
            self.privacy,
        )


class DeviceDocument(Document):
    """A router, switch or edge."""

    name: Slug = Field(examples=["mora-r1"])
    site: Slug = Field(examples=["mora"])
    number: DeviceNumber = Field(default=1, examples=["1"])
    role: model.Role = Field(examples=["router"])
    platform: model.Platform = Field(examples=["frr"])
    management: ManagementDocument | None = Field(default=None, examples=["{address: 198.18.0.19}"])
    lan: Flag | None = Field(default=None, examples=["true"])
    description: Description = Field(default="", examples=["In the server room"])
    preshared: OwnSeries = Field(default=0, examples=["1"])
    packet_filter: Flag = Field(default=True, examples=["false"])
    snmp: SnmpDocument | None = Field(default=None, examples=["{version: v3, user: sanaga}"])

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        """Refuse to poll a device whose address nobody knows."""
        if self.snmp and not self.management:
            what = "the device is to be polled, but has no management address"
            raise refuse_value(what, "add 'management: {address: ...}', or remove 'snmp:'")
        return self

    def to_model(self, known_key: str, keys: EdgeKeys) -> model.Device:
        """Return the trusted value; the first device of a site is on its LANs unless it says so.

        known_key is the pinned host key, keys are the pinned ones of edges.
        """
        return model.Device(
            name=self.name,
            site=self.site,
            number=self.number,
            role=self.role,
            platform=self.platform,
            management=self.management.to_model(known_key) if self.management else None,
            lan=self.number == 1 if self.lan is None else self.lan,
            description=self.description,
            public_key=keys.of(self.name),
            next_key=keys.next_of(self.name),
            preshared=self.preshared,
            packet_filter=self.packet_filter,
            snmp=self.snmp.to_model() if self.snmp else None,
        )


class EndDocument(Document):
    """Where a circuit lands."""

    device: Slug = Field(examples=["mora-r1"])
    interface: InterfaceName = Field(examples=["eth1"])

    def to_model(self) -> model.CircuitEnd:
        """Return the trusted value."""
        return model.CircuitEnd(self.device, self.interface)


class CircuitDocument(Document):
    """An underlay between two devices, or from one device into a provider's network."""

    name: Slug = Field(examples=["mayo-sava-mora-fibre"])
    number: CircuitNumber = Field(examples=["12"])
    a: EndDocument = Field(examples=["{device: mayo-sava-r1, interface: eth2}"])
    b: EndDocument | None = Field(default=None, examples=["{device: mora-r1, interface: eth1}"])
    provider: Slug | None = Field(default=None, examples=["leo-operator"])
    medium: model.Medium = Field(examples=["fibre"])
    rate_up_mbps: Rate = Field(examples=["1000"])
    rate_down_mbps: Rate = Field(examples=["1000"])
    delay_ms: Delay = Field(examples=["0.2"])
    metered: Flag = Field(default=False, examples=["true"])
    cost: Annotated[StrictInt, Field(ge=1, le=10)] | None = Field(default=None, examples=["4"])
    mtu: Mtu | None = Field(default=None, examples=["1492"])
    maintenance: Flag = Field(default=False, examples=["true"])
    enabled: Flag = Field(default=True, examples=["false"])
    description: Description = Field(default="", examples=["Leased, contract 2026-14"])

    def to_model(self) -> model.Circuit:
        """Return the trusted value."""
        return model.Circuit(
            name=self.name,
            number=self.number,
            a=self.a.to_model(),
            b=self.b.to_model() if self.b else None,
            provider=self.provider,
            medium=self.medium,
            rate_up_mbps=float(self.rate_up_mbps),
            rate_down_mbps=float(self.rate_down_mbps),
            delay_ms=float(self.delay_ms),
            metered=self.metered,
            cost=self.cost,
            maintenance=self.maintenance,
            enabled=self.enabled,
            description=self.description,
            mtu=self.mtu,
        )


class ZoneDocument(Document):
    """A data-centre zone: where clinical services run."""

    name: Slug = Field(examples=["yaounde"])
    site: Slug = Field(examples=["yaounde"])
    services: Annotated[tuple[Slug, ...], Field(min_length=1)] = Field(examples=["[records]"])

    def to_model(self) -> model.DataCentreZone:
        """Return the trusted value."""
        return model.DataCentreZone(self.name, self.site, self.services)
