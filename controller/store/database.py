"""SQLite files of ours: opened only when they are, brought to the current version, and explained.

Every write is on the disk before it returns (rollback journal, synchronous=FULL). There is no
write-ahead log: SQLite 3.7.0 to 3.51.2 can lose commits in it when two processes write.
"""

import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import RLock
from typing import Final

from inventory.errors import SanagaError

# How long to wait for another process; on a busy machine with a slow disk a commit takes a while.
WITHIN_S: Final = 60
# What to do about SQLite's result codes (sqlite.org/rescode.html); the others are kinds of them.
_PRIMARY: Final = 0xFF
_ADVICE: Final = {
    sqlite3.SQLITE_FULL: "free some space and say this again; nothing was changed",
    sqlite3.SQLITE_READONLY: "its folder is read-only, so that everything can be read and nothing "
    "changed; say this where it can be written",
    sqlite3.SQLITE_BUSY: "another process writes there; say this again when it has finished",
}
_ANY_ADVICE: Final = "check the disk's free space and who else uses the file"


@dataclass(frozen=True, slots=True)
class DatabaseKind:
    """A kind of file: its application_id, its versions, and what is said when it cannot be used.

    migrations[n] leads from PRAGMA user_version n to n + 1; a published one is never changed.
    """

    application_id: int
    migrations: tuple[tuple[str, ...], ...]
    error: type[SanagaError]
    when_damaged: str

    @property
    def version(self) -> int:
        """Return the version that this program writes."""
        return len(self.migrations)


class Database:
    """An open file; safe for use by several threads."""

    def __init__(self, file: Path, kind: DatabaseKind, connection: sqlite3.Connection) -> None:
        self.file = file
        self._kind = kind
        self._connection = connection
        self._guard = RLock()

    @classmethod
    def open(cls, file: Path, kind: DatabaseKind) -> "Database":
        """Open a file, made first where there is none, and bring it to the current version.

        Where it is ours and cannot be written it can still be read. Raises the kind's error when
        it is damaged, foreign, newer than this program or not ours.
        """
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_private(file.parent, kind)
            if _is_read_only(file):
                return cls(file, kind, _copied(file, kind))
            file.touch(mode=0o600, exist_ok=True)
            connection = _connected(file, kind)
        except (OSError, sqlite3.OperationalError) as error:
            raise kind.error(
                f"{file}: cannot be opened ({error}); check that the folder is yours to write, "
                "or choose another one with SANAGA_STATE_DIR"
            ) from error
        except sqlite3.DatabaseError as error:
            raise kind.error(_damaged(file, kind, error)) from error
        return cls(file, kind, connection)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Hold the only transaction that may write; it is committed when the block ends well.

        A block within another is a part of it: when it fails, it alone is taken back.
        """
        with self._guard, self._explained():
            if self._connection.in_transaction:
                with self._part():
                    yield self._connection
            else:
                with self._connection:
                    self._connection.execute("BEGIN IMMEDIATE")
                    yield self._connection

    @contextmanager
    def _part(self) -> Iterator[None]:
        self._connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK TO part")
            raise
        finally:
            self._connection.execute("RELEASE part")

    def read(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Return the rows of a query."""
        with self._guard, self._explained(), closing(self._connection.cursor()) as cursor:
            return cursor.execute(query, values).fetchall()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            advice = _ADVICE.get(error.sqlite_errorcode & _PRIMARY, _ANY_ADVICE)
            raise self._kind.error(f"{self.file}: {error}; {advice}") from error
        except sqlite3.DatabaseError as error:
            raise self._kind.error(_damaged(self.file, self._kind, error)) from error


def _is_read_only(file: Path) -> bool:
    """Return whether a file is there and cannot be written, or nothing can beside it."""
    if not file.exists():
        return False
    return not all(os.access(one, os.W_OK, effective_ids=True) for one in (file, file.parent))


