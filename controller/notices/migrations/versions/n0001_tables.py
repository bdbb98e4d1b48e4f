"""Make the tables of the notices."""

from alembic import op
from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Integer,
    String,
    Text,
    UniqueConstraint,
    false,
)

revision = "n0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _make_decisions()
    _make_deliveries()
    _make_steps()


def _make_decisions() -> None:
    op.create_table(
        "notice_decisions",
        Column("outbox_id", Integer, primary_key=True, autoincrement=False),
        Column("decided_s", Float, nullable=False),
        Column("planned", Integer, nullable=False),
        Column("reason", Text, nullable=False),
    )


def _make_deliveries() -> None:
    op.create_table(
        "deliveries",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("outbox_id", Integer, nullable=False),
        Column("incident", Integer),
        Column("step", Integer, nullable=False),
        Column("person", String(64), nullable=False),
        Column("contact", String(64), nullable=False),
        Column("channel", String(16), nullable=False),
        Column("kind", String(16), nullable=False),
        Column("state", String(16), nullable=False),
        Column("created_s", Float, nullable=False),
        Column("due_s", Float, nullable=False),
        Column("urgent", Boolean, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("owner", String(200), nullable=False),
        Column("claimed_s", Float),
        Column("sent_s", Float),
        Column("maybe_told", Boolean, nullable=False, server_default=false()),
        Column("provider_id", Text, nullable=False),
        Column("receipt", String(32), nullable=False),
        Column("last_error", Text, nullable=False),
        Column("folded_into", Integer),
        Column("subject", Text, nullable=False),
        Column("text", Text, nullable=False),
        UniqueConstraint("outbox_id", "step", "person", "contact", "kind", name="one_delivery"),
    )
    op.create_index("deliveries_by_incident", "deliveries", ["incident"])
    op.create_index("deliveries_due", "deliveries", ["state", "due_s"])
    op.create_index("deliveries_by_time", "deliveries", ["created_s"])


def _make_steps() -> None:
    op.create_table(
        "notice_steps",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("outbox_id", Integer, nullable=False),
        Column("incident", Integer, nullable=False),
        Column("rule", Integer, nullable=False),
        Column("step", Integer, nullable=False),
        Column("wait_s", Float, nullable=False),
        Column("due_s", Float, nullable=False),
        Column("frozen", Boolean, nullable=False),
        Column("done", String(200), nullable=False),
        Column("closed", Boolean, nullable=False),
        UniqueConstraint("outbox_id", "rule", "step", name="one_step"),
    )
    op.create_index("notice_steps_due", "notice_steps", ["done", "due_s"])
    op.create_index("notice_steps_by_incident", "notice_steps", ["incident"])
