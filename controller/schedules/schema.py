"""Tables of schedules: runs, times of watching, readings of batteries, facts of edges."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Engine,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from database.migrate import upgrade_schema

VERSION_TABLE: Final = "schedules_version"
MIGRATIONS: Final = "controller.schedules.migrations"
METADATA: Final = MetaData()
# ended_s is null while a run goes on, and of one that died with its process.
runs: Final = Table(
    "schedule_runs",
    METADATA,
    Column("name", Text, nullable=False),
    Column("due_s", Double, nullable=False),
    Column("began_s", Double, nullable=False),
    Column("ended_s", Double),
    Column("outcome", Text, nullable=False),
    Column("report", Text, nullable=False),
    PrimaryKeyConstraint("name", "due_s"),
)
watched: Final = Table(
    "watched_times",
    METADATA,
    Column("began_s", Double, primary_key=True),
    Column("seen_s", Double, nullable=False),
)
batteries: Final = Table(
    "battery_readings",
    METADATA,
    Column("device", Text, nullable=False),
    Column("at_s", Double, nullable=False),
    Column("on_battery", Boolean, nullable=False),
    Column("low", Boolean, nullable=False),
    Column("charge", Double),
    Column("minutes_left", Integer),
    PrimaryKeyConstraint("device", "at_s"),
)

facts: Final = Table(
    "edge_facts",
    METADATA,
    Column("device", Text, primary_key=True),
    Column("at_s", Double, nullable=False),
    Column("version", Text, nullable=False),
    Column("free_octets", BigInteger, nullable=False),
    Column("whole_octets", BigInteger, nullable=False),
    Column("updates", Integer),
    Column("update_words", Text, nullable=False, server_default=""),
)


def open_schedules(engine: Engine) -> None:
    """Bring the tables to their newest version."""
    upgrade_schema(engine, MIGRATIONS, VERSION_TABLE)
