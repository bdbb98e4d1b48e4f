"""What is done by schedule: drift every day, maintenance every week, availability every month."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from controller.drivers.connect import connector, edge_connector
from controller.drivers.observe import collect
from controller.drivers.protocol import Connect, ConnectEdge
from controller.incidents.view import network_view
from controller.load import Loaded, anchored
from controller.model import DeviceConfig
from controller.planning.plan import managed
from controller.reports.batteries import TEST_EVERY_S
from controller.reports.document import State
from controller.reports.findings import Check, Finding
from controller.reports.maintenance import MaintenanceReport
from controller.reports.updates import plan_stages
from controller.schedules import controller_checks as checks
from controller.schedules import device_checks as devices
from controller.schedules.archive import Report, ReportArchive
from controller.schedules.config_backups import back_up_configs
from controller.schedules.edge_facts import (
    FRESH_S,
    disk_findings,
    edges_to_update,
    update_findings,
)
from controller.schedules.month import MonthSource, month_report
from controller.schedules.rows import ScheduleRows
from controller.store.people import People
from controller.telemetry.sessions import status_reports
from controller.timetable.wall_time import DOUALA, Schedule, month_before, month_of
from inventory.errors import CredentialError, DeviceError, SanagaError
from inventory.model import DeviceName, Role
from topology.build import build_topology

MAINTENANCE: Final = "maintenance"
AVAILABILITY: Final = "availability"
DRIFT: Final = "drift"
_DAY_S: Final = 86_400.0
_READINGS: Final = timedelta(seconds=TEST_EVERY_S)


@dataclass(frozen=True, slots=True)
class Job:
    """Something that is done by schedule; make gets when it was due and the time now.

    It returns the report that it made, if it makes one.
    """

    name: str
    schedule: Schedule
    make: Callable[[datetime, datetime], Report | None]


def compare_nothing() -> None:
    """Refuse to compare, where no service keeps plans. Raises SanagaError."""
    raise SanagaError("the running service compares, and keeps the plan; here, run 'sanaga plan'")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What jobs read: the folder, the state folder, the records, and the devices.

    compare plans what would make devices as the folder intends, and raises SanagaError.
    """

    loaded: Loaded
    state_dir: Path
    engine: Engine
    rows: ScheduleRows
    archive: ReportArchive
    version: str
    devices: Connect
    edges: ConnectEdge
    compare: Callable[[], None] = compare_nothing


def usual_surroundings(
    loaded: Loaded,
    state_dir: Path,
    engine: Engine,
    version: str,
    compare: Callable[[], None] = compare_nothing,
) -> Surroundings:
    """Return the surroundings of a controller, its devices reached as usual."""
    return Surroundings(
        loaded,
        state_dir,
        engine,
        ScheduleRows(engine),
        ReportArchive(state_dir),
        version,
        connector(anchored(loaded), loaded.folder, state_dir=state_dir),
        edge_connector(loaded, state_dir),
        compare,
    )


def month_source(around: Surroundings) -> MonthSource:
    """Return where the availability of months is read."""
    intent = around.loaded.intent
    view = network_view(intent, build_topology(intent))
    return MonthSource(around.engine, around.rows, view, intent.network.name)


def make_jobs(around: Surroundings) -> Mapping[str, Job]:
    """Return all jobs by name."""

    def month(due: datetime, now: datetime) -> Report:
        wanted = month_before(month_of(due, DOUALA))
        return month_report(month_source(around), wanted, now.timestamp())

    def week(_due: datetime, now: datetime) -> Report:
        return Week(around, now).report()

    def day(_due: datetime, _now: datetime) -> None:
        around.compare()

    times = around.loaded.timetable
    jobs = (
        Job(DRIFT, times.drift, day),
        Job(MAINTENANCE, times.maintenance, week),
        Job(AVAILABILITY, times.availability, month),
    )
    return {job.name: job for job in jobs}


