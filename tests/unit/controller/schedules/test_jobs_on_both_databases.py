"""Weekly and monthly jobs as the service runs them, with records in SQLite and in PostgreSQL."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.audit import Actor, append
from accounts.directory import create_account, new_handle
from controller.decisions.rows import IncidentRows
from controller.drivers.memory import MemoryNetwork
from controller.load import load
from controller.reports.availability import AvailabilityReport
from controller.reports.batteries import BatterySample
from controller.reports.findings import Check
from controller.reports.maintenance import MaintenanceReport
from controller.schedules.archive import ReportArchive
from controller.schedules.desk import ReportDesk
from controller.schedules.jobs import Surroundings
from controller.schedules.rows import ScheduleRows
from controller.store.database import Database
from edge.telemetry import debian_updates
from inventory.errors import DeviceError, JournalError
from tests.rigs.people.people_rig import ACT, NGONO, make_registrar, nowhere
from tests.rigs.service.api_bench import SPUR
from tests.simulated_time import TestClock

NOW = datetime(2026, 11, 30, 5, tzinfo=UTC)


def unreached(name):
    raise DeviceError(name, "no route")


@pytest.fixture
def around(records, tmp_path, monkeypatch):
    # What waits on this machine is no matter of a database.
    monkeypatch.setattr(debian_updates, "simulated_upgrade", lambda: "")
    state = tmp_path / "state"
    with closing(make_registrar(state)) as registrar:
        soon = replace(NGONO, until=date(2026, 12, 10))
        registrar.add(soon, "tablet", ACT, nowhere)
    with closing(Database.open(state, JournalError)) as database:
        IncidentRows(database.engine)
        rows = ScheduleRows(database.engine)
        kept = (database.engine, rows, ReportArchive(state))
        yield Surroundings(load(SPUR), state, *kept, "1", MemoryNetwork().connect, unreached)


def test_a_week_of_maintenance_tells_of_people_sign_ins_and_batteries(around):
    with around.engine.begin() as connection:
        create_account(connection, ("awa", "Awa", new_handle()), (), NOW.timestamp())
        append(connection, Actor("nobody", "sign-in"), NOW.isoformat(), "sign-in.refused", "awa")
    battery = BatterySample("mora-r1", NOW.timestamp() - 60, *(True, False, 0.9, 5))
    around.rows.note_batteries([battery])
    desk = ReportDesk(around, TestClock())
    run = desk.runner.run("maintenance", NOW)
    assert run.outcome == "done", run
    report = desk.read(run.report)
    assert isinstance(report, MaintenanceReport)
    told = {(one.check, one.subject, one.key) for one in report.findings}
    assert (Check.ACCESS, "a-ngono", "access-ends") in told
    assert (Check.SIGN_IN, "awa", "sign-in-some") in told
    assert any(check is Check.BATTERY and subject == "mora-r1" for check, subject, _ in told)
    assert around.rows.last("maintenance", NOW.timestamp()).report == run.report


def test_a_month_of_availability_is_made_once_and_kept(around):
    month = datetime(2026, 12, 1, 6, tzinfo=UTC)
    around.rows.watch(month.timestamp(), (month - timedelta(days=40)).timestamp())
    desk = ReportDesk(around, TestClock())
    (run,) = (one for one in desk.runner.run_due(month) if one.name == "availability")
    report = desk.read(run.report)
    assert isinstance(report, AvailabilityReport)
    assert (report.month, report.whole) == ("2026-11", True)
    assert {one.name for one in report.sites} == set(around.loaded.intent.sites)
    assert desk.runner.run_due(month) == ()
