"""Drawing a laboratory: from an intent to every namespace, machine, wire and address of it."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Interface
from typing import Final

from controller.intended.segments import LAN_INTERFACE
from inventory import addressing
from inventory.errors import LabError
from inventory.model import (
    Circuit,
    CircuitEnd,
    Device,
    DeviceName,
    Intent,
    Medium,
    Platform,
    Role,
    Segment,
    Site,
)
from simulations.impairment import of_medium
from simulations.netns.blueprint import (
    FULL_MTU,
    Blueprint,
    BlueprintRouter,
    Edge,
    GivenAddress,
    Host,
    Provider,
    Wire,
    WireEnd,
    guest_name,
)

# Where the host stands in its segment; the first address is the LAN router's.
HOST_OFFSET: Final = 10
MANAGEMENT_PREFIX: Final = 16
# The kernel's limit for the path of a UNIX socket, less the longest socket name and the folders.
LONGEST_NAMES: Final = 70
# What satellites and mobile networks carry whole.
NARROW_MTU: Final = 1400
# What operators sell to subscribers by the thousand; other media into a provider are uplinks.
SUBSCRIPTIONS: Final = frozenset({Medium.LEO, Medium.LTE, Medium.VSAT})


def draw_blueprint(intent: Intent) -> Blueprint:
    """Return the laboratory of an intent; circuits out of use are laid too, as cables are.

    Raises LabError when the intent asks for what namespaces, FRR and edges cannot rehearse.
    """
    name = intent.network.name
    _check(intent)
    hosts = tuple(_hosts(intent))
    routers = (device for device in intent.devices.values() if not _is_edge(device))
    return Blueprint(
        name=name,
        controller=intent.network.management_namespace or f"sanaga-{name}-noc",
        bridge=tuple(_bridge_addresses(intent)),
        routers=tuple(_router(intent, device, hosts) for device in routers),
        edges=tuple(_edge(intent, d, hosts) for d in intent.devices.values() if _is_edge(d)),
        hosts=hosts,
        providers=tuple(_providers(intent)),
        wires=tuple(_wire(intent, circuit) for circuit in intent.circuits.values()),
        given=(*_provider_addresses(intent), *_edge_addresses(intent), *_lan_addresses(intent)),
    )


def _is_edge(device: Device) -> bool:
    return device.role is Role.EDGE


def _check(intent: Intent) -> None:
    for device in intent.devices.values():
        wanted = Platform.LINUX if _is_edge(device) else Platform.FRR
        runs = "the laboratory's edges run Linux" if _is_edge(device) else "the laboratory runs FRR"
        if device.platform is not wanted:
            raise LabError(
                f"{device.name}: {runs}, not {device.platform.value}; "
                f"write 'platform: {wanted.value}' in a copy of the intent to rehearse it"
            )
        if len(intent.network.name) + len(device.name) > LONGEST_NAMES:
            raise LabError(f"{device.name}: name too long for a socket's path; shorten it")


def _namespace(lab: str, thing: str) -> str:
    return f"sanaga-{lab}-{thing}"


def _provider_namespace(lab: str, provider: str) -> str:
    return _namespace(lab, f"provider-{provider}")


def _router(intent: Intent, device: Device, hosts: Iterable[Host]) -> BlueprintRouter:
    management = device.management
    return BlueprintRouter(
        device=device.name,
        namespace=_namespace(intent.network.name, device.name),
        management=_management_interface(management.address) if management else None,
        port=management.port if management else 22,
        username=management.username if management else "root",
        stubs=_stubs(intent, device, hosts),
    )


def _edge(intent: Intent, device: Device, hosts: Iterable[Host]) -> Edge:
    management = device.management
    mine = [c for c in intent.circuits.values() if device.name in _devices(c)]
    return Edge(
        device=device.name,
        namespace=_namespace(intent.network.name, device.name),
        management=_management_interface(management.address) if management else None,
        port=management.port if management else 22,
        username=management.username if management else "root",
        stubs=_stubs(intent, device, hosts),
        gateways=_gateways(intent, device.name, mine),
        tunnels=len(mine) + 1,
    )


def _stubs(intent: Intent, device: Device, hosts: Iterable[Host]) -> tuple[str, ...]:
    """Return the LAN interfaces of a device that no host hangs on."""
    if not device.lan:
        return ()
    namespace = _namespace(intent.network.name, device.name)
    served = {h.router.interface for h in hosts if h.router.namespace == namespace}
    return tuple(name for name in LAN_INTERFACE.values() if name not in served)


def _gateways(intent: Intent, device: DeviceName, circuits: Iterable[Circuit]) -> tuple[str, ...]:
    """Return the far ends of the circuits in use that lead to routers, in IPv4 and IPv6."""
    plan, found = intent.network.plan, list[str]()
    for circuit in circuits:
        if circuit.b and circuit.enabled:
            far = 1 if circuit.a.device == device else 0
            found.append(str(addressing.link4(plan, circuit.number)[far].ip))
            found.append(str(addressing.link6(plan, circuit.number)[far].ip))
    return tuple(found)


def _devices(circuit: Circuit) -> tuple[DeviceName, ...]:
    return tuple(end.device for end in (circuit.a, circuit.b) if end)


def _management_interface(address: IPv4Address) -> IPv4Interface:
    return IPv4Interface(f"{address}/{MANAGEMENT_PREFIX}")


def _bridge_addresses(intent: Intent) -> Iterator[IPv4Interface]:
    """Yield the controller's address in each management network: the last one not taken."""
    taken = {d.management.address for d in intent.devices.values() if d.management}
    for network in sorted({_management_interface(address).network for address in taken}):
        yield _last_free(network, taken)


