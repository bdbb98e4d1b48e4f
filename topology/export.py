"""The graph for other tools: GeoJSON, GraphML, DOT and node-link JSON.

All are sorted by name, so equal graphs give equal text. Free text from documents stays data: it
is escaped for its format, and JSON also for a place inside an HTML page.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias
from xml.etree import ElementTree as Xml

from inventory.model import Intent, Place
from topology.model import Link, Node, NodeKind, Topology

Value: TypeAlias = str | int | float | bool
Attributes: TypeAlias = Mapping[str, Value]

_GRAPHML: Final = "http://graphml.graphdrawing.org/xmlns"
_XML_TYPES: Final = {str: "string", int: "long", float: "double", bool: "boolean"}
# What XML 1.0 cannot carry, and carriage returns, which its readers turn into line feeds.
_NOT_XML: Final = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_IN_HTML: Final = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
_SHAPES: Final = {NodeKind.SITE: "house", NodeKind.DEVICE: "box", NodeKind.PROVIDER: "ellipse"}


def geojson(topology: Topology, intent: Intent) -> str:
    """Return sites as points and circuits as lines between them (RFC 7946).

    A circuit into a provider's network is a point at the site it leaves from.
    """
    features = [*_site_features(topology, intent), *_circuit_features(topology, intent)]
    return _json({"type": "FeatureCollection", "features": features})


def node_link(topology: Topology, intent: Intent) -> str:
    """Return the graph as node-link JSON, as networkx.node_link_graph reads it."""
    nodes = [{"id": n.name, **_node_attributes(n, intent)} for n in _nodes(topology)]
    edges = [
        {"source": x.a, "target": x.b, "key": x.name, **_link_attributes(x, intent)}
        for x in _links(topology)
    ]
    graph = {"name": intent.network.name, "anchors": sorted(topology.anchors)}
    return _json(
        {"directed": False, "multigraph": True, "graph": graph, "nodes": nodes, "edges": edges}
    )


def graphml(topology: Topology, intent: Intent) -> str:
    """Return the graph as GraphML; characters that XML cannot carry become U+FFFD."""
    root = Xml.Element("graphml", {"xmlns": _GRAPHML})
    body = Xml.Element("graph", {"id": _xml(intent.network.name), "edgedefault": "undirected"})
    keys: dict[tuple[str, str], str] = {}
    for node in _nodes(topology):
        element = Xml.SubElement(body, "node", {"id": _xml(node.name)})
        _data(root, element, keys, _node_attributes(node, intent))
    for link in _links(topology):
        ends = {"id": _xml(link.name), "source": _xml(link.a), "target": _xml(link.b)}
        element = Xml.SubElement(body, "edge", ends)
        _data(root, element, keys, _link_attributes(link, intent))
    root.append(body)
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def dot(topology: Topology, intent: Intent) -> str:
    """Return the graph in Graphviz's language, with titles as labels."""
    lines = [f"graph {_quoted(intent.network.name)} {{"]
    for node in _nodes(topology):
        label = str(_node_attributes(node, intent).get("title", node.name))
        lines.append(
            f"  {_quoted(node.name)} [label={_quoted(label)}, shape={_SHAPES[node.kind]}];"
        )
    for link in _links(topology):
        style = "dotted" if link.circuit is None else "dashed" if link.maintenance else "solid"
        ends = f"{_quoted(link.a)} -- {_quoted(link.b)}"
        lines.append(f"  {ends} [label={_quoted(link.name)}, style={style}];")
    return "\n".join([*lines, "}", ""])


def _nodes(topology: Topology) -> list[Node]:
    return sorted(topology.nodes.values(), key=lambda node: node.name)


def _links(topology: Topology) -> list[Link]:
    return sorted(topology.links.values(), key=lambda link: link.name)


def _node_attributes(node: Node, intent: Intent) -> dict[str, Value]:
    describe: Mapping[NodeKind, Callable[[Node, Intent], dict[str, Value | None]]] = {
        NodeKind.SITE: _site_attributes,
        NodeKind.DEVICE: _device_attributes,
        NodeKind.PROVIDER: lambda _node, _intent: {},
    }
    values = {"kind": str(node.kind), "site": node.site, **describe[node.kind](node, intent)}
    return {key: value for key, value in values.items() if value is not None}


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


def _link_attributes(link: Link, intent: Intent) -> dict[str, Value]:
    values: dict[str, Value | None] = {
        "circuit": link.circuit,
        "medium": str(link.medium) if link.medium else None,
        "cost": link.cost,
        "delay_ms": float(link.delay_ms),
        "rate_up_mbps": float(link.rate_up_mbps),
        "rate_down_mbps": float(link.rate_down_mbps),
        "loss": float(link.loss),
        "metered": link.metered,
        "maintenance": link.maintenance,
        "description": intent.circuits[link.circuit].description if link.circuit else None,
    }
    return {key: value for key, value in values.items() if value is not None}


def _site_features(topology: Topology, intent: Intent) -> Iterator[Mapping[str, object]]:
    for node in _nodes(topology):
        if node.kind is NodeKind.SITE:
            place = intent.sites[node.site or ""].place
            attributes = {"name": node.site or "", **_node_attributes(node, intent)}
            yield _feature(node.name, "Point", _position(place), attributes)


def _circuit_features(topology: Topology, intent: Intent) -> Iterator[Mapping[str, object]]:
    for link in _links(topology):
        if link.circuit is None:
            continue
        sites = [topology.nodes[end].site for end in (link.a, link.b)]
        points = [_position(intent.sites[site].place) for site in sites if site is not None]
        line = len(points) == 2
        ends = {"kind": "circuit", "name": link.name, "a": link.a, "b": link.b}
        yield _feature(
            f"circuit:{link.name}",
            "LineString" if line else "Point",
            points if line else points[0],
            ends | _link_attributes(link, intent),
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


def _data(
    root: Xml.Element,
    element: Xml.Element,
    keys: dict[tuple[str, str], str],
    attributes: Attributes,
) -> None:
    """Write attributes below an element, and declare at the root those not declared before."""
    for name, value in attributes.items():
        key = element.tag, name
        if key not in keys:
            keys[key] = f"d{len(keys)}"
            what = {"id": keys[key], "for": element.tag, "attr.name": name}
            Xml.SubElement(root, "key", what | {"attr.type": _XML_TYPES[type(value)]})
        text = str(value).lower() if isinstance(value, bool) else _xml(str(value))
        Xml.SubElement(element, "data", {"key": keys[key]}).text = text


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def _quoted(text: str) -> str:
    """Return a quoted DOT string that shows the text itself, whatever it holds."""
    escaped = text.replace("\0", "\ufffd").replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n") + '"'
