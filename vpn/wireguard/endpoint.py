"""Where a far end listens, as WireGuard's files and ours write it."""

from ipaddress import ip_address
from re import compile as pattern
from typing import Final

from inventory.special_addresses import host_fault
from vpn.model import Endpoint

_HOST: Final = pattern(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_-]{1,63})*\.?")
_LONGEST_NAME: Final = 253
_NUMBER: Final = pattern(r"[0-9]+|0x[0-9a-f]*")


def parse_endpoint(text: str) -> Endpoint:
    """Return the endpoint of a text such as vpn.example.cm:51820. Raises ValueError."""
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    literal = is_address(bare) and (":" in bare) == bracketed
    fits = literal or (is_name(bare) and not bracketed)
    if not fits or not is_number(port) or not 0 < int(port) <= 65535:
        raise ValueError("this is no endpoint")
    return Endpoint(bare, int(port))


def is_address(text: str) -> bool:
    """Return whether a text is an IP address, without a zone."""
    try:
        ip_address(text)
    except ValueError:
        return False
    # Python takes any text behind '%' for an IPv6 zone.
    return "%" not in text


def is_name(text: str) -> bool:
    """Return whether a text can be a host's name (RFC 1123, section 2.1)."""
    return len(text) <= _LONGEST_NAME and bool(_HOST.fullmatch(text))


def far_end_fault(host: str) -> str | None:
    """Return what a name or an address is if no far end can have it, None if one can."""
    if is_address(host):
        return host_fault(ip_address(host))
    labels = host.lower().removesuffix(".").split(".")
    if labels[-1] == "localhost":
        return "loopback"
    # Resolvers take such names for IPv4 addresses: 127.1 is 127.0.0.1.
    ends_so = _NUMBER.fullmatch(labels[-1])
    return "it ends in a number, as no name does" if ends_so else None


def is_number(text: str) -> bool:
    """Return whether a text is a whole number of at most five digits."""
    return text.isascii() and text.isdigit() and len(text) <= 5
