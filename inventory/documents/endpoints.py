"""Endpoints of a controller, as an operator writes them: a name or an address, and a port."""

from ipaddress import IPv6Address, ip_address
from re import compile as pattern
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, StrictStr

from inventory.documents.messages import quoted, refuse_value
from inventory.special_addresses import host_fault

_NAME: Final = pattern(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_NUMBER: Final = pattern(r"[0-9]{1,5}")
_LONGEST_NAME: Final = 253
_HINT: Final = "write it as 'noc.example.cm:8444', '192.0.2.10:8444' or '[2001:db8::7]:8444'"


def _endpoint(value: str) -> str:
    host, _, port = value.lower().rpartition(":")
    fault = "" if _NUMBER.fullmatch(port) and 0 < int(port) <= 65_535 else "it has no port"
    fault = fault or _host_fault(host)
    if fault:
        raise refuse_value(f"{quoted(value)} is no controller's endpoint: {fault}", _HINT)
    return f"{host}:{int(port)}"


def _host_fault(host: str) -> str:
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = ip_address(bare)
    except ValueError:
        last = bare.rpartition(".")[2]
        fits = _NAME.fullmatch(bare) and len(bare) <= _LONGEST_NAME and not last.isdigit()
        return "" if fits and bare == host else "this is neither a name nor an address"
    if isinstance(address, IPv6Address) != (bare != host) or "%" in bare:
        return "this is neither a name nor an address"
    return host_fault(address) or ""


ControllerEndpoint: TypeAlias = Annotated[StrictStr, AfterValidator(_endpoint)]
