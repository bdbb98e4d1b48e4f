"""A policy as it is written in JSON: every value is checked here, once, and trusted inside."""

import base64
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from ipaddress import IPv4Address
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StrictFloat, StrictInt, StrictStr

from edge.policy.filter_schema import InterfaceName as Interface
from edge.policy.filter_schema import PacketFilterDocument
from edge.policy.model import (
    CareTunnel,
    EdgePolicy,
    Peer,
    PeerPath,
    TrafficClass,
    TunnelEndpoint,
    Underlay,
)
from inventory.documents.fields import Count, Document, Flag, Prefix, Rate, Share, Slug, Title
from inventory.documents.messages import refuse_value
from inventory.free_text import quoted
from inventory.model import LAST_OWN_SERIES, LAST_SERIES, Medium
from policies.model import METERED_FOR_S, ORDINARY_CLASS, PathPolicy, ServiceClass, Slo
from vpn.key_text import key_octets
from vpn.wireguard.endpoint import parse_endpoint

# Marks and routing tables are numbered from fixed bases that leave room for so many.
MOST_UNDERLAYS: Final = 32
MOST_CLASSES: Final = 32
MOST_CONTROLLERS: Final = 8

JsonPath: TypeAlias = tuple[str | int, ...]
Wrong: TypeAlias = tuple[JsonPath, str, str]


def _address4(value: object) -> IPv4Address:
    if isinstance(value, str):
        try:
            return IPv4Address(value)
        except ValueError:
            pass
    raise refuse_value(f"{quoted(value)} is no IPv4 address", "write it as '172.24.0.21'")


def _public_key(value: str) -> str:
    # One key has one text: base64 with padding, as wg prints it.
    if (raw := key_octets(value)) and base64.b64encode(raw).decode() == value:
        return value
    raise refuse_value("this is no WireGuard public key", "copy it from 'sanaga edge enrol' there")


def _endpoint(value: str) -> str:
    try:
        return str(parse_endpoint(value))
    except ValueError:
        raise refuse_value(
            f"{quoted(value)} is no endpoint", "write it as 'noc.example.cm:8444'"
        ) from None


Address4: TypeAlias = Annotated[IPv4Address, BeforeValidator(_address4)]
Key: TypeAlias = Annotated[StrictStr, AfterValidator(_public_key)]
Series: TypeAlias = Annotated[StrictInt, Field(ge=0, le=LAST_SERIES + 2 * LAST_OWN_SERIES)]
Port: TypeAlias = Annotated[StrictInt, Field(ge=1, le=65_535)]
Mtu: TypeAlias = Annotated[StrictInt, Field(ge=576, le=65_535, examples=[1340])]
Positive: TypeAlias = Annotated[StrictFloat, Field(gt=0, le=60_000, allow_inf_nan=False)]
Mos: TypeAlias = Annotated[StrictFloat, Field(ge=1, le=4.5, allow_inf_nan=False)]
EndpointText: TypeAlias = Annotated[StrictStr, AfterValidator(_endpoint)]
Seconds: TypeAlias = Annotated[StrictInt, Field(ge=0, le=86_400)]


class EndpointDocument(Document):
    """Where a tunnel's far end listens."""

    address: Address4
    port: Port

    def to_model(self) -> TunnelEndpoint:
        """Return the trusted value."""
        return TunnelEndpoint(self.address, self.port)


class UnderlayDocument(Document):
    """One of the device's circuits with its transport."""

    circuit: Slug
    interface: Interface
    gateway: Address4
    medium: Medium
    metered: Flag
    rate_up_mbps: Rate
    rate_down_mbps: Rate
    tunnel: Interface
    tunnel_address: Address4
    listen_port: Port
    mtu: Mtu
    shape_ingress: Flag = False

    def to_model(self) -> Underlay:
        """Return the trusted value."""
        return Underlay(**{name: getattr(self, name) for name in type(self).model_fields})


