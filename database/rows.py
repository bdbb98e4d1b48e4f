"""Statements that SQLite and PostgreSQL word differently, or that SQLAlchemy takes amiss."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import Column, Connection, Executable, Row, Table, func, select

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

AnyRow: TypeAlias = Row[*tuple[Any, ...]]


def upsert(connection: Connection, table: Table) -> "SqliteInsert | PostgresqlInsert":
    """Return an insertion that can say what is to happen to a row that is there already."""
    # Each dialect takes long to import, and one of them is in use already.
    dialect = import_module(f"sqlalchemy.dialects.{connection.dialect.name}")
    made: SqliteInsert | PostgresqlInsert = dialect.insert(table)
    return made


def execute_many(
    connection: Connection, statement: Executable, rows: Iterable[Mapping[str, Any]]
) -> None:
    """Execute a statement for each row; without rows it does nothing."""
    if given := [dict(row) for row in rows]:
        connection.execute(statement, given)


def next_number(connection: Connection, column: Column[int]) -> int:
    """Return a number above all in a column, beginning with 1; for the only writer of its table."""
    highest = connection.execute(select(func.coalesce(func.max(column), 0))).scalar_one()
    return int(highest) + 1