def _copied(file: Path, kind: DatabaseKind) -> sqlite3.Connection:
    """Return a file's content in memory, at the current version; it takes no change."""
    memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        _fill(memory, file)
        memory.row_factory = sqlite3.Row
        memory.execute("PRAGMA trusted_schema = OFF")
        _check_ours(file, kind, memory)
        _migrate(kind, memory)
        memory.execute("PRAGMA query_only = ON")
    except BaseException:
        memory.close()
        raise
    return memory


def _fill(memory: sqlite3.Connection, file: Path) -> None:
    """Copy a file into memory, together with what was not yet moved into it from its log."""
    with TemporaryDirectory() as folder:
        copy = Path(folder, file.name)
        try:
            with (
                closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as source,
                closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
        except sqlite3.OperationalError:
            # A log cannot be read in its place where nothing can be written beside it.
            _copy_octets(file, copy)
        with closing(sqlite3.connect(copy)) as source:
            # Memory has no log.
            source.execute("PRAGMA journal_mode = DELETE")
            source.backup(memory)


def _copy_octets(file: Path, copy: Path) -> None:
    for ending in ("", "-wal"):
        one = file.with_name(f"{file.name}{ending}")
        if one.exists():
            copy.with_name(one.name).write_bytes(one.read_bytes())


def _check_private(folder: Path, kind: DatabaseKind) -> None:
    """Refuse a folder in which another user could put a file or a link of their own."""
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise kind.error(
            f"{folder}: others may write there; give it to yourself alone (chown, chmod 700), or "
            "choose another one with SANAGA_STATE_DIR"
        )


def _connected(file: Path, kind: DatabaseKind) -> sqlite3.Connection:
    connection = sqlite3.connect(
        file, isolation_level=None, check_same_thread=False, timeout=WITHIN_S
    )
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA trusted_schema = OFF")
        with _opening_alone(file.parent):
            _check_ours(file, kind, connection)
            _keep_rollback_journal(file, kind, connection)
        connection.execute("PRAGMA synchronous = FULL")
        # A large change waits in memory, so that it keeps readers out only while it is committed.
        connection.execute("PRAGMA cache_spill = OFF")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(kind, connection)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _opening_alone(folder: Path) -> Iterator[None]:
    """Keep other processes from opening a file there while a log of a former version is left."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _keep_rollback_journal(file: Path, kind: DatabaseKind, connection: sqlite3.Connection) -> None:
    """Choose the journal, and move what a former version left in a write-ahead log into the file.

    Truncating reaches the disk with synchronous=FULL; deleting the journal would not.
    """
    try:
        connection.execute("PRAGMA journal_mode = TRUNCATE")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        raise kind.error(
            f"{file}: a sanaga of an earlier version has it open; wait until that has ended "
            f"('fuser {file}' names it), then do this again"
        ) from error


def _check_ours(file: Path, kind: DatabaseKind, connection: sqlite3.Connection) -> None:
    version = _pragma(connection, "user_version")
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if tables and _pragma(connection, "application_id") != kind.application_id:
        raise kind.error(f"{file}: is another program's database; choose another state folder")
    if version > kind.version:
        raise kind.error(
            f"{file}: was written by a newer sanaga (version {version}, this one knows "
            f"{kind.version}); use that one"
        )
    if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
        raise sqlite3.DatabaseError("its pages do not fit together")


def _migrate(kind: DatabaseKind, connection: sqlite3.Connection) -> None:
    if _pragma(connection, "user_version") == kind.version:
        return
    connection.execute("BEGIN IMMEDIATE")
    # Read again: another process may have migrated before we had the write lock.
    for version in range(_pragma(connection, "user_version"), kind.version):
        for statement in kind.migrations[version]:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {kind.application_id}")
    connection.execute(f"PRAGMA user_version = {kind.version}")
    connection.execute("COMMIT")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _damaged(file: Path, kind: DatabaseKind, error: sqlite3.DatabaseError) -> str:
    return f"{file}: is damaged ({error}); {kind.when_damaged}"
