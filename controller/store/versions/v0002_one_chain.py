"""Version 2: what was done about people's access goes on in the audit chain that all acts share."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from time import time
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_KIND: Final = "vpn"
_AT_ONCE: Final = 500
_FIELDS: Final = ("serial", "at", "who", "what", "subject", "because")
_CHAIN: Final = sa.table(
    "audit_chain", *map(sa.column, (*_FIELDS, "details", "hash", "kind", "number"))
)


def upgrade() -> None:
    """Move the entries of the former trail, whose table goes."""
    db = op.get_bind()
    trail = db.execute(sa.text("SELECT * FROM audit_trail ORDER BY serial")).mappings()
    last = sa.select(_CHAIN.c.serial, _CHAIN.c.hash).order_by(_CHAIN.c.serial.desc()).limit(1)
    newest = db.execute(last).first()
    rows = map(dict, trail.all())
    entries = _behind(rows, newest.serial, newest.hash) if newest else map(_as_it_is, rows)
    while batch := list(islice(entries, _AT_ONCE)):
        db.execute(sa.insert(_CHAIN), batch)
    op.drop_table("audit_trail")
    if db.dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change_of_audit_trail()")


def _as_it_is(row: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of a trail with which the chain begins: its hash stays what it was."""
    return {**row, "kind": _KIND, "number": row["serial"]}


def _behind(rows: Iterable[dict[str, Any]], serial: int, before: str) -> Iterator[dict[str, Any]]:
    """Yield the entries behind those of the chain, and one that names their last former hash.

    An entry that did not fit into the trail does not fit into the chain. Gateways go on counting by
    the numbers that they know.
    """
    old, number = "0" * 64, 0
    for number, row in enumerate(rows, 1):
        fitted = row["hash"] == _hash(old, row) and row["serial"] == number
        old, serial = row["hash"], serial + 1
        made = {**row, "serial": serial, "kind": _KIND, "number": row["serial"]}
        before = _hash(before, made, _KIND, made["number"]) if fitted else old
        yield {**made, "hash": before}
    if number:
        noted = _note(serial + 1, number, old)
        yield {**noted, "hash": _hash(before, noted, noted["kind"], noted["number"])}


def _note(serial: int, entries: int, former_hash: str) -> dict[str, Any]:
    return {
        "serial": serial,
        "at": datetime.fromtimestamp(time(), UTC).isoformat(timespec="seconds"),
        "who": "sanaga",
        "what": "chain.join",
        "subject": "audit chain",
        "because": "all acts are in one chain from this version on",
        "details": json.dumps({"entries": entries, "former_hash": former_hash}, sort_keys=True),
        "kind": "chain",
        "number": 1,
    }


def _hash(before: str, row: dict[str, Any], *kind: object) -> str:
    said = [before, *(row[name] for name in _FIELDS), *kind, json.loads(row["details"])]
    text = json.dumps(said, ensure_ascii=False, sort_keys=True)
    return sha256(text.encode()).hexdigest()
