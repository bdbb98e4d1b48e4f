"""Tables of telemetry: edges and their spools, batches as they came, tables per day and month.

Slices and minutes have a table per day, hours and changes one per month. Such a table is made when
its first row comes and dropped whole when its time is over.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Select,
    Table,
    Text,
    UniqueConstraint,
    insert,
    inspect,
    select,
)

from database.migrate import upgrade_schema, wait_for_lock
from inventory.model import CircuitName, DeviceName

VERSION_TABLE: Final = "telemetry_version"
HOUR_S: Final = 3600
DAY_S: Final = 86_400
_PACKAGE: Final = "controller.telemetry.migrations"
_NAME: Final = re.compile(r"telemetry_(slices|minutes|hours|changes)_(\d{6}(?:\d\d)?)")
_POSTGRESQL_LOCK: Final = 0x53414E54

metadata: Final = MetaData()
edges: Final = Table(
    "telemetry_edges",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("device", Text, nullable=False, unique=True),
)
# A spool numbers its messages from 1 on; sequence, boot and uptime_s are those of the last one.
# began_s is when the spool was first heard of, placed_until_s the end of its newest slice, both by
# the controller's time.
spools: Final = Table(
    "telemetry_spools",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("edge", Integer, nullable=False),
    Column("spool", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("boot", Text, nullable=False),
    Column("uptime_s", Float, nullable=False),
    Column("began_s", BigInteger, nullable=False),
    Column("placed_until_s", BigInteger, nullable=False),
    UniqueConstraint("edge", "spool"),
)
paths: Final = Table(
    "telemetry_paths",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("edge", Integer, nullable=False),
    Column("peer", Text, nullable=False),
    Column("circuit", Text, nullable=False),
    UniqueConstraint("edge", "peer", "circuit"),
)
# shift_s is what is added to the edge's time to get the controller's.
batches: Final = Table(
    "telemetry_batches",
    metadata,
    Column("spool", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("received_s", Float, nullable=False),
    Column("shift_s", BigInteger, nullable=False),
    Column("frame", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)


class Kind(StrEnum):
    """What a table of a period holds."""

    SLICES = "slices"
    MINUTES = "minutes"
    HOURS = "hours"
    CHANGES = "changes"

    @property
    def monthly(self) -> bool:
        """Return whether a table spans a month, not a day."""
        return self in {Kind.HOURS, Kind.CHANGES}


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many days what is kept; slices outlast the spool of an edge, which is 30 days."""

    slices_days: int = 35
    minutes_days: int = 400
    hours_days: int = 1_830
    changes_days: int = 1_830

    def days(self, kind: Kind) -> int:
        """Return for how many days a kind of table is kept."""
        kept: int = getattr(self, f"{kind}_days")
        return kept


@dataclass(frozen=True, slots=True)
class Period:
    """A table that is there, and when its last second is over (Unix time)."""

    name: str
    kind: Kind
    ended_unix_s: int


def prepare(engine: Engine) -> None:
    """Bring the tables of telemetry to their newest version."""
    upgrade_schema(engine, _PACKAGE, VERSION_TABLE)


def period_table(kind: Kind, at_unix_s: int) -> Table:
    """Return the table that holds a second."""
    pattern = "%Y%m" if kind.monthly else "%Y%m%d"
    return _table(kind, datetime.fromtimestamp(at_unix_s, UTC).strftime(pattern))


def ensure_table(connection: Connection, kind: Kind, at_unix_s: int) -> Table:
    """Return the table that holds a second, made if it is not there."""
    table = period_table(kind, at_unix_s)
    if inspect(connection).has_table(table.name):
        return table
    lock_names(connection)
    table.create(connection, checkfirst=True)
    return table


def insert_rows(
    connection: Connection, kind: Kind, at_s: int, rows: Sequence[Mapping[str, object]]
) -> None:
    """Insert rows into the table that holds a second, made if it is not there."""
    connection.execute(insert(ensure_table(connection, kind, at_s)), [*rows])


def path_numbers(connection: Connection, edge: int) -> dict[tuple[DeviceName, CircuitName], int]:
    """Return the numbers of an edge's paths, by far end and circuit."""
    table = paths
    rows = connection.execute(select(table).where(table.c.edge == edge)).all()
    return {(row.peer, row.circuit): row.id for row in rows}


def lock_names(connection: Connection) -> None:
    """Let no other controller make tables or names until this transaction ends."""
    wait_for_lock(connection, _POSTGRESQL_LOCK)


def period_tables(connection: Connection) -> Iterator[Period]:
    """Yield the tables of periods that are there."""
    for name in inspect(connection).get_table_names():
        if found := _NAME.fullmatch(name):
            yield Period(name, Kind(found[1]), _end(found[2]))


def _end(digits: str) -> int:
    if len(digits) == 8:
        began = datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC)
        return int(began.timestamp()) + DAY_S
    year, month = int(digits[:4]), int(digits[4:])
    following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return int(following.timestamp())


@cache
def _table(kind: Kind, digits: str) -> Table:
    name = f"telemetry_{kind}_{digits}"
    body = Column("body", LargeBinary, nullable=False)
    if kind is Kind.SLICES:
        return Table(name, MetaData(), *_key("spool", "hour_unix_s", "part"), body)
    if kind is Kind.MINUTES:
        key = _key("path", "hour_unix_s", "spool", "part")
        return Table(name, MetaData(), *key, body, sqlite_with_rowid=False)
    return _hours(name) if kind is Kind.HOURS else _changes(name)


def _key(*names: str) -> tuple[Column[int], ...]:
    """Return the key of a part of an hour; part is the number of the first batch in it."""
    return tuple(Column(n, BigInteger, primary_key=True, autoincrement=False) for n in names)


def _hours(name: str) -> Table:
    return Table(
        name,
        MetaData(),
        *_key("path", "hour_unix_s"),
        Column("body", LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )


def _changes(name: str) -> Table:
    texts = ("kind", "peer", "circuit", "service", "state", "reason")
    return Table(
        name,
        MetaData(),
        Column("edge", Integer, nullable=False),
        Column("spool", Integer, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        Column("at_unix_s", Float, nullable=False),
        Column("claimed_unix_s", Float, nullable=False),
        *(Column(text, Text, nullable=False) for text in texts),
        Index(f"{name}_edge", "edge", "at_unix_s"),
    )


def spools_of(*where: ColumnElement[bool]) -> Select[Any]:
    """Return the query of spools with the names of their devices."""
    joined = spools.join(edges, edges.c.id == spools.c.edge)
    return select(edges.c.device, spools).select_from(joined).where(*where)


def batch(connection: Connection, spool: int, sequence: int) -> Row[Any]:
    """Return one batch of a spool."""
    query = select(batches).where(batches.c.spool == spool, batches.c.sequence == sequence)
    return connection.execute(query).one()
