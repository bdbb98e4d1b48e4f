"""Hosts that stand in LANs of a laboratory for a while, in the place of what leads nowhere."""

import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from simulations.netns import namespaces, plumbing
from simulations.netns.blueprint import Blueprint, Host, WireEnd


def guest_name(gateway: str, interface: str) -> str:
    """Return the namespace of the guest at a LAN interface of a gateway's namespace."""
    return f"{gateway}-{interface}"


def guest_names(blueprint: Blueprint) -> tuple[str, ...]:
    """Return the namespaces of all guests that a laboratory may have."""
    return tuple(guest_name(m.namespace, stub) for m in blueprint.machines for stub in m.stubs)


@contextmanager
def guests_in(blueprint: Blueprint, hosts: Iterable[Host], *, stub: str) -> Iterator[None]:
    """Let hosts stand at LAN interfaces that lead nowhere, and always take them away again.

    stub is the kind of those interfaces.
    """
    with ExitStack() as stack:
        for host in hosts:
            stack.callback(_remove, blueprint, host, stub)
            _add(blueprint, host)
        yield


def _add(blueprint: Blueprint, host: Host) -> None:
    _clear(host)
    namespaces.run_ip_batch([f"netns add {host.namespace}"])
    namespaces.set_sysctls(host.namespace, plumbing.EVERYWHERE)
    namespaces.run_ip_batch([plumbing.lan_link(host)])
    _configure(blueprint, host.router)
    namespaces.run_ip_batch(plumbing.host_commands(host), host.namespace)


def _remove(blueprint: Blueprint, host: Host, stub: str) -> None:
    end = host.router
    _clear(host)
    namespaces.run_ip_batch([f"link add {end.interface} type {stub}"], end.namespace)
    _configure(blueprint, end)


def _clear(host: Host) -> None:
    """Remove a LAN interface of a gateway, and what is left of a guest there."""
    # The kernel ends a namespace later than its name, so that the cable goes first.
    if _has_interface(host.router):
        namespaces.run_ip_batch([f"link del {host.router.interface}"], host.router.namespace)
    if namespaces.namespace_exists(host.namespace):
        namespaces.run_ip_batch([f"netns del {host.namespace}"])


def _has_interface(end: WireEnd) -> bool:
    with namespaces.entered_namespace(end.namespace):
        return end.interface in {name for _, name in socket.if_nameindex()}


def _configure(blueprint: Blueprint, end: WireEnd) -> None:
    given = plumbing.given_addresses(blueprint, end.namespace, end.interface)
    namespaces.run_ip_batch((f"link set {end.interface} up", *given), end.namespace)
