"""A laboratory on paper: every namespace, router, host and wire that an intent asks for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface
from typing import Final, TypeAlias, TypeVar

from inventory.errors import LabError
from inventory.model import CircuitName, DeviceName, Medium, SiteName
from inventory.names import nearest_names
from simulations.impairment import Impairment

FULL_MTU: Final = 1500
_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True)
class WireEnd:
    """Where a wire lands: an interface in a namespace."""

    namespace: str
    interface: str


@dataclass(frozen=True, slots=True)
class Wire:
    """A circuit as it is laid; addresses are both ends' IPv4, a first."""

    circuit: CircuitName
    a: WireEnd
    b: WireEnd
    ab: Impairment
    ba: Impairment
    addresses: tuple[IPv4Address, IPv4Address]
    medium: Medium = Medium.FIBRE
    mtu: int = FULL_MTU


@dataclass(frozen=True, slots=True)
class BlueprintRouter:
    """A device's namespace; stubs are LAN interfaces without a host behind them."""

    device: DeviceName
    namespace: str
    management: IPv4Interface | None
    port: int
    username: str
    stubs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """A Linux edge's namespace; gateways are where its base system sends everything, best first.

    Without a policy it is a plain router behind the site's own. tunnels is how many WireGuard
    interfaces it may come to have.
    """

    device: DeviceName
    namespace: str
    management: IPv4Interface | None
    port: int
    username: str
    stubs: tuple[str, ...]
    gateways: tuple[str, ...]
    tunnels: int


Machine: TypeAlias = BlueprintRouter | Edge


@dataclass(frozen=True, slots=True)
class Provider:
    """An operator's network: subscribers hide behind its address translation, uplinks do not.

    Both are interfaces in its namespace.
    """

    name: str
    namespace: str
    subscribers: tuple[str, ...]
    uplinks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Host:
    """A computer in a hospital's clinical segment, and the router or edge it hangs on."""

    site: SiteName
    namespace: str
    router: WireEnd
    ipv4: IPv4Interface
    ipv6: IPv6Interface
    gateway4: str
    gateway6: str


@dataclass(frozen=True, slots=True)
class GivenAddress:
    """An address that no router's configuration puts on an interface, so the laboratory does."""

    end: WireEnd
    address: str


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Everything that will be made, by name."""

    name: str
    controller: str
    bridge: tuple[IPv4Interface, ...]
    routers: tuple[BlueprintRouter, ...]
    edges: tuple[Edge, ...]
    hosts: tuple[Host, ...]
    providers: tuple[Provider, ...]
    wires: tuple[Wire, ...]
    given: tuple[GivenAddress, ...]

    @property
    def machines(self) -> tuple[Machine, ...]:
        """Return the routers and the edges: all that is managed over SSH."""
        return (*self.routers, *self.edges)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Return every namespace of the laboratory."""
        things = (*self.machines, *self.hosts, *self.providers)
        return (self.controller, *(thing.namespace for thing in things))

    @property
    def guests(self) -> tuple[str, ...]:
        """Return the namespaces of all hosts that may stand for a while where LANs lead nowhere."""
        return tuple(guest_name(m.namespace, stub) for m in self.machines for stub in m.stubs)

    def noc_address(self, machine: Machine) -> str:
        """Return where a machine's management network has the controller; "" without one."""
        own = machine.management
        here = (one.ip for one in self.bridge if own and own.ip in one.network)
        return next(map(str, here), "")

    def namespace_of(self, thing: str) -> str:
        """Return the namespace of a device, host, provider, "noc", or namespace by its own name.

        Raises LabError when there is none.
        """
        known = {machine.device: machine.namespace for machine in self.machines}
        known |= {f"host-{host.site}": host.namespace for host in self.hosts}
        known |= {host.site: host.namespace for host in self.hosts if host.site not in known}
        known |= {f"provider-{provider.name}": provider.namespace for provider in self.providers}
        known |= {"noc": self.controller} | {name: name for name in self.namespaces}
        if thing not in known:
            raise LabError(f"{thing!r} is not in {self.name}; {_meant(thing, known)}")
        return known[thing]

    def machine(self, device: DeviceName) -> Machine:
        """Return a router or an edge.

        Raises LabError when there is none of that name.
        """
        return self._found("device", device, {m.device: m for m in self.machines})

    def router(self, device: DeviceName) -> BlueprintRouter:
        """Return a router.

        Raises LabError when there is none of that name.
        """
        return self._found("router", device, {r.device: r for r in self.routers})

    def edge(self, device: DeviceName) -> Edge:
        """Return an edge.

        Raises LabError when there is none of that name.
        """
        return self._found("edge", device, {e.device: e for e in self.edges})

    def wire(self, circuit: CircuitName) -> Wire:
        """Return a circuit's wire.

        Raises LabError when there is none of that name.
        """
        return self._found("circuit", circuit, {w.circuit: w for w in self.wires})

    def host(self, site: SiteName) -> Host:
        """Return a site's host.

        Raises LabError when the site has none.
        """
        return self._found("host at", site, {h.site: h for h in self.hosts})

    def _found(self, kind: str, name: str, known: Mapping[str, _Thing]) -> _Thing:
        if name not in known:
            raise LabError(f"no {kind} {name!r} in {self.name}; {_meant(name, known)}")
        return known[name]


def guest_name(gateway: str, interface: str) -> str:
    """Return the namespace of the guest at a LAN interface of a gateway's namespace."""
    return f"{gateway}-{interface}"


def _meant(name: str, known: Iterable[str]) -> str:
    """Return which name may have been meant, and else all that there are."""
    names = sorted(known)
    near = nearest_names(name, names)
    return f"did you mean {near!r}?" if near else f"it has: {', '.join(names) or 'none'}"
