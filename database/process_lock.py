"""A lock that one process of all machines holds, and loses with its connection or its end.

On PostgreSQL it is an advisory lock on a connection of its own; the server frees it when that
connection ends, which it notices within seconds. On SQLite it is a lock on a file of the folder.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Connection, Engine, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from database.engine import NOTICE_END, process_name

_STATEMENT_MS: Final = 3_000
_CONNECT_WITHIN_S: Final = 3
_SETTINGS: Final = {
    "connect_timeout": _CONNECT_WITHIN_S,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
    "options": f"-c statement_timeout={_STATEMENT_MS} {NOTICE_END}",
}


class ProcessLock(Protocol):
    """A lock between processes."""

    def take(self) -> bool:
        """Take the lock unless another process has it; return whether this one has it now."""

    def held(self) -> bool:
        """Return whether this process still has it, asking whoever grants it."""

    def release(self) -> None:
        """Give it up."""


def process_lock(engine: Engine, number: int, file_name: str) -> ProcessLock:
    """Return a lock of a database: an advisory lock of that number, or a file of that name."""
    if engine.dialect.name == "postgresql":
        return ServerLock(engine, number)
    database = engine.url.database
    if not database:
        raise ValueError("a database in memory is of one process")
    return FileLock(Path(database).with_name(file_name))


class ServerLock:
    """An advisory lock of PostgreSQL."""

    def __init__(self, engine: Engine, number: int) -> None:
        settings = {**_SETTINGS, "application_name": process_name()}
        self._engine = create_engine(engine.url, poolclass=NullPool, connect_args=settings)
        self._number = number
        self._connection: Connection | None = None

    def take(self) -> bool:
        """Take the lock; where the server does not answer, nobody has it."""
        self.release()
        try:
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        except DBAPIError:
            return False
        query = f"SELECT pg_try_advisory_lock({self._number})"
        with suppress(DBAPIError):
            if connection.exec_driver_sql(query).scalar():
                self._connection = connection
                return True
        _end(connection)
        return False

    def held(self) -> bool:
        """Return whether the connection that holds the lock still lives."""
        if self._connection is None:
            return False
        try:
            self._connection.exec_driver_sql("SELECT 1")
        except DBAPIError:
            self.release()
        return self._connection is not None

    def release(self) -> None:
        """End the connection, and with it the lock."""
        connection, self._connection = self._connection, None
        if connection is not None:
            _end(connection)


class FileLock:
    """A lock on a file; the kernel frees it however the process ends."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Take the lock."""
        self.release()
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._file, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def held(self) -> bool:
        """Return whether this process has it: the kernel takes it from nobody."""
        return self._descriptor is not None

    def release(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _end(connection: Connection) -> None:
    with suppress(DBAPIError):
        connection.invalidate()
    with suppress(DBAPIError):
        connection.close()
