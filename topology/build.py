"""From an intent to the graph of its sites, devices, providers and circuits."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from inventory.model import Circuit, CircuitEnd, Device, Intent, Level, Medium, Role, Site
from topology.model import Link, Node, NodeKind, NodeName, SiteWeight, Topology

WORST_COST: Final = 10
DELAY_STEP_MS: Final = 20.0
LAN_PREFIX: Final = "lan:"
BASE_COST: Final[Mapping[Medium, int]] = {
    Medium.FIBRE: 1,
    Medium.MICROWAVE: 2,
    Medium.LEO: 4,
    Medium.LTE: 6,
    Medium.VSAT: 9,
}
# One way; what a circuit of the medium takes within the country when nothing is wrong.
TYPICAL_DELAY_MS: Final[Mapping[Medium, float]] = {
    Medium.FIBRE: 10.0,
    Medium.MICROWAVE: 10.0,
    Medium.LEO: 30.0,
    Medium.LTE: 40.0,
    Medium.VSAT: 300.0,
}
TYPICAL_LOSS: Final[Mapping[Medium, float]] = {
    Medium.FIBRE: 0.0001,
    Medium.MICROWAVE: 0.001,
    Medium.LEO: 0.01,
    Medium.LTE: 0.01,
    Medium.VSAT: 0.007,
}
LAN_RATE_MBPS: Final = 1000.0
_FORWARDING: Final = frozenset({Role.ROUTER, Role.EDGE})


def site_node(name: str) -> NodeName:
    """Return the node that stands for a site's LANs."""
    return f"site:{name}"


def provider_node(name: str) -> NodeName:
    """Return the node that stands for a provider's network."""
    return f"provider:{name}"


def circuit_cost(circuit: Circuit) -> int:
    """Return what routing adds for crossing a circuit: 1 is the best, 10 the last resort.

    BGP adds the same number to the MED, so the cheapest path here is the one that BGP takes.
    """
    if circuit.cost is not None:
        return circuit.cost
    beyond = max(0.0, circuit.delay_ms - TYPICAL_DELAY_MS[circuit.medium])
    return min(WORST_COST, BASE_COST[circuit.medium] + int(beyond // DELAY_STEP_MS))


def build_topology(intent: Intent) -> Topology:
    """Return the graph of everything usable in an intent, in the order of its documents."""
    central = (s for s in intent.sites.values() if s.level is Level.CENTRAL)
    return Topology(
        nodes={node.name: node for node in _nodes(intent)},
        links={link.name: link for link in _links(intent)},
        anchors=frozenset(site_node(site.name) for site in central),
        weights={site.name: _weight(site) for site in intent.sites.values()},
    )


def routed_topology(intent: Intent) -> Topology:
    """Return the graph of what routers route over by themselves.

    Circuits into providers' networks are left out: only tunnels will make ways of them.
    """
    own = {name: c for name, c in intent.circuits.items() if c.provider is None}
    return build_topology(replace(intent, circuits=own))


def _nodes(intent: Intent) -> Iterator[Node]:
    for site in intent.sites.values():
        yield Node(site_node(site.name), NodeKind.SITE, site.name)
    for device in intent.devices.values():
        yield Node(device.name, NodeKind.DEVICE, device.site, private=device.role is Role.EDGE)
    for circuit in intent.usable_circuits():
        if circuit.provider is not None:
            yield Node(provider_node(circuit.provider), NodeKind.PROVIDER, None)


def _links(intent: Intent) -> Iterator[Link]:
    for circuit in intent.usable_circuits():
        if all(_routes(intent, end) for end in (circuit.a, circuit.b) if end):
            yield _circuit_link(circuit)
    for device in intent.devices.values():
        if device.lan and device.role in _FORWARDING:
            yield _lan_link(device)


def _routes(intent: Intent, end: CircuitEnd) -> bool:
    """Return whether a circuit's end forwards anything: switches do not route."""
    return intent.devices[end.device].role in _FORWARDING


def _circuit_link(circuit: Circuit) -> Link:
    far = circuit.b.device if circuit.b else provider_node(circuit.provider or "")
    return Link(
        name=circuit.name,
        a=circuit.a.device,
        b=far,
        circuit=circuit.name,
        medium=circuit.medium,
        cost=circuit_cost(circuit),
        delay_ms=circuit.delay_ms,
        rate_up_mbps=circuit.rate_up_mbps,
        rate_down_mbps=circuit.rate_down_mbps,
        loss=TYPICAL_LOSS[circuit.medium],
        metered=circuit.metered,
        maintenance=circuit.maintenance,
    )


def _lan_link(device: Device) -> Link:
    return Link(
        name=f"{LAN_PREFIX}{device.name}",
        a=device.name,
        b=site_node(device.site),
        circuit=None,
        medium=None,
        cost=0,
        delay_ms=0.0,
        rate_up_mbps=LAN_RATE_MBPS,
        rate_down_mbps=LAN_RATE_MBPS,
        loss=0.0,
    )


def _weight(site: Site) -> SiteWeight:
    return SiteWeight(len(site.facilities), site.population or 0)
