"""Audit chain: entries are only added, and the hash of each vouches for all before.

All that share a database write into one chain, whichever door an act came through. An entry says of
what kind it is, and its number among those of that kind. Its hash is SHA-256 over the hash before
it and everything that the entry says. Whoever notes the last hash elsewhere also knows that nothing
was cut off at the end.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, func, insert, select

from accounts.audit_table import Lock, audit_chain, hold

START: Final = "0" * 64
# What an entry of this room is of.
OWN_KIND: Final = "accounts"
# Release 0.1 had entries of this kind alone, which it did not say.
FIRST_KIND: Final = "vpn"
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and why."""

    who: str
    because: str


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry of the chain; at is ISO 8601, number counts the entries of its kind from 1."""

    serial: int
    at: str
    who: str
    what: str
    subject: str
    because: str
    details: Mapping[str, Any]
    hash: str
    kind: str
    number: int

    def hash_after(self, before: str) -> str:
        """Return what the hash must be after the one before."""
        said = [before, self.serial, self.at, self.who, self.what, self.subject, self.because]
        # At the beginning of the chain of release 0.1 both go without saying, and only there.
        if self.kind != FIRST_KIND or self.number != self.serial:
            said += [self.kind, self.number]
        text = json.dumps([*said, self.details], ensure_ascii=False, sort_keys=True)
        return sha256(text.encode()).hexdigest()


def instant_text(now_s: float) -> str:
    """Return a time in seconds since 1970 as the chain writes it."""
    return datetime.fromtimestamp(now_s, UTC).isoformat(timespec="seconds")


def storable(text: str) -> str:
    """Return a text without what a database or a hash cannot take (U+0000, lone surrogates)."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """What a look through the whole chain found.

    broken_at is the serial of the first entry that does not fit, None when the chain is whole.
    kinds counts entries by their kind. noted tells whether any entry has the hash that was asked
    for.
    """

    broken_at: int | None
    entries: int
    last_hash: str | None
    kinds: Mapping[str, int]
    noted: bool


def append(  # noqa: PLR0913, PLR0917 - an entry has seven parts
    connection: Connection,
    actor: Actor,
    at: str,
    what: str,
    subject: str,
    details: Mapping[str, object] | None = None,
    *,
    kind: str = OWN_KIND,
) -> str:
    """Add an entry within the caller's transaction, and return its hash."""
    hold(connection, Lock.AUDIT)
    serial, before = _last(connection)
    who, what, subject, because = map(storable, (actor.who, what, subject, actor.because))
    kept = json.loads(storable(json.dumps(details or {}, ensure_ascii=False)))
    number = connection.execute(newest_number(kind)).scalar_one() + 1
    entry = AuditEntry(serial + 1, at, who, what, subject, because, kept, "", kind, number)
    return _insert(connection, entry, entry.hash_after(before))


def newest_number(kind: str) -> Select[int]:
    """Return the query for the number of a kind's last entry, 0 before the first."""
    highest = func.coalesce(func.max(audit_chain.c.number), 0)
    return select(highest.label("number")).where(audit_chain.c.kind == kind)


def chosen_entries(
    *, subject: str | None = None, kind: str | None = None, who: str | None = None, since: str = ""
) -> Select[Any]:
    """Return the query for entries in order; of one subject, kind or person if it is named.

    Acts of a person's tokens and walls are the person's, too. since is an instant as the chain
    writes it.
    """
    wanted = select(audit_chain).order_by(audit_chain.c.serial)
    if subject is not None:
        wanted = wanted.where(audit_chain.c.subject == subject)
    if kind is not None:
        wanted = wanted.where(audit_chain.c.kind == kind)
    if who is not None:
        theirs = audit_chain.c.who.startswith(f"{who} by ", autoescape=True)
        wanted = wanted.where((audit_chain.c.who == who) | theirs)
    return wanted.where(audit_chain.c.at >= since) if since else wanted


def count_entries(connection: Connection, **chosen: Any) -> int:
    """Return how many entries there are of those that are chosen as for chosen_entries()."""
    found = chosen_entries(**chosen).order_by(None).subquery()
    return int(connection.execute(select(func.count()).select_from(found)).scalar_one())


def newest_entries(
    connection: Connection, before: int | None, limit: int, **chosen: Any
) -> tuple[AuditEntry, ...]:
    """Return chosen entries, the newest first; those before a serial if it is told."""
    wanted = chosen_entries(**chosen).order_by(None).order_by(audit_chain.c.serial.desc())
    if before is not None:
        wanted = wanted.where(audit_chain.c.serial < before)
    return tuple(map(entry_of, connection.execute(wanted.limit(limit))))


def read_entries(
    connection: Connection, *, after: int = 0, subject: str | None = None, kind: str | None = None
) -> Iterator[AuditEntry]:
    """Yield entries in order, those behind a serial, of one subject or one kind if it is named."""
    wanted = chosen_entries(subject=subject, kind=kind).limit(_BATCH)
    while rows := connection.execute(wanted.where(audit_chain.c.serial > after)).all():
        yield from map(entry_of, rows)
        after = rows[-1].serial


def judge_chain(entries: Iterable[AuditEntry], noted: str = "") -> ChainVerdict:
    """Look through the whole chain; noted is a hash that somebody wrote down elsewhere."""
    before, wrong, kinds, found = START, None, Counter[str](), False
    for expected, entry in enumerate(entries, 1):
        fits = entry.serial == expected and entry.hash == entry.hash_after(before)
        if wrong is None and not fits:
            wrong = expected
        before, found = entry.hash, found or entry.hash == noted
        kinds[entry.kind] += 1
    last = before if kinds else None
    return ChainVerdict(wrong, kinds.total(), last, dict(kinds), found)


def verify(connection: Connection) -> int | None:
    """Return the serial of the first entry that does not fit; None when the chain is whole."""
    return first_broken(read_entries(connection))


def first_broken(entries: Iterable[AuditEntry]) -> int | None:
    """Return the serial of the first entry that does not fit; None when the chain is whole."""
    return judge_chain(entries).broken_at


def entry_of(row: Row[Any]) -> AuditEntry:
    """Return the entry of a row."""
    values = row._asdict()
    return AuditEntry(**{**values, "details": json.loads(values["details"])})


def _last(connection: Connection) -> tuple[int, str]:
    newest = select(func.max(audit_chain.c.serial)).scalar_subquery()
    wanted = select(audit_chain.c.serial, audit_chain.c.hash)
    row = connection.execute(wanted.where(audit_chain.c.serial == newest)).one_or_none()
    return (row.serial, row.hash) if row else (0, START)


def _insert(connection: Connection, entry: AuditEntry, made: str) -> str:
    values = {column.name: getattr(entry, column.name) for column in audit_chain.columns}
    details = json.dumps(entry.details, ensure_ascii=False, sort_keys=True)
    connection.execute(insert(audit_chain).values(values | {"details": details, "hash": made}))
    return made
