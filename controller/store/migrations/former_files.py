"""Files of release 0.1, a journal and a record of people, moved into the one store.

All of a file's rows go over within the transaction that makes the tables. The file is kept under
another name afterwards. A process that dies in between leaves both, and the digest of the rows
says at the next opening that they are over already.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from sqlalchemy import Connection, Table, insert, select

from accounts.audit import FIRST_KIND
from accounts.audit_table import audit_chain
from controller.store import schema
from database.engine import WITHIN_S, sqlite_module
from database.rows import execute_many

KEPT: Final = ".before-one-store"
_AT_ONCE: Final = 500
# SQLite's file format, which the modules of SQLite read alike.
Source = sqlite3.Connection


class FormerFileError(Exception):
    """A file of the version before cannot be moved into the store."""


@dataclass(frozen=True, slots=True)
class FormerKind:
    """A kind of file: its marks, its last version, and the table that each of its tables becomes.

    Tables are in an order in which those that are referred to come first.
    """

    application_id: int
    version: int
    tables: Mapping[str, Table]


KINDS: Final[Mapping[str, FormerKind]] = {
    "journal.sqlite": FormerKind(
        0x5A4E4741,
        1,
        {
            "texts": schema.plan_texts,
            "applies": schema.applies,
            "configs": schema.apply_configs,
            "steps": schema.apply_steps,
        },
    ),
    "people.sqlite": FormerKind(
        0x5A4E5650,
        4,
        {
            "terms": schema.access_terms,
            "people": schema.people,
            "devices": schema.person_devices,
            "keys": schema.device_keys,
            "preshared": schema.preshared_keys,
            "audit": audit_chain,
            "gateways": schema.roster_loads,
            "revoked": schema.revoked_keys,
            "site_keys": schema.site_keys,
            "unfiled": schema.unfiled_devices,
        },
    ),
}


# Columns that no former file had.
_SINCE: Final[Mapping[Table, tuple[str, ...]]] = {audit_chain: ("kind", "number")}


@dataclass(frozen=True, slots=True)
class FormerFile:
    """A file that nobody else can change, open for as long as it is being moved."""

    path: Path
    kind: FormerKind
    source: Source

    def put_aside(self) -> None:
        """Keep the file under another name; who has it open still is refused from now on."""
        self.path.rename(self.path.with_name(f"{self.path.name}{KEPT}"))
        self.path.with_name(f"{self.path.name}-journal").unlink(missing_ok=True)


def former_files_in(folder: Path) -> tuple[Path, ...]:
    """Return the files of the version before in a folder."""
    return tuple(file for name in KINDS if (file := folder / name).exists())


@contextmanager
def held_former_files(folder: Path) -> Iterator[tuple[FormerFile, ...]]:
    """Give the files of the version before; nobody else can read or change them meanwhile.

    Raises FormerFileError.
    """
    with ExitStack() as stack:
        yield tuple(stack.enter_context(_held(file)) for file in former_files_in(folder))


@contextmanager
def _held(file: Path) -> Iterator[FormerFile]:
    module, kind = sqlite_module(), KINDS[file.name]
    try:
        with closing(module.connect(file, isolation_level=None, timeout=WITHIN_S)) as source:
            source.execute("PRAGMA trusted_schema = OFF")
            _check(file, kind, source)
            _leave_log(module, file, source)
            source.execute("BEGIN EXCLUSIVE")
            yield FormerFile(file, kind, source)
    except module.OperationalError as error:
        raise FormerFileError(f"{file}: cannot be read ({error})") from error
    except module.DatabaseError as error:
        raise FormerFileError(damaged(file, error)) from error


def _leave_log(module: ModuleType, file: Path, source: Source) -> None:
    """Move what a write-ahead log holds into the file; that needs everybody else to be out."""
    try:
        source.execute("PRAGMA journal_mode = TRUNCATE")
    except module.OperationalError as error:
        if "locked" not in str(error):
            raise
        raise FormerFileError(
            f"{file}: a sanaga of an earlier version has it open; wait until that has ended "
            f"('fuser {file}' names it), then do this again"
        ) from error


def _check(file: Path, kind: FormerKind, source: Source) -> None:
    tables = source.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if tables and source.execute("PRAGMA application_id").fetchone()[0] != kind.application_id:
        raise FormerFileError(f"{file}: is another program's database; choose another state folder")
    version = source.execute("PRAGMA user_version").fetchone()[0]
    if version > kind.version:
        raise FormerFileError(
            f"{file}: was written by a newer sanaga (version {version}, this one knows "
            f"{kind.version}); use that one"
        )
    if (found := source.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
        raise FormerFileError(damaged(file, found))


def damaged(file: Path, why: object) -> str:
    """Return what to say of a file of the version before that cannot be read."""
    return f"{file}: is damaged ({why}); put back a copy, or move it away to begin without it"


def move_rows(db: Connection, former: FormerFile, at: str) -> None:
    """Copy a file's rows within a transaction, unless they are here already; at is ISO 8601.

    Raises FormerFileError when the store has other rows, or a copy is not whole.
    """
    name, tables = former.path.name, former.kind.tables
    digests = {old: _digest(_former_rows(former, old, new)) for old, new in tables.items()}
    digest = sha256(repr(sorted(digests.items())).encode()).hexdigest()
    known = schema.former_files
    if db.execute(select(known.c.digest).where(known.c.name == name)).scalar() == digest:
        return
    if any(db.execute(select(table).limit(1)).first() for table in tables.values()):
        raise FormerFileError(
            f"{former.path}: is of an earlier version, and the store has entries of its own; "
            "move away this file, or the store, whichever is not wanted"
        )
    for old, table in tables.items():
        _copy(db, former, old, table)
        if _digest(_stored_rows(db, table)) != digests[old]:
            raise FormerFileError(f"{former.path}: {old} was not copied whole; nothing is moved")
    if schema.person_devices in tables.values():
        _complete_people(db, former)
    db.execute(insert(known).values(name=name, digest=digest, at=at))


def _copy(db: Connection, former: FormerFile, old: str, table: Table) -> None:
    rows = map(partial(_completed, table), _former_rows(former, old, table))
    while batch := list(islice(rows, _AT_ONCE)):
        execute_many(db, insert(table), batch)


def _completed(table: Table, row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a row with what an entry of the audit chain did not say in release 0.1."""
    if table is not audit_chain:
        return row
    return {**row, "kind": FIRST_KIND, "number": row["serial"]}


