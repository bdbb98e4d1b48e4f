"""Decisions on outbox entries, each recorded with its deliveries in one transaction."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from controller.channels.message import MessageKind, OutboxEntry
from controller.notices.model import DeliveryState, IncidentNow, IncidentReader
from controller.notices.recipients import (
    BEAT,
    Audience,
    Delivery,
    Memory,
    Outcome,
    PlannedStep,
    calm_time,
)
from controller.notices.schema import deliveries, notice_decisions, notice_steps, outbox
from database.engine import reading

# Numbers of rows are given before their transaction ends: a lower one may still appear.
_LATE_ROWS: Final = 1_000
_BATCH: Final = 500
# The incident of entries that belong to none, as incidents are numbered from 1.
_NONE: Final = 0
_RECHECK_S: Final = 15.0
_REPORTS: Final = (MessageKind.OPENED, MessageKind.CHANGED, MessageKind.ESCALATED)
_COUNTED: Final = (
    DeliveryState.WAITING,
    DeliveryState.CLAIMED,
    DeliveryState.SENT,
    DeliveryState.FAILED,
)


class DecisionRows:
    """The outbox as notices read it, and what was decided on it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = self._engine = engine
        self._newest = 0

    def pending(self, limit: int = _BATCH) -> list[OutboxEntry]:
        """Return outbox entries on which nothing was decided yet, the oldest first."""
        decided = select(notice_decisions.c.outbox_id).where(
            notice_decisions.c.outbox_id == outbox.c.id
        )
        query = (
            select(outbox)
            .where(outbox.c.id > self._newest - _LATE_ROWS, ~decided.exists())
            .order_by(outbox.c.id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [to_entry(row) for row in connection.execute(query)]

    def write_outbox(
        self, kind: MessageKind, dedup_key: str, payload: Mapping[str, object], now_s: float
    ) -> bool:
        """Write an entry that belongs to no incident, once; return whether it is new."""
        values = {"incident": _NONE, "kind": kind, "dedup": dedup_key}
        values |= {"created_s": now_s, "payload": payload}
        with reading(self._engine) as connection:
            same = select(outbox.c.id).where(outbox.c.dedup == dedup_key)
            if connection.execute(same).first():
                return False
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(outbox).values(**values))
        except IntegrityError:
            return False
        return True

    def open_fault(self, prefix: str) -> str:
        """Return the key of the newest fault of the controller's own that has not ended, or ""."""
        query = select(outbox.c.dedup, outbox.c.kind).where(
            outbox.c.dedup.startswith(prefix, autoescape=True), outbox.c.incident == _NONE
        )
        with reading(self._engine) as connection:
            newest = connection.execute(query.order_by(outbox.c.id.desc()).limit(1)).first()
        return str(newest.dedup) if newest and newest.kind == MessageKind.FAILING else ""

    def decide_pending(self, audience: Audience, now_s: float) -> int:
        """Decide on entries that wait, up to some hundred, and return how many they were."""
        if not (entries := self.pending()):
            return 0
        with self._engine.begin() as connection:
            batch = _Batch(connection, audience, entries, now_s)
            for entry in entries:
                batch.decide(entry)
            batch.write()
        self._newest = max(self._newest, entries[-1].id)
        return len(entries)

    def escalate_due(self, audience: Audience, reader: IncidentReader, now_s: float) -> int:
        """Take each step of an escalation that is due, and return how many told somebody."""
        query = select(notice_steps).where(
            notice_steps.c.done == "", ~notice_steps.c.closed, notice_steps.c.due_s <= now_s
        )
        with reading(self._engine) as connection:
            due = connection.execute(query.order_by(notice_steps.c.due_s)).all()
        return sum(self._escalate(row, audience, reader, now_s) for row in due)

    def fold_held(self, audience: Audience, now_s: float) -> int:
        """Make a digest for each contact point whose held notices are due; return how many."""
        held = deliveries.c.state == DeliveryState.HELD
        query = select(deliveries.c.person, deliveries.c.contact).where(
            held, deliveries.c.due_s <= now_s
        )
        with reading(self._engine) as connection:
            due = set(connection.execute(query).all())
        for person, contact in sorted(map(tuple, due)):
            with self._engine.begin() as connection:
                _fold(connection, audience, (person, contact), now_s)
        return len(due)

    def prune_beats(self, before_s: float) -> None:
        """Forget beats that are older than a time; there is one each minute."""
        old = (outbox.c.kind == MessageKind.BEAT, outbox.c.created_s < before_s)
        numbers = select(outbox.c.id).where(*old).scalar_subquery()
        with self._engine.begin() as connection:
            for column in (deliveries.c.outbox_id, notice_decisions.c.outbox_id):
                connection.execute(delete(column.table).where(column.in_(numbers)))
            connection.execute(delete(outbox).where(*old))

    def _escalate(
        self, row: Row[Any], audience: Audience, reader: IncidentReader, now_s: float
    ) -> bool:
        now = reader.read_incident(row.incident)
        change = _step_change(row, now, now_s)
        with self._engine.begin() as connection:
            here = update(notice_steps).where(notice_steps.c.id == row.id)
            if change is not None:
                connection.execute(here.values(**change))
                return False
            entry = _latest_entry(connection, row.incident)
            batch = _Batch(connection, audience, [entry], now_s)
            step = PlannedStep(row.outbox_id, row.incident, row.rule, row.step, row.wait_s)
            told = batch.escalate(entry, step)
            batch.write(decided=False)
            connection.execute(here.values(done=told.reason or "told"))
        return bool(told.planned)


def to_entry(row: Row[Any]) -> OutboxEntry:
    """Return a row of the outbox as a value."""
    payload = row.payload if isinstance(row.payload, dict) else {}
    incident = row.incident if row.incident != _NONE else None
    return OutboxEntry(row.id, incident, row.kind, row.dedup, row.created_s, payload)


def _step_change(
    row: Row[Any], now: IncidentNow | None, now_s: float
) -> Mapping[str, object] | None:
    """Return what a due step becomes when nobody is told by it, None when it is to be taken."""
    if now is None or now.ended:
        return {"done": "ended"}
    if now.acknowledged:
        return {"done": "acknowledged"}
    if now.muted or now.in_maintenance:
        return {"frozen": True, "due_s": now_s + _RECHECK_S}
    # What was frozen waits its whole time again: nobody was asked to act in the meantime.
    return {"frozen": False, "due_s": now_s + row.wait_s} if row.frozen else None


def _latest_entry(connection: Connection, incident: int) -> OutboxEntry:
    query = (
        select(outbox).where(outbox.c.incident == incident).order_by(outbox.c.id.desc()).limit(1)
    )
    return to_entry(connection.execute(query).one())


def _fold(
    connection: Connection, audience: Audience, receiver: tuple[str, str], now_s: float
) -> None:
    person, contact = receiver
    query = select(deliveries).where(
        deliveries.c.state == DeliveryState.HELD,
        deliveries.c.person == person,
        deliveries.c.contact == contact,
    )
    rows = connection.execute(query.order_by(deliveries.c.id)).all()
    if not rows:
        return
    known = audience.policy.people.get(person)
    due_s = calm_time(known, contact, now_s) if known else now_s
    first = rows[0]
    digest = Delivery(
        first.outbox_id, None, person, contact, MessageKind.DIGEST, DeliveryState.WAITING, due_s
    )
    values = _values(digest, first.channel, now_s)
    made = connection.execute(insert(deliveries).values(**values)).inserted_primary_key
    folded = update(deliveries).where(query.whereclause)  # type: ignore[arg-type]
    connection.execute(folded.values(state=DeliveryState.FOLDED, folded_into=made[0]))  # type: ignore[index]


class _Batch:
    """Entries that are decided in one transaction; each sees what those before it decided."""

    def __init__(
        self,
        connection: Connection,
        audience: Audience,
        entries: Sequence[OutboxEntry],
        now_s: float,
    ) -> None:
        incidents = {entry.incident for entry in entries if entry.incident is not None}
        self._connection, self._audience, self._now_s = connection, audience, now_s
        self._known = _deliveries_of(connection, incidents)
        self._with_steps = _with_steps(connection, incidents)
        self._lately = _lately(connection, now_s - audience.policy.limits.within_s)
        self._numbers = count(-1, -1)
        self._planned: dict[int, Delivery] = {}
        self._dropped: list[int] = []
        self._steps: list[PlannedStep] = []
        self._ended: list[int] = []
        self._decided: list[dict[str, object]] = []

    def decide(self, entry: OutboxEntry) -> None:
        """Decide on an entry."""
        outcome = self._audience.decide(entry, self._memory(entry), self._now_s)
        self._keep(entry, outcome)
        row = {"outbox_id": entry.id, "decided_s": self._now_s, "reason": outcome.reason}
        self._decided.append({**row, "planned": len(outcome.planned)})

    def escalate(self, entry: OutboxEntry, step: PlannedStep) -> Outcome:
        """Decide who is told by a step of an escalation."""
        outcome = self._audience.escalate(entry, step, self._memory(entry), self._now_s)
        self._keep(entry, outcome)
        return outcome

    def write(self, *, decided: bool = True) -> None:
        """Write what was decided."""
        if decided:
            self._connection.execute(insert(notice_decisions), self._decided)
        self._drop()
        if rows := [self._row(one) for one in self._planned.values()]:
            self._connection.execute(insert(deliveries), rows)
        ended = notice_steps.c.incident.in_(self._ended)
        self._connection.execute(update(notice_steps).where(ended).values(closed=True))
        if steps := [_step_row(step, self._now_s) for step in self._steps]:
            self._connection.execute(insert(notice_steps), steps)

    def _memory(self, entry: OutboxEntry) -> Memory:
        known = tuple(self._known[entry.incident].values())
        if entry.kind == MessageKind.WORKING:
            known = self._told_of(entry.text("fault"), known)
        return Memory(known, self._lately, entry.incident in self._with_steps)

    def _told_of(self, fault: str, planned: tuple[Delivery, ...]) -> tuple[Delivery, ...]:
        """Return the deliveries of the entry that an end belongs to, of this batch too."""
        number = select(outbox.c.id).where(outbox.c.dedup == fault)
        first = self._connection.execute(number).scalar()
        query = select(deliveries).where(deliveries.c.outbox_id == first)
        rows = self._connection.execute(query.order_by(deliveries.c.id))
        return (*map(_to_delivery, rows), *(one for one in planned if one.outbox_id == first))

    def _keep(self, entry: OutboxEntry, outcome: Outcome) -> None:
        known = self._known[entry.incident]
        for one in outcome.dropped:
            gone = replace(one, state=DeliveryState.DROPPED)
            known[one.id] = gone
            if one.id < 0:
                self._planned[one.id] = gone
            else:
                self._dropped.append(one.id)
        for one in outcome.planned:
            number = next(self._numbers)
            self._planned[number] = known[number] = replace(one, id=number)
        self._keep_steps(entry, outcome)
        one_by_one = {one.person for one in outcome.planned if one.state is DeliveryState.WAITING}
        self._lately.update(one_by_one if entry.kind != MessageKind.ENDED else ())

    def _keep_steps(self, entry: OutboxEntry, outcome: Outcome) -> None:
        incident = entry.incident
        if incident is None:
            return
        if outcome.ends_steps:
            self._steps = [step for step in self._steps if step.incident != incident]
            self._with_steps.discard(incident)
            self._ended.append(incident)
        elif outcome.steps:
            self._steps += outcome.steps
            self._with_steps.add(incident)

    def _drop(self) -> None:
        for start in range(0, len(self._dropped), _BATCH):
            ids = self._dropped[start : start + _BATCH]
            here = update(deliveries).where(deliveries.c.id.in_(ids))
            self._connection.execute(here.values(state=DeliveryState.DROPPED))

    def _row(self, one: Delivery) -> dict[str, object]:
        person = self._audience.policy.people.get(one.person)
        points = person.contacts if person else ()
        channel = next((str(point.kind) for point in points if point.name == one.contact), BEAT)
        return _values(one, channel, self._now_s)


def _values(one: Delivery, channel: str, now_s: float) -> dict[str, object]:
    return {
        "outbox_id": one.outbox_id,
        "incident": one.incident,
        "step": one.step,
        "person": one.person,
        "contact": one.contact,
        "channel": channel,
        "kind": one.kind,
        "state": one.state,
        "created_s": now_s,
        "due_s": one.due_s,
        "urgent": one.urgent,
    }


def _step_row(step: PlannedStep, now_s: float) -> dict[str, object]:
    return {
        "outbox_id": step.outbox_id,
        "incident": step.incident,
        "rule": step.rule,
        "step": step.step,
        "wait_s": step.wait_s,
        "due_s": now_s + step.wait_s,
    }


def _deliveries_of(
    connection: Connection, incidents: Iterable[int]
) -> defaultdict[int | None, dict[int, Delivery]]:
    found: defaultdict[int | None, dict[int, Delivery]] = defaultdict(dict)
    query = select(deliveries).where(deliveries.c.incident.in_(sorted(incidents)))
    for row in connection.execute(query.order_by(deliveries.c.id)):
        found[row.incident][row.id] = _to_delivery(row)
    return found


def _to_delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        row.outbox_id,
        row.incident,
        row.person,
        row.contact,
        MessageKind(row.kind),
        DeliveryState(row.state),
        row.due_s,
        row.step,
        row.id,
        row.urgent,
        row.maybe_told,
    )


def _with_steps(connection: Connection, incidents: Iterable[int]) -> set[int]:
    here = notice_steps.c.incident.in_(sorted(incidents))
    query = select(notice_steps.c.incident).where(here, ~notice_steps.c.closed)
    return set(connection.execute(query).scalars())


def _lately(connection: Connection, since_s: float) -> Counter[str]:
    """Return how many notices each person got one by one, or is about to get."""
    query = (
        select(deliveries.c.person, func.count(func.distinct(deliveries.c.outbox_id)))
        .where(
            deliveries.c.created_s > since_s,
            deliveries.c.state.in_(_COUNTED),
            deliveries.c.kind.in_(_REPORTS),
        )
        .group_by(deliveries.c.person)
    )
    return Counter({row[0]: row[1] for row in connection.execute(query)})
