"""The VPN's policy as an administrator writes it: groups, grants, and where services answer."""

from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field, StrictInt, StrictStr

from inventory.addressing import MAX_GATEWAY
from inventory.documents.edge_keys import key_fault
from inventory.documents.fields import Document, Flag, HostAddress, PortRange, Slug, Title
from inventory.documents.messages import refuse_value
from inventory.free_text import quoted
from inventory.model import Ports, Segment
from vpn.key_text import PublicKey
from vpn.model import Endpoint, Gateway, Grant, Group, ServiceHost
from vpn.wireguard import endpoint


def _endpoint(value: object) -> Endpoint:
    try:
        read = endpoint.parse_endpoint(value if isinstance(value, str) else "")
    except ValueError:
        what = (
            f"{quoted(value)} is no endpoint" if isinstance(value, str) else "this is no endpoint"
        )
        raise refuse_value(
            what, "write it as 'vpn.example.cm:51820' or '[2001:db8::7]:51820'"
        ) from None
    if fault := endpoint.far_end_fault(read.host):
        hint = "write the gateway's own name or address, as people's devices reach it, such as "
        refused = f"{read.host} is no host's address ({fault})"
        raise refuse_value(refused, f"{hint}'vpn.example.cm:51820'")
    return read


def _key(value: object) -> str:
    fault = key_fault(value) if isinstance(value, str) else "this is no WireGuard public key"
    if fault:
        raise refuse_value(fault, "copy it from edge_keys")
    return str(value)


KeyText: TypeAlias = Annotated[Any, BeforeValidator(_key)]
EndpointText: TypeAlias = Annotated[Any, BeforeValidator(_endpoint)]


class GroupDocument(Document):
    """Everybody of a role at or below a place: an entry of the section groups."""

    name: Slug = Field(examples=["oncologists"])
    title: Title = Field(examples=["Oncologists of the Centre"])
    role: Slug = Field(examples=["oncologist"])
    under: Slug = Field(examples=["centre"])

    def to_model(self) -> Group:
        """Return the trusted value."""
        return Group(self.name, self.title, self.role, self.under)


class GrantDocument(Document):
    """An exception to default deny, with its tests: an entry of the section grants."""

    group: Slug = Field(examples=["oncologists"])
    reach: Annotated[tuple[Slug, ...], Field(min_length=1)] = Field(examples=["[records]"])
    at: tuple[Slug, ...] = Field(default=(), examples=["[yaounde]"])
    because: Title = Field(examples=["They treat patients of the whole country"])
    expect: tuple[StrictStr, ...] = Field(
        default=(), examples=["[oncologist at yaounde reaches records]"]
    )

    def to_model(self) -> Grant:
        """Return the trusted value."""
        segments = set(Segment)
        reach = tuple(Segment(name) if name in segments else name for name in self.reach)
        return Grant(self.group, reach, self.because, self.at)


class HostDocument(Document):
    """Where a service answers at a zone: an entry of the section hosts."""

    service: Slug = Field(examples=["records"])
    zone: Slug = Field(examples=["yaounde"])
    addresses: Annotated[tuple[HostAddress, ...], Field(min_length=1)] = Field(
        examples=["[10.0.3.140]"]
    )
    ports: Annotated[tuple[PortRange, ...], Field(min_length=1)] = Field(
        default=(Ports("tcp", 443, 443),), examples=["[tcp/443]"]
    )

    def to_model(self) -> ServiceHost:
        """Return the trusted value."""
        return ServiceHost(self.service, self.zone, self.addresses, self.ports)


class GatewayDocument(Document):
    """A hub that people's devices dial: an entry of the section gateways."""

    device: Slug = Field(examples=["yaounde-e1"])
    number: Annotated[StrictInt, Field(ge=1, le=MAX_GATEWAY)] = Field(examples=["1"])
    endpoint: EndpointText = Field(examples=["vpn.example.cm:51820"])
    resolver: Flag = Field(default=False, examples=["true"])
    public_key: KeyText | None = Field(default=None, examples=["BASE64"])
    enrolment_port: Annotated[StrictInt, Field(ge=1, le=65535)] | None = Field(
        default=None, examples=["51830"]
    )

    def to_model(self, pinned: PublicKey) -> Gateway:
        """Return the trusted value; without a key of its own it has the device's pinned one."""
        key, kept = self.public_key or pinned, bool(self.public_key)
        port = self.enrolment_port or 0
        return Gateway(self.device, self.number, self.endpoint, key, self.resolver, kept, port)
