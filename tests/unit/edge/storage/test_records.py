"""What an edge keeps of its decisions, calls and deeds, and how it reads them again."""

import json
from dataclasses import fields, replace

import pytest

from edge.clock import Moment, rfc3339
from edge.selection import call_list, saved_state
from edge.selection.call_list import AnnouncedCall
from edge.storage import atomic, journal
from edge.storage.journal import DecisionJournal, JournalRecord
from inventory.errors import EdgeError
from policies.path_selection.decide import Memory, Standing

NOW = Moment("boot-1", 500.0, 400.0, 1.8e9)
AFTER_REBOOT = Moment("boot-2", 30.0, 30.0, 1.8e9 + 90)
STANDING = Standing("leo", True, 350.0, True, 300.0)  # noqa: FBT003
MOVES = (380.0, 390.0)
MEMORY = Memory(
    "fibre",
    "leo",
    MOVES,
    ("leo", "lte"),
    (STANDING,),
    least_bad=True,
    began_s=370.0,
    path_since_s=390.0,
    second_since_s=395.0,
)
KEY = ("yaounde-e1", "portal")


def test_every_field_of_a_memory_survives(tmp_path):
    for field in fields(Memory):
        assert getattr(MEMORY, field.name) != getattr(Memory(), field.name)
    saved_state.save_state(tmp_path, {KEY: MEMORY}, NOW)
    assert saved_state.load_state(tmp_path, NOW) == {KEY: MEMORY}


def test_times_count_on_over_a_restart_of_the_machine(tmp_path):
    saved_state.save_state(tmp_path, {KEY: MEMORY}, NOW)
    memory = saved_state.load_state(tmp_path, AFTER_REBOOT)[KEY]
    # 10 s ago when it went down, and it was down for 90 s.
    assert memory.moves[-1] == pytest.approx(30 - 90 - 10)
    assert memory.standings[0].keeps_since_s == pytest.approx(30 - 90 - 50)
    assert memory.path_since_s == pytest.approx(30 - 90 - 10)


def test_after_a_restart_of_the_machine_the_first_choice_is_made_anew(tmp_path):
    saved_state.save_state(tmp_path, {KEY: replace(MEMORY, moves=(), left=())}, NOW)
    memory = saved_state.load_state(tmp_path, AFTER_REBOOT)[KEY]
    assert memory.began_s == AFTER_REBOOT.monotonic_s
    assert memory.settling(AFTER_REBOOT.monotonic_s + 1)


@pytest.mark.parametrize("step_s", [-1e9, 1e10])
def test_clock_set_wrong_before_a_restart_leaves_times_in_the_past(tmp_path, step_s):
    saved_state.save_state(tmp_path, {KEY: MEMORY}, NOW)
    found = saved_state.load_state(tmp_path, replace(AFTER_REBOOT, unix_s=1.8e9 + step_s))[KEY]
    assert found.path == "fibre"
    assert all(at_s <= AFTER_REBOOT.monotonic_s for at_s in found.moves)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"version": 2}', '{"version": 1, "boot": "x", "memories": [{}]}'],
)
def test_torn_state_is_no_state(tmp_path, text):
    (tmp_path / saved_state.FILE).write_text(text, encoding="utf-8")
    assert saved_state.load_state(tmp_path, NOW) == {}


def entry(what, at_s=1.8e9):
    return JournalRecord(at_s, "repair", what)


def test_journal_is_read_in_the_order_in_which_it_was_written(tmp_path):
    made = DecisionJournal(tmp_path)
    made.write((entry("one"), entry("two")))
    made.write((entry("three"),))
    assert [found["what"] for found in journal.read_journal(tmp_path)] == ["one", "two", "three"]


