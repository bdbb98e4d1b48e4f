"""The section schedules of an intent."""

from datetime import UTC, datetime, time

import pytest

from controller.load import load
from controller.timetable.model import Timetable
from controller.timetable.wall_time import Daily, Monthly, Schedule, Weekly
from inventory.errors import IntentError
from tests.rigs.service.api_bench import SPUR

WRITTEN = """\
schedules:
  timezone: Europe/Paris
  backup: {at: "03:30"}
  maintenance: {day: sun, at: "04:00"}
  availability: {day: 31, at: "23:59"}
  drift: {at: "00:10"}
"""


@pytest.fixture
def folder(tmp_path):
    for file in SPUR.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def loaded(folder, text):
    (folder / "schedules.yaml").write_text(text)
    return load(folder).timetable


def test_without_the_section_things_are_done_at_their_usual_times(folder):
    assert load(folder).timetable == Timetable()
    assert loaded(folder, "schedules: {}\n") == Timetable()


def test_times_are_as_they_are_written(folder):
    zone = "Europe/Paris"
    assert loaded(folder, WRITTEN) == Timetable(
        Schedule(Daily(time(3, 30)), zone),
        Schedule(Weekly(6, time(4)), zone),
        Schedule(Monthly(31, time(23, 59)), zone),
        Schedule(Daily(time(0, 10)), zone),
    )


def test_what_is_left_out_stays_as_usual_in_the_zone_that_is_written(folder):
    found = loaded(folder, 'schedules: {backup: {at: "23:00"}}\n')
    assert found.backup.rhythm == Daily(time(23))
    assert found.maintenance == Timetable().maintenance


def test_a_day_and_its_time_are_the_first_after_an_instant():
    at = datetime(2026, 11, 30, 1, 30, tzinfo=UTC)
    found = Schedule(Daily(time(3)), "Africa/Douala")
    assert found.next_due(at) == datetime(2026, 11, 30, 2, tzinfo=UTC)
    assert found.missed(at, at) is None
    assert found.last_due(at) == datetime(2026, 11, 29, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('"03:30"', '"25:00"', "'25:00' is no time of day"),
        ("sun", "someday", "'someday' is no day"),
        ("day: 31", "day: 32", "32"),
        ("Europe/Paris", "Mars", "'Mars' is no time zone"),
        ("backup:", "backups:", "backups"),
    ],
)
def test_what_is_wrong_is_told_at_its_line(folder, before, after, words):
    with pytest.raises(IntentError) as raised:
        loaded(folder, WRITTEN.replace(before, after))
    assert words in str(raised.value)
    assert "schedules.yaml" in str(raised.value)


def test_the_section_is_written_once(folder):
    (folder / "again.yaml").write_text(WRITTEN)
    with pytest.raises(IntentError, match="the section schedules is written twice"):
        loaded(folder, WRITTEN)
