"""First tables: edges, their spools and paths, and batches as they came."""

import sqlalchemy as sa
from alembic import op

revision = "telemetry_1"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "telemetry_edges",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("device", sa.Text(), nullable=False, unique=True),
    )
    op.create_table(
        "telemetry_spools",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("edge", sa.Integer(), nullable=False),
        sa.Column("spool", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("uptime_s", sa.Float(), nullable=False),
        sa.Column("began_s", sa.BigInteger(), nullable=False),
        sa.Column("placed_until_s", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("edge", "spool"),
    )
    op.create_table(
        "telemetry_paths",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("edge", sa.Integer(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("circuit", sa.Text(), nullable=False),
        sa.UniqueConstraint("edge", "peer", "circuit"),
    )
    op.create_table(
        "telemetry_batches",
        sa.Column("spool", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("received_s", sa.Float(), nullable=False),
        sa.Column("shift_s", sa.BigInteger(), nullable=False),
        sa.Column("frame", sa.LargeBinary(), nullable=False),
        sqlite_with_rowid=False,
    )
