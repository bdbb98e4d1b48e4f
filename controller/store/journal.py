"""The record of applied plans: a row before each act, completed after it.

What the journal says decides how an interrupted apply ends, so every write is on the disk
before the call returns.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, TypeAlias

from sqlalchemy import and_, func, insert, or_, select, update

from controller.clock import Clock, SystemClock
from controller.store.database import LOCK, Database
from controller.store.lock import held, held_everywhere
from controller.store.schema import applies, apply_configs, apply_steps, plan_texts
from database.rows import execute_many, next_number, upsert
from inventory.errors import JournalError, UnknownNameError
from inventory.model import DeviceName

Decision: TypeAlias = Literal["confirm", "rollback"]
# Outcomes after which devices run what an intent led to, or were meant to.
_LEFT_AS_PLANNED: Final = ("confirmed", "differs")


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
        self.folder = database.place.folder
        self._database = database
        self._clock = clock

    @classmethod
    def open(cls, folder: Path, *, clock: Clock | None = None) -> "Journal":
        """Open the journal of a state folder and bring it to the current version.

        Raises JournalError when it is damaged, foreign, newer than this program or not ours
        to write.
        """
        return cls(Database.open(folder, JournalError), clock or SystemClock())

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock under which alone devices are changed while a block runs.

        Raises JournalError when another process holds it, on any machine that shares the database.
        """
        with (
            held(self.folder / LOCK, self._clock.instant()),
            held_everywhere(self._database.engine),
        ):
            yield

    def begin(self, opening: Opening) -> int:
        """Write down that an apply begins and return its number."""
        with self._database.write() as db:
            there = upsert(db, plan_texts).on_conflict_do_nothing()
            texts = opening.texts.items()
            execute_many(db, there, ({"fingerprint": f, "text": text} for f, text in texts))
            number = next_number(db, applies.c.id)
            row = {
                "id": number,
                "plan_id": opening.plan_id,
                "network": opening.network,
                "plan": opening.plan,
                "intent": opening.intent,
                "started": self._now(),
                "deadline": opening.deadline,
                "held": False,
                "because": "",
            }
            db.execute(insert(applies).values(row))
            configs = (
                {"apply": number, "device": device, "before": before, "after": after}
                for device, (before, after) in opening.devices.items()
            )
            execute_many(db, insert(apply_configs), configs)
        return number

    def intend(self, apply_id: int, device: DeviceName, act: str, was: str) -> int:
        """Write down that an act is about to happen and return the number of the step."""
        with self._database.write() as db:
            number = next_number(db, apply_steps.c.id)
            begun = {"apply": apply_id, "device": device, "act": act, "was": was}
            db.execute(insert(apply_steps).values(id=number, started=self._now(), **begun))
        return number

    def done(self, step: int, became: str) -> None:
        """Write down how an act ended."""
        with self._database.write() as db:
            ended = update(apply_steps).where(apply_steps.c.id == step)
            db.execute(ended.values(became=became, finished=self._now()))

    def hold(self, apply_id: int, deadline: float) -> None:
        """Write down that all is verified and a person is to confirm it before all timers end."""
        with self._database.write() as db:
            one = update(applies).where(applies.c.id == apply_id)
            db.execute(one.values(held=True, deadline=deadline))

    def extend(self, apply_id: int, deadline: float) -> None:
        """Write down that timers run until then (seconds since 1970), if that is later."""
        with self._database.write() as db:
            earlier = (applies.c.id == apply_id) & (applies.c.deadline < deadline)
            db.execute(update(applies).where(earlier).values(deadline=deadline))

    def decide(self, apply_id: int, decision: Decision, because: str) -> None:
        """Write down how the apply must end, whatever happens to this process from now on.

        A decision to confirm may turn into one to roll back, never the other way.
        """
        open_still = and_(
            applies.c.id == apply_id,
            applies.c.outcome.is_(None),
            or_(applies.c.decision.is_(None), applies.c.decision != "rollback"),
        )
        with self._database.write() as db:
            one = update(applies).where(open_still)
            decided = {"decision": decision, "because": because, "decided": self._now()}
            changed = db.execute(one.values(decided)).rowcount
        if not changed and decision == "confirm":
            raise JournalError(f"apply {apply_id} was already decided; see 'sanaga history'")

    def finish(self, apply_id: int, outcome: str, because: str) -> None:
        """Write down that the apply is over; nothing is pending on any device."""
        with self._database.write() as db:
            one = update(applies).where(applies.c.id == apply_id)
            db.execute(one.values(outcome=outcome, because=because, finished=self._now()))

    def unfinished(self) -> tuple[ApplyRecord, ...]:
        """Return the applies that are not over, oldest first."""
        return tuple(e for e in reversed(self.history()) if e.outcome is None)

    def history(self) -> tuple[ApplyRecord, ...]:
        """Return all applies, newest first."""
        fields = [applies.c[name] for name in ApplyRecord.__slots__]
        rows = self._database.read(select(*fields).order_by(applies.c.id.desc()))
        return tuple(ApplyRecord(**row._asdict()) for row in rows)

    def devices(self, apply_id: int | None = None) -> Mapping[int, frozenset[DeviceName]]:
        """Return the devices that each apply changes, by its number; of one apply if named."""
        found: dict[int, set[DeviceName]] = {}
        own = apply_configs.c
        wanted = select(own.apply, own.device)
        if apply_id is not None:
            wanted = wanted.where(own.apply == apply_id)
        for row in self._database.read(wanted):
            found.setdefault(row.apply, set()).add(row.device)
        return {number: frozenset(names) for number, names in found.items()}

    def entry(self, apply_id: int) -> ApplyRecord:
        """Return one apply; UnknownNameError when there is none of that number."""
        found = (entry for entry in self.history() if entry.id == apply_id)
        if (entry := next(found, None)) is None:
            raise UnknownNameError(f"no apply has the number {apply_id}; see 'sanaga history'")
        return entry

    def plan(self, apply_id: int) -> tuple[str, Mapping[str, str]]:
        """Return an apply's plan: its JSON body and the texts that body refers to."""
        self.entry(apply_id)
        wanted = select(applies.c.plan, applies.c.intent).where(applies.c.id == apply_id)
        row = self._database.read(wanted)[0]
        own, text = apply_configs.c, plan_texts.c
        named = [
            select(side).where(own.apply == apply_id).scalar_subquery()
            for side in (own.before, own.after)
        ]
        needed = or_(text.fingerprint == row.intent, *(text.fingerprint.in_(n) for n in named))
        texts = self._database.read(select(plan_texts).where(needed))
        return row.plan, {text.fingerprint: text.text for text in texts}

    def configs(self, apply_id: int) -> Mapping[DeviceName, tuple[str, str]]:
        """Return every changed device's configuration before and after an apply."""
        own, before, after = apply_configs.c, plan_texts.alias(), plan_texts.alias()
        wanted = (
            select(own.device, before.c.text.label("before"), after.c.text.label("after"))
            .select_from(apply_configs)
            .join(before, before.c.fingerprint == own.before)
            .join(after, after.c.fingerprint == own.after)
            .where(own.apply == apply_id)
        )
        rows = self._database.read(wanted.order_by(own.device))
        return {row.device: (row.before, row.after) for row in rows}

    def steps(self, apply_id: int) -> tuple[JournalStep, ...]:
        """Return an apply's acts in the order they were begun."""
        fields = [apply_steps.c[name] for name in JournalStep.__slots__]
        wanted = select(*fields).where(apply_steps.c.apply == apply_id)
        rows = self._database.read(wanted.order_by(apply_steps.c.id))
        return tuple(JournalStep(**row._asdict()) for row in rows)

    def last_intent(self, network: str) -> tuple[str, str] | None:
        """Return the last confirmed plan's body and the JSON of the intent that it leads to.

        None where there is none, or where an apply since then left devices differing.
        """
        wanted = (
            select(applies.c.plan, applies.c.outcome, plan_texts.c.text)
            .select_from(applies)
            .outerjoin(plan_texts, plan_texts.c.fingerprint == applies.c.intent)
            .where(applies.c.network == network, applies.c.outcome.in_(_LEFT_AS_PLANNED))
        )
        rows = self._database.read(wanted.order_by(applies.c.id.desc()).limit(1))
        for row in rows:
            if row.outcome == "confirmed" and row.text is not None:
                return row.plan, row.text
        return None

    def recorded_intents(self, network: str, most: int) -> tuple[str, ...]:
        """Return the JSON of the last different intents that a network followed, newest first."""
        followed = or_(applies.c.outcome.is_(None), applies.c.outcome.in_(_LEFT_AS_PLANNED))
        wanted = (
            select(plan_texts.c.text)
            .select_from(plan_texts)
            .join(applies, applies.c.intent == plan_texts.c.fingerprint)
            .where(applies.c.network == network, followed)
            .group_by(plan_texts.c.fingerprint, plan_texts.c.text)
            .order_by(func.max(applies.c.id).desc())
        )
        return tuple(row.text for row in self._database.read(wanted.limit(most)))

    def _now(self) -> str:
        return _iso(self._clock.instant())


def _iso(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds")
