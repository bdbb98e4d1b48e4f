"""Runs of schedules and watched times in the database: claimed once, taken over, never doubled."""

from threading import Barrier, Thread

import pytest

from controller.reports.batteries import BatterySample
from controller.schedules.rows import LEASE_S, Run, ScheduleRows, gaps_between

HOUR = 3600.0


@pytest.fixture
def rows(database):
    return ScheduleRows(database)


def test_one_of_many_claims_a_run(rows):
    gate, won = Barrier(6), []

    def claim():
        gate.wait()
        won.append(rows.claim("maintenance", 100.0, 101.0))

    threads = [Thread(target=claim) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(won) == [False] * 5 + [True]


def test_a_run_that_died_is_taken_over_after_its_lease_and_once(rows):
    assert rows.claim("maintenance", 100.0, 100.0)
    assert not rows.claim("maintenance", 100.0, 100.0 + LEASE_S)
    assert rows.unfinished("maintenance", 100.0 + LEASE_S) is None
    assert rows.unfinished("maintenance", 101.0 + LEASE_S)
    assert rows.claim("maintenance", 100.0, 101.0 + LEASE_S)
    assert not rows.claim("maintenance", 100.0, 102.0 + LEASE_S)


def test_a_run_that_ended_is_never_taken_over(rows):
    rows.claim("availability", 100.0, 100.0)
    rows.finish(Run("availability", 100.0, 100.0, 130.0, "done", "availability-2026-11"))
    assert not rows.claim("availability", 100.0, 100.0 + 9 * LEASE_S)
    assert rows.last("availability", 200.0).report == "availability-2026-11"


def test_a_run_of_a_clock_that_was_ahead_does_not_count(rows):
    rows.claim("maintenance", 9e9, 9e9)
    rows.claim("maintenance", 100.0, 100.0)
    assert rows.last("maintenance", 200.0).due_s == 100.0


def test_times_in_which_nobody_watched_are_gaps(rows):
    assert rows.gaps(0.0, 100.0) == ((0.0, 100.0),)
    for minute in range(11):
        rows.watch(HOUR + minute * 60, began_s=HOUR)
    rows.watch(3 * HOUR, began_s=3 * HOUR)
    assert rows.watched_since() == HOUR
    assert rows.gaps(0.0, 3 * HOUR) == ((0.0, HOUR), (HOUR + 600, 3 * HOUR))
    assert rows.gaps(HOUR, HOUR + 600) == ()


def test_a_short_pause_is_no_gap_and_two_controllers_watch_together():
    assert gaps_between([(0, 100), (200, 1000)], 0, 1000) == ()
    assert gaps_between([(0, 500), (100, 1000), (90, 95)], 0, 1000) == ()
    assert gaps_between([(0, 100), (300, 1000)], 0, 1000) == ((100, 300),)
    assert gaps_between([], 0, 1000) == ((0, 1000),)


def test_readings_of_batteries_are_kept_once_and_forgotten(rows):
    one = BatterySample("mora-r1", 10.0, on_battery=True, low=False, charge=0.9, minutes_left=5)
    rows.note_batteries([one, one])
    assert rows.battery_samples(0.0, 11.0) == [one]
    rows.forget_batteries(11.0)
    assert rows.battery_samples(0.0, 11.0) == []
