"""Blocks that no router takes as a destination or for an interface (RFC 6890, RFC 4291)."""

from collections.abc import Mapping
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses
from typing import Final, TypeAlias

Prefix: TypeAlias = IPv4Network | IPv6Network

_SPECIAL4: Final[Mapping[IPv4Network, str]] = {
    IPv4Network("255.255.255.255/32"): "the broadcast address",
    IPv4Network("0.0.0.0/8"): "'this network'",
    IPv4Network("127.0.0.0/8"): "loopback",
    IPv4Network("169.254.0.0/16"): "link-local",
    IPv4Network("224.0.0.0/4"): "multicast",
    IPv4Network("240.0.0.0/4"): "reserved",
}
_SPECIAL6: Final[Mapping[IPv6Network, str]] = {
    IPv6Network("::/128"): "the unspecified address",
    IPv6Network("::1/128"): "loopback",
    IPv6Network("::ffff:0:0/96"): "IPv4 written as IPv6",
    IPv6Network("fe80::/10"): "link-local",
    IPv6Network("fec0::/10"): "site-local, which is withdrawn",
    IPv6Network("ff00::/8"): "multicast",
}
# Global unicast and unique local addresses; translators of IPv4 have two blocks outside of them.
_UNICAST6: Final = (IPv6Network("2000::/3"), IPv6Network("fc00::/7"))
_TRANSLATED6: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_RESERVED: Final = "reserved"


def interface_block_fault(prefix: Prefix) -> str | None:
    """Return what some addresses of a block are that no interface can have, None if all can."""
    if isinstance(prefix, IPv4Network):
        return next((what for block, what in _SPECIAL4.items() if block.overlaps(prefix)), None)
    if any(prefix.subnet_of(block) for block in _UNICAST6):
        return None
    return next((w for block, w in _SPECIAL6.items() if prefix.subnet_of(block)), _RESERVED)


def destination_fault(prefix: Prefix) -> str | None:
    """Return what the addresses of a route's prefix are if nothing can be sent to any of them."""
    if isinstance(prefix, IPv4Network):
        if not any(prefix.subnet_of(block) for block in _unusable4()):
            return None
        return next(what for block, what in _SPECIAL4.items() if block.overlaps(prefix))
    if any(prefix.overlaps(block) for block in (*_UNICAST6, *_TRANSLATED6)):
        return None
    return next((w for block, w in _SPECIAL6.items() if prefix.subnet_of(block)), _RESERVED)


def host_fault(address: IPv4Address | IPv6Address) -> str | None:
    """Return what an address is if no host can have it on a network, None if one can."""
    if isinstance(address, IPv4Address):
        return destination_fault(IPv4Network(address))
    return destination_fault(IPv6Network(address))


@cache
def _unusable4() -> tuple[IPv4Network, ...]:
    """Return the special blocks of IPv4, neighbours as one."""
    return tuple(collapse_addresses(_SPECIAL4))
