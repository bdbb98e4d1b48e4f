"""Statements that SQLite and PostgreSQL word differently, or that SQLAlchemy takes amiss."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from sqlalchemy import Column, Connection, Executable, Row, Table, func, select
from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

AnyRow: TypeAlias = Row[*tuple[Any, ...]]
Upsert: TypeAlias = SqliteInsert | PostgresqlInsert


def upsert(connection: Connection, table: Table) -> Upsert:
    """Return an insertion that can say what is to happen to a row that is there already."""
    made = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
    return made(table)


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
