"""Small parts of the command line: durations, columns, words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer import BadParameter

from controller.apply.events import (
    ApplyStarted,
    Decided,
    Verified,
    Waiting,
    WaveEnded,
    WaveStarted,
)
from controller.drivers.observe import DeviceDone
from controller.model import Verdict
from controller.terminal.completion import names
from controller.terminal.durations import seconds, spoken
from controller.terminal.output import plain, shortened
from controller.terminal.progress import sentence
from controller.wording import count, listing
from inventory.errors import Location
from inventory.model import Level
from inventory.text_table import aligned, cell
from tests.sanaga_process import SMALL


@pytest.mark.parametrize(
    ("text", "expected"), [("90", 90), ("90s", 90), ("5m", 300), ("1h30m", 5400), (" 1H ", 3600)]
)
def test_duration_is_read_as_people_write_it(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "5 minutes", "-5m", "m", "5m3h", "1.5h", "٣m"])
def test_what_is_no_duration_is_refused_with_an_example(text):
    with pytest.raises(BadParameter, match="5m"):
        seconds(text)


@given(st.integers(min_value=0, max_value=10**6))
def test_spoken_duration_is_read_back(number):
    assert seconds(spoken(number)) == number


def test_columns_stand_under_each_other_without_trailing_space():
    lines = aligned([["A", "LONG"], ["longer", "b"], ["c", ""]]).splitlines()
    assert lines == ["A       LONG", "longer  b", "c"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), ("", "-"), (True, "yes"), (False, "no"), (0, "0"), (1.5, "1.5"), ([], "-"),
     (["a", "b"], "a, b"), (Level.CENTRAL, "central")],
)  # fmt: skip
def test_cell_is_short(value, shown):
    assert cell(value) == shown


def test_plain_value_is_what_json_knows():
    value = {Level.CENTRAL: (Location("a", 1, 2), frozenset({"y", "x"}), None)}
    assert plain(value) == {"central": [{"file": "a", "line": 1, "column": 2}, ["x", "y"], None]}


def test_listing_counts_the_tail_of_many_names():
    assert listing([]) == "none"
    assert listing(["a"]) == "a"
    assert listing(["a", "b"], joint="or") == "a or b"
    assert listing([str(n) for n in range(10)], most=2) == "0, 1 and 8 more"


def test_count_has_the_right_plural():
    assert [count(n, "site") for n in (0, 1, 2000)] == ["0 sites", "1 site", "2,000 sites"]
    assert count(2, "facility", "facilities") == "2 facilities"


def test_names_for_completion_are_those_of_their_sections():
    assert list(names(SMALL, "sites"))[:2] == ["yaounde", "garoua"]
    assert next(iter(names(SMALL, "devices"))) == "yaounde-r1"
    assert "kolofata-leo" in set(names(SMALL, "circuits"))
    assert not list(names(SMALL, "cows"))


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (ApplyStarted(3, "p", 2, 1), "apply 3: 2 devices in 1 wave"),
        (DeviceDone("a", "commit"), None),
        (DeviceDone("a", "commit", "a: refused"), "a: commit: refused"),
        (DeviceDone("a", "read", "silent"), None),
        (WaveStarted(1, 2, ("a", "b")), "wave 1 of 2: a and b"),
        (WaveEnded(1, 2, Verdict(holds=True, evidence=())), None),
        (WaveEnded(1, 2, Verdict(holds=False, evidence=("x",))), "wave 1 failed: x"),
        (Verified(Verdict(holds=False, evidence=("x",))), "end-to-end check FAILED: x"),
        (Decided("rollback", "x"), "decided to roll back: x"),
        (Waiting(("a",), 90.2), "waiting for a: their own timers undo the change within 1m30s"),
    ],
)
def test_event_is_told_in_one_sentence_or_not_at_all(event, said):
    assert sentence(event) == said


def test_a_long_reason_is_told_by_its_first_part():
    assert shortened("mora-r1 refused; line 8; line 9") == "mora-r1 refused; ..."
    assert shortened("all is well") == "all is well"
    assert (
        sentence(Decided("rollback", "wave 1: no; line 8"))
        == "decided to roll back: wave 1: no; ..."
    )
