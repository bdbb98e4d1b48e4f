"""The record of applied plans: a row before each act, completed after it, in SQLite.

What the journal says decides how an interrupted apply ends, so every write is on the disk
before the call returns (WAL, synchronous=FULL).
"""

import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Final, Literal, TypeAlias

from controller.clock import Clock, SystemClock
from controller.store.lock import held
from controller.store.schema import MIGRATIONS, VERSION
from inventory.errors import JournalError, UnknownNameError
from inventory.model import DeviceName

FILE: Final = "journal.sqlite"
LOCK: Final = "lock"
APPLICATION_ID: Final = 0x5A4E4741
Decision: TypeAlias = Literal["confirm", "rollback"]


@dataclass(frozen=True, slots=True)
class Opening:
    """What is written down when an apply begins.

    plan is its JSON body without the texts, texts everything it refers to by fingerprint,
    deadline the time (seconds since 1970) at which the last dead-man timer has fired.
    """

    plan_id: str
    network: str
    plan: str
    texts: Mapping[str, str]
    devices: Mapping[DeviceName, tuple[str, str]]
    intent: str | None
    deadline: float


@dataclass(frozen=True, slots=True)
class Entry:
    """An apply as the journal knows it; instants are ISO 8601, deadline seconds since 1970.

    held: all was verified, and it waits, or waited, for a person to confirm it.
    """

    id: int
    plan_id: str
    network: str
    started: str
    deadline: float
    held: bool
    decision: Decision | None
    because: str
    outcome: str | None
    finished: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """One act on one device; finished and became are None while it may be half done."""

    device: DeviceName
    act: str
    was: str
    became: str | None
    started: str
    finished: str | None


