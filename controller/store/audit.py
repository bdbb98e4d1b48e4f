"""Who did what, when and why: a trail to which is only added, each entry vouching for all before.

An entry's hash is SHA-256 over the hash before it and everything that the entry says, so that
nobody changes, removes or inserts one without every later hash changing. Who notes the last hash
elsewhere knows that nothing was cut off at the end either.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from controller.store.schema import audit_trail
from database.rows import AnyRow

START: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and why."""

    who: str
    because: str


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry of the trail; at is ISO 8601, details what was done in JSON's words."""

    serial: int
    at: str
    who: str
    what: str
    subject: str
    because: str
    details: Mapping[str, Any]
    hash: str

    def vouched(self, before: str) -> str:
        """Return what the hash must be after the one before."""
        said = [before, self.serial, self.at, self.who, self.what, self.subject, self.because]
        text = json.dumps([*said, self.details], ensure_ascii=False, sort_keys=True)
        return sha256(text.encode()).hexdigest()


def add(db: Connection, act: Actor, at: str, what: str, subject: str, **details: object) -> None:
    """Add an entry within a transaction."""
    newest = select(audit_trail.c.serial, audit_trail.c.hash)
    row = db.execute(newest.order_by(audit_trail.c.serial.desc()).limit(1)).first()
    serial, before = (row.serial + 1, row.hash) if row else (1, START)
    trace = AuditEntry(serial, at, act.who, what, subject, act.because, details, "")
    db.execute(
        insert(audit_trail).values(
            serial=serial,
            at=at,
            who=act.who,
            what=what,
            subject=subject,
            because=act.because,
            details=json.dumps(details, ensure_ascii=False, sort_keys=True),
            hash=trace.vouched(before),
        )
    )


def read(rows: Iterable[AnyRow]) -> tuple[AuditEntry, ...]:
    """Return the entries of rows."""
    found = (row._asdict() for row in rows)
    return tuple(AuditEntry(**{**row, "details": json.loads(row["details"])}) for row in found)


def broken(traces: Iterable[AuditEntry]) -> int | None:
    """Return the serial of the first entry that does not fit; None when the trail is whole."""
    before, expected = START, 1
    for trace in traces:
        if trace.serial != expected or trace.hash != trace.vouched(before):
            return expected
        before, expected = trace.hash, expected + 1
    return None
