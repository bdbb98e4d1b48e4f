"""Tables of incidents: what decisions rest on, incidents, their timeline, and the outbox."""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

metadata: Final = MetaData()
VERSION_TABLE: Final = "incident_schema_version"
MIGRATIONS: Final = "controller.decisions.migrations"

_ID: Final = BigInteger().with_variant(Integer, "sqlite")

observations: Final = Table(
    "incident_observations",
    metadata,
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    Column("observer", String, nullable=False),
    Column("source", String, nullable=False),
    Column("body", JSON, nullable=False),
    PrimaryKeyConstraint("kind", "name", "observer", "source"),
)
memory: Final = Table(
    "incident_memory",
    metadata,
    Column("key", String, primary_key=True),
    Column("body", JSON, nullable=False),
)
incidents: Final = Table(
    "incidents",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("root_kind", String, nullable=False),
    Column("root_name", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("opened_s", Float, nullable=False),
    Column("changed_s", Float, nullable=False),
    Column("ended_s", Float),
    Column("merged_into", Integer),
    Column("body", JSON, nullable=False),
    Index("incidents_by_end", "ended_s"),
)
timeline: Final = Table(
    "incident_timeline",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("incident", Integer, nullable=False),
    Column("at_s", Float, nullable=False),
    Column("kind", String, nullable=False),
    Column("by", String, nullable=False),
    Column("sentence", Text, nullable=False),
    Index("incident_timeline_by_incident", "incident", "id"),
)
health_changes: Final = Table(
    "health_changes",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    Column("at_s", Float, nullable=False),
    Column("before", String, nullable=False),
    Column("after", String, nullable=False),
    Index("health_changes_by_subject", "kind", "name", "at_s"),
)
outbox: Final = Table(
    "outbox",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("incident", Integer),
    Column("kind", String, nullable=False),
    Column("dedup_key", String, nullable=False, unique=True),
    Column("created_s", Float, nullable=False),
    Column("payload", JSON, nullable=False),
)