class Journal:
    """The journal in a state folder; safe for use by several threads."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, clock: Clock) -> None:
        self.folder = folder
        self._connection = connection
        self._clock = clock
        self._guard = RLock()

    @classmethod
    def open(cls, folder: Path, *, clock: Clock | None = None) -> "Journal":
        """Open the journal of a state folder and bring it to the current version.

        Raises JournalError when it is damaged, foreign, newer than this program or not ours
        to write.
        """
        file = folder / FILE
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_private(folder)
            file.touch(mode=0o600, exist_ok=True)
            connection = _connected(file)
        except (OSError, sqlite3.OperationalError) as error:
            raise JournalError(
                f"{file}: cannot be opened ({error}); check that the folder is yours to write, "
                "or choose another one with SANAGA_STATE_DIR"
            ) from error
        except sqlite3.DatabaseError as error:
            raise JournalError(_damaged(file, error)) from error
        return cls(folder, connection, clock or SystemClock())

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def lock(self) -> AbstractContextManager[None]:
        """Return the lock under which alone devices are changed.

        Entering it raises JournalError when another process holds it.
        """
        return held(self.folder / LOCK, self._clock.instant())

    def begin(self, opening: Opening) -> int:
        """Write down that an apply begins and return its number."""
        values = (
            opening.plan_id,
            opening.network,
            opening.plan,
            opening.intent,
            self._now(),
            opening.deadline,
        )
        with self._write() as db:
            db.executemany(
                "INSERT OR IGNORE INTO texts (fingerprint, text) VALUES (?, ?)",
                opening.texts.items(),
            )
            row = db.execute(
                "INSERT INTO applies (plan_id, network, plan, intent, started, deadline)"
                " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
                values,
            ).fetchone()
            db.executemany(
                "INSERT INTO configs (apply, device, before, after) VALUES (?, ?, ?, ?)",
                [(row["id"], device, *pair) for device, pair in opening.devices.items()],
            )
        return int(row["id"])

    def intend(self, apply_id: int, device: DeviceName, act: str, was: str) -> int:
        """Write down that an act is about to happen and return the number of the step."""
        with self._write() as db:
            row = db.execute(
                "INSERT INTO steps (apply, device, act, was, started) VALUES (?, ?, ?, ?, ?)"
                " RETURNING id",
                (apply_id, device, act, was, self._now()),
            ).fetchone()
        return int(row["id"])

    def done(self, step: int, became: str) -> None:
        """Write down how an act ended."""
        with self._write() as db:
            db.execute(
                "UPDATE steps SET became = ?, finished = ? WHERE id = ?",
                (became, self._now(), step),
            )

    def hold(self, apply_id: int, deadline: float) -> None:
        """Write down that all is verified and a person is to confirm it before all timers end."""
        with self._write() as db:
            db.execute(
                "UPDATE applies SET held = 1, deadline = ? WHERE id = ?", (deadline, apply_id)
            )

    def extend(self, apply_id: int, deadline: float) -> None:
        """Write down that timers run until then (seconds since 1970), if that is later."""
        with self._write() as db:
            db.execute(
                "UPDATE applies SET deadline = max(deadline, ?) WHERE id = ?", (deadline, apply_id)
            )

    def decide(self, apply_id: int, decision: Decision, because: str) -> None:
        """Write down how the apply must end, whatever happens to this process from now on.

        A decision to confirm may turn into one to roll back, never the other way.
        """
        with self._write() as db:
            changed = db.execute(
                "UPDATE applies SET decision = ?, because = ?, decided = ? WHERE id = ?"
                " AND outcome IS NULL AND decision IS NOT 'rollback'",
                (decision, because, self._now(), apply_id),
            ).rowcount
        if not changed and decision == "confirm":
            raise JournalError(f"apply {apply_id} was already decided; see 'sanaga history'")

    def finish(self, apply_id: int, outcome: str, because: str) -> None:
        """Write down that the apply is over; nothing is pending on any device."""
        with self._write() as db:
            db.execute(
                "UPDATE applies SET outcome = ?, because = ?, finished = ? WHERE id = ?",
                (outcome, because, self._now(), apply_id),
            )

    def unfinished(self) -> tuple[Entry, ...]:
        """Return the applies that are not over, oldest first."""
        return tuple(e for e in reversed(self.history()) if e.outcome is None)

    def history(self) -> tuple[Entry, ...]:
        """Return all applies, newest first."""
        rows = self._read(
            "SELECT id, plan_id, network, started, deadline, held, decision, because, outcome,"
            " finished FROM applies ORDER BY id DESC"
        )
        return tuple(Entry(**{**row, "held": bool(row["held"])}) for row in map(dict, rows))

    def entry(self, apply_id: int) -> Entry:
        """Return one apply; UnknownNameError when there is none of that number."""
        found = (entry for entry in self.history() if entry.id == apply_id)
        if (entry := next(found, None)) is None:
            raise UnknownNameError(f"no apply has the number {apply_id}; see 'sanaga history'")
        return entry

    def plan(self, apply_id: int) -> tuple[str, Mapping[str, str]]:
        """Return an apply's plan: its JSON body and the texts that body refers to."""
        self.entry(apply_id)
        row = self._read("SELECT plan, intent FROM applies WHERE id = ?", apply_id)[0]
        texts = self._read(
            "SELECT fingerprint, text FROM texts WHERE fingerprint = ? OR fingerprint IN"
            " (SELECT before FROM configs WHERE apply = ?"
            " UNION SELECT after FROM configs WHERE apply = ?)",
            row["intent"],
            apply_id,
            apply_id,
        )
        return row["plan"], {text["fingerprint"]: text["text"] for text in texts}

    def configs(self, apply_id: int) -> Mapping[DeviceName, tuple[str, str]]:
        """Return every changed device's configuration before and after an apply."""
        rows = self._read(
            "SELECT c.device, b.text AS before, a.text AS after FROM configs c"
            " JOIN texts b ON b.fingerprint = c.before JOIN texts a ON a.fingerprint = c.after"
            " WHERE c.apply = ? ORDER BY c.device",
            apply_id,
        )
        return {row["device"]: (row["before"], row["after"]) for row in rows}

    def steps(self, apply_id: int) -> tuple[Step, ...]:
        """Return an apply's acts in the order they were begun."""
        rows = self._read(
            "SELECT device, act, was, became, started, finished FROM steps WHERE apply = ?"
            " ORDER BY id",
            apply_id,
        )
        return tuple(Step(**dict(row)) for row in rows)

    def last_intent(self, network: str) -> tuple[str, str] | None:
        """Return the last confirmed plan's body and the JSON of the intent that it leads to.

        None where there is none, or where an apply since then left devices differing.
        """
        rows = self._read(
            "SELECT a.plan, a.outcome, t.text FROM applies a"
            " LEFT JOIN texts t ON t.fingerprint = a.intent"
            " WHERE a.network = ? AND a.outcome IN ('confirmed', 'differs')"
            " ORDER BY a.id DESC LIMIT 1",
            network,
        )
        for row in rows:
            if row["outcome"] == "confirmed" and row["text"] is not None:
                return row["plan"], row["text"]
        return None

    def _now(self) -> str:
        return _iso(self._clock.instant())

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._guard, self._explained(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection

    def _read(self, query: str, *values: object) -> list[sqlite3.Row]:
        with self._guard, self._explained(), closing(self._connection.cursor()) as cursor:
            return cursor.execute(query, values).fetchall()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        file = self.folder / FILE
        try:
            yield
        except sqlite3.OperationalError as error:
            raise JournalError(
                f"{file}: {error}; check the disk's free space and who else uses the file"
            ) from error
        except sqlite3.DatabaseError as error:
            raise JournalError(_damaged(file, error)) from error


def _check_private(folder: Path) -> None:
    """Refuse a folder in which another user could put a journal or a link of their own."""
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise JournalError(
            f"{folder}: others may write there; give it to yourself alone (chown, chmod 700), or "
            "choose another one with SANAGA_STATE_DIR"
        )


def _connected(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=10)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA trusted_schema = OFF")
        _check_ours(file, connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_ours(file: Path, connection: sqlite3.Connection) -> None:
    version = _pragma(connection, "user_version")
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if tables and _pragma(connection, "application_id") != APPLICATION_ID:
        raise JournalError(f"{file}: is another program's database; choose another state folder")
    if version > VERSION:
        raise JournalError(
            f"{file}: was written by a newer sanaga (version {version}, this one knows {VERSION}); "
            "use that one"
        )
    if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
        raise sqlite3.DatabaseError("its pages do not fit together")


def _migrate(connection: sqlite3.Connection) -> None:
    if _pragma(connection, "user_version") == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    # Read again: another process may have migrated before we had the write lock.
    for version in range(_pragma(connection, "user_version"), VERSION):
        for statement in MIGRATIONS[version]:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _damaged(file: Path, error: sqlite3.DatabaseError) -> str:
    return (
        f"{file}: is damaged ({error}); put back a copy, or move the file away to begin a new "
        "journal, after making sure with 'sanaga plan' that no apply was under way"
    )


def _iso(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds")
