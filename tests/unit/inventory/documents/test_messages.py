"""Any document of any room gets its faults in plain words."""

from datetime import date
from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from inventory.documents.entries import DocumentEntry, parse_entries
from inventory.documents.yaml_reader import compose_yaml
from inventory.names import closest_name, nearest_names


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")
    share: Annotated[float, Field(gt=0, lt=1)] | None = None


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid")
    code: Annotated[StrictStr, Field(pattern=r"^[A-Z]+$", max_length=5)] = "A"
    day: date | None = None
    names: Annotated[tuple[StrictStr, ...], Field(max_length=2)] = ()
    words: frozenset[StrictStr] = frozenset()
    parts: dict[str, Part] = {}
    count: StrictInt | None = None
    nested: Part | None = None


def worded(text):
    composed = compose_yaml("x.yaml", text)
    assert not composed.faults
    _, faults = parse_entries(
        DocumentEntry(composed.value, "rules", "x.yaml", composed.mark), Whole
    )
    return [f"{f.where.column}: {f.what}; {f.hint}" for f in faults]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("code: ab", "7: code 'ab' is not of the form ^[A-Z]+$; write 'code: a text'"),
        ("code: ABCDEF", "7: code has 6 characters; write at most 5"),
        ("day: never", "6: day cannot be used as it is; write 'day: ...'"),
        ("day: 2026-02-30", "6: day cannot be used as it is; write 'day: ...'"),
        ("names: [a, b, c]", "8: names has 3 items; write at most 2"),
        ("names: [a, null]", "12: item 2 of names is empty; write 'names: [...]'"),
        ("words: a", "8: words is a text where a list is expected; write 'words: ...'"),
        (
            "parts: {x: {share: 2}}",
            "20: parts.x.share is 2, out of range; write more than 0 and less than 1",
        ),
        ("parts: []", "8: parts is a list where a mapping is expected; write 'parts: {...}'"),
        (
            "parts: {x: 1}",
            "12: parts.x is a whole number where a mapping is expected; write 'x: {...}'",
        ),
        ("count: 1.5", "8: count is a number where a whole number is expected; write 'count: 1'"),
        ("count: '7'", "8: count is a text where a whole number is expected; remove the quotes"),
        (
            "nested: {chare: 1}",
            "10: unknown key 'chare' in nested; did you mean 'share'? the keys are share",
        ),
        (
            "[]",
            "1: a rule is a list where a mapping is expected; "
            "write keys and values, such as 'name: ...'",
        ),
    ],
)
def test_each_kind_of_error_has_its_words(text, fault):
    assert worded(text) == [fault]


def test_the_nearest_of_many_names_is_found_quickly():
    names = [f"{stem}-{n}" for n in range(5_000) for stem in ("mora", "garoua")]
    assert nearest_names("mora-17x", names) in names
    assert nearest_names("x" * 100_000, names) is None


def test_without_a_near_word_only_the_list_is_shown():
    assert closest_name("zzz", ["a", "b"], "words") == "the words are a, b"
    assert closest_name("MEDIUM", ["medium"], "keys").startswith("did you mean 'medium'?")
