"""Version 2: operations, and the events of each."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "operations",
        sa.Column("serial", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("account", sa.Integer),
        sa.Column("sites", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("began_s", sa.Double, nullable=False),
        sa.Column("ended_s", sa.Double),
        sa.Column("process", sa.Text, nullable=False),
        sa.Column("beat_s", sa.Double, nullable=False),
        sa.Column("end_asked", sa.Boolean, nullable=False),
        sa.Column("apply", sa.Integer),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("result", sa.Text),
        sa.Column("error", sa.Text),
    )
    op.create_index("operations_by_id", "operations", ["id"], unique=True)
    op.create_table(
        "operation_events",
        sa.Column("serial", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text, nullable=False),
    )
