from collections import Counter
from itertools import combinations

import networkx as nx
import pytest

from inventory.country.examples import example_names, write_example
from inventory.country.places import read_national
from inventory.documents.entries import read_documents
from inventory.errors import SanagaError, UnknownNameError
from inventory.intent import check_intent
from inventory.model import Intent, Level, Role
from topology.build import build_topology, circuit_cost
from topology.failures.resilience import standing_nodes


@pytest.fixture(scope="module")
def intent(tmp_path_factory) -> Intent:
    folder = tmp_path_factory.mktemp("example") / "spur"
    write_example(folder, "northern-spur")
    found, faults = check_intent(read_documents(folder))
    assert faults == ()
    assert found is not None
    return found


def routers(intent: Intent) -> "nx.MultiGraph[str]":
    graph: nx.MultiGraph[str] = nx.MultiGraph()
    for circuit in intent.circuits.values():
        ends = [circuit.a, circuit.b] if circuit.b else []
        if circuit.b is None or any(intent.devices[e.device].role is Role.EDGE for e in ends):
            continue
        graph.add_edge(circuit.a.device, circuit.b.device, circuit.name, cost=circuit_cost(circuit))
    return graph


def test_northern_spur_is_an_example():
    assert "northern-spur" in example_names()


def test_the_spur_has_nine_sites_twelve_routers_two_edges_and_27_circuits(intent):
    assert len(intent.sites) == 9
    assert Counter(d.role for d in intent.devices.values()) == {Role.ROUTER: 12, Role.EDGE: 2}
    assert len(intent.circuits) == 27
    assert Counter(s.level for s in intent.sites.values()) == {
        Level.CENTRAL: 1,
        Level.REGIONAL: 4,
        Level.DEPARTMENTAL: 1,
        Level.ARRONDISSEMENT: 3,
    }


def test_no_single_circuit_cuts_off_a_site(intent):
    assert standing_nodes(build_topology(intent)).redundant == set(intent.sites)


def test_no_single_router_cuts_off_another(intent):
    assert nx.is_biconnected(nx.Graph(routers(intent)))


def test_every_end_of_a_circuit_is_on_an_interface_of_its_own(intent):
    ends = [end for c in intent.circuits.values() for end in (c.a, c.b) if end]
    assert len(set(ends)) == len(ends)


def test_only_edges_have_circuits_into_the_networks_of_providers(intent):
    outside = [c for c in intent.circuits.values() if c.provider]
    assert {intent.devices[c.a.device].role for c in outside} == {Role.EDGE}
    assert {c.provider for c in outside} == {"leo-operator", "lte-operator"}


def test_where_there_is_an_edge_it_is_the_gateway_of_the_lans(intent):
    gateways = {d.site: d.name for d in intent.devices.values() if d.lan}
    assert gateways.keys() == intent.sites.keys()
    assert gateways["kolofata"] == "kolofata-e1"
    assert gateways["yaounde"] == "yaounde-e1"


def test_while_all_is_well_there_is_one_best_way_between_any_two_routers(intent):
    best: nx.Graph[str] = nx.Graph()
    for a, b, data in routers(intent).edges(data=True):
        known = best.edges[a, b]["cost"] if best.has_edge(a, b) else data["cost"]
        best.add_edge(a, b, cost=min(data["cost"], known))
    for a, b in combinations(best, 2):
        assert len(list(nx.all_shortest_paths(best, a, b, weight="cost"))) == 1, (a, b)


def test_places_and_population_are_those_of_the_national_data(intent):
    rows = {row.pcode: row for row in read_national().arrondissements}
    for site in intent.sites.values():
        if site.level is Level.ARRONDISSEMENT:
            row = rows[site.pcode or ""]
            assert (site.place, site.population) == (row.place, row.population)
    capitals = {region.code: region.place for region in read_national().regions}
    for site in intent.sites.values():
        if site.level is Level.REGIONAL:
            assert site.place == capitals[site.region]


def test_the_devices_are_managed_in_the_laboratory_network(intent):
    managed = [device.management for device in intent.devices.values()]
    assert [str(m.address) for m in managed if m] == [f"198.18.0.{n}" for n in range(11, 25)]
    assert {m.credential for m in managed if m} == {
        "file:/run/sanaga/lab/northern-spur/controller_key"
    }
    assert intent.network.management_namespace == "sanaga-northern-spur-noc"


def test_a_misspelt_example_is_answered_with_the_right_one(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean northern-spur"):
        write_example(tmp_path / "x", "norhern-spur")
    assert not (tmp_path / "x").exists()


def test_a_name_out_of_the_examples_folder_is_no_example(tmp_path):
    with pytest.raises(UnknownNameError):
        write_example(tmp_path / "x", "../national")


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / ".hidden").write_text("mine")
    with pytest.raises(SanagaError, match="not empty"):
        write_example(tmp_path, "northern-spur")