@dataclass(frozen=True, slots=True)
class Week:
    """One round of preventive maintenance; what cannot be checked is unknown, and does not stop."""

    around: Surroundings
    now: datetime

    def report(self) -> MaintenanceReport:
        """Check everything, and return what was found."""
        around, intent = self.around, self.around.loaded.intent
        today = self.now.astimezone(ZoneInfo(DOUALA)).date()
        use = checks.disk_use(around.state_dir)
        facts = around.rows.edge_facts(self.now.timestamp() - FRESH_S)
        told = devices.answered(self._edge_status(), facts)
        edges = devices.edge_versions(intent, around.loaded.overlay.hubs, told)
        findings = (
            *self._configs(),
            *checks.guarded(Check.ACCESS, self._access),
            *checks.guarded(Check.TOKEN, lambda: checks.check_tokens(around.engine, self.now)),
            *checks.check_certificates(self._certificates(), today),
            *self._disk(use),
            *disk_findings(intent, sorted(told), facts),
            *devices.version_findings(edges, told, intent, around.version),
            *checks.check_machine_updates(self.now.timestamp()),
            *update_findings(intent, sorted(told), facts),
            *checks.guarded(Check.SIGN_IN, lambda: checks.check_sign_ins(around.engine, self.now)),
            *self._batteries(),
        )
        return MaintenanceReport(
            str(today),
            DOUALA,
            intent.network.name,
            self.now.timestamp(),
            around.version,
            findings,
            plan_stages(edges, around.version, edges_to_update(facts.values())),
            use.sizes,
        )

    def _configs(self) -> Iterator[Finding]:
        around, intent = self.around, self.around.loaded.intent
        names = sorted(managed(intent, around.loaded.overlay))
        try:
            found = collect(names, self._read)
            backup = back_up_configs(around.state_dir, found, names, self.now)
        except (SanagaError, OSError) as error:
            why, unknown = checks.because(error), State.UNKNOWN
            yield checks.own(Check.CONFIG_BACKUP, unknown, "config-fault", why, "all")
            return
        yield from devices.config_findings(backup, intent)

    def _read(self, name: DeviceName) -> DeviceConfig:
        """Return what a device runs; a secret that is missing here keeps no other from a backup."""
        try:
            driver = self.around.devices(name)
        except CredentialError as error:
            raise DeviceError(name, str(error)) from error
        try:
            return driver.read()
        finally:
            driver.close()

    def _access(self) -> Iterator[Finding]:
        store = People.open(self.around.state_dir)
        try:
            yield from checks.check_access(store.entries(), self.now.date())
        finally:
            store.close()

    def _certificates(self) -> list[Path]:
        named = self.around.loaded.notices.authorities
        return [self.around.loaded.folder / named] if named else []

    def _disk(self, use: checks.DiskUse) -> Iterator[Finding]:
        before = self.around.archive.newest(MAINTENANCE)
        sizes = before.sizes if isinstance(before, MaintenanceReport) else None
        days = (self.now.timestamp() - before.made_s) / _DAY_S if before else 0.0
        yield from checks.check_disk(use, sizes, days)

    def _edge_status(self) -> Mapping[str, Mapping[str, Any] | SanagaError]:
        """Return what each edge says of itself, or why it does not."""
        laid, intent = self.around.loaded.overlay, self.around.loaded.intent
        edges = sorted(name for name, one in intent.devices.items() if one.role is Role.EDGE)
        asked = [name for name in edges if name in laid.managed]
        told: dict[str, Mapping[str, Any] | SanagaError] = {
            name: DeviceError(name, laid.unfit.get(name, "has no tunnel, so it is not asked"))
            for name in edges
            if name not in laid.managed
        }
        return told | dict(status_reports(asked, self.around.edges))

    def _batteries(self) -> Iterator[Finding]:
        began_s, now_s = (self.now - _READINGS).timestamp(), self.now.timestamp()
        samples = self.around.rows.battery_samples(began_s, now_s)
        yield from devices.battery_findings(samples, self.around.loaded.intent, now_s)
