"""Rows of incidents: a decision is stored whole, in one transaction, or not at all.

Only what a decision changed is written. The notices of the outbox have a key of their own, so that
a decision that is taken again after a crash cannot send twice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec
from sqlalchemy import Connection, Engine, and_, delete, insert, select

from controller.decisions.schema import (
    MIGRATIONS,
    VERSION_TABLE,
    health_changes,
    incidents,
    memory,
    observations,
    outbox,
    timeline,
)
from controller.incidents.model import (
    ChangeKind,
    Consultation,
    Health,
    HealthChange,
    Incident,
    IncidentChange,
    IncidentState,
    MaintenanceWindow,
    Notice,
    Observation,
    ObserverKey,
    Outcome,
    Subject,
    SubjectKind,
)
from controller.leadership.mailbox import Settled
from controller.leadership.term import FencedError
from database.engine import reading
from database.migrate import upgrade_schema

# How a part of the state is written, by its name: as pairs, since JSON has no keys but text.
_PARTS: Final[Mapping[str, Any]] = {
    "since_s": list[tuple[Subject, float]],
    "shadow_s": list[tuple[Subject, float]],
    "found_s": list[tuple[Subject, float]],
    "excused": list[tuple[Subject, dict[str, float]]],
    "health": list[tuple[Subject, Health]],
    "consultations": list[tuple[str, Consultation]],
    "windows": list[tuple[str, MaintenanceWindow]],
    "replays": list[tuple[Subject, list[Observation]]],
    "identities": list[tuple[Subject, str]],
}
_COUNTERS: Final = "counters"
# What followers show needs neither observations nor what only decisions ask.
_SHOWN: Final = ("health", "consultations", "windows")
# Writes something else in the transaction of a decision.
Alongside: TypeAlias = Callable[[Connection, Outcome, Sequence[Settled]], None]


class StaleRowsError(FencedError):
    """Another process stored decisions since these rows were read."""


class IncidentRows:
    """Incidents in a database; one thread at a time stores, any may read."""

    def __init__(self, engine: Engine, alongside: Sequence[Alongside] = ()) -> None:
        """Bring the tables to their newest version."""
        self._engine, self._alongside = engine, tuple(alongside)
        upgrade_schema(engine, MIGRATIONS, VERSION_TABLE)
        self._stored = IncidentState()
        self._decision = 0

    def load(self) -> IncidentState:
        """Return the state as it was last stored."""
        with reading(self._engine) as connection:
            parts = {row.key: row.body for row in connection.execute(select(memory))}
            said = [
                msgspec.convert(row.body, Observation)
                for row in connection.execute(select(observations.c.body))
            ]
            numbers = parts.get(_COUNTERS, {}).get("kept", [])
            kept = connection.execute(
                select(incidents.c.body).where(incidents.c.number.in_(numbers))
            )
            known = [msgspec.convert(row.body, Incident) for row in kept]
        self._stored = _state(parts, said, known)
        self._decision = parts.get(_COUNTERS, {}).get("decision", 0)
        return self._stored

    def load_shown(self, since: int) -> tuple[int, IncidentState] | None:
        """Return what another process decided last, as far as it is shown, with its number.

        None if nothing was decided since a number.
        """
        with reading(self._engine) as connection:
            query = select(memory.c.body).where(memory.c.key == _COUNTERS)
            counters = connection.execute(query).scalar() or {}
            decision = int(counters.get("decision", 0))
            if decision == since:
                return None
            wanted = select(memory).where(memory.c.key.in_(_SHOWN))
            parts = {row.key: row.body for row in connection.execute(wanted)}
            open_ones = select(incidents.c.body).where(
                incidents.c.number.in_(counters.get("kept", []))
            )
            known = [msgspec.convert(row.body, Incident) for row in connection.execute(open_ones)]
        return decision, _state({**parts, _COUNTERS: counters}, (), known)

    def store(self, outcome: Outcome, settled: Sequence[Settled] = ()) -> None:
        """Store a state, its incidents, their timeline and the notices in one transaction.

        settled are the reports of the database that it decides on. Raises StaleRowsError if
        another process has stored since these rows were read.
        """
        before, after = self._stored, outcome.state
        parts = dict(_changed_parts(before, after))
        said = list(_changed_observations(before, after))
        changed = outcome.touched or outcome.changes or outcome.health_changes
        if not (parts or said or changed or settled):
            self._stored = after
            return
        with self._engine.begin() as connection:
            self._count(connection, after)
            _write_parts(connection, parts)
            _write_observations(connection, said)
            _write_incidents(connection, outcome.touched)
            _write_history(connection, outcome)
            _write_outbox(connection, outcome.notices)
            for write in self._alongside:
                write(connection, outcome, settled)
        self._stored = after
        self._decision += 1

    def listed(self, *, ended: bool, limit: int = 1_000) -> Sequence[Incident]:
        """Return open incidents by number, or with those that ended, the newest first."""
        query = select(incidents.c.body).order_by(incidents.c.number.desc()).limit(limit)
        if not ended:
            query = query.where(incidents.c.ended_s.is_(None))
        with reading(self._engine) as connection:
            found = [msgspec.convert(row.body, Incident) for row in connection.execute(query)]
        return found if ended else found[::-1]

    def find(self, number: int) -> Incident | None:
        """Return an incident of that number."""
        query = select(incidents.c.body).where(incidents.c.number == number)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        return msgspec.convert(row.body, Incident) if row else None

    def timeline(self, number: int) -> Sequence[IncidentChange]:
        """Return what happened to an incident, oldest first."""
        query = select(timeline).where(timeline.c.incident == number).order_by(timeline.c.id)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [
            IncidentChange(row.incident, row.at_s, ChangeKind(row.kind), row.sentence, row.by)
            for row in rows
        ]

    def health_turns(self, subject: Subject, until_s: float) -> Sequence[HealthChange]:
        """Return when the health of a subject turned before a time, oldest first."""
        columns = health_changes.c
        query = (
            select(columns.at_s, columns.before, columns.after)
            .where(columns.kind == subject.kind, columns.name == subject.name)
            .where(columns.at_s < until_s)
            .order_by(columns.id)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [HealthChange(subject, r.at_s, Health(r.before), Health(r.after)) for r in rows]

    def turns_of(self, kind: SubjectKind, until_s: float) -> Mapping[str, Sequence[HealthChange]]:
        """Return when the healths of all subjects of a kind turned before a time, oldest first."""
        columns = health_changes.c
        query = (
            select(columns.name, columns.at_s, columns.before, columns.after)
            .where(columns.kind == kind, columns.at_s < until_s)
            .order_by(columns.id)
        )
        found: dict[str, list[HealthChange]] = {}
        with reading(self._engine) as connection:
            for name, at_s, before, after in connection.execute(query):
                turn = HealthChange(Subject(kind, name), at_s, Health(before), Health(after))
                found.setdefault(name, []).append(turn)
        return found

    def _count(self, connection: Connection, after: IncidentState) -> None:
        """Write the counters, and make sure that nobody else has stored a decision."""
        query = select(memory.c.body).where(memory.c.key == _COUNTERS).with_for_update()
        row = connection.execute(query).first()
        if (row.body["decision"] if row else 0) != self._decision:
            raise StaleRowsError("another process decides on incidents; read them again")
        body = {
            "decision": self._decision + 1,
            "next_number": after.next_number,
            "started_s": after.started_s,
            "decided_s": after.decided_s,
            "kept": sorted(after.incidents),
        }
        _write_parts(connection, {_COUNTERS: body})


def _state(
    parts: Mapping[str, Any], said: Sequence[Observation], known: Sequence[Incident]
) -> IncidentState:
    read: dict[str, Any] = {
        name: dict(msgspec.convert(parts[name], kind))
        for name, kind in _PARTS.items()
        if name in parts
    }
    if "replays" in read:
        read["replays"] = {s: _by_observer(told) for s, told in read["replays"].items()}
    counters = parts.get(_COUNTERS, {})
    by_subject: dict[Subject, list[Observation]] = {}
    for one in said:
        by_subject.setdefault(one.subject, []).append(one)
    return IncidentState(
        started_s=counters.get("started_s", 0.0),
        decided_s=counters.get("decided_s", 0.0),
        next_number=counters.get("next_number", 1),
        observations={s: _by_observer(told) for s, told in by_subject.items()},
        troubled=frozenset(msgspec.convert(parts.get("troubled", []), list[Subject])),
        incidents={incident.number: incident for incident in known},
        **read,
    )


def _by_observer(told: Sequence[Observation]) -> Mapping[ObserverKey, Observation]:
    return {(o.observer, o.source): o for o in told}


def _changed_parts(before: IncidentState, after: IncidentState) -> Iterator[tuple[str, Any]]:
    """Yield the parts of the state that differ, as JSON."""
    for name in _PARTS:
        was, now = getattr(before, name), getattr(after, name)
        if was is not now and was != now:
            pairs = now.items()
            if name == "replays":
                pairs = [(subject, list(told.values())) for subject, told in pairs]
            yield name, msgspec.to_builtins(list(pairs))
    if before.troubled != after.troubled:
        yield "troubled", msgspec.to_builtins(sorted(after.troubled))


def _changed_observations(
    before: IncidentState, after: IncidentState
) -> Iterator[tuple[Subject, Sequence[Observation]]]:
    """Yield the subjects of which something new was said, with everything said of them."""
    if before.observations is after.observations:
        return
    for subject, told in after.observations.items():
        if before.observations.get(subject) is not told:
            yield subject, list(told.values())
    for subject in before.observations.keys() - after.observations.keys():
        yield subject, ()


def _write_parts(connection: Connection, parts: Mapping[str, Any]) -> None:
    for key, body in parts.items():
        connection.execute(delete(memory).where(memory.c.key == key))
        connection.execute(insert(memory).values(key=key, body=body))


def _write_observations(
    connection: Connection, said: Sequence[tuple[Subject, Sequence[Observation]]]
) -> None:
    columns = observations.c
    for subject, _ in said:
        about = and_(columns.kind == subject.kind, columns.name == subject.name)
        connection.execute(delete(observations).where(about))
    rows = [
        {
            "kind": subject.kind.value,
            "name": subject.name,
            "observer": one.observer,
            "source": one.source.value,
            "body": msgspec.to_builtins(one),
        }
        for subject, told in said
        for one in told
    ]
    if rows:
        connection.execute(insert(observations), rows)


def _write_incidents(connection: Connection, touched: Sequence[Incident]) -> None:
    if not touched:
        return
    numbers = [incident.number for incident in touched]
    connection.execute(delete(incidents).where(incidents.c.number.in_(numbers)))
    rows = [
        {
            "number": incident.number,
            "root_kind": incident.root.kind.value,
            "root_name": incident.root.name,
            "cause": incident.cause.value,
            "severity": incident.severity.value,
            "opened_s": incident.opened_s,
            "changed_s": incident.changed_s,
            "ended_s": incident.ended_s,
            "merged_into": incident.merged_into,
            "body": msgspec.to_builtins(incident),
        }
        for incident in touched
    ]
    connection.execute(insert(incidents), rows)


def _write_history(connection: Connection, outcome: Outcome) -> None:
    if outcome.changes:
        connection.execute(insert(timeline), [msgspec.to_builtins(c) for c in outcome.changes])
    turns = [
        {
            "kind": turn.subject.kind.value,
            "name": turn.subject.name,
            "at_s": turn.at_s,
            "before": turn.before.value,
            "after": turn.after.value,
        }
        for turn in outcome.health_changes
    ]
    if turns:
        connection.execute(insert(health_changes), turns)


def _write_outbox(connection: Connection, notices: Sequence[Notice]) -> None:
    rows = [
        {
            "incident": notice.incident.number,
            "kind": notice.kind.value,
            "dedup_key": notice.dedup,
            "created_s": notice.created_s,
            "payload": payload(notice),
        }
        for notice in notices
    ]
    if rows:
        connection.execute(insert(outbox), rows)


def payload(notice: Notice) -> dict[str, Any]:
    """Return a notice as the outbox holds it."""
    incident = notice.incident
    return {
        "incident": incident.number,
        "sequence": incident.sequence,
        "kind": notice.kind.value,
        "severity": incident.severity.value,
        "cause": incident.cause.value,
        "title": notice.title,
        "title_fr": notice.title_fr,
        "sentence": notice.sentence,
        "sentence_fr": notice.sentence_fr,
        "root_kind": incident.root.kind.value,
        "root_name": incident.root.name,
        "region": notice.region,
        "sites": list(incident.sites),
        "facilities": incident.facilities,
        "people": incident.people,
        "consultations": list(incident.consultations),
        "evidence": list(incident.evidence),
        "opened_s": incident.opened_s,
        "ended_s": incident.ended_s,
    }
