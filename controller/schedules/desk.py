"""Reports and schedules of a controller, for whoever asks: the API, and the command line."""

import re
from collections.abc import Sequence
from datetime import datetime
from logging import getLogger
from threading import Lock, Thread
from typing import Final

from sqlalchemy.exc import DBAPIError

from controller.backups.daily import DailyBackups
from controller.clock import Clock
from controller.schedules.archive import Report, StoredReport
from controller.schedules.jobs import (
    AVAILABILITY,
    MAINTENANCE,
    Surroundings,
    make_jobs,
    month_source,
)
from controller.schedules.month import month_report
from controller.schedules.rows import Run
from controller.schedules.runner import BACKUP, DONE, FAILED, Announce, ScheduleRunner, Standing
from controller.timetable.wall_time import DOUALA, month_of
from database.faults import words_of
from inventory.errors import SanagaError, UnknownNameError

_log: Final = getLogger(__name__)
_MONTH: Final = re.compile(rf"{AVAILABILITY}-(\d{{4}}-\d{{2}})")


class ReportDesk:
    """Reads reports that are kept, makes those of months, and runs schedules."""

    def __init__(
        self,
        around: Surroundings,
        clock: Clock,
        announce: Announce = lambda _: None,
        backups: DailyBackups | None = None,
    ) -> None:
        self._around, self._clock = around, clock
        rows, archive = around.rows, around.archive
        self.runner = ScheduleRunner(rows, archive, make_jobs(around), announce)
        self._backups = backups
        self._busy: set[str] = set()
        self._guard = Lock()

    def listed(self) -> Sequence[StoredReport]:
        """Return the reports that are kept, by name."""
        return self._around.archive.listed()

    def read(self, name: str) -> Report:
        """Return a report that is kept, or of a month as far as it is over.

        Raises UnknownNameError, MonthError.
        """
        try:
            return self._around.archive.read(name)
        except UnknownNameError:
            if found := _MONTH.fullmatch(name):
                now_s = self._clock.instant().timestamp()
                return month_report(month_source(self._around), found[1], now_s)
            raise

    def newest_maintenance(self) -> Report:
        """Return the newest report of preventive maintenance. Raises UnknownNameError."""
        if found := self._around.archive.newest(MAINTENANCE):
            return found
        advice = f"make one with 'sanaga schedule run {MAINTENANCE}'"
        raise UnknownNameError(f"no report of preventive maintenance is kept yet; {advice}")

    def this_month(self) -> str:
        """Return the month that it is."""
        return month_of(self._clock.instant(), DOUALA)

    def standing(self) -> tuple[Standing, ...]:
        """Return all schedules, with their last run and when they are due next."""
        own = (_backup_standing(self._backups),) if self._backups else ()
        return (*own, *self.runner.standing(self._clock.instant()))

    def start(self, name: str) -> datetime:
        """Begin a job in a thread of its own, and return when.

        Raises UnknownNameError, and SanagaError while the job is at work already.
        """
        self.runner.job(name)
        with self._guard:
            if name in self._busy:
                raise SanagaError(f"{name} is at work already; 'sanaga schedule list' tells")
            self._busy.add(name)
        now = self._clock.instant()
        Thread(target=self._run, args=(name, now), name=f"schedule-{name}", daemon=True).start()
        return now

    def _run(self, name: str, now: datetime) -> None:
        try:
            self.runner.run(name, now)
        except DBAPIError as error:
            _log.error("the schedule %s is not noted: %s", name, words_of(error))
        finally:
            with self._guard:
                self._busy.discard(name)


def _backup_standing(backups: DailyBackups) -> Standing:
    """Return how the daily backups stand; its report is the file that the last one made."""
    last, next_s = backups.last(), backups.next_due().timestamp()
    if last is None:
        return Standing(BACKUP, None, next_s)
    at_s = last.when.timestamp()
    outcome = DONE if last.good else f"{FAILED}{last.fault}"
    return Standing(BACKUP, Run(BACKUP, at_s, at_s, at_s, outcome, last.file), next_s)
