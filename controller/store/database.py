"""The controller's records: opened only when they are ours, brought up to date, and explained.

Every write is on the disk before it returns. All stores of a process that name the same folder use
the same file or the same database of PostgreSQL, each by connections of its own.
"""

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from sqlalchemy import Connection, Engine, Select
from sqlalchemy.exc import DBAPIError

from accounts.audit_table import VERSION_TABLE as ACCOUNTS_VERSION_TABLE
from controller.clock import SystemClock
from controller.store.lock import held
from controller.store.migrations.former_files import (
    FormerFileError,
    former_files_in,
    held_former_files,
    move_rows,
)
from controller.store.place import (
    FILE,
    FORMER_FILES,
    StorePlace,
    open_store_engine,
    store_place,
)
from controller.store.schema import VERSION_TABLE
from database.engine import alone_in, open_memory, reading, sqlite_module
from database.faults import Fault, ForeignFileError, fault_of, words_of
from database.migrate import (
    NewerSchemaError,
    is_newest,
    schema_version,
    upgrade_within,
    wait_for_lock,
)
from database.rows import AnyRow
from inventory.errors import JournalError, SanagaError

MIGRATIONS: Final = "controller.store.migrations"
# The audit chain stands among the tables of accounts, and takes up what the store had of it.
_SCHEMAS: Final = (("accounts", ACCOUNTS_VERSION_TABLE), (MIGRATIONS, VERSION_TABLE))
LOCK: Final = "lock"
_FILES: Final = (FILE, *FORMER_FILES)
# One writer at a time on PostgreSQL too: an entry of the audit chain follows the one before.
_WRITER: Final = 0x53414E42
# Looking through all pages of a larger file takes longer than most verbs; backups look instead.
_MOST_CHECKED: Final = 32 * 1024 * 1024
_ADVICE: Final = {
    Fault.FULL: "free some space and say this again; nothing was changed",
    Fault.READ_ONLY: "its folder is read-only, so that everything can be read and nothing "
    "changed; say this where it can be written",
    Fault.BUSY: "another process writes there; say this again when it has finished",
    Fault.UNREACHABLE: "check that the server runs, and SANAGA_DATABASE",
    Fault.REFUSED: "nothing was changed",
}
_IF_DAMAGED: Final = (
    "put back a backup together with the keys of the same backup; gateways and routers go on as "
    "they are"
)
_ANY_ADVICE: Final = "check the disk's free space and who else uses the file"


class _OwnTransaction(threading.local):
    """The transaction that a thread is in."""

    connection: Connection | None = None


