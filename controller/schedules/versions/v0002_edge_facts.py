"""Version 2: what edges tell of themselves, the newest of each."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "edge_facts",
        sa.Column("device", sa.Text, primary_key=True),
        sa.Column("at_s", sa.Double, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("free_octets", sa.BigInteger, nullable=False),
        sa.Column("whole_octets", sa.BigInteger, nullable=False),
    )
