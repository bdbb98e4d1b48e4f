"""A laboratory on paper: every namespace, router, host and wire that an intent asks for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Interface
from typing import Final

from inventory import addressing
from inventory.errors import LabError
from inventory.model import (
    Circuit,
    CircuitEnd,
    CircuitName,
    Device,
    DeviceName,
    Intent,
    Platform,
    Segment,
    Site,
    SiteName,
)
from simulations.impairment import Impairment, of_medium

LAN_INTERFACES: Final = {
    Segment.CLINICAL: "vlan10",
    Segment.PROFESSIONALS: "vlan20",
    Segment.PATIENTS: "vlan30",
    Segment.DEVICES: "vlan40",
    Segment.MANAGEMENT: "vlan99",
}
# Where the host stands in its segment; the first address is the LAN router's.
HOST_OFFSET: Final = 10
MANAGEMENT_PREFIX: Final = 16
# The kernel's limit for the path of a UNIX socket, less the longest socket name and the folders.
LONGEST_NAMES: Final = 80


@dataclass(frozen=True, slots=True)
class End:
    """Where a wire lands: an interface in a namespace."""

    namespace: str
    interface: str


@dataclass(frozen=True, slots=True)
class Wire:
    """A circuit as it is laid; addresses are both ends' IPv4, a first."""

    circuit: CircuitName
    a: End
    b: End
    ab: Impairment
    ba: Impairment
    addresses: tuple[IPv4Address, IPv4Address]


@dataclass(frozen=True, slots=True)
class Router:
    """A device's namespace; stubs are LAN interfaces without a host behind them."""

    device: DeviceName
    namespace: str
    management: IPv4Interface | None
    port: int
    username: str
    stubs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Host:
    """A computer in a hospital's clinical segment, and the router it hangs on."""

    site: SiteName
    namespace: str
    router: End
    ipv4: IPv4Interface
    ipv6: IPv6Interface
    gateway4: str
    gateway6: str


@dataclass(frozen=True, slots=True)
class LinkAddress:
    """An address that the provider, not the router's configuration, puts on an interface."""

    end: End
    address: str


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Everything that will be made, by name."""

    name: str
    controller: str
    bridge: tuple[IPv4Interface, ...]
    routers: tuple[Router, ...]
    hosts: tuple[Host, ...]
    providers: tuple[str, ...]
    wires: tuple[Wire, ...]
    provider_addresses: tuple[LinkAddress, ...]

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Return every namespace of the laboratory."""
        routers = (router.namespace for router in self.routers)
        hosts = (host.namespace for host in self.hosts)
        return (self.controller, *routers, *hosts, *self.providers)

    def namespace_of(self, thing: str) -> str:
        """Return the namespace of a device, host, provider, "noc", or namespace by its own name.

        Raises LabError when there is none.
        """
        known = {router.device: router.namespace for router in self.routers}
        known |= {f"host-{host.site}": host.namespace for host in self.hosts}
        known |= {host.site: host.namespace for host in self.hosts if host.site not in known}
        known |= {name.removeprefix(f"sanaga-{self.name}-"): name for name in self.providers}
        known |= {"noc": self.controller} | {name: name for name in self.namespaces}
        if thing not in known:
            raise LabError(f"{thing!r} is not in {self.name}; it has: {', '.join(sorted(known))}")
        return known[thing]

    def router(self, device: DeviceName) -> Router:
        """Return a router.

        Raises LabError when there is none of that name.
        """
        for router in self.routers:
            if router.device == device:
                return router
        names = ", ".join(router.device for router in self.routers)
        raise LabError(f"no router {device!r} in {self.name}; it has: {names}")

    def wire(self, circuit: CircuitName) -> Wire:
        """Return a circuit's wire.

        Raises LabError when there is none of that name.
        """
        for wire in self.wires:
            if wire.circuit == circuit:
                return wire
        names = ", ".join(wire.circuit for wire in self.wires)
        raise LabError(f"no circuit {circuit!r} in {self.name}; it has: {names}")

    def host(self, site: SiteName) -> Host:
        """Return a site's host.

        Raises LabError when the site has none.
        """
        for host in self.hosts:
            if host.site == site:
                return host
        names = ", ".join(host.site for host in self.hosts)
        raise LabError(f"no host at {site!r} in {self.name}; hosts are at: {names}")


