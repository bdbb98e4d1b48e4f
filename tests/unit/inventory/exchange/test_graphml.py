"""GraphML of the Internet Topology Zoo, and our own exports, as sites, devices and circuits."""

from pathlib import Path

import pytest

from inventory.errors import IntentError
from inventory.exchange.graphml import import_graphml
from inventory.intent import load_intent
from topology.build import build_topology
from topology.export import export_graphml

SMALL = Path(__file__).parents[3] / "fixtures" / "small"
# As the Zoo writes them: keys by number, labels that repeat, places that lack, other networks.
ZOO = """<?xml version="1.0" encoding="utf-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key attr.name="LinkSpeedRaw" attr.type="double" for="edge" id="d41" />
  <key attr.name="LinkLabel" attr.type="string" for="edge" id="d40" />
  <key attr.name="LinkType" attr.type="string" for="edge" id="d39" />
  <key attr.name="LinkStatus" attr.type="string" for="edge" id="d38" />
  <key attr.name="label" attr.type="string" for="node" id="d33" />
  <key attr.name="Longitude" attr.type="double" for="node" id="d32" />
  <key attr.name="Country" attr.type="string" for="node" id="d30" />
  <key attr.name="Latitude" attr.type="double" for="node" id="d29" />
  <key attr.name="Internal" attr.type="int" for="node" id="d28" />
  <key attr.name="Network" attr.type="string" for="graph" id="d3" />
  <graph edgedefault="undirected">
    <data key="d3">Camnet</data>
    <node id="0"><data key="d28">1</data><data key="d29">3.866</data><data key="d30">Cameroon</data>
      <data key="d32">11.516</data><data key="d33">Yaound\u00e9</data></node>
    <node id="1"><data key="d28">1</data><data key="d33">Douala</data></node>
    <node id="2"><data key="d28">1</data><data key="d29">4.05</data><data key="d32">9.7</data>
      <data key="d33">Douala</data></node>
    <node id="3"><data key="d28">0</data><data key="d33">WACS cable</data></node>
    <edge source="0" target="1"><data key="d39">Fibre</data>
      <data key="d41">10000000000.0</data></edge>
    <edge source="0" target="1"><data key="d40">155 Mbps</data><data key="d38">planned</data></edge>
    <edge source="3" target="2"><data key="d39">OC-3</data></edge>
    <edge source="2" target="2" />
    <edge source="0" target="2"><data key="d40">VSAT</data></edge>
  </graph>
</graphml>
"""


def test_a_network_of_the_zoo_becomes_sites_routers_and_circuits():
    found = import_graphml("Camnet.graphml", ZOO)
    assert found.sections["sites"] == [
        {
            "name": "yaounde",
            "number": 1,
            "title": "Yaoundé",
            "place": {"latitude": 3.866, "longitude": 11.516},
        },
        {"name": "douala", "number": 2, "title": "Douala"},
        {
            "name": "douala-2",
            "number": 3,
            "title": "Douala",
            "place": {"latitude": 4.05, "longitude": 9.7},
        },
    ]
    assert found.sections["devices"][0] == {
        "name": "yaounde-r1",
        "site": "yaounde",
        "number": 1,
        "role": "router",
    }
    assert found.sections["circuits"] == [
        {
            "name": "yaounde-douala-1",
            "number": 1,
            "a": {"device": "yaounde-r1", "interface": "eth1"},
            "b": {"device": "douala-r1", "interface": "eth1"},
            "medium": "fibre",
            "rate_up_mbps": 10000.0,
            "rate_down_mbps": 10000.0,
        },
        {
            "name": "yaounde-douala-2",
            "number": 2,
            "a": {"device": "yaounde-r1", "interface": "eth2"},
            "b": {"device": "douala-r1", "interface": "eth2"},
            "rate_up_mbps": 155.0,
            "rate_down_mbps": 155.0,
        },
        {
            "name": "douala-2-wacs-cable-3",
            "number": 3,
            "a": {"device": "douala-2-r1", "interface": "eth1"},
            "provider": "wacs-cable",
            "medium": "fibre",
            "rate_up_mbps": 155.52,
            "rate_down_mbps": 155.52,
        },
        {
            "name": "yaounde-douala-2-4",
            "number": 4,
            "a": {"device": "yaounde-r1", "interface": "eth3"},
            "b": {"device": "douala-2-r1", "interface": "eth2"},
            "medium": "vsat",
        },
    ]


def test_what_of_a_graph_is_not_taken_is_said():
    told = "\n".join(str(notice) for notice in import_graphml("Camnet.graphml", ZOO).notices)
    assert "have the label of an earlier one, so that a number is added: douala-2" in told
    assert "sites have no coordinates in the file: douala" in told
    assert "are providers here, not sites: wacs-cable" in told
    assert "end at another node: douala-2 to douala-2" in told
    assert "no such keys: Country, LinkStatus" in told
    assert "interfaces are not in the file; they are counted" in told
    assert "data of the graph is not taken: Network" in told


def test_our_own_export_comes_back():
    intent = load_intent(SMALL)
    found = import_graphml("x.graphml", export_graphml(build_topology(intent), intent))
    sites = {site["name"]: site for site in found.sections["sites"]}
    assert set(sites) == set(intent.sites)
    assert sites["mora"]["level"] == "arrondissement"
    assert sites["mora"]["place"] == {
        "latitude": 11.04611,
        "longitude": 14.14011,
        "quality": "exact",
    }
    devices = {device["name"]: device for device in found.sections["devices"]}
    assert {name: device["lan"] for name, device in devices.items()} == {
        name: device.lan for name, device in intent.devices.items()
    }
    circuits = {circuit["name"]: circuit for circuit in found.sections["circuits"]}
    assert set(circuits) == {circuit.name for circuit in intent.usable_circuits()}
    leo, theirs = circuits["kolofata-leo"], intent.circuits["kolofata-leo"]
    assert (leo["provider"], leo["medium"]) == (theirs.provider, "leo")
    assert (leo["rate_up_mbps"], leo["delay_ms"]) == (theirs.rate_up_mbps, theirs.delay_ms)
    told = "\n".join(map(str, found.notices))
    assert "no such keys: facilities, loss" in told
    assert "costs are those of the export" in told


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "not XML"),
        ("<graphml", "not XML"),
        ("<html></html>", "its root is <html>, not <graphml>"),
        ("<graphml><graph/></graphml>", "the graph has no nodes"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><graphml/>', "declares entities"),
    ],
)
def test_what_is_no_graph_is_refused(text, what):
    with pytest.raises(IntentError, match=what):
        import_graphml("x.graphml", text)
