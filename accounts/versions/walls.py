"""Version 3: codes with which screens on walls are paired, and what people call a wall."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "3"
down_revision: Final = "2"


def upgrade() -> None:
    """Create the table of codes, and let sessions have a title."""
    op.add_column("account_sessions", sa.Column("title", sa.Text(), nullable=True))
    texts = ("title", "view", "scope", "language")
    op.create_table(
        "account_wall_codes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        sa.Column("created_s", sa.Double(), nullable=False),
        sa.Column("expires_s", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code_hash"),
    )
    op.create_index(op.f("ix_account_wall_codes_account_id"), "account_wall_codes", ["account_id"])