def draw(intent: Intent) -> Blueprint:
    """Return the laboratory of an intent; circuits out of use are laid too, as cables are.

    Raises LabError when the intent asks for what namespaces and FRR cannot rehearse.
    """
    name = intent.network.name
    _check(intent)
    hosts = tuple(_hosts(intent))
    controller = intent.network.management_namespace or f"sanaga-{name}-noc"
    providers = dict.fromkeys(c.provider for c in intent.circuits.values() if c.provider)
    return Blueprint(
        name=name,
        controller=controller,
        bridge=tuple(_bridge_addresses(intent)),
        routers=tuple(_router(intent, device, hosts) for device in intent.devices.values()),
        hosts=hosts,
        providers=tuple(_provider_namespace(name, provider) for provider in providers),
        wires=tuple(_wire(intent, circuit) for circuit in intent.circuits.values()),
        provider_addresses=tuple(_provider_addresses(intent)),
    )


def _check(intent: Intent) -> None:
    for device in intent.devices.values():
        if device.platform is not Platform.FRR:
            raise LabError(
                f"{device.name}: the laboratory runs FRR, not {device.platform.value}; "
                "write 'platform: frr' in a copy of the intent to rehearse it"
            )
        if len(intent.network.name) + len(device.name) > LONGEST_NAMES:
            raise LabError(f"{device.name}: name too long for a socket's path; shorten it")


def _namespace(lab: str, thing: str) -> str:
    return f"sanaga-{lab}-{thing}"


def _provider_namespace(lab: str, provider: str) -> str:
    return _namespace(lab, f"provider-{provider}")


def _router(intent: Intent, device: Device, hosts: Iterable[Host]) -> Router:
    namespace = _namespace(intent.network.name, device.name)
    served = {h.router.interface for h in hosts if h.router.namespace == namespace}
    stubs = tuple(n for n in LAN_INTERFACES.values() if n not in served) if device.lan else ()
    management = device.management
    return Router(
        device=device.name,
        namespace=namespace,
        management=_management_interface(management.address) if management else None,
        port=management.port if management else 22,
        username=management.username if management else "root",
        stubs=stubs,
    )


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
    plan, lab = intent.network.plan, intent.network.name
    net4 = addressing.segment4(plan, site.number, Segment.CLINICAL)
    net6 = addressing.segment6(plan, site.number, Segment.CLINICAL)
    return Host(
        site=site.name,
        namespace=_namespace(lab, f"host-{site.name}"),
        router=End(_namespace(lab, device.name), LAN_INTERFACES[Segment.CLINICAL]),
        ipv4=IPv4Interface((net4.network_address + HOST_OFFSET, net4.prefixlen)),
        ipv6=IPv6Interface((net6.network_address + HOST_OFFSET, net6.prefixlen)),
        gateway4=str(net4.network_address + 1),
        gateway6=str(net6.network_address + 1),
    )


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
    )


def _ends(intent: Intent, circuit: Circuit) -> tuple[End, End]:
    lab = intent.network.name
    return _end(lab, circuit.a), (
        _end(lab, circuit.b)
        if circuit.b
        else End(_provider_namespace(lab, circuit.provider or ""), f"c{circuit.number}")
    )


def _end(lab: str, end: CircuitEnd) -> End:
    return End(_namespace(lab, end.device), end.interface)


def _provider_addresses(intent: Intent) -> Iterator[LinkAddress]:
    plan = intent.network.plan
    for circuit in intent.circuits.values():
        if circuit.b is None:
            pairs = (addressing.link4(plan, circuit.number), addressing.link6(plan, circuit.number))
            for pair in pairs:
                for end, address in zip(_ends(intent, circuit), pair, strict=True):
                    yield LinkAddress(end, str(address))
