"""Hosts that stand in LANs of a laboratory for a while, in the place of what leads nowhere."""

import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from simulations.netns import namespaces, plumbing
from simulations.netns.blueprint import Host, WireEnd

ANSWER_WITHIN_S: Final = 120.0


@contextmanager
def guests_in(hosts: Iterable[Host], *, stub: str) -> Iterator[None]:
    """Let hosts stand at LAN interfaces that lead nowhere, and always take them away again.

    stub is the kind of those interfaces.
    """
    with ExitStack() as stack:
        for host in hosts:
            own = tuple(_addresses(host.router))
            stack.callback(_remove, host, own, stub)
            _add(host, own)
        yield


def _add(host: Host, own: Iterable[str]) -> None:
    _clear(host)
    namespaces.run_ip_batch([f"netns add {host.namespace}"])
    namespaces.set_sysctls(host.namespace, plumbing.EVERYWHERE)
    namespaces.run_ip_batch([plumbing.lan_link(host)])
    _configure(host.router, own)
    namespaces.run_ip_batch(plumbing.host_commands(host), host.namespace)


def _remove(host: Host, own: Iterable[str], stub: str) -> None:
    _clear(host)
    end = host.router
    namespaces.run_ip_batch([f"link add {end.interface} type {stub}"], end.namespace)
    _configure(end, own)


def _clear(host: Host) -> None:
    """Remove a LAN interface of a gateway, and what is left of a guest there."""
    end = host.router
    # The kernel ends a namespace later than its name, so that the cable goes first.
    if _has_interface(end):
        namespaces.run_ip_batch([f"link del {end.interface}"], end.namespace)
    if namespaces.namespace_exists(host.namespace):
        namespaces.run_ip_batch([f"netns del {host.namespace}"])


def _has_interface(end: WireEnd) -> bool:
    with namespaces.entered_namespace(end.namespace):
        return end.interface in {name for _, name in socket.if_nameindex()}


def _addresses(end: WireEnd) -> Iterator[str]:
    """Yield the addresses of an interface, but for those that its kernel made."""
    argv = ("ip", "-j", "address", "show", "dev", end.interface, "scope", "global")
    shown = namespaces.run_in_namespace(end.namespace, argv, within_s=ANSWER_WITHIN_S)
    for link in json.loads(shown.stdout or "[]"):
        # What is left out shows as an entry without anything.
        for address in filter(None, link.get("addr_info", ())):
            yield f"{address['local']}/{address['prefixlen']}"


def _configure(end: WireEnd, own: Iterable[str]) -> None:
    # FRR gives a new interface its addresses too, but not when others come and go as quickly.
    addresses = (f"address replace {address} dev {end.interface}" for address in own)
    namespaces.run_ip_batch((f"link set {end.interface} up", *addresses), end.namespace)
