"""The first tables: applies, people's access, keys, loads of rosters, the audit trail."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ONLY_ADDED_TO: Final = "the audit trail is only ever added to"
_SQLITE_TRIGGERS: Final = tuple(
    f"CREATE TRIGGER audit_trail_is_not_{done} BEFORE {act} ON audit_trail"
    f" BEGIN SELECT raise(ABORT, '{_ONLY_ADDED_TO}'); END"
    for done, act in (("changed", "UPDATE"), ("shortened", "DELETE"))
)
_POSTGRESQL_TRIGGERS: Final = (
    "CREATE FUNCTION refuse_change_of_audit_trail() RETURNS trigger LANGUAGE plpgsql AS"
    f" $$ BEGIN RAISE EXCEPTION '{_ONLY_ADDED_TO}'; END $$",
    "CREATE TRIGGER audit_trail_is_not_changed BEFORE UPDATE OR DELETE ON audit_trail"
    " FOR EACH ROW EXECUTE FUNCTION refuse_change_of_audit_trail()",
    "CREATE TRIGGER audit_trail_is_not_emptied BEFORE TRUNCATE ON audit_trail"
    " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit_trail()",
)


def upgrade() -> None:
    """Make all tables."""
    _make_applies()
    _make_people()
    _make_devices()
    _make_keys()
    _make_audit_trail()
    op.create_table(
        "former_files",
        sa.Column("name", _TEXT, primary_key=True),
        sa.Column("digest", _TEXT, nullable=False),
        sa.Column("at", _TEXT, nullable=False),
        sqlite_with_rowid=False,
    )


def _number(name: str = "id") -> sa.Column[int]:
    return sa.Column(name, sa.Integer, primary_key=True, autoincrement=False)


def _make_applies() -> None:
    op.create_table(
        "plan_texts",
        sa.Column("fingerprint", _TEXT, primary_key=True),
        sa.Column("text", _TEXT, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "applies",
        _number(),
        sa.Column("plan_id", _TEXT, nullable=False),
        sa.Column("network", _TEXT, nullable=False),
        sa.Column("plan", _TEXT, nullable=False),
        sa.Column("intent", _TEXT, sa.ForeignKey("plan_texts.fingerprint")),
        sa.Column("started", _TEXT, nullable=False),
        sa.Column("deadline", sa.Double, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("decision", _TEXT),
        sa.Column("decided", _TEXT),
        sa.Column("because", _TEXT, nullable=False),
        sa.Column("outcome", _TEXT),
        sa.Column("finished", _TEXT),
        sa.CheckConstraint("decision IN ('confirm', 'rollback')", name="applies_decision"),
    )
    op.create_table(
        "apply_configs",
        sa.Column(
            "apply", sa.Integer, sa.ForeignKey("applies.id"), primary_key=True, autoincrement=False
        ),
        sa.Column("device", _TEXT, primary_key=True),
        sa.Column("before", _TEXT, sa.ForeignKey("plan_texts.fingerprint"), nullable=False),
        sa.Column("after", _TEXT, sa.ForeignKey("plan_texts.fingerprint"), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "apply_steps",
        _number(),
        sa.Column("apply", sa.Integer, sa.ForeignKey("applies.id"), nullable=False),
        sa.Column("device", _TEXT, nullable=False),
        sa.Column("act", _TEXT, nullable=False),
        sa.Column("was", _TEXT, nullable=False),
        sa.Column("became", _TEXT),
        sa.Column("started", _TEXT, nullable=False),
        sa.Column("finished", _TEXT),
    )
    op.create_index("apply_steps_by_apply", "apply_steps", ["apply"])


def _make_people() -> None:
    op.create_table("access_terms", _number("one"), sa.Column("body", _TEXT, nullable=False))
    op.create_table(
        "people",
        sa.Column("name", _TEXT, primary_key=True),
        sa.Column("title", _TEXT, nullable=False),
        sa.Column("role", _TEXT, nullable=False),
        sa.Column("site", _TEXT, nullable=False),
        sa.Column("licence", _TEXT, nullable=False),
        sa.Column("licence_until", _TEXT),
        sa.Column("until", _TEXT),
        sa.Column("added", _TEXT, nullable=False),
        sa.Column("revoked", _TEXT),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "roster_loads",
        sa.Column("device", _TEXT, primary_key=True),
        sa.Column("state", sa.Integer, nullable=False),
        sa.Column("at", _TEXT),
        sa.Column("devices", sa.Integer, nullable=False),
        sa.Column("fault", _TEXT, nullable=False),
        sqlite_with_rowid=False,
    )


def _make_devices() -> None:
    op.create_table("device_numbers", _number("one"), sa.Column("last", sa.Integer, nullable=False))
    op.create_table(
        "person_devices",
        _number("number"),
        sa.Column("person", _TEXT, sa.ForeignKey("people.name"), nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("revoked", _TEXT),
    )
    _index_of_those_in_use("person_devices", ["person", "name"])
    op.create_table(
        "unfiled_devices",
        sa.Column(
            "device",
            sa.Integer,
            sa.ForeignKey("person_devices.number"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("file", _TEXT, nullable=False),
    )


def _make_keys() -> None:
    op.create_table(
        "device_keys",
        sa.Column("public_key", _TEXT, primary_key=True),
        sa.Column("device", sa.Integer, sa.ForeignKey("person_devices.number"), nullable=False),
        sa.Column("since", _TEXT, nullable=False),
        sa.Column("revoked", _TEXT),
        sqlite_with_rowid=False,
    )
    # Whoever lists everybody asks for the newest key of each device.
    op.create_index("device_keys_by_device", "device_keys", ["device", "revoked"])
    _index_of_those_in_use("device_keys", ["device"])
    op.create_table(
        "preshared_keys",
        sa.Column("public_key", _TEXT, sa.ForeignKey("device_keys.public_key"), primary_key=True),
        sa.Column("gateway", _TEXT, primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "revoked_keys",
        _number("serial"),
        sa.Column("public_key", _TEXT, nullable=False, unique=True),
        sa.Column("at", _TEXT, nullable=False),
        sa.Column("site", _TEXT),
    )
    op.create_table(
        "site_keys",
        sa.Column("public_key", _TEXT, primary_key=True),
        sa.Column("device", _TEXT, nullable=False),
        sqlite_with_rowid=False,
    )


def _make_audit_trail() -> None:
    op.create_table(
        "audit_trail",
        _number("serial"),
        sa.Column("at", _TEXT, nullable=False),
        sa.Column("who", _TEXT, nullable=False),
        sa.Column("what", _TEXT, nullable=False),
        sa.Column("subject", _TEXT, nullable=False),
        sa.Column("because", _TEXT, nullable=False),
        sa.Column("details", _TEXT, nullable=False),
        sa.Column("hash", _TEXT, nullable=False),
    )
    op.create_index("audit_trail_by_subject", "audit_trail", ["subject"])
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in _POSTGRESQL_TRIGGERS if on_postgresql else _SQLITE_TRIGGERS:
        op.execute(statement)


def _index_of_those_in_use(table: str, columns: list[str]) -> None:
    in_use = sa.text("revoked IS NULL")
    op.create_index(
        f"{table}_in_use",
        table,
        columns,
        unique=True,
        sqlite_where=in_use,
        postgresql_where=in_use,
    )
