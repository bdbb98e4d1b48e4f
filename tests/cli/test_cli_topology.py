"""Questions about the graph, asked of the small network."""

import json
import re

import pytest


def ask(sanaga, small, *words):
    answer = sanaga("topology", *words, "--dir", small, "-o", "json")
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def test_show_marks_sites_with_a_single_way_out(sanaga, small):
    rows = {row["site"]: row for row in ask(sanaga, small, "show")}
    # Only the satellite circuit, over which no routing runs, leads elsewhere from below Maroua.
    assert rows["mayo-sava"]["single_way_out"]
    assert not rows["maroua"]["single_way_out"]
    assert rows["garoua"]["circuits"] == ["yaounde-garoua-fibre", "garoua-maroua-fibre"]


def test_show_prints_a_line_per_site_and_a_summary_as_message(sanaga, small):
    answer = sanaga("topology", "show", "--dir", small)
    assert answer.code == 0
    assert len(answer.out.splitlines()) == 7
    assert answer.err.startswith("6 sites, 7 devices, 9 usable circuits; ")


@pytest.mark.parametrize("verb", ["show", "risks"])
def test_the_folder_may_be_named_with_or_without_dir(sanaga, small, verb):
    words = ("topology", verb, "-o", "json")
    named = sanaga(*words, small)
    assert named.code == 0, named.err
    assert named.out == sanaga(*words, "--dir", small).out
    (sanaga.folder / "other").mkdir()
    answer = sanaga(*words, small, "--dir", "other")
    assert (answer.code, answer.out) == (64, "")
    assert "name one" in answer.err


def test_show_leaves_an_unknown_population_open(sanaga, small):
    rows = {row["site"]: row for row in ask(sanaga, small, "show")}
    listed = json.loads(sanaga("inventory", "list", "sites", "--dir", small, "-o", "json").out)
    assert {row["name"]: row["population"] for row in listed} == {
        name: row["population"] for name, row in rows.items()
    }
    assert None in {row["population"] for row in rows.values()}


def test_a_circuit_that_is_off_is_not_called_unknown(sanaga, small):
    network = sanaga.folder / small / "network.yaml"
    network.write_text(network.read_text().replace("disabled_media: []", "disabled_media: [leo]"))
    for words in (("blast-radius", "kolofata-leo"), ("draw", "x.svg", "--failed", "kolofata-leo")):
        answer = sanaga("topology", *words, "--dir", small)
        assert (answer.code, answer.out) == (1, "")
        assert "kolofata-leo is not in use" in answer.err


def test_paths_are_ranked_with_figures(sanaga, small):
    ways = ask(sanaga, small, "paths", "mora", "yaounde")
    assert ways[0]["circuits"] == [
        "mayo-sava-mora-fibre",
        "maroua-mayo-sava-fibre",
        "yaounde-maroua-fibre",
    ] or ways[0]["circuits"][:2] == ["mayo-sava-mora-fibre", "maroua-mayo-sava-fibre"]
    assert [way["cost"] for way in ways] == sorted(way["cost"] for way in ways)
    assert ways[0]["nodes"][0] == "mora-r1"


def test_paths_keep_to_the_number_asked_for(sanaga, small):
    assert len(ask(sanaga, small, "paths", "mora", "yaounde", "--most", "2")) == 2


def test_disjoint_paths_share_no_device(sanaga, small):
    ways = ask(sanaga, small, "paths", "maroua", "garoua", "--disjoint")
    middles = [set(way["nodes"][1:-1]) for way in ways]
    assert len(ways) == 2
    assert middles[0].isdisjoint(middles[1])


def test_paths_of_an_unknown_place_suggest_a_name(sanaga, small):
    answer = sanaga("topology", "paths", "mora1", "yaounde", "--dir", small)
    assert (answer.code, answer.out) == (1, "")
    assert "mora" in answer.err


