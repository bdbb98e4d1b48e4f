"""Version 1: plans, and answers to repeated requests."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "plans",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("made_s", sa.Double, nullable=False),
        sa.Column("author_id", sa.Integer, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
    op.create_index("plans_by_digest", "plans", ["digest"])
    op.create_table(
        "kept_answers",
        sa.Column("sender", sa.Text, primary_key=True),
        sa.Column("idempotency_key", sa.Text, primary_key=True),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("began_s", sa.Double, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("headers", sa.Text),
        sa.Column("body", sa.LargeBinary),
    )
    op.create_index("kept_answers_by_age", "kept_answers", ["began_s"])
