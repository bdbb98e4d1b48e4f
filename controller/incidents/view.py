"""What decisions need of the network: neighbours, usual ways to the centre, and who hangs on what.

Everything is computed once for an intent, so that a decision only walks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final, TypeAlias

from controller.incidents.model import MaintenanceWindow, Subject, SubjectKind
from inventory.model import Circuit, Intent, Medium
from topology.build import circuit_cost, provider_node, site_node
from topology.failures.blast_radius import Survey
from topology.failures.tree import private_gates
from topology.model import NodeKind, NodeName, Topology

Way: TypeAlias = tuple[str, NodeName]
# A device's place on its site's LANs is no circuit and cannot be cut.
LAN: Final = ""


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What stands at a site."""

    name: str
    title: str
    region: str
    facilities: int
    people: int
    devices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CircuitFacts:
    """A circuit: its devices (two, or one and a provider), and the sites at which it ends."""

    name: str
    medium: Medium
    devices: tuple[str, ...]
    provider: str | None
    delay_ms: float
    maintenance: bool
    sites: tuple[str, ...]

    @property
    def inside(self) -> bool:
        """Return whether the circuit does not leave its site."""
        return self.provider is None and len(self.sites) == 1


@dataclass(frozen=True, slots=True, eq=False)
class NetworkView:
    """The network as decisions see it; nodes are named as in a topology.

    around holds the ways on from a node; usual the node before each on its best way from the
    centre, with the circuit between; dependents the sites whose best way passes a subject, and
    fragile the sites that its loss leaves without a second way. isolated devices have no way from
    the centre even when all is well. identities are the numbers that outlive a renaming; site_at
    holds the sites by their nodes; costs are of circuits, cost_to of best ways.
    """

    sites: Mapping[str, SiteFacts]
    devices: Mapping[str, str]
    circuits: Mapping[str, CircuitFacts]
    around: Mapping[NodeName, tuple[Way, ...]]
    circuits_at: Mapping[str, tuple[str, ...]]
    anchors: tuple[NodeName, ...]
    anchor_devices: frozenset[str]
    isolated: frozenset[str]
    usual: Mapping[NodeName, Way]
    dependents: Mapping[Subject, frozenset[str]]
    fragile: Mapping[Subject, frozenset[str]]
    identities: Mapping[Subject, str]
    site_at: Mapping[NodeName, Subject]
    costs: Mapping[str, int]
    cost_to: Mapping[NodeName, int]
    windows: tuple[MaintenanceWindow, ...] = ()

    def site_of(self, subject: Subject) -> str | None:
        """Return the site of a subject: of a circuit the one that is farther from the centre."""
        if subject.kind is SubjectKind.SITE:
            return subject.name if subject.name in self.sites else None
        if subject.kind is SubjectKind.DEVICE:
            return self.devices.get(subject.name)
        if subject.kind is SubjectKind.CIRCUIT and subject.name in self.circuits:
            return self._far_site(self.circuits[subject.name])
        return None

    def devices_of(self, subject: Subject) -> tuple[str, ...]:
        """Return the devices that a device or site consists of; of anything else none."""
        if subject.kind is SubjectKind.SITE and subject.name in self.sites:
            return self.sites[subject.name].devices
        return (subject.name,) if subject.kind is SubjectKind.DEVICE else ()

    def region_of(self, subject: Subject) -> str:
        """Return the region of a subject, empty where it has none."""
        site = self.site_of(subject)
        return self.sites[site].region if site else ""

    def knows(self, subject: Subject) -> bool:
        """Return whether a subject is of this network; collectors are not in it."""
        return subject in self.identities or subject.kind is SubjectKind.COLLECTOR

    def _far_site(self, circuit: CircuitFacts) -> str:
        for device in circuit.devices:
            if self.usual.get(device, (LAN, ""))[0] == circuit.name:
                return self.devices[device]
        return circuit.sites[-1]


def node_of(subject: Subject) -> NodeName:
    """Return the node that stands for a site, a device or a provider."""
    if subject.kind is SubjectKind.SITE:
        return site_node(subject.name)
    if subject.kind is SubjectKind.PROVIDER:
        return provider_node(subject.name)
    return subject.name


def network_view(
    intent: Intent, topology: Topology, windows: tuple[MaintenanceWindow, ...] = ()
) -> NetworkView:
    """Return what decisions need of an intent and its topology."""
    circuits = {c.name: _circuit_facts(intent, c) for c in intent.usable_circuits()}
    around, costs = _ways(intent, topology)
    anchors = tuple(sorted(topology.anchors & topology.nodes.keys()))
    central = {topology.nodes[name].site for name in anchors}
    usual, cost_to = _usual_ways(around, costs, anchors)
    return NetworkView(
        sites={name: _site_facts(intent, name) for name in intent.sites},
        devices={device.name: device.site for device in intent.devices.values()},
        circuits=circuits,
        around=around,
        circuits_at=_circuits_at(circuits),
        anchors=anchors,
        anchor_devices=frozenset(d.name for d in intent.devices.values() if d.site in central),
        isolated=frozenset(name for name in intent.devices if name not in usual),
        usual=usual,
        dependents=_dependents(topology, usual),
        fragile=_fragile(topology),
        identities=dict(_identities(intent)),
        costs=costs,
        cost_to=cost_to,
        site_at={site_node(name): Subject(SubjectKind.SITE, name) for name in intent.sites},
        windows=windows,
    )


def _site_facts(intent: Intent, name: str) -> SiteFacts:
    site = intent.sites[name]
    devices = tuple(device.name for device in intent.devices_at(name))
    people = site.population or 0
    return SiteFacts(name, site.title, site.region, len(site.facilities), people, devices)


