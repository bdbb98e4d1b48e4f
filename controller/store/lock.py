"""One apply at a time: locks that die with their process, of this machine and of all."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from inventory.errors import JournalError

# The session lock of PostgreSQL that is held during an apply.
_APPLY: Final = 0x53414E43
_HOLDER: Final = (
    "SELECT coalesce(host(a.client_addr), 'this machine'), a.backend_start::text FROM pg_locks l"
    " JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.granted"
    " AND l.classid = 0 AND l.objid = %s AND l.database ="
    " (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@contextmanager
def held(file: Path, since: datetime) -> Iterator[None]:
    """Hold the lock for as long as the block runs; the kernel frees it however the process ends.

    Raises JournalError saying who holds it, or why it cannot be had.
    """
    descriptor = _opened(file)
    try:
        _take(descriptor, file)
        # On a full disk the lock holds all the same; only who has it cannot be told.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()} {since:%Y-%m-%d %H:%M:%S} UTC\n".encode(), 0)
        yield
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


@contextmanager
def held_everywhere(engine: Engine) -> Iterator[None]:
    """Hold the lock of all machines that share a database; SQLite is of one machine alone.

    Raises JournalError saying who holds it. The server frees it when the connection ends.
    """
    if engine.dialect.name != "postgresql":
        yield
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        taken = connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s)", (_APPLY,))
        if not taken.scalar():
            holder = connection.exec_driver_sql(_HOLDER, (_APPLY,)).first()
            where = f"a controller on {holder[0]} since {holder[1][:19]}" if holder else "another"
            raise JournalError(f"{where} is changing the network; wait until it has finished")
        try:
            yield
        finally:
            # What goes back into the pool must hold nothing.
            connection.invalidate()


def _opened(file: Path) -> int:
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise JournalError(
            f"{file}: cannot be opened ({error.strerror}); it must be a file of your own"
        ) from error


def _take(descriptor: int, file: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        pid, _, since = os.pread(descriptor, 200, 0).decode(errors="replace").strip().partition(" ")
        holder = f"process {pid} since {since}" if pid else "another process"
        raise JournalError(
            f"{file.parent}: {holder} is changing the network; wait until it has finished"
        ) from error
