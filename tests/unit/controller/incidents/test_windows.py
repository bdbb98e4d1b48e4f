from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from controller.incidents.model import MaintenanceWindow, Recurrence, Subject, SubjectKind
from controller.incidents.windows import (
    WindowError,
    check_window,
    is_maintained,
    is_open,
    maintained_subjects,
    next_turn_s,
)
from tests.rigs.incidents.networks import north
from tests.rigs.incidents.story import circuit, device, site


def window(begins="22:00", ends="04:00", zone="Africa/Douala", **more):
    values = {"recurrence": Recurrence.ONCE, "first_day": "2026-11-30", **more}
    subjects = values.pop("subjects", (site("mora"),))
    return MaintenanceWindow("works", subjects, zone=zone, begins=begins, ends=ends, **values)


def at(text, zone="Africa/Douala"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("when", "opened"),
    [
        ("2026-11-30T21:59:59", False),
        ("2026-11-30T22:00:00", True),
        ("2026-12-01T03:59:59", True),
        ("2026-12-01T04:00:00", False),
        ("2026-12-07T23:00:00", False),
    ],
)
def test_an_end_before_the_beginning_is_on_the_next_day_and_is_not_within(when, opened):
    assert is_open(window(), at(when)) is opened


def test_a_weekly_window_opens_on_the_same_day_of_every_week_from_its_first():
    weekly = window(recurrence=Recurrence.WEEKLY)
    assert is_open(weekly, at("2027-03-01T23:00:00"))
    assert is_open(weekly, at("2027-03-02T03:00:00"))
    assert not is_open(weekly, at("2027-03-02T23:00:00"))
    assert not is_open(weekly, at("2026-11-23T23:00:00"))


def test_wall_time_holds_when_the_clocks_of_a_zone_change():
    weekly = window(
        "02:30", "05:00", "Europe/Paris", recurrence=Recurrence.WEEKLY, first_day="2026-10-18"
    )
    assert is_open(weekly, at("2026-10-18T03:00:00", "Europe/Paris"))
    assert is_open(weekly, at("2026-11-01T03:00:00", "Europe/Paris"))
    assert not is_open(weekly, at("2026-11-01T02:29:00", "Europe/Paris"))


def test_the_next_turn_is_told_and_none_after_the_last():
    assert next_turn_s(window(), at("2026-11-30T12:00:00")) == at("2026-11-30T22:00:00")
    assert next_turn_s(window(), at("2026-11-30T23:00:00")) == at("2026-12-01T04:00:00")
    assert next_turn_s(window(), at("2026-12-02T00:00:00")) is None
    weekly = window(recurrence=Recurrence.WEEKLY)
    assert next_turn_s(weekly, at("2026-12-02T00:00:00")) == at("2026-12-07T22:00:00")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (window(zone="Africa/Mora"), "Africa/Douala"),
        (window(begins="25:00"), "22:00"),
        (window(first_day="30.11.2026"), "2026-12-24"),
        (window(subjects=()), "name a site"),
        (window("02:30", "05:00", "Europe/Paris", first_day="2026-03-29"), "02:30 does not exist"),
        (window("02:30", "05:00", "Europe/Paris", first_day="2026-10-25"), "02:30 comes twice"),
        (window("01:00", "02:30", "Europe/Paris", first_day="2026-10-25"), "02:30 comes twice"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_write(wrong, words):
    with pytest.raises(WindowError, match=words):
        check_window(wrong)


def test_a_right_window_passes():
    check_window(window())
    check_window(window("03:30", "05:00", "Europe/Paris", first_day="2026-03-29"))


def test_a_window_over_a_site_covers_its_devices_and_the_circuits_that_end_there():
    named = maintained_subjects([window()], at("2026-11-30T23:00:00"))
    covered = [site("mora"), device("mora-r1"), circuit("mora-kolofata-fibre"), circuit("mora-leo")]
    assert all(is_maintained(north(), named, subject) for subject in covered)
    others = [site("waza"), device("maroua-r1"), circuit("kolofata-leo")]
    assert not any(is_maintained(north(), named, subject) for subject in others)


def test_a_window_over_an_operator_covers_its_circuits():
    named = frozenset({Subject(SubjectKind.PROVIDER, "leo-operator")})
    assert is_maintained(north(), named, circuit("mora-leo"))
    assert not is_maintained(north(), named, circuit("mora-kolofata-fibre"))


def test_a_device_of_a_circuit_may_be_what_is_worked_on():
    assert is_maintained(north(), frozenset({device("mora-r1")}), circuit("mora-leo"))
