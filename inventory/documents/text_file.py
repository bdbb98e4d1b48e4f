"""Text of one file that somebody names: a regular file, of UTF-8, and not without end."""

import os
import stat
from pathlib import Path
from typing import Final

from inventory.errors import Fault, IntentError, Location

MOST_BYTES: Final = 32_000_000


def read_text_file(file: Path, *, most: int = MOST_BYTES, errors: str = "strict") -> str:
    """Return a file's text, lines ending as Python's do; errors is as in bytes.decode.

    Raises IntentError when it is no regular file, too long or not UTF-8, OSError.
    """
    try:
        text = read_octets(file, most=most).decode("utf-8", errors)
    except UnicodeDecodeError:
        raise _refused(file, "the file is not UTF-8", "save it as UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_octets(file: Path, *, most: int = MOST_BYTES) -> bytes:
    """Return what is in a file.

    Raises IntentError when it is no regular file or too long, OSError.
    """
    # A pipe that nobody writes would keep open() waiting.
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _check_kind(file, os.fstat(descriptor).st_mode)
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            data = stream.read(most + 1)
    finally:
        os.close(descriptor)
    if len(data) > most:
        raise _refused(file, f"the file is longer than {most // 1_000_000} MB", "split it")
    return data


def _check_kind(file: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise _refused(file, "this is a folder", "name a file")
    if not stat.S_ISREG(mode):
        raise _refused(file, "this is no regular file", "save it in a file, and name that one")


def _refused(file: Path, what: str, hint: str) -> IntentError:
    return IntentError([Fault(Location(str(file)), what, hint)])
