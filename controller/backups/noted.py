"""What is known of backups: their files, and what a service noted of its attempts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

SUFFIX: Final = ".sanaga-backup"
RECORD: Final = "backups.json"
# The folder of backups in a state folder, where no other is named.
BACKUPS: Final = "backups"
# The folder of reports in a state folder, whose files are in a backup too.
REPORTS: Final = "reports"
# The last good backup may be so old before somebody is to look.
OLDEST: Final = timedelta(days=2)
NO_TELEMETRY: Final = (
    "telemetry.sqlite is in no backup: it is large, and edges measure and report anew"
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt (ISO 8601): the file that it made, and what failed; empty if all went well."""

    at: str
    file: str = ""
    fault: str = ""

    @property
    def when(self) -> datetime:
        """Return when it was."""
        return datetime.fromisoformat(self.at)

    @property
    def good(self) -> bool:
        """Return whether it made a backup that was restored in a rehearsal."""
        return bool(self.file) and not self.fault


def attempts(folder: Path) -> tuple[Attempt, ...]:
    """Return what a service noted in a folder of backups, oldest first; nothing if unreadable."""
    try:
        written = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return tuple(Attempt(**one) for one in written)
    except (OSError, ValueError, TypeError):
        return ()


def what_is_wrong(known: Sequence[Attempt], now: datetime) -> str:
    """Return why somebody is to look at the backups, nothing if all is well."""
    good = [one for one in known if one.good]
    if known and known[-1].fault:
        return f"the last backup failed: {known[-1].fault}"
    if not good:
        return "no backup was made yet"
    if now - good[-1].when > OLDEST:
        return f"the last good backup is of {good[-1].at}, more than {OLDEST.days} days ago"
    return ""


def list_backups(folder: Path) -> list[dict[str, str | int]]:
    """Return the backups of a folder, the newest first, with what a service noted of each."""
    known = {one.file: one for one in attempts(folder)}
    files = sorted(folder.glob(f"sanaga-*{SUFFIX}"), reverse=True)
    return [
        {"file": file.name, "octets": file.stat().st_size, "rehearsal": _told(known.get(file.name))}
        for file in files
    ]


def _told(one: Attempt | None) -> str:
    if one is None:
        return "none by a service"
    return one.fault or f"well, {one.at}"
