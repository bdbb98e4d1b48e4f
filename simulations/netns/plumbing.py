"""Namespaces, interfaces and addresses of a laboratory, as batches for ip."""

from collections.abc import Iterator
from typing import Final

from simulations.netns.blueprint import Blueprint, BlueprintRouter, Edge, Host, Machine
from simulations.netns.namespaces import run_ip_batch, set_sysctls

BRIDGE: Final = "mgmt"
MANAGEMENT_INTERFACE: Final = "mgmt0"
HOST_INTERFACE: Final = "eth0"

# Addresses are usable at once, and come from nobody but us.
EVERYWHERE: Final = (
    *((f"net/ipv6/conf/{which}/accept_dad", "0") for which in ("all", "default")),
    *((f"net/ipv6/conf/{which}/accept_ra", "0") for which in ("all", "default")),
    *((f"net/ipv6/conf/{which}/autoconf", "0") for which in ("all", "default")),
    *((f"net/ipv4/conf/{which}/rp_filter", "0") for which in ("all", "default")),
    ("net/ipv4/ping_group_range", "0 2147483647"),
)
FORWARDING: Final = (("net/ipv4/ip_forward", "1"), ("net/ipv6/conf/all/forwarding", "1"))
# An edge has more than one way by itself, so it must not use one whose cable is cut.
CAREFUL: Final = tuple(
    (f"net/{family}/conf/{which}/ignore_routes_with_linkdown", "1")
    for family in ("ipv4", "ipv6")
    for which in ("all", "default")
)
FIRST_METRIC: Final = 100


def make_namespaces(blueprint: Blueprint) -> None:
    """Make every namespace with its kernel settings, before any interface inherits them."""
    run_ip_batch(f"netns add {name}" for name in blueprint.namespaces)
    forwarders = {thing.namespace for thing in (*blueprint.machines, *blueprint.providers)}
    for name in blueprint.namespaces:
        set_sysctls(name, (*EVERYWHERE, *(FORWARDING if name in forwarders else ())))
    for edge in blueprint.edges:
        set_sysctls(edge.namespace, CAREFUL)


def make_links(blueprint: Blueprint, *, stub: str) -> None:
    """Make the management network and the LANs; circuits are laid by links."""
    run_ip_batch([f"link add {BRIDGE} type bridge forward_delay 0"], blueprint.controller)
    run_ip_batch(
        (
            *_management_links(blueprint),
            *(lan_link(host) for host in blueprint.hosts),
            *_stub_links(blueprint, stub),
        )
    )


def _management_links(blueprint: Blueprint) -> Iterator[str]:
    for number, machine in enumerate(blueprint.machines):
        if machine.management:
            yield (
                f"link add {MANAGEMENT_INTERFACE} netns {machine.namespace} "
                f"type veth peer name {_port(number)} netns {blueprint.controller}"
            )


def lan_link(host: Host) -> str:
    """Return the command that lays the cable between a host and its gateway."""
    return (
        f"link add {HOST_INTERFACE} netns {host.namespace} "
        f"type veth peer name {host.router.interface} netns {host.router.namespace}"
    )


def _stub_links(blueprint: Blueprint, kind: str) -> Iterator[str]:
    for machine in blueprint.machines:
        for name in machine.stubs:
            yield f"link add {name} netns {machine.namespace} type {kind}"


def configure_router(blueprint: Blueprint) -> None:
    """Bring every interface up, and give addresses to all that no router configuration gives."""
    run_ip_batch(_controller_commands(blueprint), blueprint.controller)
    for machine in blueprint.machines:
        run_ip_batch(_machine_commands(blueprint, machine), machine.namespace)
    for edge in blueprint.edges:
        run_ip_batch(_default_routes(edge), edge.namespace)
    for host in blueprint.hosts:
        run_ip_batch(host_commands(host), host.namespace)
    for provider in blueprint.providers:
        run_ip_batch(_end_commands(blueprint, provider.namespace), provider.namespace)


def _controller_commands(blueprint: Blueprint) -> Iterator[str]:
    yield "link set lo up"
    yield from (f"addr add {address} dev {BRIDGE}" for address in blueprint.bridge)
    yield f"link set {BRIDGE} up"
    for number, machine in enumerate(blueprint.machines):
        if machine.management:
            yield f"link set {_port(number)} master {BRIDGE} up"


def _machine_commands(blueprint: Blueprint, machine: Machine) -> Iterator[str]:
    if machine.management:
        yield f"addr add {machine.management} dev {MANAGEMENT_INTERFACE}"
        yield f"link set {MANAGEMENT_INTERFACE} up"
    yield from (f"link set {name} up" for name in machine.stubs)
    served = (h.router for h in blueprint.hosts if h.router.namespace == machine.namespace)
    yield from (f"link set {end.interface} up" for end in served)
    yield from _end_commands(blueprint, machine.namespace)


def reset_addresses(blueprint: Blueprint, router: BlueprintRouter) -> None:
    """Take every address off a router that its configuration gave."""
    ends = (end for wire in blueprint.wires for end in (wire.a, wire.b))
    served = (host.router for host in blueprint.hosts)
    own = [end.interface for end in (*ends, *served) if end.namespace == router.namespace]
    flushed = (f"addr flush dev {name} scope global" for name in ("lo", *own, *router.stubs))
    given = _given_addresses(blueprint, router.namespace)
    run_ip_batch((*flushed, *given), router.namespace)


def _default_routes(edge: Edge) -> Iterator[str]:
    for metric, gateway in enumerate(edge.gateways, FIRST_METRIC):
        everything = "::/0" if ":" in gateway else "0.0.0.0/0"
        yield f"route add {everything} via {gateway} metric {metric}"


def _end_commands(blueprint: Blueprint, namespace: str) -> Iterator[str]:
    yield "link set lo up"
    for wire in blueprint.wires:
        ends = (end for end in (wire.a, wire.b) if end.namespace == namespace)
        yield from (f"link set {end.interface} mtu {wire.mtu} up" for end in ends)
    yield from _given_addresses(blueprint, namespace)


def _given_addresses(blueprint: Blueprint, namespace: str) -> Iterator[str]:
    for given in blueprint.given:
        if given.end.namespace == namespace:
            yield f"addr add {given.address} dev {given.end.interface}"


def host_commands(host: Host) -> Iterator[str]:
    """Yield what gives a host its addresses and its routes."""
    yield "link set lo up"
    yield f"addr add {host.ipv4} dev {HOST_INTERFACE}"
    yield f"addr add {host.ipv6} dev {HOST_INTERFACE}"
    yield f"link set {HOST_INTERFACE} up"
    yield f"route add default via {host.gateway4}"
    yield f"route add ::/0 via {host.gateway6}"


def _port(number: int) -> str:
    return f"port{number}"
