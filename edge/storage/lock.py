"""One daemon per folder and per network namespace: locks that die with their process."""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from inventory.errors import EdgeError

FILE: Final = "lock"
# Of this file, which is root's, every network namespace has the octet of its own number.
_NAMESPACES: Final = Path("/run/sanaga-edge.lock")
_NAMESPACE: Final = Path("/proc/thread-self/ns/net")
# struct flock of fcntl(2): type, whence, start, length, process.
_FLOCK: Final = struct.Struct("hhqqi")


@contextmanager
def hold_folder(folder: Path, since: str) -> Iterator[None]:
    """Hold a folder while the block runs. Raises EdgeError naming the process that has it."""
    descriptor = _opened(folder / FILE)
    try:
        if not _taken(descriptor):
            raise EdgeError(
                f"{folder}: the edge runs already, as {_holder(descriptor)}; 'sanaga edge status' "
                "shows it, 'sanaga edge stop' ends it"
            )
        _sign(descriptor, since)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def hold_namespace() -> Iterator[None]:
    """Be the one edge of this network namespace while the block runs. Raises EdgeError."""
    descriptor, place = _opened(_NAMESPACES), _NAMESPACE.stat().st_ino
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError as error:
            raise EdgeError(
                f"another edge runs in this network namespace, as process "
                f"{_other(descriptor, place)}; two would take each other's routes away, so end "
                "that one first"
            ) from error
        yield
    finally:
        os.close(descriptor)


def _other(descriptor: int, place: int) -> int:
    """Return the process that has an octet of a file; the kernel knows it."""
    asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, place, 1, 0)
    return int(_FLOCK.unpack_from(fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))[-1])


def folder_holder(folder: Path) -> str:
    """Return who holds a folder's lock, in words; nothing if nobody does. Raises EdgeError.

    No file is made by asking.
    """
    try:
        descriptor = _opened(folder / FILE, make=False)
    except FileNotFoundError:
        return ""
    try:
        return "" if _taken(descriptor) else _holder(descriptor)
    finally:
        os.close(descriptor)


def _opened(file: Path, *, make: bool = True) -> int:
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if make else 0)
    try:
        return os.open(file, flags, 0o600)
    except PermissionError as error:
        raise EdgeError(f"{file}: only root may use the edge's folder; use sudo") from error
    except OSError as error:
        if not make and isinstance(error, FileNotFoundError):
            raise
        raise EdgeError(
            f"{file}: cannot be opened ({error.strerror}); 'sanaga edge enrol' makes the folder"
        ) from error


def _taken(descriptor: int) -> bool:
    """Take a lock if nobody has it, and return whether it is ours."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(descriptor: int, since: str) -> None:
    """Write down who has a lock; on a full disk it holds all the same."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {since}\n".encode(), 0)


def _holder(descriptor: int) -> str:
    pid, _, since = os.pread(descriptor, 200, 0).decode(errors="replace").strip().partition(" ")
    return f"process {pid} since {since}" if pid else "another process"