def _circuit_facts(intent: Intent, circuit: Circuit) -> CircuitFacts:
    ends = [end.device for end in (circuit.a, circuit.b) if end]
    sites = dict.fromkeys(intent.devices[device].site for device in ends)
    return CircuitFacts(
        circuit.name,
        circuit.medium,
        tuple(ends),
        circuit.provider,
        circuit.delay_ms,
        circuit.maintenance,
        tuple(sites),
    )


def _circuits_at(circuits: Mapping[str, CircuitFacts]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for circuit in circuits.values():
        for device in circuit.devices:
            found.setdefault(device, []).append(circuit.name)
        if circuit.provider:
            found.setdefault(provider_node(circuit.provider), []).append(circuit.name)
    return {name: tuple(names) for name, names in found.items()}


def _ways(
    intent: Intent, topology: Topology
) -> tuple[Mapping[NodeName, tuple[Way, ...]], Mapping[str, int]]:
    """Return the ways on from every node, and what each circuit costs."""
    around: dict[NodeName, list[Way]] = {name: [] for name in topology.nodes}
    closed, costs = private_gates(topology), dict[str, int]()
    for a, b, name, cost in (*_links(topology), *_managed_links(intent, topology)):
        costs[name] = cost
        for here, there in ((a, b), (b, a)):
            if here not in closed or name == LAN:
                around[here].append((name, there))
    return {name: tuple(ways) for name, ways in around.items()}, costs


def _links(topology: Topology) -> Iterator[tuple[NodeName, NodeName, str, int]]:
    for link in topology.links.values():
        yield link.a, link.b, link.circuit or LAN, link.cost if link.circuit else 0


def _managed_links(
    intent: Intent, topology: Topology
) -> Iterator[tuple[NodeName, NodeName, str, int]]:
    """Yield how switches, and devices that no circuit joins, are reached."""
    joined = {end for link in topology.links.values() for end in (link.a, link.b)}
    for circuit in intent.usable_circuits():
        if circuit.name not in topology.links:
            far = circuit.b.device if circuit.b else provider_node(circuit.provider or "")
            joined |= {circuit.a.device, far}
            yield circuit.a.device, far, circuit.name, circuit_cost(circuit)
    for device in intent.devices.values():
        if device.name not in joined:
            yield device.name, site_node(device.site), LAN, 0


def _usual_ways(
    around: Mapping[NodeName, tuple[Way, ...]],
    costs: Mapping[str, int],
    anchors: tuple[NodeName, ...],
) -> tuple[Mapping[NodeName, Way], Mapping[NodeName, int]]:
    """Return by Dijkstra the node before each on its best way, and what that way costs."""
    usual: dict[NodeName, Way] = {}
    cost_to: dict[NodeName, int] = {}
    heap: list[tuple[int, NodeName, str, NodeName]] = [(0, name, LAN, "") for name in anchors]
    while heap:
        cost, here, via, before = heappop(heap)
        if here in usual:
            continue
        usual[here], cost_to[here] = (via, before), cost
        for name, there in around[here]:
            if there not in usual:
                heappush(heap, (cost + costs[name], there, name, here))
    return usual, cost_to


def _dependents(
    topology: Topology, usual: Mapping[NodeName, Way]
) -> Mapping[Subject, frozenset[str]]:
    found: dict[Subject, set[str]] = {}
    for name, node in topology.nodes.items():
        if node.kind is NodeKind.SITE and node.site and name in usual:
            for subject in _along(topology, usual, name):
                found.setdefault(subject, set()).add(node.site)
    return {subject: frozenset(sites) for subject, sites in found.items()}


def _along(topology: Topology, usual: Mapping[NodeName, Way], name: NodeName) -> Iterator[Subject]:
    """Yield the circuits, devices, sites and providers that a node's best way passes."""
    while name:
        via, before = usual[name]
        node = topology.nodes[name]
        yield node_subject(node.kind, name)
        if node.kind is NodeKind.DEVICE and node.site:
            yield Subject(SubjectKind.SITE, node.site)
        if via != LAN:
            yield Subject(SubjectKind.CIRCUIT, via)
        name = before


def node_subject(kind: NodeKind, name: NodeName) -> Subject:
    """Return the subject that a node stands for."""
    return Subject(SubjectKind(kind.value), name.removeprefix(f"{kind.value}:"))


def _fragile(topology: Topology) -> Mapping[Subject, frozenset[str]]:
    survey = Survey.of(topology)
    found = {
        Subject(SubjectKind.CIRCUIT, name): frozenset(radius.degraded)
        for name, radius in survey.circuits()
    }
    for name, radius in (*survey.nodes(), *survey.sites()):
        subject = node_subject(topology.nodes[name].kind, name)
        found[subject] = frozenset(radius.degraded)
    return found


def _identities(intent: Intent) -> Iterator[tuple[Subject, str]]:
    for site in intent.sites.values():
        yield Subject(SubjectKind.SITE, site.name), f"site/{site.number}"
    for device in intent.devices.values():
        number = f"device/{intent.sites[device.site].number}/{device.number}"
        yield Subject(SubjectKind.DEVICE, device.name), number
    for circuit in intent.usable_circuits():
        yield Subject(SubjectKind.CIRCUIT, circuit.name), f"circuit/{circuit.number}"
        if circuit.provider:
            provider = Subject(SubjectKind.PROVIDER, circuit.provider)
            yield provider, f"provider/{circuit.provider}"
