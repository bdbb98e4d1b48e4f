"""The stream of events in the database: written with the decision, read by every controller."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select

from controller.incidents.model import Incident, Outcome, Subject
from controller.incidents.view import NetworkView
from controller.leadership.schema import events, terms
from database.engine import reading

# As many as the ring of a controller holds.
KEPT: Final = 6_000
_TRIM_EVERY: Final = 200
Find: TypeAlias = Callable[[int], Incident | None]


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event; sites are those it is about, whole if only who sees all of them may have it."""

    kind: str
    body: Mapping[str, Any]
    sites: tuple[str, ...]
    whole: bool = False


def events_of(outcome: Outcome, network: NetworkView, find: Find) -> Iterator[StreamEvent]:
    """Yield what a decision changed; find returns incidents that the decision does not hold."""
    for turn in outcome.health_changes:
        body = {
            "kind": turn.subject.kind.value,
            "name": turn.subject.name,
            "before": turn.before.value,
            "after": turn.after.value,
            "at_s": turn.at_s,
        }
        yield StreamEvent("health", body, tuple(_sites(network, turn.subject)))
    for entry in outcome.changes:
        incident = outcome.state.incidents.get(entry.incident) or find(entry.incident)
        sites = incident.sites or _sites(network, incident.root) if incident else ()
        body = {"number": entry.incident, "change": entry.kind.value, "at_s": entry.at_s}
        yield StreamEvent("incident", body, tuple(sites))


def write_events(connection: Connection, found: Collection[StreamEvent]) -> None:
    """Append events, numbered without a gap; the transaction keeps other writers out."""
    if not found:
        return
    newest = connection.execute(select(func.max(events.c.number))).scalar() or 0
    rows = [
        {
            "number": newest + place,
            "kind": one.kind,
            "body": json.dumps(one.body, ensure_ascii=False),
            "sites": list(one.sites),
            "whole": one.whole,
        }
        for place, one in enumerate(found, 1)
    ]
    connection.execute(insert(events), rows)
    if newest // _TRIM_EVERY != (newest + len(rows)) // _TRIM_EVERY:
        connection.execute(delete(events).where(events.c.number <= newest - KEPT))


def tell(engine: Engine, event: StreamEvent) -> None:
    """Append an event that comes with no decision; waits for decisions that are being stored."""
    with engine.begin() as connection:
        connection.execute(select(terms.c.epoch).with_for_update())
        write_events(connection, [event])


def newest_event(engine: Engine) -> int:
    """Return the number of the newest event, 0 where there is none."""
    with reading(engine) as connection:
        return int(connection.execute(select(func.max(events.c.number))).scalar() or 0)


def events_after(engine: Engine, number: int) -> list[tuple[int, StreamEvent]]:
    """Return the events after a number, with their numbers."""
    query = select(events).where(events.c.number > number).order_by(events.c.number)
    with reading(engine) as connection:
        rows = connection.execute(query.limit(KEPT)).all()
    return [(row.number, _event(row)) for row in rows]


def _event(row: Row[Any]) -> StreamEvent:
    return StreamEvent(row.kind, json.loads(row.body), tuple(row.sites), row.whole)


def _sites(network: NetworkView, subject: Subject) -> Collection[str]:
    site = network.site_of(subject)
    return (site,) if site else ()
