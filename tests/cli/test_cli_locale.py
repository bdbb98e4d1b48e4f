"""Terminals, locales, settings and folders that are not as one would wish."""

import json
import shutil
import subprocess

import pytest
import yaml

LATIN = {"PYTHONIOENCODING": "iso-8859-1", "PYTHONUTF8": "0"}


@pytest.mark.parametrize("verb", [("explain", "mora"), ("topology", "paths", "mora", "yaounde")])
def test_a_locale_without_arrows_gets_others(sanaga, small, verb):
    usual = sanaga(*verb, "--dir", small)
    assert "→" in usual.out
    done = subprocess.run(
        sanaga.command(*verb, "--dir", small),
        cwd=sanaga.folder,
        env={**sanaga.environment(), **LATIN},
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode("iso-8859-1") == usual.out.replace("→", "->")


def test_a_locale_loses_nothing_of_data(sanaga, small):
    expected = json.loads(sanaga("explain", "mora", "--dir", small, "-o", "json").out)
    answer = sanaga("explain", "mora", "--dir", small, "-o", "json", PYTHONIOENCODING="ascii")
    assert json.loads(answer.out) == expected
    answer = sanaga("explain", "mora", "--dir", small, "-o", "yaml", PYTHONIOENCODING="ascii")
    assert yaml.safe_load(answer.out) == expected


@pytest.mark.parametrize("pace", ["abc", "0", "99"])
def test_a_setting_that_makes_no_sense_is_named(sanaga, small, pace):
    (sanaga.folder / "blank").mkdir()
    sanaga("plan", small, "--running", "blank", "--out", "change.plan")
    answer = sanaga("apply", "change.plan", "--yes", SANAGA_PACE=pace)
    assert (answer.code, answer.out) == (64, "")
    assert f"sanaga: SANAGA_PACE: '{pace}': " in answer.err
    assert "a fault of this program" not in answer.err


def test_a_folder_of_several_intents_says_so_in_one_line(sanaga, small):
    (sanaga.folder / "all").mkdir()
    for name in ("one", "two"):
        shutil.copytree(sanaga.folder / small, sanaga.folder / "all" / name)
    for words in (("plan", "all"), ("validate", "all"), ("topology", "risks", "all")):
        answer = sanaga(*words)
        told = [line for line in (answer.err + answer.out).splitlines() if "intents" in line]
        assert answer.code == 1
        assert told == [
            "all: this folder holds 2 intents: all/one, all/two; name one of them, or keep copies "
            "elsewhere"
        ]


def test_documents_may_end_in_capitals(sanaga, small):
    (sanaga.folder / small / "sites.yaml").rename(sanaga.folder / small / "SITES.YML")
    (sanaga.folder / small / "circuits.yaml").rename(sanaga.folder / small / "circuits.Yaml")
    answer = sanaga("validate", small)
    assert answer.code == 0, answer.out


def test_a_site_named_like_a_device_hides_nothing(sanaga, small):
    for file in ("devices", "circuits"):
        path = sanaga.folder / small / f"{file}.yaml"
        path.write_text(path.read_text().replace("mora-r1", "mora"))
    answer = sanaga("explain", "mora", "--dir", small)
    assert answer.code == 0, answer.err
    assert "Mora (mora) is an arrondissement site" in answer.out
    assert "a device is called mora, too: 'sanaga explain device:mora'" in answer.err
    answer = sanaga("explain", "device:mora", "--dir", small)
    assert answer.out.startswith("mora is a router")
    assert answer.err == ""
    assert sanaga("explain", "site:mroa", "--dir", small).code == 1