def _digest(rows: Iterable[Mapping[str, Any]]) -> str:
    digest = sha256()
    for row in rows:
        digest.update(repr(sorted(row.items())).encode())
    return digest.hexdigest()


def _former_rows(former: FormerFile, old: str, table: Table) -> Iterator[dict[str, Any]]:
    """Return the rows of a table, none where that version of the file had no such table."""
    if not _has_table(former, old):
        return
    order = ", ".join(column.name for column in table.primary_key)
    # Names of this program, and no text from elsewhere.
    cursor = former.source.execute(f"SELECT * FROM {old} ORDER BY {order}")  # noqa: S608
    names = [column[0] for column in cursor.description]
    for values in cursor:
        row = dict(zip(names, values, strict=True))
        yield {name: _value(table, name, value) for name, value in row.items()}


def _value(table: Table, name: str, value: object) -> object:
    return bool(value) if table.c[name] is schema.applies.c.held else value


def _stored_rows(db: Connection, table: Table) -> Iterator[dict[str, Any]]:
    columns = [column for column in table.columns if column.name not in _SINCE.get(table, ())]
    rows = db.execute(select(*columns).order_by(*table.primary_key))
    return (dict(row) for row in rows.mappings())


def _complete_people(db: Connection, former: FormerFile) -> None:
    """Write what earlier versions of the file did not keep in tables of their own."""
    keys, revoked = schema.device_keys, schema.revoked_keys
    if not _has_table(former, "revoked"):
        gone = select(keys.c.public_key, keys.c.revoked).where(keys.c.revoked.is_not(None))
        rows = db.execute(gone.order_by(keys.c.revoked, keys.c.public_key)).all()
        numbered = (
            {"serial": serial, "public_key": row.public_key, "at": row.revoked}
            for serial, row in enumerate(rows, 1)
        )
        execute_many(db, insert(revoked), numbered)
    if _has_table(former, "sqlite_sequence"):
        query = "SELECT seq FROM sqlite_sequence WHERE name = 'devices'"
        for (last,) in former.source.execute(query):
            db.execute(insert(schema.device_numbers).values(one=1, last=last))


def _has_table(former: FormerFile, name: str) -> bool:
    query = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
    return former.source.execute(query, (name,)).fetchone() is not None
