"""Audit chain: entries are only added, and the hash of each vouches for all before.

An entry's hash is SHA-256 over the hash before it and everything that the entry says. Whoever
notes the last hash elsewhere also knows that nothing was cut off at the end.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select

from accounts.schema import Lock, audit_chain, hold

START: Final = "0" * 64
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and why."""

    who: str
    because: str


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry of the chain; at is ISO 8601."""

    serial: int
    at: str
    who: str
    what: str
    subject: str
    because: str
    details: Mapping[str, Any]
    hash: str

    def hash_after(self, before: str) -> str:
        """Return what the hash must be after the one before."""
        said = [before, self.serial, self.at, self.who, self.what, self.subject, self.because]
        text = json.dumps([*said, self.details], ensure_ascii=False, sort_keys=True)
        return sha256(text.encode()).hexdigest()


def instant_text(now_s: float) -> str:
    """Return a time in seconds since 1970 as the chain writes it."""
    return datetime.fromtimestamp(now_s, UTC).isoformat(timespec="seconds")


def storable(text: str) -> str:
    """Return a text without what a database or a hash cannot take (U+0000, lone surrogates)."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def append(  # noqa: PLR0913, PLR0917 - an entry has six parts
    connection: Connection,
    actor: Actor,
    at: str,
    what: str,
    subject: str,
    details: Mapping[str, object] | None = None,
) -> str:
    """Add an entry within the caller's transaction, and return its hash."""
    hold(connection, Lock.AUDIT)
    serial, before = _last(connection)
    who, what, subject, because = map(storable, (actor.who, what, subject, actor.because))
    kept = json.loads(storable(json.dumps(details or {}, ensure_ascii=False)))
    entry = AuditEntry(serial + 1, at, who, what, subject, because, kept, "")
    return _insert(connection, entry, entry.hash_after(before))


def adopt(connection: Connection, entries: Iterable[AuditEntry]) -> None:
    """Take over a chain that was kept elsewhere, hashes and all; ours must be empty.

    Raises ValueError when ours is not empty or the other is broken.
    """
    hold(connection, Lock.AUDIT)
    found = list(entries)
    if _last(connection)[0]:
        raise ValueError("the chain here is not empty")
    if (wrong := first_broken(found)) is not None:
        raise ValueError(f"the other chain is broken at {wrong}")
    for entry in found:
        _insert(connection, entry, entry.hash)


def read_entries(
    connection: Connection, *, after: int = 0, subject: str | None = None
) -> Iterator[AuditEntry]:
    """Yield entries in order, those behind a serial, of one subject if it is named."""
    wanted = select(audit_chain).order_by(audit_chain.c.serial).limit(_BATCH)
    if subject is not None:
        wanted = wanted.where(audit_chain.c.subject == subject)
    while rows := connection.execute(wanted.where(audit_chain.c.serial > after)).all():
        yield from map(_entry, rows)
        after = rows[-1].serial


def verify(connection: Connection) -> int | None:
    """Return the serial of the first entry that does not fit; None when the chain is whole."""
    return first_broken(read_entries(connection))


def first_broken(entries: Iterable[AuditEntry]) -> int | None:
    """Return the serial of the first entry that does not fit; None when the chain is whole."""
    before, expected = START, 1
    for entry in entries:
        if entry.serial != expected or entry.hash != entry.hash_after(before):
            return expected
        before, expected = entry.hash, expected + 1
    return None


def _last(connection: Connection) -> tuple[int, str]:
    newest = select(func.max(audit_chain.c.serial)).scalar_subquery()
    wanted = select(audit_chain.c.serial, audit_chain.c.hash)
    row = connection.execute(wanted.where(audit_chain.c.serial == newest)).one_or_none()
    return (row.serial, row.hash) if row else (0, START)


def _insert(connection: Connection, entry: AuditEntry, made: str) -> str:
    values = {name: getattr(entry, name) for name in ("serial", "at", "who", "what", "subject")}
    details = json.dumps(entry.details, ensure_ascii=False, sort_keys=True)
    values |= {"because": entry.because, "details": details, "hash": made}
    connection.execute(insert(audit_chain).values(values))
    return made


def _entry(row: Row[Any]) -> AuditEntry:
    values = row._asdict()
    return AuditEntry(**{**values, "details": json.loads(values["details"])})
