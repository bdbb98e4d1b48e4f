"""Lists of people that go out, are edited and come back, and what is asked of names."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.rigs.people.vpn_folder import add


@pytest.mark.parametrize("form", ["csv", "yaml"])
def test_a_list_goes_out_and_comes_back_and_changes_nothing(sanaga, open_, form):
    add(sanaga, "--file", "n.conf", "--licence", "ONMC 4711", "--licence-until", "2999-12-31")
    more = ("--device", "laptop", "--because", "x", "--file", "l.conf")
    assert sanaga("vpn", "person", "add", "a-ngono", *more).code == 0
    listed = sanaga("vpn", "person", "list", "-o", form)
    assert listed.code == 0, listed.err
    file = sanaga.folder / f"people.{form}"
    file.write_text(listed.out, encoding="utf-8")
    same = sanaga("vpn", "person", "plan", file, "--prune")
    assert (same.code, same.out, same.err) == (0, "", "nothing to change\n")
    file.write_text(listed.out.replace("Dr A. Ngono", "Prof. A. Ngono"), encoding="utf-8")
    edited = sanaga("vpn", "person", "plan", file, "--prune")
    assert edited.code == 2
    assert edited.out.splitlines()[0] == ("~ a-ngono: title Dr A. Ngono becomes Prof. A. Ngono")


def test_a_list_of_one_site_has_that_site_alone(sanaga, open_):
    add(sanaga, "--file", "n.conf")
    assert "a-ngono" in sanaga("vpn", "person", "list", "--site", "mora", "-o", "csv").out
    elsewhere = sanaga("vpn", "person", "list", "--site", "yaounde", "-o", "csv")
    assert len(elsewhere.out.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("person", "list", "--role", "docter"),
            "no role is called 'docter'; did you mean doctor?",
        ),
        (("person", "list", "--site", "morra"), "no site is called 'morra'; did you mean mora?"),
        (("audit", "a-ngno"), "no person or edge is called 'a-ngno'; did you mean a-ngono?"),
        (("person", "show", "a-ngno"), "nobody is called 'a-ngno'; did you mean a-ngono?"),
    ],
)
def test_a_slip_in_a_name_is_told(sanaga, open_, words, said):
    add(sanaga, "--file", "n.conf")
    answer = sanaga("vpn", *words)
    assert (answer.code, answer.out) == (1, "")
    assert said in answer.err


def test_names_that_are_known_and_have_nothing_are_no_slips(sanaga, open_):
    assert sanaga("vpn", "audit", "yaounde-e1").code == 0
    empty = sanaga("vpn", "person", "list", "--site", "mora", "-o", "json")
    assert (empty.code, json.loads(empty.out)) == (0, [])


def test_what_a_word_processor_wrote_into_a_list_blocks_no_later_change(sanaga, open_):
    title = "Dr\u00a0A.\u202fNgono"
    people = f"name,title,role,site,public_key\na-ngono,{title},doctor,mora,\n"
    (sanaga.folder / "people.csv").write_text(people, encoding="utf-8")
    done = sanaga("vpn", "person", "apply", "people.csv", "--out", "out", "--because", "x")
    assert done.code == 0, done.err
    done = sanaga("vpn", "person", "change", "a-ngono", "--until", "2999-01-01", "--because", "x")
    assert done.code == 0, done.err
    same = sanaga("vpn", "person", "change", "a-ngono", "--title", title, "--because", "x")
    assert (same.code, same.err) == (0, "a-ngono: nothing to change\n")
    bad = sanaga("vpn", "person", "change", "a-ngono", "--title", "a\u202eb", "--because", "x")
    assert bad.code == 64
    assert "--title: the text holds the control character U+202E" in bad.err


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("sanaga vpn person show a", ["a-ngono"]),
        ("sanaga vpn person list --role d", ["doctor"]),
        ("sanaga vpn person list --site mo", ["mora"]),
        ("sanaga vpn person export x --gateway y", ["yaounde-e1"]),
        ("sanaga vpn load y", ["yaounde-e1"]),
        ("sanaga vpn site show --dir small y", ["yaounde-e1"]),
        ("sanaga vpn audit a", ["a-ngono"]),
    ],
)
def test_the_shell_completes_people_roles_sites_gateways_and_edges(sanaga, open_, typed, offered):
    add(sanaga, "--file", "n.conf")
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    answer = sanaga(_SANAGA_COMPLETE="complete_bash", **words)
    assert answer.out.split() == offered


def test_completion_makes_no_record(sanaga, small):
    words = {"COMP_WORDS": "sanaga vpn person show a", "COMP_CWORD": "4"}
    assert sanaga(_SANAGA_COMPLETE="complete_bash", **words).out.split() == []
    assert not (sanaga.folder / "state").exists()


def test_a_full_disk_under_the_output_is_called_so(sanaga, small):
    with Path("/dev/full").open("w", encoding="ascii") as full:
        done = subprocess.run(
            sanaga.command("vpn", "reach", "--help"),
            cwd=sanaga.folder,
            env=sanaga.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == ("sanaga: No space left on device; free some space and say this again\n")
