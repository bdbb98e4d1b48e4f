"""Schedules in the service: batteries are noted where that is news, and reports are announced."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from controller.decisions.rows import IncidentRows
from controller.decisions.schema import outbox
from controller.notices.model import NoticePolicy, Party
from controller.notices.open import upgrade_notices
from controller.polling.observing import Heard, Track
from controller.reports.maintenance import MaintenanceReport
from controller.schedules.archive import ReportArchive
from controller.schedules.jobs import Surroundings
from controller.schedules.rows import ScheduleRows
from controller.service.scheduling import Scheduling
from controller.snmp.model import Battery, DeviceReading
from controller.timetable.model import Timetable
from database.engine import open_engine, reading
from tests.simulated_time import START, TestClock


@dataclass
class Readings:
    """What a collector heard last."""

    now: Heard = field(default_factory=Heard)

    def show(self, minute, *, on_battery=False):
        battery = Battery(on_battery, *(False, 0.9, None, 0))
        at_s = START.timestamp() + 60 * minute
        reading = DeviceReading("mora-r1", at_s, at_s, 9e6, (), battery=battery)
        self.now = Heard({"mora-r1": Track((reading,))})


@pytest.fixture
def engine(tmp_path):
    made = open_engine(tmp_path / "sanaga.sqlite")
    IncidentRows(made)
    upgrade_notices(made)
    yield made
    made.dispose()


def scheduling(engine, folder, policy=NoticePolicy()):  # noqa: B008 - it never changes
    nobody: Any = None
    loaded: Any = SimpleNamespace(notices=policy, timetable=Timetable())
    around = Surroundings(
        *(loaded, folder, engine, ScheduleRows(engine), ReportArchive(folder)), "1", nobody, nobody
    )
    readings = Readings()
    return Scheduling(around, lambda: readings.now, TestClock()), readings, around.rows


def test_on_mains_a_battery_is_noted_each_hour_and_each_minute_without(engine, tmp_path):
    made, readings, rows = scheduling(engine, tmp_path)
    for minute in range(180):
        readings.show(minute, on_battery=100 <= minute < 110)
        made.note_batteries()
    found = rows.battery_samples(0, 1e12)
    assert len([one for one in found if one.on_battery]) == 10
    mains = [(one.at_s - START.timestamp()) / 60 for one in found if not one.on_battery]
    assert mains == [0, 60, 110, 170]


def announced(engine):
    with reading(engine) as connection:
        return connection.execute(select(outbox.c.kind, outbox.c.dedup_key)).all()


REPORT = MaintenanceReport("2026-11-30", "Africa/Douala", "spur", 0.0, "1", ())


def test_a_report_is_announced_once_and_only_if_somebody_is_named(engine, tmp_path):
    nobody, *_ = scheduling(engine, tmp_path)
    nobody._announce(REPORT)
    assert announced(engine) == []
    policy = replace(NoticePolicy(), reports=Party(("awa",)))
    made, *_ = scheduling(engine, tmp_path, policy)
    made._announce(REPORT)
    made._announce(REPORT)
    assert announced(engine) == [("report", "report:maintenance-2026-11-30")]
