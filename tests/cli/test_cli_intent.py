"""Beginning an intent folder and checking it."""

import json

import pytest
import yaml


def test_init_writes_an_example_that_is_valid(sanaga):
    answer = sanaga("init", "net", "--example", "northern-spur")
    assert answer.code == 0
    files = answer.out.splitlines()
    assert files
    assert all((sanaga.folder / file).is_file() for file in files)
    assert answer.err == "next: sanaga validate net\n"
    assert sanaga("validate", "net").code == 0


def test_init_writes_the_country_with_429_sites_and_it_is_valid(sanaga):
    assert sanaga("init", "country", "--national").code == 0
    answer = sanaga("validate", "country")
    assert answer.code == 0
    told = [" cannot be reached in " in line for line in answer.err.splitlines()]
    assert told == [True] * 3
    assert answer.out.startswith(
        "429 switches of the hierarchy "
        "(1 central, 10 regional, 58 departmental, 360 arrondissement); "
    )
    assert answer.out.endswith(": valid\n")


def test_init_leaves_a_folder_alone_that_holds_anything(sanaga, small):
    before = sorted((sanaga.folder / small).iterdir())
    answer = sanaga("init", small, "--national")
    assert (answer.code, answer.out) == (1, "")
    assert "small" in answer.err
    assert sorted((sanaga.folder / small).iterdir()) == before


@pytest.mark.parametrize("words", [[], ["--national", "--example", "northern-spur"]])
def test_init_asks_which_intent_to_write(sanaga, words):
    answer = sanaga("init", "net", *words)
    assert (answer.code, answer.out) == (64, "")
    assert "--national or --example" in answer.err
    assert not (sanaga.folder / "net").exists()


def test_init_names_the_examples_there_are(sanaga):
    answer = sanaga("init", "net", "--example", "southern-spur")
    assert answer.code == 1
    assert "northern-spur" in answer.err
    assert not (sanaga.folder / "net").exists()


def test_validate_counts_what_is_there(sanaga, small):
    answer = sanaga("validate", small)
    assert answer.code == 0
    told = [" cannot be reached in " in line for line in answer.err.splitlines()]
    assert told == [True] * 2
    assert answer.out == (
        "6 switches of the hierarchy (1 central, 2 regional, 1 departmental, 2 arrondissement); "
        "7 devices, 9 circuits, 2 zones, 3 expectations: valid\n"
    )


def test_validate_uses_the_current_folder_unless_told_otherwise(sanaga, small):
    for file in (sanaga.folder / small).iterdir():
        file.rename(sanaga.folder / file.name)
    assert sanaga("validate").out.endswith(": valid\n")


def test_validate_lists_faults_of_all_rooms_at_their_places(sanaga, small):
    sites = sanaga.folder / small / "sites.yaml"
    sites.write_text(sites.read_text().replace("level: central", "level: centrall"))
    network = sanaga.folder / small / "network.yaml"
    network.write_text(network.read_text().replace("expect:", "expect:\n  - cows come home"))
    answer = sanaga("validate", small)
    assert answer.code == 1
    lines = answer.out.splitlines()
    assert any(line.startswith("small/sites.yaml:4:12: ") for line in lines), answer.out
    assert any(line.startswith("small/network.yaml:") and "cows" in line for line in lines)
    assert all("; " in line for line in lines)
    assert f"small: {len(lines)} faults" in answer.err


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_validate_speaks_json_and_yaml(sanaga, small, form, read):
    assert read(sanaga("validate", small, "-o", form).out) == {
        "valid": True,
        "faults": [],
        "counts": {"sites": 6, "devices": 7, "circuits": 9, "zones": 2, "expectations": 3},
        "cut_off": {},
        "notices": [
            f"{what} cannot be reached in {where}: rules allow it, but the section 'hosts' of "
            "access.yaml has no address there"
            for where, what in (("yaounde and garoua", "records"), ("yaounde", "imaging"))
        ],
    }
    sites = sanaga.folder / small / "sites.yaml"
    sites.write_text(sites.read_text().replace("number: 5", "numbre: 5"))
    answer = sanaga("validate", small, "-o", form)
    assert answer.code == 1
    faults = read(answer.out)["faults"]
    assert {"file", "line", "column", "what", "hint"} == set(faults[0])
    assert faults[0]["file"] == "small/sites.yaml"


def test_validate_and_plan_say_what_is_shut_and_where_nothing_filters(sanaga, small, settled):
    devices = sanaga.folder / small / "devices.yaml"
    text = devices.read_text()
    devices.write_text(text.replace("name: mora-r1\n", "name: mora-r1\n    packet_filter: false\n"))
    open_ = "mora-r1 filters nothing between segments"
    shut = "records cannot be reached in yaounde and garoua"
    answer = sanaga("validate", small)
    assert answer.code == 0
    assert f"mind: {open_}: 'packet_filter: false' in the device\n" in answer.err
    assert f"mind: {shut}: rules allow it" in answer.err
    devices.write_text(text)
    told = sanaga("plan", small, "--running", settled)
    assert told.code == 0
    assert open_ not in told.out
    assert f"Mind: {shut}" in told.out
    notices = json.loads(sanaga("plan", small, "--running", settled, "-o", "json").out)["notices"]
    assert any(text.startswith(shut) for text in notices)
