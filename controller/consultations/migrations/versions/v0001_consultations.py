"""Version 1: announced consultations."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "consultations",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("sites", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("begins_s", sa.Double, nullable=False),
        sa.Column("ends_s", sa.Double, nullable=False),
        sa.Column("announced_by", sa.Text, nullable=False),
        sa.Column("announced_s", sa.Double, nullable=False),
        sa.Column("cancelled_s", sa.Double),
    )
    op.create_index("consultations_by_end", "consultations", ["ends_s"])