def test_blast_radius_counts_people_and_facilities(sanaga, small):
    radius = ask(sanaga, small, "blast-radius", "maroua-mayo-sava-fibre")
    assert sorted(radius["disconnected"]) == ["kolofata", "mayo-sava", "mora"]
    assert radius["facilities_disconnected"] == 2
    assert radius["population_disconnected"] == 179777 + 81162
    answer = sanaga("topology", "blast-radius", "maroua-mayo-sava-fibre", "--dir", small)
    assert answer.out.startswith("3 sites are cut off, with 2 facilities for 260,939 people: ")


def test_blast_radius_of_several_failures_is_of_all_together(sanaga, small):
    radius = ask(sanaga, small, "blast-radius", "mayo-sava-mora-fibre", "mora-kolofata-microwave")
    assert radius["disconnected"] == ["mora"]


def test_risks_name_the_worst_failure_first(sanaga, small):
    risks = ask(sanaga, small, "risks")
    assert risks["bridges"] == ["maroua-mayo-sava-fibre"]
    people = [row["population"] for row in risks["worst"]]
    assert people == sorted(people, reverse=True)
    assert {region["region"] for region in risks["regions"]} == {"CM-CE", "CM-NO", "CM-EN"}
    text = sanaga("topology", "risks", "--dir", small).out
    assert re.search(r"^\d sites have a single way out: \w", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("form", "mark"),
    [
        ("geojson", '"FeatureCollection"'),
        ("graphml", "<graphml"),
        ("dot", "graph"),
        ("node-link", '"nodes"'),
    ],
)
def test_export_prints_the_graph_in_a_known_format(sanaga, small, form, mark):
    answer = sanaga("topology", "export", form, "--dir", small)
    assert answer.code == 0
    assert mark in answer.out
    assert "mora" in answer.out


def test_export_writes_a_file(sanaga, small):
    answer = sanaga("topology", "export", "geojson", "--dir", small, "--out", "net.geojson")
    assert (answer.code, answer.out, answer.err) == (0, "", "wrote net.geojson\n")
    assert json.loads((sanaga.folder / "net.geojson").read_text())["features"]


@pytest.mark.parametrize(("file", "magic"), [("map.svg", b"<?xml"), ("map.png", b"\x89PNG")])
def test_draw_writes_a_picture(sanaga, small, file, magic):
    answer = sanaga("topology", "draw", file, "--dir", small, "--failed", "garoua-maroua-fibre")
    assert (answer.code, answer.out, answer.err) == (0, "", f"wrote {file}\n")
    assert (sanaga.folder / file).read_bytes().startswith(magic)


def test_draw_refuses_what_is_no_picture(sanaga, small):
    answer = sanaga("topology", "draw", "map.txt", "--dir", small)
    assert (answer.code, answer.out) == (64, "")
    assert re.search(r"map\.txt.*\.svg", answer.err)


def test_a_site_without_a_way_out_is_called_cut_off_everywhere(sanaga, small):
    devices = sanaga.folder / small / "devices.yaml"
    text = devices.read_text()
    at = text.index("site: kolofata")
    devices.write_text(text[:at] + "lan: false\n    " + text[at:])
    told = "1 site is cut off: kolofata (no device is on its LANs; write 'lan: true' at one)."
    shown = sanaga("topology", "show", small)
    row = next(line for line in shown.out.splitlines() if line.startswith("kolofata"))
    assert "cut off" in row
    assert told in shown.err
    sites = {row["site"]: row for row in ask(sanaga, small, "show")}
    assert [name for name, row in sites.items() if row["cut_off"]] == ["kolofata"]
    checked = sanaga("validate", small)
    assert (checked.code, told in checked.err) == (0, True)
    assert "kolofata" in json.loads(sanaga("validate", small, "-o", "json").out)["cut_off"]
    assert told in sanaga("topology", "risks", small).err
    assert (
        "It is cut off: no device is on its LANs"
        in sanaga("explain", "kolofata", "--dir", small).out
    )