def test_decision_in_the_journal_says_all_of_it(tmp_path):
    decision = JournalRecord(1.8e9, "decision", "because", "hub", "portal", "leo", None, "fibre")
    DecisionJournal(tmp_path).write((decision,))
    assert list(journal.read_journal(tmp_path)) == [
        {
            "at": "2027-01-15T08:00:00.000Z",
            "kind": "decision",
            "what": "because",
            "peer": "hub",
            "service": "portal",
            "path": "leo",
            "second": None,
            "before": "fibre",
        }
    ]


def test_journal_stays_bounded_and_keeps_the_newest(tmp_path):
    made = DecisionJournal(tmp_path, largest=10_000)
    for number in range(1000):
        made.write((entry(f"{number:04} {'x' * 100}"),))
    size = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert size < 21_000
    found = [str(line["what"]) for line in journal.read_journal(tmp_path)]
    assert found[-1].startswith("0999")
    assert found == sorted(found)


def test_torn_line_of_the_journal_is_passed_over(tmp_path):
    made = DecisionJournal(tmp_path)
    made.write((entry("one"),))
    with (tmp_path / journal.FILE).open("a", encoding="utf-8") as file:
        file.write('{"at": "2026-\n')
    made.write((entry("two"),))
    assert [found["what"] for found in journal.read_journal(tmp_path)] == ["one", "two"]


def test_journal_that_cannot_be_written_says_so_until_it_can(tmp_path):
    made = DecisionJournal(tmp_path / "away")
    made.write((entry("lost"),))
    assert "No such file" in made.fault
    (tmp_path / "away").mkdir()
    made.write((entry("kept"),))
    assert made.fault == ""


def call(**changes):
    request = {"protocol": "udp", "source": "10.0.3.20", "destination": "10.0.1.5"}
    flow = call_list.parse_flow({**request, **changes})
    return AnnouncedCall(flow, "consultation-video", "boot-1", 600.0)


def test_announced_calls_survive_the_daemon_and_end_in_time(tmp_path):
    book = call_list.add_call((), call(destination_port=3478), NOW)
    call_list.save_calls(tmp_path, book)
    assert call_list.load_calls(tmp_path, replace(NOW, since_boot_s=599)) == book
    assert call_list.load_calls(tmp_path, replace(NOW, since_boot_s=601)) == ()
    assert call_list.load_calls(tmp_path, AFTER_REBOOT) == ()


def test_call_announced_again_is_prolonged():
    book = call_list.add_call((), call(), NOW)
    assert call_list.add_call(book, replace(call(), until_s=900.0), NOW) == (
        replace(call(), until_s=900.0),
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"protocol": "icmp"}, "udp or tcp"),
        ({"source": "kolofata"}, "no address"),
        ({"source_port": "x"}, "no port"),
        ({"destination_port": 70_000}, "0 to 65535"),
        ({"destination": "fd00::1"}, "one IP version"),
    ],
)
def test_call_that_makes_no_flow_is_refused(change, words):
    with pytest.raises(EdgeError, match=words):
        call(**change)


def test_torn_book_of_calls_is_empty(tmp_path):
    (tmp_path / call_list.FILE).write_text('{"calls": [{"source": 5}]}', encoding="utf-8")
    assert call_list.load_calls(tmp_path, NOW) == ()


def test_file_is_replaced_whole_or_not_at_all(tmp_path):
    file = tmp_path / "x.json"
    atomic.replace(file, "old")
    with pytest.raises(UnicodeEncodeError):
        atomic.replace(file, "new \ud800")
    assert file.read_text(encoding="utf-8") == "old"
    assert file.stat().st_mode & 0o777 == 0o600


def test_record_that_is_no_object_is_none(tmp_path):
    for text in ("", "[1]", "{", json.dumps("x")):
        (tmp_path / "r").write_text(text, encoding="utf-8")
        assert atomic.read_record(tmp_path / "r") is None


def test_time_of_day_is_said_in_utc_to_the_millisecond():
    assert rfc3339(1_800_000_000.1234) == "2027-01-15T08:00:00.123Z"
