"""The kinds of value that documents are made of; each refuses in words of its own."""

import re
from collections.abc import Callable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Annotated, Any, Final, Literal, TypeAlias, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
)

from inventory.documents.host_keys import key_fault
from inventory.documents.messages import refuse_value
from inventory.free_text import (
    CONTROL,
    CONTROL_OR_BREAK,
    KEY_FAULT,
    KEY_HINT,
    LONGEST_TITLE,
    holds_key,
    quoted,
)
from inventory.model import Ports
from inventory.names import HINT, is_name
from inventory.special_addresses import destination_fault, host_fault, interface_block_fault

_CREDENTIAL: Final = re.compile(
    r"env:[A-Za-z_][A-Za-z0-9_]*|file:[^#{}]+|sealed:[^#{}]+#[A-Za-z0-9._-]+"
)
_PORTS: Final = re.compile(r"(tcp|udp)/(\d{1,5})(?:-(\d{1,5}))?")
_HOST_NAME: Final = re.compile(
    r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
)
_LONGEST_HOST_NAME: Final = 253
_ENDPOINT_HINT: Final = (
    "write it as 'noc.example.cm:8444', '192.0.2.10:8444' or '[2001:db8::7]:8444'"
)


class Document(BaseModel):
    """A mapping as an engineer writes it; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _matching(pattern: str, what: str, hint: str) -> AfterValidator:
    """Return a check of a whole text; the message quotes what was written."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if compiled.fullmatch(value):
            return value
        raise refuse_value(f"{quoted(value)} is no {what}", hint)

    return AfterValidator(check)


def _free_of(unwanted: re.Pattern[str], hint: str) -> AfterValidator:
    def check(value: str) -> str:
        if found := unwanted.search(value):
            raise refuse_value(f"the text holds the control character U+{ord(found[0]):04X}", hint)
        if holds_key(value):
            raise refuse_value(KEY_FAULT, KEY_HINT)
        return value

    return AfterValidator(check)


def _slugged(value: str) -> str:
    """Return what a text would be as a name."""
    return re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")[:63]


def _slug(value: str) -> str:
    if is_name(value):
        return value
    near = _slugged(value)
    example = f", such as '{near}'" if near and value.isascii() else ""
    raise refuse_value(f"{quoted(value)} is no name", f"{HINT}{example}")


def _credential(value: str) -> str:
    # The value may be a password written here by mistake: no message repeats it.
    if not value or (_CREDENTIAL.fullmatch(value) and value.isprintable()):
        return value
    hint = "write 'env:NAME', 'file:PATH' or 'sealed:PATH#KEY', never the secret itself"
    raise refuse_value("the credential is no reference", hint)


def _host_key(value: str) -> str:
    if value and (what := key_fault(value)):
        raise refuse_value(what, "copy it from /etc/ssh/ssh_host_ed25519_key.pub on the device")
    return value


def _prefix(value: object, versions: tuple[int, ...]) -> IPv4Network | IPv6Network:
    """Return a prefix, or refuse with the one that was probably meant."""
    example = "10.0.0.0/8" if 4 in versions else "fd5a:6e61:6700::/40"
    if not isinstance(value, str) or "/" not in value:
        what = (
            f"{quoted(value)} has no prefix length"
            if isinstance(value, str)
            else "this is no prefix"
        )
        raise refuse_value(what, f"write it as '{example}'")
    _refuse_zone(value)
    try:
        network = ip_network(value)
    except ValueError:
        raise refuse_value(*_prefix_fault(value, example)) from None
    if network.version not in versions:
        raise refuse_value(
            f"{network} is an IPv{network.version} prefix", f"write it as '{example}'"
        )
    return network


def _refuse_zone(value: str) -> None:
    """Refuse an address with a zone (RFC 4007): Python takes any text for one, commands too."""
    if "%" in value:
        raise refuse_value(
            f"{quoted(value)} has a zone", "leave out '%' and the name that follows it"
        )


def _prefix_fault(value: str, example: str) -> tuple[str, str]:
    try:
        network = ip_interface(value).network
    except ValueError:
        return f"{quoted(value)} is no prefix", f"write it as '{example}'"
    return f"{quoted(value)} has bits set behind the prefix length", f"write '{network}'"


def _plan_prefix(version: int) -> Callable[[object], object]:
    """Return the check of a block from which interfaces get their addresses."""
    hint = "10.0.0.0/8" if version == 4 else "fd5a:6e61:6700::/40"

    def check(value: object) -> object:
        network = _prefix(value, (version,))
        if what := interface_block_fault(network):
            refused = f"{network} holds addresses that no interface can have ({what})"
            raise refuse_value(refused, f"write private or public addresses, such as '{hint}'")
        return network

    return check


def _destination(value: object) -> object:
    network = _prefix(value, (4, 6))
    if what := destination_fault(network):
        example = "198.51.100.0/24" if network.version == 4 else "2001:db8:1::/48"
        hint = f"write the addresses of the network behind the site, such as '{example}'"
        raise refuse_value(f"no router sends anything to {network} ({what})", hint)
    return network


def _address(value: object, hint: str) -> IPv4Address | IPv6Address:
    """Return an address written as a text."""
    if not isinstance(value, str):
        raise refuse_value("this is no address", hint)
    _refuse_zone(value)
    try:
        return ip_address(value)
    except ValueError:
        raise refuse_value(f"{quoted(value)} is no address", hint) from None


