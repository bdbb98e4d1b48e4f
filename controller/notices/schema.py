"""Tables of the notices: decisions on outbox entries, deliveries, steps of escalations.

The outbox itself belongs to the incidents, which write it in the transaction of the change.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.types import Boolean

MIGRATIONS: Final = "controller.notices.migrations"
VERSION_TABLE: Final = "notices_version"

# Read here, made by the migration of the incidents.
OUTBOX_OWNER: Final = MetaData()
outbox: Final = Table(
    "outbox",
    OUTBOX_OWNER,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("incident", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("dedup_key", String, key="dedup", nullable=False, unique=True),
    Column("created_s", Float, nullable=False),
    Column("payload", JSON, nullable=False),
)

metadata: Final = MetaData()
notice_decisions: Final = Table(
    "notice_decisions",
    metadata,
    Column("outbox_id", Integer, primary_key=True, autoincrement=False),
    Column("decided_s", Float, nullable=False),
    Column("planned", Integer, nullable=False),
    Column("reason", Text, nullable=False),
)
deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("outbox_id", Integer, nullable=False),
    Column("incident", Integer),
    Column("step", Integer, nullable=False, default=0),
    Column("person", String(64), nullable=False),
    Column("contact", String(64), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_s", Float, nullable=False),
    Column("due_s", Float, nullable=False),
    Column("urgent", Boolean, nullable=False, default=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("owner", String(200), nullable=False, default=""),
    Column("claimed_s", Float),
    Column("sent_s", Float),
    Column("maybe_told", Boolean, nullable=False, default=False, server_default=false()),
    Column("provider_id", Text, nullable=False, default=""),
    Column("receipt", String(32), nullable=False, default=""),
    Column("last_error", Text, nullable=False, default=""),
    Column("folded_into", Integer),
    Column("subject", Text, nullable=False, default=""),
    Column("text", Text, nullable=False, default=""),
    UniqueConstraint("outbox_id", "step", "person", "contact", "kind", name="one_delivery"),
    Index("deliveries_by_incident", "incident"),
    Index("deliveries_due", "state", "due_s"),
    Index("deliveries_by_time", "created_s"),
)
notice_steps: Final = Table(
    "notice_steps",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("outbox_id", Integer, nullable=False),
    Column("incident", Integer, nullable=False),
    Column("rule", Integer, nullable=False),
    Column("step", Integer, nullable=False),
    Column("wait_s", Float, nullable=False),
    Column("due_s", Float, nullable=False),
    Column("frozen", Boolean, nullable=False, default=False),
    Column("done", String(200), nullable=False, default=""),
    Column("closed", Boolean, nullable=False, default=False),
    UniqueConstraint("outbox_id", "rule", "step", name="one_step"),
    Index("notice_steps_due", "done", "due_s"),
    Index("notice_steps_by_incident", "incident"),
)
