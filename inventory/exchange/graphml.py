"""GraphML as sites, routers and circuits: the Internet Topology Zoo's files, and our exports."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from xml.etree import ElementTree as Xml

from inventory.country.places import slug
from inventory.errors import Fault, IntentError, Location
from inventory.exchange.report import Entry, Imported, Report, known
from inventory.exchange.values import MEDIA, name_of, text_of, word_of

_RAW: Final = "LinkSpeedRaw"
_SPEED: Final = re.compile(
    r"(\d+(?:\.\d+)?)\s*([KMGT])\s*(?:bps|bit/s|b/s|bits?|b)?", re.IGNORECASE
)
_OPTICAL: Final = re.compile(r"OC-?(\d{1,4})c?", re.IGNORECASE)
_MBPS: Final[Mapping[str, float]] = {"K": 0.001, "M": 1.0, "G": 1_000.0, "T": 1_000_000.0}
_OC_MBPS: Final = 51.84
_MEDIUM_WORDS: Final = (
    (
        re.compile(r"fib(re|er)|optic|\bOC-?\d|\bSTM-?\d|SONET|\bSDH|WDM|lambda", re.IGNORECASE),
        "fibre",
    ),
    (re.compile(r"microwave|radio|wireless", re.IGNORECASE), "microwave"),
    (re.compile(r"vsat|satell", re.IGNORECASE), "vsat"),
)
_NODE_KEYS: Final = frozenset({"label", "Latitude", "Longitude", "Internal", "hyperedge", "id"})
_EDGE_KEYS: Final = frozenset(
    {"LinkLabel", "LinkType", "LinkSpeed", "LinkSpeedUnits", _RAW, "key", "id", "LinkNote"}
)
_OWN_KEYS: Final = ("medium", "delay_ms", "cost", "rate_up_mbps", "rate_down_mbps")
_OWN_NODE_KEYS: Final = frozenset(
    {"kind", "site", "title", "description", "level", "region", "latitude", "longitude", "quality"}
    | {"population", "role", "platform"}
)
_OWN_EDGE_KEYS: Final = frozenset(
    {*_OWN_KEYS, "a", "b", "circuit", "metered", "maintenance", "id", "description"}
)


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge as written."""

    source: str
    target: str
    data: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes by id, and edges in order, with their data by name."""

    nodes: Mapping[str, Mapping[str, str]]
    edges: Sequence[Edge]


@dataclass(slots=True)
class _Ports:
    """The interfaces that circuits have taken, counted from eth1 at every device."""

    taken: dict[str, int] = field(default_factory=dict)

    def next(self, device: str) -> Entry:
        """Return the next free end at a device."""
        self.taken[device] = self.taken.get(device, 0) + 1
        return {"device": device, "interface": f"eth{self.taken[device]}"}


def import_graphml(file: str, text: str) -> Imported:
    """Return the sites, devices and circuits of a graph; raises IntentError if it is no GraphML."""
    report = Report(file)
    graph = read_graph(file, text, report)
    if not graph.nodes:
        raise _refused(file, "the graph has no nodes")
    if any("kind" in data for data in graph.nodes.values()):
        sections = _from_export(graph, report)
    else:
        sections = _from_zoo(graph, report)
    return Imported({name: of for name, of in sections.items() if of}, report.notices())


def read_graph(file: str, text: str, report: Report) -> Graph:
    """Return the nodes and edges of GraphML; raises IntentError when it is none."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise _refused(file, "the file declares entities, which GraphML has no use for")
    try:
        root = Xml.fromstring(text.lstrip("\ufeff").encode())  # noqa: S314 - without entities
    except (Xml.ParseError, ValueError, LookupError) as error:
        raise _refused(file, f"this is not XML: {error}") from error
    if _tag(root) != "graphml":
        raise _refused(file, f"this is XML, but its root is <{_tag(root)[:40]}>, not <graphml>")
    names = {str(e.get("id")): str(e.get("attr.name", e.get("id"))) for e in _all(root, "key")}
    nodes = {e.get("id", ""): _data(e, names) for e in _all(root, "node")}
    edges = [
        Edge(e.get("source", ""), e.get("target", ""), _data(e, names)) for e in _all(root, "edge")
    ]
    for graph in _all(root, "graph"):
        for key in _data(graph, names):
            report.drop("data of the graph is not taken", key[:40])
    if hyper := sum(1 for _ in _all(root, "hyperedge")):
        report.note(f"{hyper:,} hyperedges are not taken; a circuit has two ends")
    return Graph(nodes, edges)


def _refused(file: str, what: str) -> IntentError:
    hint = "give GraphML, as the Topology Zoo and 'sanaga topology export graphml' write it"
    return IntentError([Fault(Location(file), what, hint)])


