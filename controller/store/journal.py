"""The record of applied plans: a row before each act, completed after it, in SQLite.

What the journal says decides how an interrupted apply ends, so every write is on the disk
before the call returns (rollback journal, synchronous=FULL).
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, TypeAlias

from controller.clock import Clock, SystemClock
from controller.store.database import Database, DatabaseKind
from controller.store.journal_schema import MIGRATIONS
from controller.store.lock import held
from inventory.errors import JournalError, UnknownNameError
from inventory.model import DeviceName

FILE: Final = "journal.sqlite"
LOCK: Final = "lock"
KIND: Final = DatabaseKind(
    application_id=0x5A4E4741,
    migrations=MIGRATIONS,
    error=JournalError,
    when_damaged="put back a copy, or move the file away to begin a new journal, after making sure "
    "with 'sanaga plan' that no apply was under way",
)
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
class ApplyRecord:
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
class JournalStep:
    """One act on one device; finished and became are None while it may be half done."""

    device: DeviceName
    act: str
    was: str
    became: str | None
    started: str
    finished: str | None


class Journal:
    """The journal in a state folder; safe for use by several threads."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.folder = database.file.parent
        self._database = database
        self._clock = clock

    @classmethod
    def open(cls, folder: Path, *, clock: Clock | None = None) -> "Journal":
        """Open the journal of a state folder and bring it to the current version.

        Raises JournalError when it is damaged, foreign, newer than this program or not ours
        to write.
        """
        return cls(Database.open(folder / FILE, KIND), clock or SystemClock())

    def close(self) -> None:
        """Close the file."""
        self._database.close()

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
        with self._database.write() as db:
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
        with self._database.write() as db:
            row = db.execute(
                "INSERT INTO steps (apply, device, act, was, started) VALUES (?, ?, ?, ?, ?)"
                " RETURNING id",
                (apply_id, device, act, was, self._now()),
            ).fetchone()
        return int(row["id"])

    def done(self, step: int, became: str) -> None:
        """Write down how an act ended."""
        with self._database.write() as db:
            db.execute(
                "UPDATE steps SET became = ?, finished = ? WHERE id = ?",
                (became, self._now(), step),
            )

    def hold(self, apply_id: int, deadline: float) -> None:
        """Write down that all is verified and a person is to confirm it before all timers end."""
        with self._database.write() as db:
            db.execute(
                "UPDATE applies SET held = 1, deadline = ? WHERE id = ?", (deadline, apply_id)
            )

    def extend(self, apply_id: int, deadline: float) -> None:
        """Write down that timers run until then (seconds since 1970), if that is later."""
        with self._database.write() as db:
            db.execute(
                "UPDATE applies SET deadline = max(deadline, ?) WHERE id = ?", (deadline, apply_id)
            )

    def decide(self, apply_id: int, decision: Decision, because: str) -> None:
        """Write down how the apply must end, whatever happens to this process from now on.

        A decision to confirm may turn into one to roll back, never the other way.
        """
        with self._database.write() as db:
            changed = db.execute(
                "UPDATE applies SET decision = ?, because = ?, decided = ? WHERE id = ?"
                " AND outcome IS NULL AND decision IS NOT 'rollback'",
                (decision, because, self._now(), apply_id),
            ).rowcount
        if not changed and decision == "confirm":
            raise JournalError(f"apply {apply_id} was already decided; see 'sanaga history'")

    def finish(self, apply_id: int, outcome: str, because: str) -> None:
        """Write down that the apply is over; nothing is pending on any device."""
        with self._database.write() as db:
            db.execute(
                "UPDATE applies SET outcome = ?, because = ?, finished = ? WHERE id = ?",
                (outcome, because, self._now(), apply_id),
            )

    def unfinished(self) -> tuple[ApplyRecord, ...]:
        """Return the applies that are not over, oldest first."""
        return tuple(e for e in reversed(self.history()) if e.outcome is None)

    def history(self) -> tuple[ApplyRecord, ...]:
        """Return all applies, newest first."""
        rows = self._database.read(
            "SELECT id, plan_id, network, started, deadline, held, decision, because, outcome,"
            " finished FROM applies ORDER BY id DESC"
        )
        return tuple(ApplyRecord(**{**row, "held": bool(row["held"])}) for row in map(dict, rows))

    def entry(self, apply_id: int) -> ApplyRecord:
        """Return one apply; UnknownNameError when there is none of that number."""
        found = (entry for entry in self.history() if entry.id == apply_id)
        if (entry := next(found, None)) is None:
            raise UnknownNameError(f"no apply has the number {apply_id}; see 'sanaga history'")
        return entry

    def plan(self, apply_id: int) -> tuple[str, Mapping[str, str]]:
        """Return an apply's plan: its JSON body and the texts that body refers to."""
        self.entry(apply_id)
        row = self._database.read("SELECT plan, intent FROM applies WHERE id = ?", apply_id)[0]
        texts = self._database.read(
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
        rows = self._database.read(
            "SELECT c.device, b.text AS before, a.text AS after FROM configs c"
            " JOIN texts b ON b.fingerprint = c.before JOIN texts a ON a.fingerprint = c.after"
            " WHERE c.apply = ? ORDER BY c.device",
            apply_id,
        )
        return {row["device"]: (row["before"], row["after"]) for row in rows}

    def steps(self, apply_id: int) -> tuple[JournalStep, ...]:
        """Return an apply's acts in the order they were begun."""
        rows = self._database.read(
            "SELECT device, act, was, became, started, finished FROM steps WHERE apply = ?"
            " ORDER BY id",
            apply_id,
        )
        return tuple(JournalStep(**dict(row)) for row in rows)

    def last_intent(self, network: str) -> tuple[str, str] | None:
        """Return the last confirmed plan's body and the JSON of the intent that it leads to.

        None where there is none, or where an apply since then left devices differing.
        """
        rows = self._database.read(
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

    def recorded_intents(self, network: str, most: int) -> tuple[str, ...]:
        """Return the JSON of the last different intents that a network followed, newest first."""
        rows = self._database.read(
            "SELECT t.text FROM applies a JOIN texts t ON t.fingerprint = a.intent"
            " WHERE a.network = ? AND (a.outcome IS NULL OR a.outcome IN ('confirmed', 'differs'))"
            " GROUP BY a.intent ORDER BY max(a.id) DESC LIMIT ?",
            network,
            most,
        )
        return tuple(row["text"] for row in rows)

    def _now(self) -> str:
        return _iso(self._clock.instant())


def _iso(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds")
