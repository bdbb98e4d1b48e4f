"""Version 1: terms, beats, news for the leader, answers to them, and the stream of events."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None

_ID: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "leader_term",
        sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("holder", sa.String(200), nullable=False),
        sa.Column("since_s", sa.Float, nullable=False),
        sa.Column("stream", sa.String(32), nullable=False),
    )
    op.create_table(
        "leader_beat",
        sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("beat_s", sa.Float, nullable=False),
    )
    _make_news()
    op.create_table(
        "stream_events",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("sites", sa.JSON, nullable=False),
        sa.Column("whole", sa.Boolean, nullable=False),
    )


def _make_news() -> None:
    op.create_table(
        "leader_news",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("reply", sa.String(64), nullable=False),
        sa.Column("posted_s", sa.Float, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
    )
    op.create_table(
        "leader_answers",
        sa.Column("reply", sa.String(64), primary_key=True),
        sa.Column("answered_s", sa.Float, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
    )
