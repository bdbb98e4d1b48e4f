"""Deliveries on their way: claimed before they are sent, what came of it, how long it is kept.

A delivery is claimed in a transaction of its own, then sent, then recorded. A process that is
killed before it sends leaves a claim that its successor takes over: one message. A process that is
killed after the provider took the message, and before this is recorded, leaves the same claim; no
protocol tells the two apart, so the message is sent again under the same key.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, case, delete, func, or_, select, true, update

from controller.channels.message import MessageKind, OutboxEntry, SendError
from controller.notices.decisions import to_entry
from controller.notices.model import DeliveryState, IncidentReader
from controller.notices.schema import deliveries, notice_decisions, notice_steps, outbox
from database.engine import reading

# Longer than any sender takes.
LEASE_S: Final = 180.0
_WAITS_S: Final = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0)
_DAY_S: Final = 24 * 3600.0
_GIVE_UP_S: Final = _DAY_S
_MOST_ENTRIES: Final = 100
_UNKNOWN_END: Final = "its sender ended; it is unknown whether it was sent"
_OPEN: Final = (DeliveryState.WAITING, DeliveryState.CLAIMED)
_UNSENT: Final = (*_OPEN, DeliveryState.HELD)
# What was told of an incident goes so long after the last of it, of so many incidents at once.
KEPT_S: Final = 400 * 86_400.0
_MOST_FORGOTTEN: Final = 200
# The incident of entries that belong to none.
_NONE: Final = 0


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this process is about to send, with what it reports."""

    id: int
    kind: MessageKind
    person: str
    contact: str
    attempts: int
    created_s: float
    due_s: float
    step: int
    entries: tuple[OutboxEntry, ...]
    ended: frozenset[int] = frozenset()
    left_out: int = 0
    severities: Counter[str] = field(default_factory=Counter)

    @property
    def key(self) -> str:
        """Return what is the same each time that this delivery is sent."""
        return f"{self.id}.{int(self.created_s * 1000)}"

    @property
    def was_deferred(self) -> bool:
        """Return whether it waited for the end of quiet hours or for a step's time."""
        return self.due_s > self.created_s