def _management(value: object) -> IPv4Address:
    hint = "write the device's own IPv4 address, such as '198.18.0.19'"
    address = _address(value, hint)
    if isinstance(address, IPv6Address):
        raise refuse_value(f"{address} is IPv6; management runs over IPv4", hint)
    # Loopback and link-local are left: management may be forwarded, or run over one wire.
    if not (address.is_loopback or address.is_link_local) and host_fault(address):
        raise refuse_value(f"{address} is no device's address", hint)
    return address


def _on_a_network(value: object, hint: str) -> IPv4Address | IPv6Address:
    """Return an address that a host can have on a network of several."""
    address = _address(value, hint)
    if what := host_fault(address):
        raise refuse_value(f"{address} is no host's address ({what})", hint)
    return address


def _next_hop(value: object) -> str:
    hint = "write the next router's address on a LAN, such as '10.0.18.5'"
    return str(_on_a_network(value, hint))


def _host(value: object) -> IPv4Address | IPv6Address:
    return _on_a_network(value, "write the server's own, such as '10.0.3.140'")


def _ports(value: object) -> Ports:
    hint = "write 'tcp/443' or 'udp/49152-65535'"
    read = _PORTS.fullmatch(value) if isinstance(value, str) and value.isascii() else None
    if read is None:
        raise refuse_value(f"{quoted(value)} is no protocol with ports", hint)
    first, last = int(read[2]), int(read[3] or read[2])
    if not 0 < first <= last <= 65535:
        raise refuse_value(f"{quoted(value)} has ports out of range or order", hint)
    return Ports(cast("Literal['tcp', 'udp']", read[1]), first, last)


def _before(check: Callable[[object], Any]) -> BeforeValidator:
    return BeforeValidator(check)


_INTERFACE_HINT: Final = "use letters, digits and . _ / -, at most 15 characters, such as 'eth1'"
_ONE_LINE: Final = "write it as one line of plain text"


def _endpoint(value: str) -> str:
    host, _, port = value.lower().rpartition(":")
    numbered = port.isascii() and port.isdigit() and len(port) <= 5
    fault = "" if numbered and 0 < int(port) <= 65_535 else "it has no port"
    fault = fault or _endpoint_host_fault(host)
    if fault:
        raise refuse_value(f"{quoted(value)} is no controller's endpoint: {fault}", _ENDPOINT_HINT)
    return f"{host}:{int(port)}"


def _endpoint_host_fault(host: str) -> str:
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = ip_address(bare)
    except ValueError:
        last = bare.rpartition(".")[2]
        fits = _HOST_NAME.fullmatch(bare) and len(bare) <= _LONGEST_HOST_NAME and not last.isdigit()
        return "" if fits and bare == host else "this is neither a name nor an address"
    if isinstance(address, IPv6Address) != (bare != host) or "%" in bare:
        return "this is neither a name nor an address"
    return host_fault(address) or ""


Slug: TypeAlias = Annotated[StrictStr, AfterValidator(_slug)]
Title: TypeAlias = Annotated[
    StrictStr,
    Field(min_length=1, max_length=LONGEST_TITLE),
    _free_of(CONTROL_OR_BREAK, _ONE_LINE),
]
Description: TypeAlias = Annotated[
    StrictStr, Field(max_length=2000), _free_of(CONTROL, "write plain text; lines are fine")
]
InterfaceName: TypeAlias = Annotated[
    StrictStr,
    _matching(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,14}", "interface name", _INTERFACE_HINT),
]
UserName: TypeAlias = Annotated[
    StrictStr,
    _matching(
        r"[A-Za-z_][A-Za-z0-9._-]{0,31}", "user name", "use letters, digits and . _ -, such as root"
    ),
]
Region: TypeAlias = Annotated[
    StrictStr,
    _matching(r"[A-Z]{2}-[A-Z0-9]{1,3}", "region", "write its ISO 3166-2 code, such as 'CM-EN'"),
]
PlaceCode: TypeAlias = Annotated[
    StrictStr, _matching(r"[A-Za-z0-9-]{1,20}", "P-code", "write it as 'CM004003'")
]
NamespaceName: TypeAlias = Annotated[
    StrictStr,
    _matching(
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", "namespace name", "use letters, digits and . _ -"
    ),
]
CredentialReference: TypeAlias = Annotated[StrictStr, AfterValidator(_credential)]
PortRange: TypeAlias = Annotated[Any, _before(_ports)]
HostKey: TypeAlias = Annotated[StrictStr, AfterValidator(_host_key)]
Prefix4: TypeAlias = Annotated[IPv4Network, _before(_plan_prefix(4))]
Prefix6: TypeAlias = Annotated[IPv6Network, _before(_plan_prefix(6))]
Prefix: TypeAlias = Annotated[Any, _before(_destination)]
ManagementAddress: TypeAlias = Annotated[IPv4Address, _before(_management)]
HostAddress: TypeAlias = Annotated[Any, _before(_host)]
NextHop: TypeAlias = Annotated[str, _before(_next_hop)]
Flag: TypeAlias = StrictBool
Count: TypeAlias = Annotated[StrictInt, Field(ge=0, le=100_000_000)]
Share: TypeAlias = Annotated[StrictFloat, Field(ge=0, le=1, allow_inf_nan=False)]
Rate: TypeAlias = Annotated[StrictFloat, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
Delay: TypeAlias = Annotated[StrictFloat, Field(ge=0, le=5_000, allow_inf_nan=False)]
ControllerEndpoint: TypeAlias = Annotated[StrictStr, AfterValidator(_endpoint)]