class Database:
    """The open records; safe for use by several threads."""

    def __init__(self, place: StorePlace, engine: Engine, error: type[SanagaError]) -> None:
        self.place = place
        self.engine = engine
        self._error = error
        self._own = _OwnTransaction()
        # Threads wait here for each other in turn; SQLite would let them try again and again.
        self._writer = threading.RLock()

    @classmethod
    def open(cls, folder: Path, error: type[SanagaError]) -> "Database":
        """Open the records of a state folder, made first where there are none.

        Files of the version before are moved into them. Where they are ours and cannot be written
        they can still be read. Raises the error that is given when they are damaged, foreign, newer
        than this program or not ours, SettingError when SANAGA_DATABASE makes no sense.
        """
        return cls.open_place(store_place(folder), error)

    @classmethod
    def open_place(cls, place: StorePlace, error: type[SanagaError]) -> "Database":
        """Open the records of a place in the same way, whatever SANAGA_DATABASE says."""
        with _opening_explained(place, error), _explained(place, error):
            place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_private(place.folder)
            return cls(place, _opened(place), error)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Hold the only transaction that may write; it is committed when the block ends well.

        A block within another of the same thread is a part of it: when it fails, it alone is taken
        back.
        """
        with _explained(self.place, self._error):
            if self._own.connection is not None:
                with self._own.connection.begin_nested():
                    yield self._own.connection
                return
            with self._writer, self.engine.begin() as connection:
                wait_for_lock(connection, _WRITER)
                self._own.connection = connection
                try:
                    yield connection
                finally:
                    self._own.connection = None

    def read(self, query: Select[Any]) -> list[AnyRow]:
        """Return the rows of a query."""
        with _explained(self.place, self._error):
            if self._own.connection is not None:
                return list(self._own.connection.execute(query))
            with reading(self.engine) as connection:
                return list(connection.execute(query))


@contextmanager
def _explained(place: StorePlace, kind: type[SanagaError]) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, sqlite_module().Error) as error:
        fault, words = fault_of(error), words_of(error)
        advice = _IF_DAMAGED if fault is Fault.DAMAGED else _ADVICE.get(fault, _ANY_ADVICE)
        damaged = "is damaged " if fault is Fault.DAMAGED else ""
        told = f"{damaged}({words})" if damaged else words
        raise kind(f"{place.name}: {told}; {advice}") from error


@contextmanager
def _opening_explained(place: StorePlace, kind: type[SanagaError]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise kind(_not_opened(place, error)) from error
    except sqlite_module().OperationalError as error:
        raise kind(_not_opened(place, error)) from error
    except ForeignFileError as error:
        raise kind(f"{error}; choose another state folder") from error
    except (FormerFileError, JournalError) as error:
        raise kind(str(error)) from error
    except NewerSchemaError as error:
        raise kind(f"{place.name}: {error}") from error


def _not_opened(place: StorePlace, error: Exception) -> str:
    return (
        f"{place.folder}: cannot be opened ({error}); check that the folder is yours to write, or "
        "choose another one with SANAGA_STATE_DIR"
    )


def _check_private(folder: Path) -> None:
    """Refuse a folder in which another user could put a file or a link of their own."""
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise FormerFileError(
            f"{folder}: others may write there; give it to yourself alone (chown, chmod 700), or "
            "choose another one with SANAGA_STATE_DIR"
        )


def _opened(place: StorePlace) -> Engine:
    if _is_read_only(place):
        return _copied(place)
    engine = open_store_engine(place)
    try:
        _bring_up_to_date(place, engine)
        _check_pages(place, engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _bring_up_to_date(place: StorePlace, engine: Engine) -> None:
    """Make or change the tables, and move files of the version before into them, or do neither."""
    with reading(engine) as connection:
        is_new = schema_version(connection, VERSION_TABLE) is None
        newest = all(is_newest(connection, *one) for one in _SCHEMAS)
        if newest and not former_files_in(place.folder):
            return
    if is_new and place.address and place.file.exists():
        raise FormerFileError(
            f"{place.file}: holds the records of this controller, and the database of "
            "SANAGA_DATABASE has none; move the file away to begin with none"
        )
    now = SystemClock().instant()
    with alone_in(place.folder), ExitStack() as stack:
        if former_files_in(place.folder):
            # Nobody applies a plan meanwhile, whose steps would be missing.
            stack.enter_context(held(place.folder / LOCK, now))
        former = stack.enter_context(held_former_files(place.folder))
        with engine.begin() as db:
            for schema in _SCHEMAS:
                upgrade_within(db, *schema)
            for file in former:
                move_rows(db, file, now.isoformat(timespec="seconds"))
        for file in former:
            file.put_aside()


def _check_pages(place: StorePlace, engine: Engine) -> None:
    if place.address or place.file.stat().st_size > _MOST_CHECKED:
        return
    with reading(engine) as connection:
        found = connection.exec_driver_sql("PRAGMA quick_check").scalar()
    if found != "ok":
        raise FormerFileError(f"{place.name}: is damaged ({found}); {_IF_DAMAGED}")


def _is_read_only(place: StorePlace) -> bool:
    """Return whether records are there and cannot be written, or nothing can beside them."""
    there = [place.folder / name for name in _FILES if (place.folder / name).exists()]
    if place.address or not there:
        return False
    return not all(os.access(one, os.W_OK, effective_ids=True) for one in (*there, place.folder))


def _copied(place: StorePlace) -> Engine:
    """Return the records in memory, brought up to date; they take no change."""
    module = sqlite_module()
    memory = module.connect(":memory:", check_same_thread=False)
    with TemporaryDirectory() as folder:
        copy = StorePlace(Path(folder))
        try:
            for name in _FILES:
                if (place.folder / name).exists():
                    _copy_file(place.folder / name, copy.folder / name)
            _opened(copy).dispose()
        except (FormerFileError, ForeignFileError, NewerSchemaError) as error:
            raise type(error)(str(error).replace(folder, str(place.folder))) from error
        with closing(module.connect(copy.file)) as source:
            # Memory has no log.
            source.execute("PRAGMA journal_mode = DELETE")
            source.backup(memory)
    for setting in ("trusted_schema = OFF", "query_only = ON"):
        memory.execute(f"PRAGMA {setting}")
    return open_memory(memory)


def _copy_file(file: Path, copy: Path) -> None:
    """Copy a file of SQLite, together with what was not yet moved into it from its log."""
    module = sqlite_module()
    try:
        with (
            closing(module.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as source,
            closing(module.connect(copy)) as target,
        ):
            source.backup(target)
    except module.OperationalError:
        # A log cannot be read in its place where nothing can be written beside it.
        for ending in ("", "-wal"):
            one = file.with_name(f"{file.name}{ending}")
            if one.exists():
                copy.with_name(one.name).write_bytes(one.read_bytes())
