"""Tables of plans that people made, and of answers to requests that may be repeated."""

from typing import Final

from sqlalchemy import Column, Double, Engine, Integer, LargeBinary, MetaData, Table, Text

from database.migrate import upgrade_schema

VERSION_TABLE: Final = "operations_version"
METADATA: Final = MetaData()
plans: Final = Table(
    "plans",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False, index=True),
    Column("made_s", Double, nullable=False),
    Column("author_id", Integer, nullable=False),
    Column("author", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
)
kept_answers: Final = Table(
    "kept_answers",
    METADATA,
    Column("sender", Text, primary_key=True),
    Column("idempotency_key", Text, primary_key=True),
    Column("request", Text, nullable=False),
    Column("began_s", Double, nullable=False, index=True),
    Column("status", Integer),
    Column("headers", Text),
    Column("body", LargeBinary),
)


def open_operations(engine: Engine) -> None:
    """Bring the tables to their newest version."""
    upgrade_schema(engine, "controller.operations.migrations", VERSION_TABLE)