def _tag(element: Xml.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _all(root: Xml.Element, tag: str) -> Iterator[Xml.Element]:
    return (element for element in root.iter() if _tag(element) == tag)


def _data(element: Xml.Element, names: Mapping[str, str]) -> dict[str, str]:
    """Return what stands at a node or edge, by the names of the keys."""
    return {
        names.get(part.get("key", ""), part.get("key", "")): (part.text or "").strip()
        for part in element
        if _tag(part) == "data"
    }


def _from_zoo(graph: Graph, report: Report) -> dict[str, list[Entry]]:
    """Return every node within the network as a site with a router, every edge as a circuit."""
    inside = {key: data for key, data in graph.nodes.items() if not _outside(data)}
    names = _unique_names(graph.nodes, report)
    sites = [_zoo_site(names[key], number, data, report)
             for number, (key, data) in enumerate(inside.items(), start=1)]  # fmt: skip
    devices: list[Entry] = [
        {"name": f"{names[key]}-r1", "site": names[key], "number": 1, "role": "router"}
        for key in inside
    ]
    _note_keys(inside.values(), _NODE_KEYS, report)
    _note_keys((edge.data for edge in graph.edges), _EDGE_KEYS, report)
    if outside := [names[key] for key in graph.nodes if key not in inside]:
        for name in outside:
            report.drop("nodes of other networks (Internal 0) are providers here, not sites", name)
    if graph.edges:
        report.note("interfaces are not in the file; they are counted, eth1, eth2, ...")
    return {
        "sites": sites,
        "devices": devices,
        "circuits": _circuits(graph, (names, inside), report),
    }


def _outside(data: Mapping[str, str]) -> bool:
    return data.get("Internal") in {"0", "0.0"} or data.get("hyperedge") in {"1", "1.0", "true"}


def _unique_names(nodes: Mapping[str, Mapping[str, str]], report: Report) -> dict[str, str]:
    """Return a name for every node, from its label; equal ones are counted."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for key, data in nodes.items():
        label = data.get("label") or data.get("name") or f"node {key}"
        wanted = (slug(label) or slug(f"node {key}") or "node")[:56]
        name, number = wanted, 1
        while name in taken:
            number += 1
            name = f"{wanted}-{number}"
        if number > 1:
            report.drop("nodes have the label of an earlier one, so that a number is added", name)
        taken.add(name)
        names[key] = name
    return names


def _zoo_site(name: str, number: int, data: Mapping[str, str], report: Report) -> Entry:
    place = _place(data.get("Latitude"), data.get("Longitude"))
    if place is None:
        report.drop("sites have no coordinates in the file", name)
    return known(
        {"name": name, "number": number, "title": data.get("label") or name, "place": place}
    )


def _place(latitude: str | None, longitude: str | None) -> Entry | None:
    north, east = _number(latitude), _number(longitude)
    return None if north is None or east is None else {"latitude": north, "longitude": east}


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _note_keys(every: Iterable[Mapping[str, str]], taken: frozenset[str], report: Report) -> None:
    for data in every:
        for key in data:
            if key not in taken and data[key]:
                report.drop("data is not taken, since the intent has no such keys", key[:40])


def _circuits(
    graph: Graph, at: tuple[Mapping[str, str], Mapping[str, object]], report: Report
) -> list[Entry]:
    names, inside = at
    ports, made = _Ports(), list[Entry]()
    for edge in graph.edges:
        ends = [edge.source, edge.target]
        if edge.source not in inside:
            ends.reverse()
        near, far = ends
        title = f"{names.get(edge.source, edge.source)} to {names.get(edge.target, edge.target)}"
        if near not in inside or far not in names or near == far:
            report.drop("edges do not begin in the network and end at another node", title)
            continue
        number = len(made) + 1
        entry: Entry = {
            "name": f"{names[near]}-{names[far]}-{number}"[-63:].lstrip("-"),
            "number": number,
        }
        entry["a"] = ports.next(f"{names[near]}-r1")
        entry |= (
            {"b": ports.next(f"{names[far]}-r1")} if far in inside else {"provider": names[far]}
        )
        made.append(entry | _zoo_carriage(edge.data, title, report))
    return made


def _zoo_carriage(data: Mapping[str, str], title: str, report: Report) -> Entry:
    """Return medium and rates as far as an edge says them."""
    words = f"{data.get('LinkType', '')} {data.get('LinkLabel', '')}".strip()
    medium = next((word for pattern, word in _MEDIUM_WORDS if pattern.search(words)), None)
    rate = _rate_mbps(data)
    if words and medium is None and rate is None:
        report.drop(
            "edges say of what they are in words that are not understood", f"{title} ({words[:40]})"
        )
    if rate is None:
        return known({"medium": medium})
    return known({"medium": medium, "rate_up_mbps": rate, "rate_down_mbps": rate})


def _rate_mbps(data: Mapping[str, str]) -> float | None:
    """Return the rate of an edge in Mbit/s, from the figure that says it most plainly."""
    raw = _number(data.get(_RAW))
    if raw is not None:
        return round(raw / 1e6, 6)
    together = f"{data.get('LinkSpeed', '')}{data.get('LinkSpeedUnits', '')}"
    for text in (together, data.get("LinkLabel", ""), data.get("LinkType", "")):
        if found := _SPEED.fullmatch(text.strip()):
            return round(float(found[1]) * _MBPS[found[2].upper()], 6)
        if found := _OPTICAL.fullmatch(text.strip()):
            return round(int(found[1]) * _OC_MBPS, 2)
    return None


def _from_export(graph: Graph, report: Report) -> dict[str, list[Entry]]:
    """Return what 'sanaga topology export graphml' wrote, as far as it holds it."""
    kinds: dict[str, dict[str, Mapping[str, str]]] = {"site": {}, "device": {}, "provider": {}}
    for key, data in graph.nodes.items():
        if data.get("kind") in kinds:
            kinds[data["kind"]][key] = data
        else:
            report.drop("nodes are of no known kind", key[:40])
    sites = [_own_site(key, number, data, report)
             for number, (key, data) in enumerate(kinds["site"].items(), start=1)]  # fmt: skip
    lans = {edge.data.get("a", edge.source) for edge in graph.edges if "circuit" not in edge.data}
    devices = _own_devices(kinds["device"], lans, report)
    circuits = list(_own_circuits(graph, kinds, report))
    _note_keys(graph.nodes.values(), _OWN_NODE_KEYS, report)
    _note_keys((edge.data for edge in _circuit_edges(graph)), _OWN_EDGE_KEYS, report)
    report.note("costs are those of the export; leave out what medium and delay say anyhow")
    report.note("parents, addresses and interfaces are not in the file; interfaces are counted")
    report.note("numbers are counted anew; where the network runs, write those that it has")
    return {"sites": sites, "devices": devices, "circuits": circuits}


def _own_site(key: str, number: int, data: Mapping[str, str], report: Report) -> Entry:
    name = name_of(data.get("site") or key.removeprefix("site:"), report)
    place = _place(data.get("latitude"), data.get("longitude"))
    people = data.get("population", "")
    return known(
        {
            "name": name,
            "number": number,
            "level": data.get("level"),
            "title": data.get("title"),
            "region": data.get("region"),
            "place": {**place, "quality": data.get("quality", "surveyed")} if place else None,
            "population": int(people)
            if people.isascii() and people.isdigit() and len(people) < 10
            else None,
            "description": text_of(data.get("description", ""), name, report),
        }
    )


def _own_devices(
    nodes: Mapping[str, Mapping[str, str]], lans: set[str], report: Report
) -> list[Entry]:
    taken: dict[str, int] = {}
    made = []
    for key, data in nodes.items():
        site = data.get("site", "")
        taken[site] = taken.get(site, 0) + 1
        entry = {"name": name_of(key, report), "site": site, "number": taken[site]}
        entry |= {"role": data.get("role"), "platform": data.get("platform"), "lan": key in lans}
        made.append(
            known(entry | {"description": text_of(data.get("description", ""), key, report)})
        )
    return made


def _circuit_edges(graph: Graph) -> Sequence[Edge]:
    """Return the edges that stand for circuits, not for a place on a LAN."""
    return [edge for edge in graph.edges if "circuit" in edge.data]


def _own_circuits(
    graph: Graph, kinds: Mapping[str, Mapping[str, object]], report: Report
) -> Iterator[Entry]:
    ports = _Ports()
    for number, edge in enumerate(_circuit_edges(graph), start=1):
        near, far = edge.data.get("a", edge.source), edge.data.get("b", edge.target)
        if near not in kinds["device"] or far not in {**kinds["device"], **kinds["provider"]}:
            report.drop(
                "edges do not join two devices, or a device and a provider",
                edge.data["circuit"][:40],
            )
            continue
        entry: Entry = {
            "name": word_of(edge.data["circuit"], {}),
            "number": number,
            "a": ports.next(near),
        }
        if far in kinds["device"]:
            entry["b"] = ports.next(far)
        else:
            entry["provider"] = far.removeprefix("provider:")
        text = text_of(edge.data.get("description", ""), edge.data["circuit"][:40], report)
        figures = {key: _figure(edge.data.get(key, "")) for key in _OWN_KEYS}
        figures["medium"] = word_of(edge.data.get("medium", ""), MEDIA)
        flags = {
            key: True
            for key in ("metered", "maintenance")
            if edge.data.get(key) in {"true", "True"}
        }
        yield known(entry | figures | flags | {"description": text})


def _figure(text: str) -> float | int | str | None:
    number = _number(text)
    return int(number) if number is not None and number.is_integer() else number
