"""Upkeep of a running service: edges that are let in, daily backups, logs of databases."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from controller.backups.daily import DailyBackups
from controller.load import Loaded, load
from controller.schedules.own_faults import OwnFaults
from controller.service.edge_reports import EdgeReports
from database.write_log import cut_log
from inventory.errors import SanagaError
from inventory.intent import EDGE_KEYS

ADMIT_S: Final = 1.0
BACKUP_S: Final = 60.0
LOG_S: Final = 60.0
_log: Final = logging.getLogger(__name__)


class Admission:
    """Which edges may report: those of the intent as it is written now, without revoked keys."""

    def __init__(
        self, loaded: Loaded, edges: EdgeReports, revoked: Callable[[], frozenset[str]]
    ) -> None:
        self._intent, self._folder = loaded.intent, loaded.folder
        self._edges, self._revoked = edges, revoked
        self._written = _written(loaded.folder)
        self._known = revoked()
        edges.admit(self._intent, self._known)

    async def step(self) -> None:
        """Look again, and end the connections of edges that are not let in any more."""
        if await asyncio.to_thread(self._look):
            self._edges.admit(self._intent, self._known)
            await self._edges.listener.recheck()

    def _look(self) -> bool:
        revoked, written = self._revoked(), _written(self._folder)
        changed = revoked != self._known
        if written != self._written:
            self._written = written
            changed = self._read_again() or changed
        self._known = revoked
        return changed

    def _read_again(self) -> bool:
        try:
            self._intent = load(self._folder).intent
        except SanagaError as error:
            _log.warning("the keys of edges stay as they were: %s", error)
            return False
        return True


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What is done again and again; leading says whether backups are this controller's to make."""

    admission: Admission
    backups: DailyBackups
    leading: Callable[[], bool]
    engines: tuple[Engine, ...]
    say: Callable[[str], None]
    faults: OwnFaults

    async def run(self, stop: asyncio.Event) -> None:
        """Do everything in turn until told to stop."""
        if (standing := self.backups.standing()).startswith("off: "):
            self.say(f"no daily backups are made; {standing.removeprefix('off: ')}")
        await asyncio.gather(
            _repeat(stop, ADMIT_S, self.admission.step),
            _repeat(stop, BACKUP_S, self._back_up),
            _repeat(stop, LOG_S, self._cut_logs),
        )

    async def _back_up(self) -> None:
        if self.leading():
            await asyncio.to_thread(self._back_up_now)

    def _back_up_now(self) -> None:
        self.backups.step(self.say)
        if self.backups.on:
            self.faults.heed_backup(self.backups.last())

    async def _cut_logs(self) -> None:
        for engine in self.engines:
            if fault := await asyncio.to_thread(cut_log, engine):
                _log.warning("%s", fault)


def _written(folder: Path) -> tuple[int, int] | None:
    """Return what changes when the file of edges' keys is written."""
    try:
        found = (folder / EDGE_KEYS).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


async def _repeat(stop: asyncio.Event, every_s: float, act: Callable[[], Awaitable[None]]) -> None:
    while not stop.is_set():
        try:
            await act()
        except Exception:  # noqa: BLE001 - the next time may be well
            _log.exception("upkeep failed; it is done again")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), every_s)