class PeerPathDocument(Document):
    """A path to a peer."""

    name: Slug
    circuit: Slug
    remote_address: Address4
    endpoint: EndpointDocument | None
    medium: Medium
    metered: Flag
    cost: Count
    rate_mbps: Rate

    def to_model(self) -> PeerPath:
        """Return the trusted value."""
        written = {name: getattr(self, name) for name in type(self).model_fields}
        endpoint = self.endpoint.to_model() if self.endpoint else None
        return PeerPath(**{**written, "endpoint": endpoint})


class PeerDocument(Document):
    """Another edge or hub."""

    device: Slug
    public_key: Key
    loopback: Address4
    prefixes: tuple[Prefix, ...]
    paths: tuple[PeerPathDocument, ...]
    next_key: Key | None = None
    preshared: Series | None = None

    def to_model(self) -> Peer:
        """Return the trusted value."""
        return Peer(
            self.device,
            self.public_key,
            self.loopback,
            self.prefixes,
            tuple(path.to_model() for path in self.paths),
            self.next_key or "",
            self.preshared,
        )


class CareDocument(Document):
    """The nested tunnel of consultations."""

    interface: Interface
    mtu: Mtu
    port: Port

    def to_model(self) -> CareTunnel:
        """Return the trusted value."""
        return CareTunnel(self.interface, self.mtu, self.port)


class ClassSloDocument(Document):
    """What is owed to a class."""

    delay_ms: Positive
    jitter_ms: Positive
    loss: Share
    mos: Mos | None

    def to_model(self) -> Slo:
        """Return the trusted value."""
        return Slo(self.delay_ms, self.jitter_ms, self.loss, self.mos)


class ChoiceDocument(Document):
    """How a class chooses its path; the class itself says for which service."""

    media: Annotated[tuple[Medium, ...], Field(min_length=1)]
    leave_after_ms: Annotated[StrictInt, Field(ge=20, le=600_000)]
    return_after_s: Seconds
    hold_down_s: Seconds
    metered_allowed: Flag
    metered_cost: Count
    metered_for_s: Seconds = METERED_FOR_S

    def to_model(self, service: str) -> PathPolicy:
        """Return the trusted value."""
        written = {name: getattr(self, name) for name in type(self).model_fields}
        return PathPolicy(service=service, **written)


class TrafficClassDocument(Document):
    """A class of traffic."""

    name: Slug
    title: Title
    slo: ClassSloDocument
    dscp: Annotated[StrictInt, Field(ge=0, le=63)]
    rate_mbps: Rate
    share: Share
    paths: ChoiceDocument

    def to_model(self) -> TrafficClass:
        """Return the trusted value."""
        slo = self.slo.to_model()
        service = ServiceClass(self.name, self.title, slo, self.dscp, self.rate_mbps, self.share)
        return TrafficClass(service, self.paths.to_model(self.name))


class PolicyDocument(Document):
    """Everything one device must do."""

    network: Slug
    device: Slug
    loopback: Address4
    prefixes: tuple[Prefix, ...]
    lans: tuple[Interface, ...]
    underlays: Annotated[tuple[UnderlayDocument, ...], Field(max_length=MOST_UNDERLAYS)]
    peers: tuple[PeerDocument, ...]
    care: CareDocument
    classes: Annotated[tuple[TrafficClassDocument, ...], Field(max_length=MOST_CLASSES)]
    key: Key | None = None
    preshared: Series = 0
    packet_filter: PacketFilterDocument | None = None
    telemetry: Annotated[tuple[EndpointText, ...], Field(max_length=MOST_CONTROLLERS)] = ()

    def to_model(self) -> EdgePolicy:
        """Return the trusted value."""
        return EdgePolicy(
            network=self.network,
            device=self.device,
            loopback=self.loopback,
            prefixes=self.prefixes,
            lans=self.lans,
            underlays=tuple(underlay.to_model() for underlay in self.underlays),
            peers=tuple(peer.to_model() for peer in self.peers),
            care=self.care.to_model(),
            classes=tuple(entry.to_model() for entry in self.classes),
            key=self.key or "",
            preshared=self.preshared,
            packet_filter=self.packet_filter.to_model() if self.packet_filter else None,
            telemetry=self.telemetry,
        )


