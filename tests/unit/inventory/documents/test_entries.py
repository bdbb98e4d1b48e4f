import os
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from inventory.documents.entries import SECTIONS, parse_entries, read_documents
from inventory.documents.yaml_reader import MAX_VALUES, compose_yaml, scalar_value
from inventory.errors import Location

PLACED = """\
sites:
  - name: mora
    place: {latitude: 11, longitude: 14}
    rooms:
      - name: room-1
expect:
  - from mora, records at yaounde reachable
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.yaml").write_text(PLACED)
    return tmp_path


def only_fault(folder):
    (fault,) = read_documents(folder).faults
    return str(fault)


def test_every_section_is_there_in_file_order(folder):
    (folder / "b.yml").write_text("sites:\n  - name: second\nrules:\n")
    documents = read_documents(folder)
    assert tuple(documents.entries) == SECTIONS
    assert [entry.get("name") for entry in documents.entries["sites"]] == ["mora", "second"]
    assert documents.entries["rules"] == ()
    assert documents.files == ("a.yaml", "b.yml")
    assert not documents.faults


def test_an_entry_knows_where_everything_in_it_is_written(folder):
    (site,) = read_documents(folder).entries["sites"]
    assert site.where() == Location("a.yaml", 2, 5)
    assert site.where("place", "longitude") == Location("a.yaml", 3, 38)
    assert site.where_key("place", "longitude") == Location("a.yaml", 3, 27)
    assert site.where("rooms", 0, "name") == Location("a.yaml", 5, 15)
    assert site.where("rooms", 0, "nothing") == Location("a.yaml", 5, 9)
    assert site.where("nothing") == Location("a.yaml", 2, 5)


def test_reading_inside_an_entry_never_fails(folder):
    (site,) = read_documents(folder).entries["sites"]
    assert site.get("rooms", 0, "name") == "room-1"
    assert site.get("rooms", 9, "name") is None
    assert site.get("name", "deeper", 0) is None
    assert site.text("place") is None
    assert site.integer("place", "latitude") == 11
    assert site.items("name") == ()


def test_a_sentence_is_an_entry_with_a_place(folder):
    (entry,) = read_documents(folder).entries["expect"]
    value, faults = parse_entries(entry, str)
    assert value == "from mora, records at yaounde reachable"
    assert not faults
    assert entry.where() == Location("a.yaml", 7, 5)


def test_any_document_can_be_parsed_with_hints_of_its_own(folder):
    class Rule(BaseModel):
        model_config = ConfigDict(extra="forbid")
        number: int
        names: tuple[str, ...]

    (folder / "b.yaml").write_text("rules:\n  - {names: [a, 1], nomber: 2}\n")
    (entry,) = read_documents(folder).entries["rules"]
    value, faults = parse_entries(entry, Rule, examples={"number": "430"})
    assert value is None
    assert [str(fault) for fault in faults] == [
        "b.yaml:2:5: a rule lacks 'number'; add 'number: 430'",
        "b.yaml:2:17: item 2 of names is a whole number where a text is expected; "
        "put the value between quotes",
        "b.yaml:2:21: unknown key 'nomber' in a rule; did you mean 'number'? "
        "the keys are number, names",
    ]


def test_a_sentence_that_is_none_is_explained(folder):
    (folder / "b.yaml").write_text("expect:\n  - {from mora: x}\n")
    found = parse_entries(read_documents(folder).entries["expect"][1], str)[1]
    assert [str(fault) for fault in found] == [
        "b.yaml:2:5: an expectation is a mapping where a text is expected; write a sentence"
    ]


def test_a_missing_folder_a_file_and_an_empty_folder_are_told_apart(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    assert "no such folder" in only_fault(tmp_path / "nothing")
    assert "this is a file" in only_fault(tmp_path / "file")
    assert "holds no .yaml" in only_fault(tmp_path / "empty")
    assert "no such folder" in only_fault(Path("nul\0"))


def test_a_file_of_fifty_megabytes_is_refused_before_it_is_read(folder):
    with (folder / "big.yaml").open("wb") as stream:
        stream.truncate(50 * 1024 * 1024)
    assert only_fault(folder) == (
        "big.yaml: the file has 50 MB; 8 MB is the limit; split it; sections merge over files"
    )


def test_links_are_followed_within_the_folder_only(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "x.yaml").write_text("sites:\n  - name: stolen\n")
    (folder / "link.yaml").symlink_to(outside / "x.yaml")
    (folder / "far").symlink_to(outside)
    (folder / "sub").mkdir()
    (folder / "near").symlink_to("sub")
    (folder / "inner.yaml").symlink_to("a.yaml")
    (folder / "loop.yaml").symlink_to("loop.yaml")
    (folder / "dangling.yaml").symlink_to("gone.yaml")
    (folder / "zero.yaml").symlink_to("/dev/zero")
    documents = read_documents(folder)
    assert [e.get("name") for e in documents.entries["sites"]] == ["mora", "mora"]
    assert [(f.where.file, f.what) for f in documents.faults if f.where.file != "loop.yaml"] == [
        ("dangling.yaml", "the file cannot be read: No such file or directory"),
        ("far", "a symbolic link out of the folder"),
        ("link.yaml", "a symbolic link out of the folder"),
        ("near", "a symbolic link to a folder"),
        ("zero.yaml", "a symbolic link out of the folder"),
    ]
    assert any(f.where.file == "loop.yaml" for f in documents.faults)


def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "pipe.yaml")
    assert "no regular file" in only_fault(folder)


def test_a_name_that_is_no_text_is_shown_safely(folder):
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\x1b.yaml")).write_text("nonsense")
    assert only_fault(folder).startswith("\\\\xff\\x1b.yaml:1:1: the file is not a mapping")


def test_an_empty_file_and_an_empty_section_are_no_fault(folder):
    (folder / "b.yaml").write_text("# nothing yet\n")
    (folder / "c.yaml").write_text("zones:\n")
    assert not read_documents(folder).faults


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("no", "no"),
        ("yes", "yes"),
        ("off", "off"),
        ("12", 12),
        ("-3", -3),
        ("012", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-.inf", float("-inf")),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("2026-01-01", "2026-01-01"),
        ("-", "-"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_scalars_follow_the_core_schema(text, value):
    read_value = scalar_value(text)
    assert read_value == value
    assert type(read_value) is type(value)


def test_a_quoted_scalar_is_always_a_text():
    assert compose_yaml("f", "{a: '12', b: \"true\", c: ''}").value == {
        "a": "12",
        "b": "true",
        "c": "",
    }


def test_positions_count_characters_from_one():
    marks = compose_yaml("f", "é: [ü, x]\n").mark[2]
    assert isinstance(marks, dict)
    assert marks["é"] == (1, 1, (1, 4, [(1, 5, None), (1, 8, None)]))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("? [a, b]\n: c", "a key that is not a word"),
        ("? {a: b}\n: c", "a key that is not a word"),
        ("*a : b", "a key that is not a word"),
        ("&a k: v", "an anchor, '&a'"),
        ("!!str k: v", "a tag, '!!str'"),
        ("a: !set {b: c}", "a tag, '!set'"),
        ("- &x\n  a: b", "an anchor, '&x'"),
        ("a: 1\na: [2]", "the key 'a' is written twice here"),
        ("a: [1]\na: 2", "the key 'a' is written twice here"),
        ('a: "\\q"', "a '\\' in double quotes that begins no known escape"),
        ("a: - b", "a '- ' where no list can begin"),
        ("%FOO\n---\na: 1", "this is not YAML"),
        ("a: @b", "a value cannot begin with this character"),
        ("a:\n\t- b", "a tab where YAML wants spaces"),
        ("a: b\n\tc: d", "a tab where YAML wants spaces"),
        ("a: \x07", "the control character U+0007"),
        ("a\nb: c", "a second ':' on one line, or a key indented too deep"),
        ("a: b\nc", "a line that is neither 'key: value' nor '- item'"),
    ],
)
def test_what_is_refused_in_the_notation_is_named(text, what):
    faults = compose_yaml("f", text).faults
    assert [fault.what for fault in faults] == [what]


def test_a_folder_with_an_impossible_name_is_answered():
    assert "cannot be read" in only_fault(Path("x" * 5_000))


def test_file_of_junk_is_not_read_to_its_end():
    junk = compose_yaml("a.yaml", f"sites: [{'1,' * 2 * MAX_VALUES}1]\n")
    assert not junk.whole
    assert [fault.what for fault in junk.faults] == ["more than 500,000 values in one file"]
    assert junk.value == {}
