"""The graph for other tools: GeoJSON, GraphML, GEXF, DOT and node-link JSON.

All are sorted by name, so equal graphs give equal text. Free text from documents stays data: it
is escaped for its format, and JSON also for a place inside an HTML page.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import networkx as nx

from inventory.model import Intent, Place
from topology.graph import Attributes, Graph, link_attributes, node_attributes, to_networkx
from topology.model import Link, Node, NodeKind, Topology

# What XML 1.0 cannot carry, and carriage returns, which its readers turn into line feeds.
_NOT_XML: Final = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_META: Final = re.compile(r" *<meta.*?</meta>\n", re.DOTALL)
_IN_HTML: Final = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
_SHAPES: Final = {NodeKind.SITE: "house", NodeKind.DEVICE: "box", NodeKind.PROVIDER: "ellipse"}


def export_geojson(topology: Topology, intent: Intent) -> str:
    """Return sites as points and circuits as lines between them (RFC 7946).

    A circuit into a provider's network is a point at the site it leaves from.
    """
    features = [*_site_features(topology, intent), *_circuit_features(topology, intent)]
    return _json({"type": "FeatureCollection", "features": features})


def export_node_link(topology: Topology, intent: Intent) -> str:
    """Return the graph as node-link JSON, as networkx.node_link_graph reads it."""
    return _json(nx.node_link_data(to_networkx(topology, intent), edges="edges"))


def export_graphml(topology: Topology, intent: Intent) -> str:
    """Return the graph as GraphML, for yEd and Cytoscape.

    Characters that XML cannot carry become U+FFFD.
    """
    return _text(nx.generate_graphml(_for_xml(topology, intent)))


def export_gexf(topology: Topology, intent: Intent) -> str:
    """Return the graph as GEXF 1.2, for Gephi; characters that XML cannot carry become U+FFFD."""
    text = _text(nx.generate_gexf(_for_xml(topology, intent)))
    # It holds the day and networkx's version: equal graphs are to give equal text.
    return _META.sub("", text, count=1)


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


def _for_xml(topology: Topology, intent: Intent) -> Graph:
    """Return the graph with texts that XML carries, and without lists."""
    graph = to_networkx(topology, intent)
    graph.graph["anchors"] = " ".join(graph.graph["anchors"])
    parts = [graph.graph, *(data for _, data in graph.nodes(data=True))]
    parts += [data for _, _, data in graph.edges(data=True)]
    for part in parts:
        part.update({key: _xml(value) for key, value in part.items() if isinstance(value, str)})
    return graph


def export_dot(topology: Topology, intent: Intent) -> str:
    """Return the graph in Graphviz's language, with titles as labels."""
    lines = [f"graph {_quoted(intent.network.name)} {{"]
    for node in _nodes(topology):
        label = str(node_attributes(node, intent).get("title", node.name))
        lines.append(
            f"  {_quoted(node.name)} [label={_quoted(label)}, shape={_SHAPES[node.kind]}];"
        )
    for link in _links(topology):
        style = "dotted" if link.circuit is None else "dashed" if link.maintenance else "solid"
        ends = f"{_quoted(link.a)} -- {_quoted(link.b)}"
        lines.append(f"  {ends} [label={_quoted(link.name)}, style={style}];")
    return "\n".join([*lines, "}", ""])


def _nodes(topology: Topology) -> list[Node]:
    return [topology.nodes[name] for name in sorted(topology.nodes)]


def _links(topology: Topology) -> list[Link]:
    return [topology.links[name] for name in sorted(topology.links)]


def _site_features(topology: Topology, intent: Intent) -> Iterator[Mapping[str, object]]:
    for node in _nodes(topology):
        if node.kind is NodeKind.SITE:
            place = intent.sites[node.site or ""].place
            attributes = {"name": node.site or "", **node_attributes(node, intent)}
            yield _feature(node.name, "Point", _position(place), attributes)


def _circuit_features(topology: Topology, intent: Intent) -> Iterator[Mapping[str, object]]:
    for link in _links(topology):
        if link.circuit is None:
            continue
        sites = [topology.nodes[end].site for end in (link.a, link.b)]
        points = [_position(intent.sites[site].place) for site in sites if site is not None]
        line = len(points) == 2
        identity: Attributes = {"kind": "circuit", "name": link.name}
        yield _feature(
            f"circuit:{link.name}",
            "LineString" if line else "Point",
            points if line else points[0],
            identity | link_attributes(link, intent),
        )


def _position(place: Place) -> list[float]:
    return [place.longitude, place.latitude]


def _feature(
    identity: str, shape: str, coordinates: object, properties: Attributes
) -> Mapping[str, object]:
    geometry = {"type": shape, "coordinates": coordinates}
    return {"type": "Feature", "id": identity, "geometry": geometry, "properties": properties}


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1, sort_keys=True)
    return text.translate(_IN_HTML) + "\n"


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def _quoted(text: str) -> str:
    """Return a quoted DOT string that shows the text itself, whatever it holds."""
    escaped = text.replace("\0", "\ufffd").replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n") + '"'