class DeliveryRows:
    """The deliveries as senders see them; owner names this process the same after a restart."""

    def __init__(self, engine: Engine, owner: str) -> None:
        self._engine = engine
        self._owner = owner

    def release(self, now_s: float, *, at_start: bool = False, alone: bool = False) -> int:
        """Let others send what a process claimed that has ended; return how many these are.

        At the start of a process, these are all claims of its owner, or of all if it alone sends.
        """
        old = deliveries.c.claimed_s < now_s - LEASE_S
        # A clock that went back makes claims of the future, which would never grow old.
        old = or_(old, deliveries.c.claimed_s > now_s + LEASE_S)
        stale = or_(old, deliveries.c.owner == self._owner) if at_start else old
        stale = true() if alone else stale
        here = update(deliveries).where(deliveries.c.state == DeliveryState.CLAIMED, stale)
        values = {"state": DeliveryState.WAITING, "maybe_told": True, "last_error": _UNKNOWN_END}
        with self._engine.begin() as connection:
            return connection.execute(here.values(**values, due_s=now_s)).rowcount

    def claim(self, channel: str, now_s: float) -> Claimed | None:
        """Claim the most urgent delivery of a channel that is due, None when nothing is.

        What is said of an incident to a contact point goes out in the order of its rows.
        """
        earlier = deliveries.alias()
        before = select(earlier.c.id).where(
            earlier.c.incident == deliveries.c.incident,
            earlier.c.person == deliveries.c.person,
            earlier.c.contact == deliveries.c.contact,
            earlier.c.id < deliveries.c.id,
            earlier.c.state.in_(_OPEN),
        )
        query = (
            select(deliveries)
            .where(
                deliveries.c.state == DeliveryState.WAITING,
                deliveries.c.channel == channel,
                deliveries.c.due_s <= now_s,
                ~before.exists(),
            )
            .order_by(deliveries.c.urgent.desc(), deliveries.c.due_s, deliveries.c.id)
            .limit(1)
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        return self._claimed(row, now_s) if row and self._take(row.id, now_s) else None

    def record_sent(
        self, claimed: Claimed, provider_id: str, said: tuple[str, str], now_s: float
    ) -> None:
        """Record that a provider took a delivery, and the subject and text that were sent."""
        values = {"state": DeliveryState.SENT, "sent_s": now_s, "provider_id": provider_id}
        self._record(claimed.id, {**values, "subject": said[0], "text": said[1], "last_error": ""})

    def record_fault(
        self, claimed: Claimed, fault: SendError, now_s: float, lasts_s: float
    ) -> None:
        """Record that a delivery was not accepted, and when it is tried again, if at all.

        lasts_s is for how long it is worth sending.
        """
        wait_s = max(_WAITS_S[min(claimed.attempts, len(_WAITS_S)) - 1], fault.retry_after_s)
        over = fault.permanent or now_s + wait_s > claimed.created_s + min(lasts_s, _GIVE_UP_S)
        values: dict[str, object] = {"last_error": str(fault)[:500], "due_s": now_s + wait_s}
        values["state"] = DeliveryState.FAILED if over else DeliveryState.WAITING
        if fault.unsure:
            values["maybe_told"] = True
        self._record(claimed.id, values)

    def drop(self, claimed: Claimed, reason: str) -> None:
        """Record that a delivery needs no sending any more."""
        self._record(claimed.id, {"state": DeliveryState.DROPPED, "last_error": reason})

    def record_receipt(self, message_id: str, state: str) -> None:
        """Record what an operator says became of an SMS, by the id that it gave the message."""
        ids = func.concat(" ", deliveries.c.provider_id, " ")
        here = update(deliveries).where(
            deliveries.c.channel == "sms", ids.contains(f" {message_id} ", autoescape=True)
        )
        with self._engine.begin() as connection:
            connection.execute(here.values(receipt=state[:32]))

    def follow_step(self, by_s: float) -> None:
        """Let what waits wait as long as before when the clock was set by some seconds.

        What waits for a time of day, such as the end of quiet hours, waits for the next one.
        """
        state, due_s = deliveries.c.state, deliveries.c.due_s
        for_a_time = or_(state == DeliveryState.HELD, deliveries.c.attempts > 0)
        at_once = due_s <= deliveries.c.created_s
        moved_s = case((or_(for_a_time, at_once), by_s), else_=int(by_s / _DAY_S) * _DAY_S)
        waiting = update(deliveries).where(state.in_((DeliveryState.WAITING, DeliveryState.HELD)))
        steps = update(notice_steps).where(notice_steps.c.done == "", ~notice_steps.c.closed)
        with self._engine.begin() as connection:
            connection.execute(waiting.values(due_s=due_s + moved_s))
            connection.execute(steps.values(due_s=notice_steps.c.due_s + by_s))

    def next_due_s(self) -> float | None:
        """Return when the next delivery is due, None when none waits."""
        waiting = deliveries.c.state.in_((DeliveryState.WAITING, DeliveryState.HELD))
        with reading(self._engine) as connection:
            return connection.execute(select(func.min(deliveries.c.due_s)).where(waiting)).scalar()

    def _take(self, number: int, now_s: float) -> bool:
        here = update(deliveries).where(
            deliveries.c.id == number, deliveries.c.state == DeliveryState.WAITING
        )
        values = {"state": DeliveryState.CLAIMED, "owner": self._owner, "claimed_s": now_s}
        with self._engine.begin() as connection:
            taken = connection.execute(here.values(**values, attempts=deliveries.c.attempts + 1))
            return taken.rowcount == 1

    def _claimed(self, row: Row[Any], now_s: float) -> Claimed:
        entries, left_out, severities, ended = self._reported(row)
        return Claimed(
            row.id,
            MessageKind(row.kind),
            row.person,
            row.contact,
            row.attempts + 1,
            row.created_s,
            row.due_s,
            row.step,
            entries,
            ended,
            left_out,
            severities,
        )

    def _reported(
        self, row: Row[Any]
    ) -> tuple[tuple[OutboxEntry, ...], int, Counter[str], frozenset[int]]:
        """Return the entries that a delivery reports; a digest names the first hundred."""
        if row.kind != MessageKind.DIGEST:
            query = select(outbox).where(outbox.c.id == row.outbox_id)
            with reading(self._engine) as connection:
                return (to_entry(connection.execute(query).one()),), 0, Counter(), frozenset()
        joined = select(outbox).join(deliveries, deliveries.c.outbox_id == outbox.c.id)
        with reading(self._engine) as connection:
            rows = connection.execute(
                joined.where(deliveries.c.folded_into == row.id).order_by(outbox.c.id)
            )
            entries = [to_entry(one) for one in rows]
        severities = Counter(str(one.severity) for one in entries if one.kind != MessageKind.ENDED)
        ended = frozenset(one.id for one in entries if one.kind == MessageKind.ENDED)
        left_out = max(0, len(entries) - _MOST_ENTRIES)
        return tuple(entries[:_MOST_ENTRIES]), left_out, severities, ended

    def _record(self, number: int, values: dict[str, object]) -> None:
        here = update(deliveries).where(
            deliveries.c.id == number,
            deliveries.c.state == DeliveryState.CLAIMED,
            deliveries.c.owner == self._owner,
        )
        with self._engine.begin() as connection:
            connection.execute(here.values(**values))


def forget_old(engine: Engine, reader: IncidentReader, before_s: float) -> int:
    """Forget what was told before a time of incidents that ended; return how many entries went.

    An incident that goes on keeps all of it: who was told of the problem is told its end.
    """
    entries = _old_entries(engine, reader, before_s)
    if entries:
        with engine.begin() as connection:
            _forget(connection, entries)
    return len(entries)


def _old_entries(engine: Engine, reader: IncidentReader, before_s: float) -> Sequence[int]:
    column = outbox.c
    newest = func.max(column.created_s)
    by_incident = (
        select(column.incident)
        .where(column.incident != _NONE)
        .group_by(column.incident)
        .having(newest < before_s)
        .limit(_MOST_FORGOTTEN)
    )
    waits = select(deliveries.c.outbox_id).where(deliveries.c.state.in_(_UNSENT))
    old = select(column.id).where(column.created_s < before_s, column.id.not_in(waits))
    with reading(engine) as connection:
        incidents = connection.execute(by_incident).scalars().all()
        ended = [
            one for one in incidents if (now := reader.read_incident(one)) is None or now.ended
        ]
        wanted = old.where(column.incident.in_([_NONE, *ended])).order_by(column.id)
        return connection.execute(wanted.limit(_MOST_FORGOTTEN * 5)).scalars().all()


def _has_ended(reader: IncidentReader, incident: int) -> bool:
    now = reader.read_incident(incident)
    return now is None or now.ended


def _forget(connection: Connection, entries: Sequence[int]) -> None:
    for column in (
        deliveries.c.outbox_id,
        notice_steps.c.outbox_id,
        notice_decisions.c.outbox_id,
        outbox.c.id,
    ):
        connection.execute(delete(column.table).where(column.in_(entries)))
