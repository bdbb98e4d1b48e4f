"""Interfaces of the namespace that this process lives in: what is there, and adapting it."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_interface
from typing import Any, Final

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from edge.forwarding import links
from edge.forwarding.links import KernelInterface
from edge.forwarding.netlink import Netlink
from edge.wireguard.model import Interface as Address
from edge.wireguard.model import Tunnel
from inventory.errors import TunnelError

# Kinds of interface that carry WireGuard: wireguard-go's and the kernel's own.
TUN: Final = "tun"
WIREGUARD: Final = "wireguard"


@contextmanager
def open_netlink(name: str) -> Iterator[IPRoute]:
    """Give a netlink socket of this thread's namespace for work on an interface.

    The library runs an event loop for each call, so the thread must not be running one itself.
    Raises TunnelError with what the kernel said when it refuses something.
    """
    try:
        with IPRoute() as route:
            yield route
    except NetlinkError as error:
        raise tunnel_error(name, error) from error


def tunnel_error(name: str, error: NetlinkError) -> TunnelError:
    """Return what to raise when the kernel refuses something about an interface."""
    hint = "; is its listening port free?" if error.code == errno.EADDRINUSE else ""
    return TunnelError(f"{name}: the kernel refused: {error.args[-1]}{hint}")


def find_interface(name: str) -> KernelInterface | None:
    """Return an interface of that name; None if there is no such interface.

    Asked every second for every tunnel, so not through the library, which takes milliseconds.
    """
    with Netlink() as kernel:
        return links.find_interface(kernel, name)


def create_wireguard(name: str) -> None:
    """Make an interface of the kernel's own WireGuard. Raises TunnelError."""
    with open_netlink(name) as route:
        route.link("add", ifname=name, kind=WIREGUARD)


def clear_interface(name: str) -> tuple[str, ...]:
    """Take an interface of WireGuard, the kernel's or wireguard-go's, away and say so.

    Nothing happens if it is not there. Raises TunnelError when the name is something else's.
    """
    with open_netlink(name) as route:
        link = find_interface(name)
        if link is None:
            return ()
        if link.kind not in {TUN, WIREGUARD}:
            raise TunnelError(
                f"{name}: there is another interface of this name ({link.kind or 'physical'}); "
                "rename one of the two"
            )
        route.link("del", index=link.index)
        return (f"{name}: took away an interface of kind {link.kind}",)


def adapt_interface(tunnel: Tunnel) -> tuple[str, ...]:
    """Give a tunnel's interface its MTU and addresses, bring it up, and say what differed.

    Raises TunnelError.
    """
    with open_netlink(tunnel.name) as route:
        link = find_interface(tunnel.name)
        if link is None:
            raise TunnelError(f"{tunnel.name}: the interface has gone meanwhile; try again")
        return tuple(f"{tunnel.name}: {words}" for words in _adapted(route, link, tunnel))


def _adapted(route: IPRoute, link: KernelInterface, tunnel: Tunnel) -> Iterator[str]:
    if link.mtu != tunnel.mtu:
        route.link("set", index=link.index, mtu=tunnel.mtu)
        yield f"set the MTU to {tunnel.mtu}"
    have = _addresses(route, link)
    want = frozenset(tunnel.addresses)
    # Removals first: a primary address takes the others of its subnet along.
    for address in sorted(have - want, key=str):
        _change_address(route, "del", link, address)
        yield f"removed the address {address}"
    for address in (a for a in tunnel.addresses if a not in have):
        _change_address(route, "add", link, address)
        yield f"added the address {address}"
    if not link.up:
        route.link("set", index=link.index, state="up")
        yield "brought up"


def _addresses(route: IPRoute, link: KernelInterface) -> frozenset[Address]:
    """Return an interface's addresses, without the one that IPv6 gives every interface."""
    found = (_address(answer) for answer in route.get_addr(index=link.index))
    return frozenset(address for address in found if not address.is_link_local)


def _address(answer: Any) -> Address:
    local = answer.get_attr("IFA_LOCAL") or answer.get_attr("IFA_ADDRESS")
    return ip_interface(f"{local}/{answer['prefixlen']}")


def _change_address(route: IPRoute, verb: str, link: KernelInterface, address: Address) -> None:
    route.addr(verb, index=link.index, address=str(address.ip), prefixlen=address.network.prefixlen)
