"""The write-ahead log of a file of SQLite, cut short when it has grown."""

from pathlib import Path
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from database.engine import WITHIN_S, sqlite_module
from database.faults import words_of

# A log that is larger is cut short; a reader that never ends keeps it from that.
LARGEST_OCTETS: Final = 64 * 1024 * 1024
_WAIT_MS: Final = 1_000


def log_octets(engine: Engine) -> int:
    """Return the size of the log, 0 where there is none."""
    database = engine.url.database if engine.dialect.name == "sqlite" else None
    file = Path(f"{database}-wal")
    return file.stat().st_size if database and file.exists() else 0


def cut_log(engine: Engine, largest: int = LARGEST_OCTETS) -> str:
    """Move a log that is too large into its file, and return why it could not be cut short."""
    before = log_octets(engine)
    if before <= largest:
        return ""
    why = "a reader keeps it"
    try:
        _checkpoint(engine)
    except (DBAPIError, sqlite_module().Error) as error:
        why = words_of(error)
    if (after := log_octets(engine)) <= largest:
        return ""
    return f"{engine.url.database}: its log has {after / 1e6:.0f} MB and cannot be cut short: {why}"


def _checkpoint(engine: Engine) -> None:
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_WAIT_MS}")
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            cursor.fetchone()
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {WITHIN_S * 1000}")
    finally:
        connection.close()
