import io
import json
import re
from dataclasses import replace
from typing import Any

import networkx as nx
import pytest

from inventory.model import Medium
from tests.factories import Draft
from topology.build import build_topology
from topology.export import (
    export_dot,
    export_geojson,
    export_gexf,
    export_graphml,
    export_node_link,
)
from topology.graph import to_networkx
from topology.paths import without_failed

HOSTILE = [
    'say "hi"',
    "two\nlines",
    "]]><x/>",
    "<script>alert(1)</script>",
    "back\\slash\\",
    'end"; graph {a -- b} //',
    "<b>html</b>",
    "\\N \\G \\n",
    "null\x00bell\x07",
    "a\rb\r\nc",
    "l\u2028s",
    "&amp;",
    "",
]

DOT_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|--|[{}\[\];,=]|[a-z]+|\s+', re.DOTALL)


def network(text):
    draft = Draft()
    draft.site("yaounde", title=text, description=text)
    draft.site("maroua", "yaounde", title=text)
    draft.device("maroua", 2, description=text)
    draft.circuit("fibre", "yaounde-r1", "maroua-r1", description=text)
    draft.circuit("leo", "maroua-r1", "provider:leo", medium=Medium.LEO, description=text)
    return draft.intent(name="spur " + text)


def dot_tokens(text):
    tokens, at = [], 0
    while at < len(text):
        match = DOT_TOKENS.match(text, at)
        assert match, text[at : at + 40]
        tokens.append(match.group())
        at = match.end()
    return [token for token in tokens if token.strip()]


def shown(token):
    """Return what Graphviz draws for a quoted label without % or & entities in it."""
    lines = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
    return re.sub(r"\\.", lambda m: lines[m.group()], token[1:-1])


def read_graphml(text) -> Any:
    return nx.read_graphml(io.BytesIO(text.encode()), force_multigraph=True)


def carried(text):
    return re.sub("[^\t\n\u0020-\ud7ff\ue000-\ufffd]", "\ufffd", text)


@pytest.mark.parametrize("text", HOSTILE)
def test_geojson_carries_hostile_text_as_text(text):
    intent = network(text)
    made = export_geojson(build_topology(intent), intent)
    assert not set(made) & set("<>&\u2028")
    features = {f["id"]: f for f in json.loads(made)["features"]}
    assert features["site:yaounde"]["properties"]["title"] == text
    assert features["circuit:fibre"]["properties"]["description"] == text