def incoherences(policy: EdgePolicy) -> Iterator[Wrong]:
    """Yield what is wrong with a policy as a whole: where, what, and what to write instead."""
    yield from _twice(_names(policy))
    yield from _loose_paths(policy)
    yield from _classes(policy)
    yield from _filtered_lans(policy)


def _names(policy: EdgePolicy) -> Iterator[tuple[str, Hashable, JsonPath]]:
    """Yield every value that must be there once, with its kind and its place."""
    yield "device", policy.device, ("device",)
    if policy.key:
        yield "public key", policy.key, ("key",)
    yield "address", policy.loopback, ("loopback",)
    yield "interface", policy.care.interface, ("care", "interface")
    yield "port", policy.care.port, ("care", "port")
    for i, prefix in enumerate(policy.prefixes):
        yield "prefix", prefix, ("prefixes", i)
    for i, underlay in enumerate(policy.underlays):
        yield "circuit", underlay.circuit, ("underlays", i, "circuit")
        yield "interface", underlay.tunnel, ("underlays", i, "tunnel")
        yield "address", underlay.tunnel_address, ("underlays", i, "tunnel_address")
        yield "port", underlay.listen_port, ("underlays", i, "listen_port")
    for i, peer in enumerate(policy.peers):
        yield from _peer_names(peer, ("peers", i))
    for i, entry in enumerate(policy.classes):
        yield "class", entry.service.name, ("classes", i, "name")


def _peer_names(peer: Peer, where: JsonPath) -> Iterator[tuple[str, Hashable, JsonPath]]:
    yield "device", peer.device, (*where, "device")
    yield "public key", peer.public_key, (*where, "public_key")
    if peer.next_key:
        yield "public key", peer.next_key, (*where, "next_key")
    yield "address", peer.loopback, (*where, "loopback")
    for i, prefix in enumerate(peer.prefixes):
        yield "prefix", prefix, (*where, "prefixes", i)
    for i, path in enumerate(peer.paths):
        yield f"path to {peer.device}", path.name, (*where, "paths", i, "name")
        yield f"circuit to {peer.device}", path.circuit, (*where, "paths", i, "circuit")


def _twice(names: Iterable[tuple[str, Hashable, JsonPath]]) -> Iterator[Wrong]:
    seen: Counter[tuple[str, Hashable]] = Counter()
    for kind, value, where in names:
        seen[kind, value] += 1
        if seen[kind, value] == 2:
            yield where, f"the {kind} {quoted(value)} is there twice", "let each be there once"


def _loose_paths(policy: EdgePolicy) -> Iterator[Wrong]:
    known = {underlay.circuit for underlay in policy.underlays}
    for i, peer in enumerate(policy.peers):
        for j, path in enumerate(peer.paths):
            if path.circuit not in known:
                where: JsonPath = ("peers", i, "paths", j, "circuit")
                yield where, f"no underlay {quoted(path.circuit)}", "add it to underlays"


def _classes(policy: EdgePolicy) -> Iterator[Wrong]:
    if ORDINARY_CLASS not in {entry.service.name for entry in policy.classes}:
        what = f"the class '{ORDINARY_CLASS}' is missing"
        yield ("classes",), what, "add it: it carries all traffic of no other class"
    total = sum(entry.service.share for entry in policy.classes)
    if total > 1.000_001:
        what = f"the shares of all classes come to {total:.3g}"
        yield ("classes",), what, "let them come to 1 at most"


def _filtered_lans(policy: EdgePolicy) -> Iterator[Wrong]:
    """Yield what is wrong with the LANs of a packet filter: each is one of the device, once."""
    seen: set[Hashable] = set()
    for i, lan in enumerate(policy.packet_filter.lans if policy.packet_filter else ()):
        where: JsonPath = ("packet_filter", "lans", i, "interface")
        if lan.interface not in policy.lans:
            yield where, f"no LAN {quoted(lan.interface)}", "add it to lans"
        if {lan.interface, lan.segment} & seen:
            yield where, f"the LAN {quoted(lan.interface)} is there twice", "let each be there once"
        seen |= {lan.interface, lan.segment}
