"""Interfaces of the namespace that this process lives in: what is there, and adapting it."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Interface
from typing import Any, Final

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from edge.dataplane.wireguard import Tunnel
from inventory.errors import TunnelError

UP: Final = 0x1
# Kinds of interface that carry WireGuard: wireguard-go's and the kernel's own.
TUN: Final = "tun"
WIREGUARD: Final = "wireguard"


@dataclass(frozen=True, slots=True)
class Link:
    """An interface as it is; kind is what `ip -d link` calls it, empty for a physical one."""

    index: int
    kind: str
    mtu: int
    up: bool


@contextmanager
def netlink(name: str) -> Iterator[IPRoute]:
    """Give a netlink socket of this thread's namespace for work on an interface.

    The library runs an event loop for each call, so the thread must not be running one itself.
    Raises TunnelError with what the kernel said when it refuses something.
    """
    try:
        with IPRoute() as route:
            yield route
    except NetlinkError as error:
        raise refused(name, error) from error


def refused(name: str, error: NetlinkError) -> TunnelError:
    """Return what to raise when the kernel refuses something about an interface."""
    hint = "; is its listening port free?" if error.code == errno.EADDRINUSE else ""
    return TunnelError(f"{name}: the kernel refused: {error.args[-1]}{hint}")


def find(name: str) -> Link | None:
    """Return an interface of that name; None when there is none. Raises TunnelError."""
    with netlink(name) as route:
        return _find(route, name)


def create_wireguard(name: str) -> None:
    """Make an interface of the kernel's own WireGuard. Raises TunnelError."""
    with netlink(name) as route:
        route.link("add", ifname=name, kind=WIREGUARD)


def clear(name: str) -> tuple[str, ...]:
    """Take an interface of WireGuard, the kernel's or wireguard-go's, away and say so.

    Nothing happens when there is none. Raises TunnelError when the name is something else's.
    """
    with netlink(name) as route:
        link = _find(route, name)
        if link is None:
            return ()
        if link.kind not in {TUN, WIREGUARD}:
            raise TunnelError(
                f"{name}: there is another interface of this name ({link.kind or 'physical'}); "
                "rename one of the two"
            )
        route.link("del", index=link.index)
        return (f"{name}: took away an interface of kind {link.kind}",)


def adapt(tunnel: Tunnel) -> tuple[str, ...]:
    """Give a tunnel's interface its MTU and IPv4 addresses, bring it up, and say what differed.

    Raises TunnelError.
    """
    with netlink(tunnel.name) as route:
        link = _find(route, tunnel.name)
        if link is None:
            raise TunnelError(f"{tunnel.name}: the interface has gone meanwhile; try again")
        return tuple(f"{tunnel.name}: {words}" for words in _adapted(route, link, tunnel))


def _find(route: IPRoute, name: str) -> Link | None:
    try:
        (answer,) = route.link("get", ifname=name)
    except NetlinkError as error:
        if error.code == errno.ENODEV:
            return None
        raise
    kind = answer.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND") or ""
    up = bool(answer["flags"] & UP)
    return Link(answer["index"], kind, answer.get_attr("IFLA_MTU"), up)


def _adapted(route: IPRoute, link: Link, tunnel: Tunnel) -> Iterator[str]:
    if link.mtu != tunnel.mtu:
        route.link("set", index=link.index, mtu=tunnel.mtu)
        yield f"set the MTU to {tunnel.mtu}"
    have = frozenset(map(_address, route.get_addr(family=socket.AF_INET, index=link.index)))
    want = frozenset(tunnel.addresses)
    # Removals first: a primary address takes the others of its subnet along.
    for address in sorted(have - want):
        _change_address(route, "del", link, address)
        yield f"removed the address {address}"
    for address in (a for a in tunnel.addresses if a not in have):
        _change_address(route, "add", link, address)
        yield f"added the address {address}"
    if not link.up:
        route.link("set", index=link.index, state="up")
        yield "brought up"


def _address(answer: Any) -> IPv4Interface:
    local = answer.get_attr("IFA_LOCAL") or answer.get_attr("IFA_ADDRESS")
    return IPv4Interface(f"{local}/{answer['prefixlen']}")


def _change_address(route: IPRoute, verb: str, link: Link, address: IPv4Interface) -> None:
    route.addr(verb, index=link.index, address=str(address.ip), prefixlen=address.network.prefixlen)
