"""The topology as a networkx graph, for notebooks, graph algorithms and networkx's own writers."""

from typing import TypeAlias

import networkx as nx

from inventory.model import Intent
from topology.model import Link, Node, NodeKind, Topology

Value: TypeAlias = str | int | float | bool
Attributes: TypeAlias = dict[str, Value]
Graph: TypeAlias = "nx.MultiGraph[str]"


def to_networkx(topology: Topology, intent: Intent | None = None) -> Graph:
    """Return the topology as a multigraph, sorted by name; links are edges, keyed by their names.

    Nodes carry kind and site; edges carry what a Link holds (delay_ms, rate_up_mbps, ...). An edge
    has no direction in networkx, so a and b name its ends: rate_up_mbps is from a to b. With an
    intent, nodes and edges carry titles, places and descriptions, too. Values that are not known
    are left out.
    """
    graph: Graph = nx.MultiGraph(anchors=sorted(topology.anchors))
    if intent is not None:
        graph.graph["name"] = intent.network.name
    for name in sorted(topology.nodes):
        graph.add_node(name, **node_attributes(topology.nodes[name], intent))
    for name in sorted(topology.links):
        link = topology.links[name]
        graph.add_edge(link.a, link.b, name, **link_attributes(link, intent))
    return graph


def node_attributes(node: Node, intent: Intent | None) -> Attributes:
    """Return what is known of a node; without an intent only what the topology holds."""
    values: dict[str, Value | None] = {"kind": str(node.kind), "site": node.site}
    if intent is not None and node.kind is NodeKind.SITE:
        values |= _site_attributes(node, intent)
    if intent is not None and node.kind is NodeKind.DEVICE:
        values |= _device_attributes(node, intent)
    return _known(values)


def link_attributes(link: Link, intent: Intent | None) -> Attributes:
    """Return what is known of a link; without an intent only what the topology holds."""
    circuit = intent.circuits[link.circuit] if intent and link.circuit else None
    return _known(
        {
            "a": link.a,
            "b": link.b,
            "circuit": link.circuit,
            "medium": str(link.medium) if link.medium else None,
            "cost": link.cost,
            "delay_ms": float(link.delay_ms),
            "rate_up_mbps": float(link.rate_up_mbps),
            "rate_down_mbps": float(link.rate_down_mbps),
            "loss": float(link.loss),
            "metered": link.metered,
            "maintenance": link.maintenance,
            "description": circuit.description if circuit else None,
        }
    )


def _site_attributes(node: Node, intent: Intent) -> dict[str, Value | None]:
    site = intent.sites[node.site or ""]
    return {
        "title": site.title,
        "description": site.description,
        "level": str(site.level),
        "region": site.region,
        "latitude": float(site.place.latitude),
        "longitude": float(site.place.longitude),
        "quality": site.place.quality,
        "population": site.population,
        "facilities": len(site.facilities),
    }


def _device_attributes(node: Node, intent: Intent) -> dict[str, Value | None]:
    device = intent.devices[node.name]
    return {
        "role": str(device.role),
        "platform": str(device.platform),
        "description": device.description,
    }


def _known(values: dict[str, Value | None]) -> Attributes:
    return {key: value for key, value in values.items() if value is not None}
