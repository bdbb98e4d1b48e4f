"""What the controller writes into the audit chain: entries about access, and about the network.

The number of an entry about access, which counts those alone, says how new a gateway's roster is.
"""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, Select

from accounts.audit import (
    FIRST_KIND,
    Actor,
    AuditEntry,
    append,
    chosen_entries,
    entry_of,
    newest_number,
)
from accounts.audit import first_broken as broken
from database.rows import AnyRow

# Actor and the rest are those of the one chain, for what stands above the store.
__all__ = ("ACCESS", "NETWORK", "Actor", "AuditEntry", "add", "broken", "entries", "newest", "read")

# Of people's access and sites' keys, as all entries of release 0.1 were.
ACCESS: Final = FIRST_KIND
# Of plans, applies, and what else is done to the network and its controller.
NETWORK: Final = "network"


def add(db: Connection, act: Actor, at: str, what: str, subject: str, **details: object) -> None:
    """Add an entry about access within a transaction."""
    append(db, act, at, what, subject, details, kind=ACCESS)


def newest() -> Select[int]:
    """Return the query for the number of the last entry about access, 0 before the first."""
    return newest_number(ACCESS)


def entries(subject: str = "") -> Select[Any]:
    """Return the query for all entries of the chain, of whatever kind; of one subject if named."""
    return chosen_entries(subject=subject or None)


def read(rows: Iterable[AnyRow]) -> tuple[AuditEntry, ...]:
    """Return the entries of rows."""
    return tuple(map(entry_of, rows))
