"""Version 1: runs of schedules, times in which the service watched, readings of batteries."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "schedule_runs",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("due_s", sa.Double, nullable=False),
        sa.Column("began_s", sa.Double, nullable=False),
        sa.Column("ended_s", sa.Double),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("report", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", "due_s"),
    )
    op.create_table(
        "watched_times",
        sa.Column("began_s", sa.Double, primary_key=True),
        sa.Column("seen_s", sa.Double, nullable=False),
    )
    op.create_table(
        "battery_readings",
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("at_s", sa.Double, nullable=False),
        sa.Column("on_battery", sa.Boolean, nullable=False),
        sa.Column("low", sa.Boolean, nullable=False),
        sa.Column("charge", sa.Double),
        sa.Column("minutes_left", sa.Integer),
        sa.PrimaryKeyConstraint("device", "at_s"),
    )
    op.create_index("battery_readings_by_time", "battery_readings", ["at_s"])