@pytest.mark.parametrize("text", HOSTILE)
def test_graphml_carries_hostile_text_as_text(text):
    intent = network(text)
    made = export_graphml(build_topology(intent), intent)
    graph = read_graphml(made)
    assert graph.nodes["site:yaounde"].get("title", "") == carried(text)
    assert graph.edges["yaounde-r1", "maroua-r1", "fibre"].get("description", "") == carried(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_gexf_carries_hostile_text_as_text(text):
    intent = network(text)
    made = export_gexf(build_topology(intent), intent)
    graph: Any = nx.read_gexf(io.BytesIO(made.encode()), version="1.2draft")
    assert graph.nodes["site:yaounde"].get("title") == carried(text)
    (edge,) = (data for *_, data in graph.edges(data=True) if data.get("circuit") == "fibre")
    assert edge.get("description") == carried(text)


def test_gexf_tells_neither_the_day_nor_who_wrote_it():
    intent = network("plain")
    assert "meta" not in export_gexf(build_topology(intent), intent)


@pytest.mark.parametrize("text", HOSTILE)
def test_node_link_carries_hostile_text_as_text(text):
    intent = network(text)
    made = export_node_link(build_topology(intent), intent)
    assert not set(made) & set("<>&\u2028")
    graph = nx.node_link_graph(json.loads(made), edges="edges")
    assert graph.nodes["maroua-r2"]["description"] == text
    assert graph.graph == {"name": "spur " + text, "anchors": ["site:yaounde"]}


@pytest.mark.parametrize("text", HOSTILE)
def test_dot_carries_hostile_text_as_text(text):
    intent = network(text)
    tokens = dot_tokens(export_dot(build_topology(intent), intent))
    assert tokens[0] == "graph"
    assert tokens[2] == "{"
    assert tokens[-1] == "}"
    assert tokens.count("{") == tokens.count("}") == 1
    assert tokens.count("--") == 4
    label = tokens[tokens.index('"site:yaounde"') + 4]
    lines = text.replace("\x00", "\ufffd").replace("\r\n", "\n").replace("\r", "\n")
    assert shown(label) == lines


def test_all_formats_hold_the_same_nodes_and_links():
    intent = network("plain")
    topology = build_topology(intent)
    ml = read_graphml(export_graphml(topology, intent))
    nl: Any = nx.node_link_graph(json.loads(export_node_link(topology, intent)), edges="edges")
    for graph in (ml, nl):
        assert set(graph.nodes) == topology.nodes.keys()
        assert {key for _, _, key in graph.edges(keys=True)} == topology.links.keys()
    assert (
        ml.edges["maroua-r1", "provider:leo", "leo"]
        == (nl.edges["maroua-r1", "provider:leo", "leo"])
    )
    assert ml.nodes["site:maroua"] == nl.nodes["site:maroua"]
    assert ml.nodes["provider:leo"] == {"kind": "provider"}


def test_networkx_has_the_links_with_their_ends_and_no_free_text_without_an_intent():
    intent = network("secret title")
    topology = build_topology(intent)
    graph: Any = to_networkx(topology)
    link = topology.links["leo"]
    edge = graph.edges[link.a, link.b, "leo"]
    assert (edge["a"], edge["b"]) == (link.a, link.b)
    assert (edge["delay_ms"], edge["rate_up_mbps"]) == (link.delay_ms, link.rate_up_mbps)
    assert graph.nodes["maroua-r1"] == {"kind": "device", "site": "maroua"}
    assert "secret" not in repr([graph.graph, *graph.nodes.values(), *graph.edges.values()])
    assert nx.has_path(graph, "site:yaounde", "provider:leo")


def test_geojson_places_circuits_between_their_sites_and_providers_at_their_user():
    intent = network("plain")
    features = json.loads(export_geojson(build_topology(intent), intent))["features"]
    shapes = {f["id"]: f["geometry"] for f in features}
    a, b = (intent.sites[name].place for name in ("yaounde", "maroua"))
    ends = [[a.longitude, a.latitude], [b.longitude, b.latitude]]
    assert shapes["circuit:fibre"] == {"type": "LineString", "coordinates": ends}
    assert shapes["circuit:leo"] == {"type": "Point", "coordinates": ends[1]}
    assert shapes["site:yaounde"] == {"type": "Point", "coordinates": ends[0]}
    assert len(features) == 4


@pytest.mark.parametrize(
    "export", [export_geojson, export_graphml, export_gexf, export_dot, export_node_link]
)
def test_exports_do_not_depend_on_the_order_of_the_documents(export):
    intent = network("plain")
    topology = build_topology(intent)
    turned = replace(
        topology,
        nodes=dict(reversed(list(topology.nodes.items()))),
        links=dict(reversed(list(topology.links.items()))),
    )
    assert export(turned, intent) == export(topology, intent)


@pytest.mark.parametrize(
    "export", [export_geojson, export_graphml, export_gexf, export_dot, export_node_link]
)
def test_what_remains_after_a_failure_can_be_exported(export):
    intent = network("plain")
    made = export(without_failed(build_topology(intent), ["fibre", "maroua-r2"]), intent)
    assert "fibre" not in made
    assert "maroua-r2" not in made


def test_dot_draws_lans_dotted_and_maintenance_dashed():
    intent = network("plain")
    drained = replace(intent.circuits["fibre"], maintenance=True)
    intent = replace(intent, circuits={**intent.circuits, "fibre": drained})
    made = export_dot(build_topology(intent), intent)
    assert '[label="fibre", style=dashed]' in made
    assert '[label="leo", style=solid]' in made
    assert '[label="lan:maroua-r1", style=dotted]' in made
