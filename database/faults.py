"""What went wrong in a database, in a few kinds that a person can act on."""

from enum import StrEnum
from typing import Final

# The result code of SQLite without its extended part (sqlite.org/rescode.html).
_PRIMARY: Final = 0xFF


class Fault(StrEnum):
    """A kind of fault; REFUSED is a constraint or a trigger, OTHER whatever has no kind."""

    FULL = "full"
    READ_ONLY = "read-only"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    DAMAGED = "damaged"
    REFUSED = "refused"
    OTHER = "other"


_SQLITE: Final = {
    5: Fault.BUSY,
    6: Fault.BUSY,
    8: Fault.READ_ONLY,
    11: Fault.DAMAGED,
    13: Fault.FULL,
    19: Fault.REFUSED,
    26: Fault.DAMAGED,
}
# PostgreSQL's SQLSTATE codes and classes (appendix A of its manual); the longest that fits counts.
_POSTGRESQL: Final = {
    "08": Fault.UNREACHABLE,
    "23": Fault.REFUSED,
    "25006": Fault.READ_ONLY,
    "28": Fault.UNREACHABLE,
    "3D000": Fault.UNREACHABLE,
    "40": Fault.BUSY,
    "53100": Fault.FULL,
    "53300": Fault.BUSY,
    "55P03": Fault.BUSY,
    "57P": Fault.UNREACHABLE,
    "P0001": Fault.REFUSED,
    "XX001": Fault.DAMAGED,
    "XX002": Fault.DAMAGED,
}


class ForeignFileError(Exception):
    """A file is the database of another program."""


def fault_of(error: Exception) -> Fault:
    """Return the kind of an error of SQLAlchemy, or of the module below it."""
    cause = getattr(error, "orig", None) or error
    if (code := getattr(cause, "sqlite_errorcode", None)) is not None:
        return _SQLITE.get(code & _PRIMARY, Fault.OTHER)
    state = getattr(cause, "sqlstate", None)
    if state is None:
        # psycopg gives no code where no server answered.
        unanswered = type(cause).__name__ in {"OperationalError", "ConnectionTimeout"}
        return Fault.UNREACHABLE if unanswered else Fault.OTHER
    fitting = [kind for start, kind in _POSTGRESQL.items() if state.startswith(start)]
    return fitting[-1] if fitting else Fault.OTHER


def words_of(error: Exception) -> str:
    """Return the first line of what a database says of an error."""
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().partition("\n")[0] or type(cause).__name__
