"""For which folder and for which devices a plan is made."""

import json
import shutil

import pytest


def test_the_folder_may_be_named_as_everywhere(sanaga, small, settled):
    for words in (("--dir", small), ("-d", small), (small, "-d", small)):
        assert sanaga("plan", *words, "--running", settled).code == 0
        assert sanaga("validate", *words).code == 0
    (sanaga.folder / "link").symlink_to(small)
    assert sanaga("validate", "link", "-d", small).code == 0
    assert sanaga("validate", settled, "-d", small).code == 64


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--only", "yaounde"], {"yaounde-r1", "yaounde-r2"}),
        (["--only", "CM-EN", "--without", "arrondissement"], {"maroua-r1", "mayo-sava-r1"}),
        (["--only", "level:departmental", "--only", "mora-r1"], {"mayo-sava-r1", "mora-r1"}),
        (["--only", "router", "--without", "site:yaounde", "--without", "cm-en"], {"garoua-r1"}),
    ],
)
def test_devices_are_chosen_by_site_region_role_and_level(sanaga, small, blank, words, expected):
    answer = sanaga("plan", small, "--running", blank, *words, "-o", "json")
    assert answer.code == 2, answer.err
    assert {change["device"] for change in json.loads(answer.out)["changes"]} == expected


def test_words_that_nothing_bears_are_named_all_at_once(sanaga, small, blank):
    answer = sanaga("plan", small, "--running", blank, "--only", "mroa", "--only", "edges")
    assert (answer.code, answer.out) == (1, "")
    assert "no device, site, region, role or level is called 'mroa'; did you mean m" in answer.err
    assert "'edges'" in answer.err


def test_two_copies_of_a_folder_are_the_same(sanaga, small, blank):
    devices = sanaga.folder / small / "devices.yaml"
    text = devices.read_text().replace("env:SANAGA_SMALL_KEY", "file:keys/controller")
    devices.write_text(text)
    shutil.copytree(sanaga.folder / small, sanaga.folder / "clone")
    (sanaga.folder / "link").symlink_to(small)
    ids = {
        json.loads(sanaga("plan", folder, "--running", blank, "-o", "json").out)["id"]
        for folder in (small, "clone", "link", f"../{sanaga.folder.name}/small")
    }
    assert len(ids) == 1
