"""Tables of schedules: runs, times in which the service watched, and readings of batteries."""

from typing import Final

from sqlalchemy import (
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


def open_schedules(engine: Engine) -> None:
    """Bring the tables to their newest version."""
    upgrade_schema(engine, MIGRATIONS, VERSION_TABLE)
