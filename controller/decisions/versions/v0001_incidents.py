"""The first tables: observations, memory, incidents, timeline, turns of health, outbox."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make all tables."""
    _make_state()
    _make_incidents()
    _make_health_changes()
    _make_outbox()


def _make_state() -> None:
    op.create_table(
        "incident_observations",
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("observer", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", "observer", "source"),
    )
    op.create_table(
        "incident_memory",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("body", sa.JSON, nullable=False),
    )


def _make_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("root_kind", sa.String, nullable=False),
        sa.Column("root_name", sa.String, nullable=False),
        sa.Column("cause", sa.String, nullable=False),
        sa.Column("severity", sa.String, nullable=False),
        sa.Column("opened_s", sa.Float, nullable=False),
        sa.Column("changed_s", sa.Float, nullable=False),
        sa.Column("ended_s", sa.Float),
        sa.Column("merged_into", sa.Integer),
        sa.Column("body", sa.JSON, nullable=False),
    )
    op.create_index("incidents_by_end", "incidents", ["ended_s"])
    op.create_table(
        "incident_timeline",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("incident", sa.Integer, nullable=False),
        sa.Column("at_s", sa.Float, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
    )
    op.create_index("incident_timeline_by_incident", "incident_timeline", ["incident", "id"])


def _make_health_changes() -> None:
    op.create_table(
        "health_changes",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("at_s", sa.Float, nullable=False),
        sa.Column("before", sa.String, nullable=False),
        sa.Column("after", sa.String, nullable=False),
    )
    op.create_index("health_changes_by_subject", "health_changes", ["kind", "name", "at_s"])


def _make_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("incident", sa.Integer),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("dedup_key", sa.String, nullable=False, unique=True),
        sa.Column("created_s", sa.Float, nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
    )
