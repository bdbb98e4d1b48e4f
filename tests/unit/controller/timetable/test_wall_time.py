"""When schedules are due in wall time, over changes of clocks and after absences."""

from datetime import UTC, datetime, time

import pytest

from controller.timetable.wall_time import (
    Monthly,
    Schedule,
    Weekly,
    month_before,
    month_bounds,
    month_of,
)

MONDAYS = Schedule(Weekly(0, time(6)))
MONTHS = Schedule(Monthly(1, time(5)))


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_week_begins_on_monday_at_six_in_douala_which_is_five_in_utc():
    assert MONDAYS.next_due(utc("2026-11-30T04:59:59")) == utc("2026-11-30T05:00")
    assert MONDAYS.next_due(utc("2026-11-30T05:00")) == utc("2026-12-07T05:00")
    assert MONDAYS.last_due(utc("2026-11-30T05:00")) == utc("2026-11-30T05:00")
    assert MONDAYS.last_due(utc("2026-11-30T04:59:59")) == utc("2026-11-23T05:00")


def test_a_month_begins_on_its_first_day():
    assert MONTHS.next_due(utc("2026-11-30T12:00")) == utc("2026-12-01T04:00")
    assert MONTHS.last_due(utc("2026-12-01T03:59")) == utc("2026-11-01T04:00")


@pytest.mark.parametrize(("day", "due"), [(31, "2026-02-28T05:00"), (15, "2026-02-15T05:00")])
def test_a_day_that_a_month_lacks_is_its_last(day, due):
    schedule = Schedule(Monthly(day, time(6)))
    assert schedule.next_due(utc("2026-02-01T00:00")) == utc(due)


def test_several_missed_runs_are_one_and_none_is_missed_twice():
    done = utc("2026-11-02T05:00")
    due = MONDAYS.missed(done, utc("2026-11-30T12:00"))
    assert due == utc("2026-11-30T05:00")
    assert MONDAYS.missed(due, utc("2026-11-30T12:00")) is None
    assert MONDAYS.missed(done, utc("2026-11-09T04:59")) is None


def test_a_time_that_the_clocks_skip_or_repeat_comes_once():
    sundays = Schedule(Weekly(6, time(2, 30)), "Europe/Paris")
    assert sundays.next_due(utc("2026-03-28T12:00")) == utc("2026-03-29T01:30")
    assert sundays.next_due(utc("2026-10-24T12:00")) == utc("2026-10-25T00:30")
    assert sundays.next_due(utc("2026-10-25T00:30")) == utc("2026-11-01T01:30")


def test_months_are_those_of_the_zone():
    assert month_of(utc("2026-11-30T23:30"), "Africa/Douala") == "2026-12"
    assert month_before("2026-01") == "2025-12"
    began_s, ended_s = month_bounds("2026-02", "Africa/Douala")
    assert ended_s - began_s == 28 * 86_400
    assert began_s == utc("2026-01-31T23:00").timestamp()
    with pytest.raises(ValueError, match="unconverted"):
        month_bounds("2026-13", "Africa/Douala")
