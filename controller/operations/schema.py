"""Tables of plans, of operations with their events, and of answers to repeated requests."""

from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

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
operations: Final = Table(
    "operations",
    METADATA,
    Column("serial", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("account", Integer),
    # Names of sites as JSON; none is the whole network.
    Column("sites", Text),
    Column("state", Text, nullable=False),
    Column("began_s", Double, nullable=False),
    Column("ended_s", Double),
    Column("process", Text, nullable=False),
    # By the clock that all controllers of a database share.
    Column("beat_s", Double, nullable=False),
    Column("end_asked", Boolean, nullable=False),
    Column("apply", Integer),
    Column("position", Integer, nullable=False),
    Column("result", Text),
    Column("error", Text),
)
operation_events: Final = Table(
    "operation_events",
    METADATA,
    Column("serial", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)


def open_operations(engine: Engine) -> None:
    """Bring the tables to their newest version."""
    upgrade_schema(engine, "controller.operations.migrations", VERSION_TABLE)
