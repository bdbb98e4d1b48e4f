"""Jobs run when they are due, once whatever was missed, and are tried again when they fail."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from controller.reports.maintenance import MaintenanceReport
from controller.schedules.archive import KEPT, ReportArchive, ReportError
from controller.schedules.jobs import Job
from controller.schedules.rows import LEASE_S, ScheduleRows
from controller.schedules.runner import ScheduleRunner
from controller.timetable.wall_time import Schedule, Weekly
from inventory.errors import SanagaError, UnknownNameError

MONDAY = datetime(2026, 11, 30, 5, tzinfo=UTC)
WEEK = timedelta(days=7)


def made(now):
    return MaintenanceReport(f"{now:%Y-%m-%d}", "Africa/Douala", "spur", now.timestamp(), "1", ())


class World:
    """A runner with one weekly job, and what it did."""

    def __init__(self, database, folder):
        self.rows, self.archive = ScheduleRows(database), ReportArchive(folder)
        self.done, self.told, self.fault = [], [], None

    def runner(self):
        job = Job("maintenance", Schedule(Weekly(0, time(6))), self.make)
        return ScheduleRunner(self.rows, self.archive, {job.name: job}, self.told.append)

    def make(self, due, now):
        if self.fault:
            raise self.fault
        self.done.append(due)
        return made(now)


@pytest.fixture
def world(database, tmp_path):
    return World(database, tmp_path)


def test_it_runs_on_time_and_not_again(world):
    began = MONDAY - timedelta(hours=2)
    world.rows.watch(began.timestamp(), began.timestamp())
    for minute in range(0, 300, 10):
        world.runner().run_due(began + timedelta(minutes=minute))
    assert world.done == [MONDAY]
    assert [one.name for one in world.told] == ["maintenance-2026-11-30"]
    assert [one.name for one in world.archive.listed()] == ["maintenance-2026-11-30"]


def test_what_makes_no_report_is_done_and_stores_none(world):
    world.make = lambda _due, now: world.done.append(now)
    run = world.runner().run("maintenance", MONDAY)
    assert (run.outcome, run.report, world.done) == ("done", "", [MONDAY])
    assert (world.told, list(world.archive.listed())) == ([], [])
    assert world.rows.last("maintenance", MONDAY.timestamp()).outcome == "done"


def test_after_an_absence_of_weeks_it_runs_once(world):
    world.rows.watch(0.0, MONDAY.timestamp() - 60)
    world.runner().run_due(MONDAY)
    later = MONDAY + 5 * WEEK + timedelta(hours=30)
    for minute in range(3):
        world.runner().run_due(later + timedelta(minutes=minute))
    assert world.done == [MONDAY, MONDAY + 5 * WEEK]


def test_a_first_start_makes_up_for_nothing_from_before(world):
    now = MONDAY + timedelta(days=2)
    world.rows.watch(now.timestamp(), now.timestamp())
    assert world.runner().run_due(now) == ()
    assert world.runner().standing(now)[0].next_s == (MONDAY + WEEK).timestamp()


def test_two_controllers_run_it_once(world):
    world.rows.watch(0.0, MONDAY.timestamp() - 60)
    first, second = world.runner(), world.runner()
    assert len(first.run_due(MONDAY)) == 1
    assert second.run_due(MONDAY) == ()


def test_a_failure_is_told_and_tried_again_after_an_hour(world):
    world.rows.watch(0.0, MONDAY.timestamp() - 60)
    world.fault = SanagaError("the disk is full")
    world.runner().run_due(MONDAY)
    assert world.runner().standing(MONDAY)[0].last.outcome == "failed: the disk is full"
    world.fault = None
    assert world.runner().run_due(MONDAY + timedelta(minutes=5)) == ()
    done = world.runner().run_due(MONDAY + timedelta(seconds=LEASE_S + 1))
    assert [one.outcome for one in done] == ["done"]
    assert world.done == [MONDAY]


def test_by_hand_it_runs_at_once(world):
    run = world.runner().run("maintenance", MONDAY + timedelta(days=1))
    assert (run.outcome, run.report) == ("done", "maintenance-2026-12-01")
    with pytest.raises(UnknownNameError, match="there are: maintenance"):
        world.runner().run("weekly", MONDAY)


def test_the_archive_keeps_the_newest_for_its_owner_alone(tmp_path):
    archive = ReportArchive(tmp_path)
    for week in range(KEPT["maintenance"] + 3):
        file = archive.store(made(MONDAY + week * WEEK))
    names = [one.name for one in archive.listed()]
    assert len(names) == KEPT["maintenance"]
    assert names[0] == f"maintenance-{MONDAY + 3 * WEEK:%Y-%m-%d}"
    assert file.stat().st_mode & 0o077 == 0
    newest = archive.newest("maintenance")
    assert newest
    assert newest.name == names[-1]
    assert archive.newest("availability") is None


def test_what_is_read_is_what_was_stored(tmp_path):
    report = replace(made(MONDAY), sizes={"sanaga.sqlite": 5.0})
    archive = ReportArchive(tmp_path)
    archive.store(report)
    assert archive.read(report.name) == report


@pytest.mark.parametrize("name", ["../lock", "maintenance-2026-11-30/../x", "", "maintenance"])
def test_a_name_that_is_none_of_a_report_opens_no_file(tmp_path, name):
    with pytest.raises(UnknownNameError, match="no report"):
        ReportArchive(tmp_path).read(name)


def test_a_damaged_report_says_how_to_make_it_again(tmp_path):
    archive = ReportArchive(tmp_path)
    archive.store(made(MONDAY)).write_text('{"date": 5}')
    with pytest.raises(ReportError, match="sanaga schedule run maintenance"):
        archive.read("maintenance-2026-11-30")
