"""Why things are as they are, in sentences."""

import json


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


def test_explain_an_unknown_name_suggests_another(sanaga, small):
    answer = sanaga("explain", "kolofatta", "--dir", small)
    assert (answer.code, answer.out) == (1, "")
    assert "did you mean kolofata" in answer.err
