"""Engines of SQLAlchemy for a file of SQLite or a PostgreSQL server, with safe settings.

SQLite 3.7.0 to 3.51.2 can lose commits when two connections write and checkpoint a write-ahead log
(fixed in 3.51.3, 3.50.7 and 3.44.6). Such a build keeps a rollback journal instead of the log.
"""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

# How long a writer waits for another; on a busy machine with a slow disk a commit takes a while.
WITHIN_S: Final = 60
_LOCK_TIMEOUT_MS: Final = 5_000
_FIRST_WITH_LOG: Final = (3, 7, 0)
_FIXED: Final = (3, 51, 3)
# Releases of older series that carry the same correction.
_FIXED_SERIES: Final = {(3, 50): 7, (3, 44): 6}
_SCHEMES: Final = ("postgresql+psycopg", "postgresql")
# Transactions begin as readers or as writers; a reader that turns writer would get "busy" at once.
_READ_ONLY: Final = "sanaga_read_only"


class AddressError(ValueError):
    """The address of a database names nothing that can be opened."""


def open_engine(place: Path | str) -> Engine:
    """Return an engine for a file of SQLite or for the address of a PostgreSQL server.

    The file is made for its owner alone. Raises AddressError when the address is not one.
    """
    return _sqlite_engine(place) if isinstance(place, Path) else _postgresql_engine(place)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection whose transaction only reads; use engine.begin() to write."""
    with engine.connect().execution_options(**{_READ_ONLY: True}) as connection:
        yield connection


def has_log_fault(version: tuple[int, ...]) -> bool:
    """Return whether a release of SQLite can lose commits in its write-ahead log."""
    fixed = _FIXED_SERIES.get((version[0], version[1]))
    later = version >= _FIXED or (fixed is not None and version[2] >= fixed)
    return version >= _FIRST_WITH_LOG and not later


def sqlite_module() -> ModuleType:
    """Return the module of SQLite without the fault if there is one, else Python's own."""
    try:
        return import_module("pysqlite3.dbapi2")
    except ImportError:
        return sqlite3


def _sqlite_engine(file: Path) -> Engine:
    module = sqlite_module()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=stat.S_IRUSR | stat.S_IWUSR, exist_ok=True)
    arguments = {"timeout": WITHIN_S, "check_same_thread": False}
    url = URL.create("sqlite", database=str(file))
    engine = create_engine(url, module=module, connect_args=arguments)
    journal = "TRUNCATE" if has_log_fault(module.sqlite_version_info) else "WAL"

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for setting in (
            "trusted_schema = OFF",
            f"journal_mode = {journal}",
            "synchronous = FULL",
            "foreign_keys = ON",
        ):
            connection.execute(f"PRAGMA {setting}")

    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _postgresql_engine(address: str) -> Engine:
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise AddressError("not the address of a database; write postgresql://HOST/NAME") from error
    if url.drivername not in _SCHEMES:
        raise AddressError(f"'{url.drivername}' is not supported; write postgresql://HOST/NAME")
    options = f"-c lock_timeout={_LOCK_TIMEOUT_MS}"
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={"options": options},
        pool_pre_ping=True,
    )