def _last_free(network: IPv4Network, taken: set[IPv4Address]) -> IPv4Interface:
    address = network.broadcast_address - 1
    while address in taken:
        address -= 1
    return IPv4Interface(f"{address}/{network.prefixlen}")


def _hosts(intent: Intent) -> Iterator[Host]:
    served = {zone.site for zone in intent.zones.values()}
    for device in intent.devices.values():
        site = intent.sites[device.site]
        if device.lan and (site.facilities or site.name in served):
            yield _host(intent, site, device)


def _host(intent: Intent, site: Site, device: Device) -> Host:
    name = _namespace(intent.network.name, f"host-{site.name}")
    return _segment_host(intent, device, Segment.CLINICAL, name)


def draw_guest(intent: Intent, device: Device, segment: Segment) -> Host:
    """Return a host that may stand for a while in a LAN that leads nowhere."""
    name = guest_name(_namespace(intent.network.name, device.name), LAN_INTERFACE[segment])
    return _segment_host(intent, device, segment, name)


def _segment_host(intent: Intent, device: Device, segment: Segment, namespace: str) -> Host:
    plan, site = intent.network.plan, intent.sites[device.site]
    net4 = addressing.segment4(plan, site.number, segment)
    net6 = addressing.segment6(plan, site.number, segment)
    return Host(
        site=site.name,
        namespace=namespace,
        router=WireEnd(_namespace(intent.network.name, device.name), LAN_INTERFACE[segment]),
        ipv4=IPv4Interface((net4.network_address + HOST_OFFSET, net4.prefixlen)),
        ipv6=IPv6Interface((net6.network_address + HOST_OFFSET, net6.prefixlen)),
        gateway4=str(net4.network_address + 1),
        gateway6=str(net6.network_address + 1),
    )


def _providers(intent: Intent) -> Iterator[Provider]:
    for name in dict.fromkeys(c.provider for c in intent.circuits.values() if c.provider):
        mine = [c for c in intent.circuits.values() if c.provider == name]
        yield Provider(
            name=name,
            namespace=_provider_namespace(intent.network.name, name),
            subscribers=tuple(_port(c) for c in mine if _is_subscription(c)),
            uplinks=tuple(_port(c) for c in mine if not _is_subscription(c)),
        )


def _is_subscription(circuit: Circuit) -> bool:
    return circuit.provider is not None and circuit.medium in SUBSCRIPTIONS


def _port(circuit: Circuit) -> str:
    """Return the interface of a circuit at its provider."""
    return f"c{circuit.number}"


def _wire(intent: Intent, circuit: Circuit) -> Wire:
    a, b = _ends(intent, circuit)
    one, other = addressing.link4(intent.network.plan, circuit.number)
    return Wire(
        circuit=circuit.name,
        a=a,
        b=b,
        ab=of_medium(circuit.medium.value, circuit.delay_ms, circuit.rate_up_mbps),
        ba=of_medium(circuit.medium.value, circuit.delay_ms, circuit.rate_down_mbps),
        addresses=(one.ip, other.ip),
        medium=circuit.medium,
        mtu=circuit.mtu or (NARROW_MTU if _is_subscription(circuit) else FULL_MTU),
    )


def _ends(intent: Intent, circuit: Circuit) -> tuple[WireEnd, WireEnd]:
    lab = intent.network.name
    return _end(lab, circuit.a), (
        _end(lab, circuit.b)
        if circuit.b
        else WireEnd(_provider_namespace(lab, circuit.provider or ""), _port(circuit))
    )


def _end(lab: str, end: CircuitEnd) -> WireEnd:
    return WireEnd(_namespace(lab, end.device), end.interface)


def _provider_addresses(intent: Intent) -> Iterator[GivenAddress]:
    """Yield both ends' addresses of the circuits into providers."""
    for circuit in intent.circuits.values():
        if circuit.b is None:
            yield from _link_addresses(intent, circuit, (0, 1))


def _edge_addresses(intent: Intent) -> Iterator[GivenAddress]:
    """Yield the edges' own addresses on their circuits to routers."""
    for circuit in intent.circuits.values():
        if circuit.b:
            names = enumerate(_devices(circuit))
            mine = tuple(i for i, name in names if _is_edge(intent.devices[name]))
            yield from _link_addresses(intent, circuit, mine)


def _link_addresses(
    intent: Intent, circuit: Circuit, which: tuple[int, ...]
) -> Iterator[GivenAddress]:
    plan, ends = intent.network.plan, _ends(intent, circuit)
    for pair in (addressing.link4(plan, circuit.number), addressing.link6(plan, circuit.number)):
        yield from (GivenAddress(ends[i], str(pair[i])) for i in which)


def _lan_addresses(intent: Intent) -> Iterator[GivenAddress]:
    """Yield the edges' addresses on their LANs: the first of each segment."""
    plan, lab = intent.network.plan, intent.network.name
    for device in intent.devices.values():
        if device.lan and _is_edge(device):
            number = intent.sites[device.site].number
            for segment, interface in LAN_INTERFACE.items():
                end = WireEnd(_namespace(lab, device.name), interface)
                net4 = addressing.segment4(plan, number, segment)
                net6 = addressing.segment6(plan, number, segment)
                yield GivenAddress(end, f"{net4.network_address + 1}/{net4.prefixlen}")
                yield GivenAddress(end, f"{net6.network_address + 1}/{net6.prefixlen}")
