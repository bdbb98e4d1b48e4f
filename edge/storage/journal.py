"""Journal of decisions, repairs and requests, one JSON object per line, newest last.

Two files of bounded size; a disk that takes nothing stops the journal, never the daemon.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from edge.clock import rfc3339
from inventory.errors import EdgeError

FILE: Final = "decisions.jsonl"
_OLDER: Final = "decisions.1.jsonl"
LARGEST: Final = 2_000_000

Kind: TypeAlias = Literal[
    "decision", "repair", "policy", "fault", "daemon", "call", "people", "keys"
]
# Writes a sentence of a kind into the journal.
Note: TypeAlias = Callable[[Kind, str], None]


@dataclass(frozen=True, slots=True)
class JournalRecord:
    """One thing that happened; what is a sentence. Only a decision has the fields after it."""

    unix_s: float
    kind: Kind
    what: str
    peer: str = ""
    service: str = ""
    path: str | None = None
    second: str | None = None
    before: str | None = None

    def plain(self) -> dict[str, object]:
        """Return the entry as JSON knows it, with the time as RFC 3339 has it."""
        fields: dict[str, object] = {
            "at": rfc3339(self.unix_s),
            "kind": self.kind,
            "what": self.what,
        }
        if self.kind == "decision":
            own = asdict(self)
            fields |= {key: own[key] for key in ("peer", "service", "path", "second", "before")}
        return fields


class DecisionJournal:
    """The journal of one folder; fault says why the last write failed, if it did."""

    def __init__(self, folder: Path, *, largest: int = LARGEST) -> None:
        self._file = folder / FILE
        self._older = folder / _OLDER
        self._largest = largest
        self.fault = ""

    def write(self, entries: tuple[JournalRecord, ...]) -> None:
        """Add entries; on a disk that takes nothing only fault is set."""
        if not entries:
            return
        lines = "".join(json.dumps(entry.plain(), ensure_ascii=False) + "\n" for entry in entries)
        try:
            self._rotate()
            with self._file.open("a", encoding="utf-8") as file:
                file.write(lines)
        except OSError as error:
            self.fault = f"{self._file.name}: {error.strerror}"
        else:
            self.fault = ""

    def _rotate(self) -> None:
        if self._file.exists() and self._file.stat().st_size >= self._largest:
            self._file.replace(self._older)


def read_journal(folder: Path) -> Iterator[Mapping[str, object]]:
    """Yield the entries of a folder, oldest first; torn lines are passed over. Raises OSError."""
    for name in (_OLDER, FILE):
        path = folder / name
        if path.exists():
            with path.open(encoding="utf-8", errors="replace") as file:
                yield from filter(None, map(_entry, file))


def _entry(line: str) -> Mapping[str, object] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def in_words(error: EdgeError | OSError) -> str:
    """Return what went wrong, as the journal has it."""
    if isinstance(error, OSError):
        return f"{error.filename or 'the disk'}: {error.strerror or error}"
    return str(error)
