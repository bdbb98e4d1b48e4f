"""Edges in the intent: their pinned keys, their place at a site."""

import base64
from pathlib import Path

import pytest

from inventory.country.examples import write_example
from inventory.documents.edge_keys import (
    EdgeKeys,
    edge_key_line,
    edge_keys,
    key_fault,
    replace_key_lines,
)
from inventory.documents.entries import read_documents
from inventory.intent import check_intent, load_intent

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(range(1, 33))).decode()


def spur(folder: Path, keys: str | None = None) -> Path:
    write_example(folder, "northern-spur")
    if keys is not None:
        (folder / "edge_keys").write_text(keys)
    return folder


def test_the_key_of_an_edge_is_the_one_beside_the_documents(tmp_path):
    intent = load_intent(spur(tmp_path, f"# made in the laboratory\n\nkolofata-e1 {KEY}\n"))
    assert intent.devices["kolofata-e1"].public_key == KEY
    assert intent.devices["yaounde-e1"].public_key == ""


def test_a_folder_without_keys_pins_none(tmp_path):
    intent = load_intent(spur(tmp_path))
    assert {device.public_key for device in intent.devices.values()} == {""}


def test_a_line_written_for_a_key_is_read_back():
    assert edge_keys("edge_keys", edge_key_line("mora-e1", KEY)).keys == {"mora-e1": KEY}
    assert EdgeKeys({}).of("mora-e1") == ""


def test_an_edge_that_moves_has_two_keys(tmp_path):
    intent = load_intent(spur(tmp_path, edge_key_line("kolofata-e1", KEY, OTHER)))
    device = intent.devices["kolofata-e1"]
    assert (device.public_key, device.next_key) == (KEY, OTHER)
    assert edge_keys("edge_keys", edge_key_line("mora-e1", KEY)).next_of("mora-e1") == ""


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"a-e1 {KEY} {KEY}\n", "both keys are the same"),
        (f"a-e1 {KEY} x\n", "the key is not base64"),
        (f"a-e1 {KEY} {OTHER} {KEY}\n", "the line is not a device and its key, or two keys"),
        (f"a-e1 {KEY}\nb-e1 {OTHER} {KEY}\n", "the key of 'b-e1' is that of 'a-e1' already"),
        (f"a-e1 {KEY} {OTHER}\nb-e1 {OTHER}\n", "the key of 'b-e1' is that of 'a-e1' already"),
    ],
)
def test_second_keys_are_checked_as_first_ones_are(text, what):
    (fault,) = edge_keys("edge_keys", text).faults
    assert what in str(fault)


def test_rewriting_leaves_all_other_lines_as_they_are():
    text = f"# ours\n\n  mora-e1   {KEY}\nmora-e2 {OTHER}\n#mora-e1 {KEY}"
    changed = replace_key_lines(text, {"mora-e1": edge_key_line("mora-e1", OTHER)})
    assert changed == f"# ours\n\nmora-e1 {OTHER}\nmora-e2 {OTHER}\n#mora-e1 {KEY}"
    assert replace_key_lines(text, {}) == text


def test_a_key_that_is_none_is_told():
    assert key_fault(KEY) is None
    assert key_fault(KEY[:-1]) == "the key is not base64"
    # The last letter has two bits more than 32 octets need: it could be written otherwise.
    assert key_fault(f"{KEY[:-2]}9=") is not None
    assert key_fault(base64.b64encode(bytes(31)).decode()) is not None


def test_the_key_of_a_stranger_is_told_with_the_edge_that_was_meant(tmp_path):
    _, faults = check_intent(
        read_documents(spur(tmp_path, f"kolofata-e2 {KEY}\nyaounde-e1 {OTHER}\n"))
    )
    assert [str(fault) for fault in faults] == [
        "edge_keys:1:1: no edge is called 'kolofata-e2'; did you mean 'kolofata-e1'?"
    ]


def test_keys_that_cannot_be_read_are_told(tmp_path):
    folder = spur(tmp_path)
    (folder / "edge_keys").mkdir()
    _, faults = check_intent(read_documents(folder))
    assert [fault.where.file for fault in faults] == ["edge_keys"]


def test_an_interface_that_linux_cannot_have_is_told_at_an_edge_alone(tmp_path):
    folder = spur(tmp_path)
    file = folder / "circuits.yaml"
    text = file.read_text(encoding="utf-8")
    ends = [row for row in text.splitlines() if "device: kolofata-" in row]
    for row in ends:
        file.write_text(text.replace(row, row.replace("eth", "xe-0/0/")), encoding="utf-8")
        _, faults = check_intent(read_documents(folder))
        told = ["'/' in its name" in str(fault) for fault in faults]
        assert told == ([True] if "kolofata-e1" in row else [])
    assert {"kolofata-e1" in row for row in ends} == {True, False}
