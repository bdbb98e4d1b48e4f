"""One daemon per folder and per network namespace: locks that die with their process."""

import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from inventory.errors import EdgeError

FILE: Final = "lock"
# Names in the abstract namespace belong to a network namespace, as the kernel's routes do.
_ABSTRACT: Final = "\0sanaga-edge"
_CREDENTIALS: Final = struct.Struct("3i")


@contextmanager
def held(folder: Path, since: str) -> Iterator[None]:
    """Hold a folder for as long as the block runs. Raises EdgeError saying who has it."""
    descriptor = _opened(folder / FILE)
    try:
        _take(descriptor, folder)
        # On a full disk the lock holds all the same; only who has it cannot be told.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()} {since}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder(folder: Path) -> str:
    """Return who holds a folder's lock, in words; nothing when nobody does. Raises EdgeError.

    No file is made by asking.
    """
    try:
        descriptor = _opened(folder / FILE, make=False)
    except FileNotFoundError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(descriptor)
    else:
        return ""
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


def _take(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise EdgeError(
            f"{folder}: the edge runs already, as {_holder(descriptor)}; 'sanaga edge status' "
            "shows it, 'sanaga edge stop' ends it"
        ) from error


def _holder(descriptor: int) -> str:
    pid, _, since = os.pread(descriptor, 200, 0).decode(errors="replace").strip().partition(" ")
    return f"process {pid} since {since}" if pid else "another process"


@contextmanager
def alone() -> Iterator[None]:
    """Be the one edge of this network namespace while the block runs. Raises EdgeError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as name:
        try:
            name.bind(_ABSTRACT)
        except OSError as error:
            raise EdgeError(
                f"another edge runs in this network namespace, as process {_other()}; two would "
                "take each other's routes away, so end that one first"
            ) from error
        name.listen(1)
        yield


def _other() -> str:
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.connect(_ABSTRACT)
        raw = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        return str(_CREDENTIALS.unpack(raw)[0])
    return "unknown"
