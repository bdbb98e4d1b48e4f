"""Whatever stands in a folder, reading and checking it answers with faults and never raises."""

from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.documents.entries import SECTIONS, read_documents
from inventory.intent import check_intent
from tests.rigs.examples import examples

SMALL = Path(__file__).parents[2] / "fixtures" / "small"
WORDS = (
    *SECTIONS,
    *("name", "number", "level", "parent", "place", "site", "device", "a", "b", "provider"),
    *("management", "address", "port", "lan", "interface", "medium", "prefix", "via", "routes"),
    *("rooms", "facilities", "equipment", "addressing", "ipv6", "mora", "central", "fibre"),
    *("10.0.0.0/8", "fd00::/40", "198.18.0.1", "0", "env:X"),
)
LINES = [
    line
    for file in sorted(SMALL.glob("*.yaml"))
    for line in file.read_text(encoding="utf-8").splitlines(keepends=True)
]

words = st.sampled_from(WORDS) | st.text(max_size=8)
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), words)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=6),
    max_leaves=20,
)
sections = st.dictionaries(st.sampled_from(SECTIONS), trees | st.lists(trees, max_size=3))


def answer(data, hosts=b""):
    """Check a folder of one file and return its faults."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "x.yaml").write_bytes(data)
        (folder / "known_hosts").write_bytes(hosts)
        intent, faults = check_intent(read_documents(folder))
    assert (intent is None) == bool(faults)
    for fault in faults:
        assert fault.what
        assert fault.hint
        assert str(fault).isprintable()
    return faults


@given(st.binary(max_size=200), st.binary(max_size=100))
def test_arbitrary_bytes_are_answered_with_faults(data, hosts):
    assert answer(data, hosts)


@given(st.text(alphabet="abc:-{}[]&*!|>'\"#%@`?, \t\n<=", max_size=60))
def test_arbitrary_notation_is_answered_with_faults(text):
    assert answer(text.encode())


# Trees take long to draw on a busy machine, which says nothing about what is tested.
@settings(max_examples=examples(100))
@given(sections)
def test_arbitrary_trees_are_answered_with_faults(tree):
    answer(yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "replace"))


@settings(max_examples=examples(150))
@given(st.integers(0, len(LINES) - 1), st.sampled_from(["drop", "twice", "tree"]), trees)
def test_a_valid_network_with_one_line_changed_is_answered(at, how, tree):
    line = LINES[at]
    key = line.partition(":")[0]
    value = yaml.safe_dump(tree, default_flow_style=True, width=10_000).strip().removesuffix("...")
    changed = {"drop": "", "twice": line * 2, "tree": f"{key}: {value.strip()}\n"}[how]
    answer("".join([*LINES[:at], changed, *LINES[at + 1 :]]).encode("utf-8", "replace"))
