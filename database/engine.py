"""Engines of SQLAlchemy for a file of SQLite or a PostgreSQL server, with safe settings.

SQLite 3.7.0 to 3.51.2 can lose commits when two connections write and checkpoint a write-ahead log
(fixed in 3.51.3, 3.50.7 and 3.44.6). Such a build keeps a rollback journal instead of the log.
"""

import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from socket import gethostname
from types import ModuleType
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from database.faults import ForeignFileError

# How long a writer waits for another; on a busy machine with a slow disk a commit takes a while.
WITHIN_S: Final = 60
# What marks a file of SQLite as one of ours.
APPLICATION_ID: Final = 0x53414E41
_LOCK_TIMEOUT_MS: Final = 5_000
_CONNECT_WITHIN_S: Final = 10
# Threads that ask at once each have a connection; a pool that is smaller would dead-lock them.
_MOST_CONNECTIONS: Final = 45
_KEPT_CONNECTIONS: Final = 5
# A server frees the locks of a machine that is gone within seconds, not after its usual two hours.
NOTICE_END: Final = (
    "-c tcp_keepalives_idle=2 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=3"
)
_FIRST_WITH_LOG: Final = (3, 7, 0)
_FIXED: Final = (3, 51, 3)
# Releases of older series that carry the same correction.
_FIXED_SERIES: Final = {(3, 50): 7, (3, 44): 6}
_SCHEMES: Final = ("postgresql+psycopg", "postgresql")
# Transactions begin as readers or as writers; a reader that turns writer would get "busy" at once.
READ_ONLY: Final = "sanaga_read_only"


class AddressError(ValueError):
    """The address of a database names nothing that can be opened."""


def open_engine(place: Path | str, *, password: str | None = None) -> Engine:
    """Return an engine for a file of SQLite or for the address of a PostgreSQL server.

    The file is made for its owner alone. Raises AddressError when the address is not one, and
    ForeignFileError when another program made the file.
    """
    if isinstance(place, Path):
        return _sqlite_engine(place)
    return _postgresql_engine(postgresql_url(place, password=password))


def open_memory(connection: Any) -> Engine:
    """Return an engine for a connection of sqlite_module() to a database in memory."""
    engine = create_engine(
        "sqlite://", module=sqlite_module(), creator=lambda: connection, poolclass=StaticPool
    )
    connection.isolation_level = None
    event.listen(engine, "begin", _begin)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection whose transaction only reads; use engine.begin() to write."""
    with engine.connect().execution_options(**{READ_ONLY: True}) as connection:
        yield connection


def has_log_fault(version: tuple[int, ...]) -> bool:
    """Return whether a release of SQLite can lose commits in its write-ahead log."""
    fixed = _FIXED_SERIES.get((version[0], version[1]))
    later = version >= _FIXED or (fixed is not None and version[2] >= fixed)
    return version >= _FIRST_WITH_LOG and not later


def sqlite_module() -> ModuleType:
    """Return the module of SQLite without the fault if there is one, else Python's own.

    A process must open a file by one of them alone: each would drop the locks of the other.
    """
    try:
        return import_module("pysqlite3.dbapi2")
    except ImportError:
        return sqlite3


def postgresql_url(address: str, *, password: str | None = None) -> URL:
    """Return the address of a PostgreSQL server. Raises AddressError when it is not one."""
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise AddressError("not the address of a database; write postgresql://HOST/NAME") from error
    if url.drivername not in _SCHEMES:
        raise AddressError(f"'{url.drivername}' is not supported; write postgresql://HOST/NAME")
    url = url.set(drivername=_SCHEMES[0])
    return url if password is None else url.set(password=password)


def postgresql_name(address: str) -> str:
    """Return an address without its password and its settings, for messages."""
    url = postgresql_url(address)
    parts = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    return parts.render_as_string()


def process_name() -> str:
    """Return by what name this process is known to servers, as long as it runs."""
    return _name_of(os.getpid())


@cache
def _name_of(pid: int) -> str:
    return f"sanaga {gethostname()[:32]} {pid} {os.urandom(3).hex()}"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes that ask for the same out of a folder while the block runs."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sqlite_engine(file: Path) -> Engine:
    module = sqlite_module()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=stat.S_IRUSR | stat.S_IWUSR, exist_ok=True)
    journal = "TRUNCATE" if has_log_fault(module.sqlite_version_info) else "WAL"
    _claim(module, file, journal)
    engine = create_engine(
        URL.create("sqlite", database=str(file)),
        module=module,
        connect_args={"timeout": WITHIN_S, "check_same_thread": False},
        pool_size=_KEPT_CONNECTIONS,
        max_overflow=_MOST_CONNECTIONS - _KEPT_CONNECTIONS,
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for setting in (
            "trusted_schema = OFF",
            f"journal_mode = {journal}",
            "synchronous = FULL",
            "foreign_keys = ON",
            # A large change waits in memory, so that it keeps readers out only while it commits.
            "cache_spill = OFF",
        ):
            connection.execute(f"PRAGMA {setting}")

    event.listen(engine, "begin", _begin)
    return engine


def _claim(module: ModuleType, file: Path, journal: str) -> None:
    """Mark a new file as ours, refuse one of another program, and choose its journal.

    SQLite lets nobody wait for a change of journal, so that whoever opens the file waits here.
    """
    with (
        alone_in(file.parent),
        closing(module.connect(file, isolation_level=None, timeout=WITHIN_S)) as connection,
    ):
        connection.execute("PRAGMA trusted_schema = OFF")
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                raise ForeignFileError(f"{file}: is another program's database")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA journal_mode = {journal}")


def _begin(connection: Connection) -> None:
    read_only = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _postgresql_engine(url: URL) -> Engine:
    limits = f"-c lock_timeout={_LOCK_TIMEOUT_MS} {NOTICE_END}"
    options = f"{url.query.get('options', '')} {limits}"
    settings = {"options": options, "application_name": process_name()}
    within_s = url.query.get("connect_timeout", _CONNECT_WITHIN_S)
    return create_engine(
        url,
        connect_args={"connect_timeout": within_s, **settings},
        pool_pre_ping=True,
        pool_size=_KEPT_CONNECTIONS,
        max_overflow=_MOST_CONNECTIONS - _KEPT_CONNECTIONS,
    )
