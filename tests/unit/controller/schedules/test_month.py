"""The availability of a month from what is stored, with what nobody watched as unknown."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from controller.decisions.rows import IncidentRows
from controller.decisions.schema import health_changes
from controller.incidents.model import Health
from controller.reports.availability import together
from controller.schedules.month import MonthError, MonthSource, month_report
from controller.schedules.rows import ScheduleRows
from tests.rigs.incidents.networks import north

DOUALA = ZoneInfo("Africa/Douala")
HOUR = 3600.0


def at(day, hour=0, month=10):
    return datetime(2026, month, day, hour, tzinfo=DOUALA).timestamp()


@pytest.fixture
def source(database):
    IncidentRows(database)
    return MonthSource(database, ScheduleRows(database), north(), "spur")


def turn(source, name, at_s, before, after):
    row = {"kind": "site", "name": name, "at_s": at_s, "before": before, "after": after}
    with source.engine.begin() as connection:
        connection.execute(insert(health_changes).values(**row))


def cut(source, name, began_s, ended_s):
    turn(source, name, began_s, "ok", "down")
    turn(source, name, ended_s, "down", "ok")


def site(report, name):
    return next(one for one in report.sites if one.name == name)


def test_outages_of_the_month_count_as_far_as_they_are_in_it(source):
    source.rows.watch(at(1, month=12), at(1, month=9))
    cut(source, "kolofata", at(30, 22, month=9), at(1, 2))
    cut(source, "kolofata", at(31, 23), at(1, 5, month=11))
    report = month_report(source, "2026-10", at(1, month=12))
    found = site(report, "kolofata")
    assert found.seconds[Health.DOWN] == 3 * HOUR
    assert (found.outages, report.whole, report.gap_s) == (2, True, 0)
    assert sum(found.seconds.values()) == 31 * 24 * HOUR


def test_time_in_which_nobody_watched_is_unknown_even_of_a_site_that_was_down(source):
    source.rows.watch(at(10), at(1))
    source.rows.watch(at(31, month=12), at(11))
    cut(source, "kolofata", at(9, 12), at(11, 12))
    found = site(month_report(source, "2026-10", at(1, month=12)), "kolofata")
    assert found.seconds[Health.UNKNOWN] == 24 * HOUR
    assert found.seconds[Health.DOWN] == 24 * HOUR
    assert found.outages == 2


def test_a_site_of_which_nobody_ever_spoke_is_unknown(source):
    source.rows.watch(at(1, month=12), at(1, month=9))
    report = month_report(source, "2026-10", at(1, month=12))
    assert together(report.sites).share is None


def test_a_month_that_goes_on_is_told_as_far_as_it_is_over(source):
    source.rows.watch(at(16), at(1))
    report = month_report(source, "2026-10", at(16))
    assert (report.whole, report.ended_s) == (False, at(16))
    assert sum(site(report, "kolofata").seconds.values()) == 15 * 24 * HOUR


@pytest.mark.parametrize(
    ("month", "why"), [("2026-11", "has not begun"), ("2026-1O", "no month"), ("x", "no month")]
)
def test_a_month_to_come_or_none_at_all_is_refused(source, month, why):
    with pytest.raises(MonthError, match=why):
        month_report(source, month, at(16))
