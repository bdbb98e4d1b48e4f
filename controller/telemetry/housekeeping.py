"""Upkeep of stored telemetry: packing by the hour, dropping by the day, and a full disk.

A reserve file beside the database is given up when the disk is full, so that dropping, packing and
the checkpoint have room. Nothing is taken in until the reserve is there again.
"""

import logging
import os
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError, OperationalError

from controller.clock import EARLIEST_UNIX_S, Clock
from controller.telemetry.series import Series
from database.faults import Fault, fault_of

RESERVE_OCTETS: Final = 16 * 1024 * 1024
# What must be free besides a reserve before telemetry is taken in again.
_SPARE_OCTETS: Final = 16 * 1024 * 1024
# After an hour is over, its last batches are waited for.
_GRACE_S: Final = 120
_ROUND_S: Final = 300
# Between two steps of packing others come to their turn.
_REST_S: Final = 0.02
_AFTER_FAULT_S: Final = 5.0
_log: Final = logging.getLogger(__name__)


class Reserve:
    """A file that keeps room on the disk of a database."""

    def __init__(self, file: Path, octets: int = RESERVE_OCTETS) -> None:
        self._file = file
        self._octets = octets

    def hold(self) -> bool:
        """Have the room, if the disk has it and something to spare; return whether it does."""
        if self._file.exists() and self._file.stat().st_size >= self._octets:
            return True
        disk = os.statvfs(self._file.parent)
        if disk.f_bavail * disk.f_frsize < self._octets + _SPARE_OCTETS:
            return False
        try:
            self._allocate()
        except OSError:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Give the room up."""
        self._file.unlink(missing_ok=True)

    def _allocate(self) -> None:
        with self._file.open("wb") as opened:
            os.posix_fallocate(opened.fileno(), 0, self._octets)


class Housekeeping:
    """Packs and drops in small steps; the thread of the intake calls it between commits."""

    def __init__(self, series: Series, clock: Clock, reserve: Reserve | None = None) -> None:
        self._series = series
        self._clock = clock
        self._reserve = reserve
        self._due: deque[int] = deque()
        self._expired: deque[str] = deque()
        self._round_at = self._rest_until = 0.0

    def hindrance(self) -> str:
        """Return why nothing may be stored now: the disk has no room, or the clock is not set.

        What was filed under 1970 would be dropped as old once the clock is right.
        """
        now = self._clock.instant()
        if now.timestamp() < EARLIEST_UNIX_S:
            return f"this machine's clock says {now:%Y-%m-%d}; set it"
        if self._reserve is None or self._reserve.hold():
            return ""
        return "the disk has too little room; free some"

    def relieve(self, error: OperationalError) -> None:
        """Make room if the disk is full."""
        if fault_of(error) is not Fault.FULL or self._reserve is None:
            return
        self._reserve.release()
        _log.error("the disk is full; the reserve was given up, old telemetry is dropped")
        with suppress(DBAPIError):
            self._begin_round()

    def step(self, *, busy: bool) -> None:
        """Do one step of what is due: drop a table, or pack some batches of one spool."""
        now = self._clock.now()
        if now < self._rest_until or busy:
            return
        self._rest_until = now + _AFTER_FAULT_S
        if now >= self._round_at and not self._due:
            self._begin_round()
        if self._expired:
            self._series.drop(self._expired.popleft())
        elif self._due:
            self._pack(self._due.popleft())
        self._rest_until = self._clock.now() + _REST_S

    def _begin_round(self) -> None:
        unix_s = self._clock.instant().timestamp()
        self._round_at = self._clock.now() + _ROUND_S
        self._expired.extend(self._series.expired(unix_s))
        # Within the grace the hour that has just ended is not packed yet.
        self._due.extend(self._series.due(unix_s - _GRACE_S))

    def _pack(self, spool: int) -> None:
        unix_s = self._clock.instant().timestamp()
        if self._series.pack(spool, unix_s):
            self._due.appendleft(spool)
