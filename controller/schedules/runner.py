"""Runs jobs when they are due, once each whatever was missed, and by hand."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from controller.schedules.archive import Report, ReportArchive
from controller.schedules.jobs import Job
from controller.schedules.rows import Run, ScheduleRows
from inventory.errors import SanagaError, UnknownNameError

# It is listed beside the schedules, and made by the command for backups.
BACKUP: Final = "backup"
_log: Final = logging.getLogger(__name__)
DONE: Final = "done"
# How the outcome of a run begins that failed.
FAILED: Final = "failed: "
Announce = Callable[[Report], None]


@dataclass(frozen=True, slots=True)
class Standing:
    """A schedule: its last run if there was one, and when it is due next."""

    name: str
    last: Run | None
    next_s: float


class ScheduleRunner:
    """The jobs of a controller; announce is told of each report that was made."""

    def __init__(
        self,
        rows: ScheduleRows,
        archive: ReportArchive,
        jobs: Mapping[str, Job],
        announce: Announce = lambda _: None,
    ) -> None:
        self._rows, self._archive, self._jobs = rows, archive, jobs
        self._announce = announce

    def run_due(self, now: datetime) -> tuple[Run, ...]:
        """Do what is due; a schedule holds since the service first watched."""
        now_s, since_s = now.timestamp(), self._rows.watched_since()
        done = []
        for name, job in self._jobs.items():
            last = self._rows.last(name, now_s)
            known_s = last.due_s if last else (now_s if since_s is None else since_s)
            due = job.schedule.missed(_instant(known_s), now)
            if due is None and (dead := self._rows.unfinished(name, now_s)):
                due = _instant(dead.due_s)
            if due and (run := self._run(job, due, now)):
                done.append(run)
        return tuple(done)

    def run(self, name: str, now: datetime) -> Run:
        """Do a job now. Raises UnknownNameError where there is none of that name."""
        job = self.job(name)
        run = self._run(job, now, now)
        if run is None:
            raise SanagaError(f"{name}: this run has begun elsewhere; 'sanaga schedule list'")
        return run

    def job(self, name: str) -> Job:
        """Return a job. Raises UnknownNameError where there is none of that name."""
        if name not in self._jobs:
            if name == BACKUP:
                raise UnknownNameError("a backup is made now by 'sanaga backup create'")
            known = ", ".join(self._jobs)
            raise UnknownNameError(f"no schedule is called '{name}'; there are: {known}")
        return self._jobs[name]

    def standing(self, now: datetime) -> tuple[Standing, ...]:
        """Return all schedules, with their last run and when they are due next."""
        return tuple(
            Standing(
                name,
                self._rows.last(name, now.timestamp()),
                job.schedule.next_due(now).timestamp(),
            )
            for name, job in self._jobs.items()
        )

    def _run(self, job: Job, due: datetime, now: datetime) -> Run | None:
        """Do a job unless somebody else does; one that fails is tried again after an hour."""
        now_s = now.timestamp()
        run = Run(job.name, due.timestamp(), now_s, None)
        if not self._rows.claim(job.name, run.due_s, now_s):
            return None
        try:
            report = job.make(due, now)
            if report:
                self._archive.store(report)
                self._announce(report)
        except (SanagaError, OSError, SQLAlchemyError) as error:
            _log.warning("schedule %s failed: %s", job.name, error)
            run = replace(run, outcome=f"{FAILED}{error}")
        else:
            run = replace(run, ended_s=now_s, outcome=DONE, report=report.name if report else "")
        self._rows.finish(run)
        return run


def _instant(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
