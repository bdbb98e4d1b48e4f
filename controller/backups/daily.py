"""Daily backups that a service makes by itself, each rehearsed, and what is wrong with them.

A file beside the backups says of each attempt when it was, which file it made, and what failed.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from controller.backups.backup import create_backup, forget_old, verify_backup
from controller.backups.noted import RECORD, Attempt, attempts, what_is_wrong
from controller.clock import Clock
from controller.store.place import StorePlace
from controller.timetable.model import Timetable
from controller.timetable.wall_time import Schedule
from inventory.errors import SanagaError

KEPT: Final = 14
# After a failure it is tried again so soon.
AGAIN: Final = timedelta(hours=1)
SEALED_WITH: Final = "set SANAGA_PASSPHRASE, with which they are sealed"
_MOST_ATTEMPTS: Final = 60


@dataclass(frozen=True, slots=True)
class BackupRules:
    """When backups are made, and how many are kept."""

    schedule: Schedule
    keep: int = KEPT


USUAL: Final = BackupRules(Timetable().backup)


class DailyBackups:
    """Makes a backup a day, rehearses it, and forgets old ones; a step may take minutes."""

    def __init__(
        self,
        place: StorePlace,
        folder: Path,
        passphrase: str,
        clock: Clock,
        rules: BackupRules = USUAL,
    ) -> None:
        self._schedule, self._keep = rules.schedule, rules.keep
        self._place, self._folder, self._passphrase = place, folder, passphrase
        self._clock = clock
        self._known = attempts(folder)

    @property
    def on(self) -> bool:
        """Return whether backups are made: there is a passphrase to seal them with."""
        return bool(self._passphrase)

    def standing(self) -> str:
        """Return how the backups are: "ok", "off: …", "none yet", or "wrong: …" and why."""
        if not self._passphrase:
            return f"off: {SEALED_WITH}"
        if not self._known:
            return "none yet"
        wrong = what_is_wrong(self._known, self._clock.instant())
        return f"wrong: {wrong}" if wrong else "ok"

    def due(self) -> bool:
        """Return whether a backup is to be made; also after a clock that went back."""
        if not self._passphrase:
            return False
        if not self._known:
            return True
        last, now = self._known[-1], self._clock.instant()
        if not last.good or last.when > now:
            return not timedelta() <= now - last.when < AGAIN
        return self._schedule.missed(last.when, now) is not None

    def last(self) -> Attempt | None:
        """Return the last attempt, None before the first."""
        return self._known[-1] if self._known else None

    def next_due(self) -> datetime:
        """Return when a backup is made next, unless the last one failed."""
        return self._schedule.next_due(self._clock.instant())

    def step(self, say: Callable[[str], None]) -> None:
        """Make a backup if one is due, restore it where nothing stays, and say how that went."""
        if not self.due():
            return
        one = self._attempt()
        self._known = (*self._known, one)[-_MOST_ATTEMPTS:]
        file = self._folder / (one.file or "")
        if one.good:
            forget_old(self._folder, self._keep)
            say(f"{file}: backup is made, and was restored in a rehearsal")
        else:
            say(f"backup failed, it is tried again in an hour: {one.fault}")
        self._write()

    def _attempt(self) -> Attempt:
        now, file = self._clock.instant(), ""
        at = now.isoformat(timespec="seconds")
        try:
            made, _ = create_backup(self._place, self._folder, self._passphrase, now)
            file = made.name
            verify_backup(made, self._place, self._passphrase)
        except (SanagaError, OSError) as error:
            return Attempt(at, file, str(error))
        return Attempt(at, file)

    def _write(self) -> None:
        record = self._folder / RECORD
        part = record.with_name(f"{RECORD}.part")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.write_text(json.dumps([asdict(one) for one in self._known]), encoding="utf-8")
            part.replace(record)
        except OSError:
            # What cannot be noted is still known to this process.
            return
