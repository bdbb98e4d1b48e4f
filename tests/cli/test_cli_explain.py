"""Why things are as they are, in sentences."""

import json

import pytest

from tests.rigs.edge.edge_networks import key


def test_explain_a_site_says_what_it_is_and_its_ways_out(sanaga, small):
    answer = sanaga("explain", "mora", "--dir", small)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("Mora (mora) is an arrondissement site in CM-EN, below mayo-sava")
    assert "179,777 people" in answer.out
    assert "Hôpital de District de Mora" in answer.out
    assert "mora-r1 → mayo-sava-r1 → maroua-r1" in answer.out
    assert "by the failure of" in answer.out
    assert "maroua-mayo-sava-fibre" in answer.out
    assert "holds: from mora, records at yaounde reachable" in answer.out


def test_explain_the_central_site_has_no_way_out_to_tell(sanaga, small):
    answer = sanaga("explain", "yaounde", "--dir", small, "-o", "json")
    found = json.loads(answer.out)
    assert found["kind"] == "site"
    assert found["ways_out"] == []
    assert any("serves records and imaging" in sentence for sentence in found["sentences"])


def test_explain_a_circuit_says_what_fails_with_it(sanaga, small):
    answer = sanaga("explain", "maroua-mayo-sava-fibre", "--dir", small)
    assert answer.code == 0
    assert "fibre circuit from maroua-r1:eth3 to mayo-sava-r1:eth1" in answer.out
    assert "3 sites are cut off" in answer.out


def test_explain_a_circuit_into_a_provider_says_that_no_routing_runs(sanaga, small):
    answer = sanaga("explain", "kolofata-leo", "--dir", small)
    assert "no routing runs over it" in answer.out
    assert "metered" in answer.out


def test_explain_a_circuit_that_is_off_says_why(sanaga, small):
    network = sanaga.folder / small / "network.yaml"
    network.write_text(network.read_text().replace("disabled_media: []", "disabled_media: [leo]"))
    answer = sanaga("explain", "kolofata-leo", "--dir", small)
    assert answer.code == 0
    assert "network.disabled_media" in answer.out


def test_explain_a_device_says_how_it_is_managed(sanaga, small):
    answer = sanaga("explain", "mora-r1", "--dir", small)
    assert answer.code == 0
    assert "198.18.0.6 port 22" in answer.out
    assert "not pinned" in answer.out


@pytest.fixture
def spur(sanaga) -> str:
    """The example with its edges' keys pinned."""
    assert sanaga("init", "spur", "--example", "northern-spur").code == 0
    keys = "".join(f"{name} {key(n)}\n" for n, name in enumerate(("kolofata-e1", "yaounde-e1"), 1))
    (sanaga.folder / "spur" / "edge_keys").write_text(keys)
    return "spur"


def test_explain_an_edge_names_its_tunnels(sanaga, spur):
    answer = sanaga("explain", "kolofata-e1", "--dir", spur)
    assert answer.code == 0
    assert "kolofata-e1 is an edge running linux" in answer.out
    said = " ".join(answer.out.split())
    assert "tunnels to yaounde-e1 over kolofata-fibre, kolofata-leo and kolofata-lte." in said


def test_explain_an_edge_without_a_key_says_what_it_lacks(sanaga, spur):
    (sanaga.folder / spur / "edge_keys").unlink()
    answer = sanaga("explain", "kolofata-e1", "--dir", spur)
    assert "It is not managed yet: no public key pinned" in " ".join(answer.out.split())


def test_explain_a_circuit_of_an_edge_names_the_tunnel_over_it(sanaga, spur):
    answer = sanaga("explain", "kolofata-leo", "--dir", spur)
    assert "The tunnel of kolofata-e1 to yaounde-e1 runs over it." in " ".join(answer.out.split())


def test_show_tells_what_an_edge_is_to_do(sanaga, spur):
    shown = sanaga("show", "kolofata-e1", "--dir", spur)
    assert shown.code == 0
    assert json.loads(shown.out)["device"] == "kolofata-e1"
    (sanaga.folder / spur / "edge_keys").unlink()
    refused = sanaga("show", "kolofata-e1", "--dir", spur)
    assert refused.code == 1
    assert "kolofata-e1 is not managed yet: no public key pinned" in refused.err


def test_explain_an_unknown_name_suggests_another(sanaga, small):
    answer = sanaga("explain", "kolofatta", "--dir", small)
    assert (answer.code, answer.out) == (1, "")
    assert "did you mean kolofata" in answer.err
