"""One apply at a time: a lock that dies with its process."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from inventory.errors import JournalError


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
