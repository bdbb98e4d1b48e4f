"""Version 2: entries of the audit chain say of what kind they are, and their number among those."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from time import time
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "2"
down_revision: Final = "1"

_KIND: Final = "accounts"
_ONLY_ADDED: Final = "entries of the audit chain are only added"
_TRIGGERS: Final = {
    "sqlite": tuple(
        f"CREATE TRIGGER audit_chain_{act.lower()} BEFORE {act} ON audit_chain "
        f"BEGIN SELECT RAISE(ABORT, '{_ONLY_ADDED}'); END"
        for act in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        "CREATE TRIGGER audit_chain_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_chain "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_chain_only_added()",
    ),
}


def upgrade() -> None:
    """Make the table again with its entries, whose hashes cover their kind from now on."""
    db = op.get_bind()
    former = db.execute(sa.text("SELECT * FROM audit_chain ORDER BY serial")).mappings().all()
    # The triggers of the former table go with it.
    op.drop_table("audit_chain")
    table = _create()
    if entries := list(_hashed_again(map(dict, former))):
        op.bulk_insert(table, entries)
    for statement in _TRIGGERS[db.dialect.name]:
        op.execute(statement)


def _create() -> sa.Table:
    texts = ("at", "who", "what", "subject", "because", "details", "hash", "kind")
    table = op.create_table(
        "audit_chain",
        sa.Column("serial", sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("serial"),
    )
    op.create_index(op.f("ix_audit_chain_subject"), "audit_chain", ["subject"], unique=False)
    op.create_index("audit_chain_numbers", "audit_chain", ["kind", "number"], unique=True)
    return table


def _hashed_again(former: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the entries with other hashes, and one that names the last of the former hashes.

    An entry that did not fit into the former chain does not fit into this one.
    """
    old = new = "0" * 64
    serial = 0
    for serial, row in enumerate(former, 1):
        fitted = row["hash"] == _hash(old, row) and row["serial"] == serial
        old = row["hash"]
        made = {**row, "serial": serial, "kind": _KIND, "number": serial}
        new = _hash(new, made) if fitted else old
        yield {**made, "hash": new}
    if serial:
        noted = _note(serial + 1, old)
        yield {**noted, "hash": _hash(new, noted)}


def _note(serial: int, former_hash: str) -> dict[str, Any]:
    details = {"entries": serial - 1, "former_hash": former_hash}
    return {
        "serial": serial,
        "at": datetime.fromtimestamp(time(), UTC).isoformat(timespec="seconds"),
        "who": "sanaga",
        "what": "chain.renew",
        "subject": "audit chain",
        "because": "entries say their kind from this version on",
        "details": json.dumps(details, sort_keys=True),
        "kind": _KIND,
        "number": serial,
    }


def _hash(before: str, row: dict[str, Any]) -> str:
    names = ("serial", "at", "who", "what", "subject", "because", "kind", "number")
    said = [before, *(row[name] for name in names if name in row), json.loads(row["details"])]
    text = json.dumps(said, ensure_ascii=False, sort_keys=True)
    return sha256(text.encode()).hexdigest()
