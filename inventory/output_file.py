"""Files that a person names to be written: whole or not at all, and never what is no plain file."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_ANYONE: Final = 0o666
# As many as Linux follows on one way.
_MOST_LINKS: Final = 40


def replace_file(path: Path, octets: bytes, *, mode: int | None = None) -> None:
    """Write a file, or the one that a symbolic link leads to; it is on disk when this returns.

    A file that was there keeps its mode unless another is given. Raises OSError, also for a
    device, a pipe or a folder, and for a link that a stranger made where everyone may write.
    """
    target = plain_target(path)
    fresh = target.with_name(f".{target.name}-{uuid4().hex}")
    kept = stat.S_IMODE(target.stat().st_mode) if mode is None and target.exists() else mode
    try:
        _write(fresh, octets, kept, path)
        fresh.replace(target)
    except BaseException:
        with suppress(OSError):
            fresh.unlink()
        raise
    sync_folder(target.parent)


def create_file(path: Path, octets: bytes) -> None:
    """Write a file that was not there before; upon errors there is none.

    Raises FileExistsError, OSError.
    """
    handle = os.open(path, _NEW, _ANYONE)
    try:
        _fill(handle, octets, path)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


def plain_target(path: Path) -> Path:
    """Return where a path leads, if a plain file is there or nothing. Raises OSError."""
    for link in _links(path):
        if not _trusted(link):
            what = "is" if link == Path.cwd() / path else f"leads through {link},"
            raise _refused(path, f"{what} a symbolic link that somebody else made")
    target = Path(os.path.realpath(path))
    try:
        kind = target.stat().st_mode
    except FileNotFoundError:
        return target
    if not stat.S_ISREG(kind):
        raise _refused(path, f"is {_kind(kind)}, no plain file, and is left as it is")
    return target


def _links(path: Path) -> Iterator[Path]:
    """Yield every symbolic link on the way to a path, and what those lead through."""
    place, rest = Path(), [*reversed((Path.cwd() / path).parts)]
    followed = 0
    while rest:
        part = rest.pop()
        here = place.parent if part == ".." else place / part
        if not here.is_symlink():
            place = here
            continue
        yield here
        followed += 1
        if followed > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        rest += reversed(here.readlink().parts)


def _trusted(link: Path) -> bool:
    """Return what the kernel's fs.protected_symlinks answers."""
    owner, folder = link.lstat().st_uid, link.parent.stat()
    shared = folder.st_mode & stat.S_ISVTX and folder.st_mode & stat.S_IWOTH
    return not shared or owner in {os.geteuid(), folder.st_uid}


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def _refused(path: Path, why: str) -> OSError:
    return OSError(errno.EINVAL, f"{why}; name another file", str(path))


def _write(fresh: Path, octets: bytes, mode: int | None, named: Path) -> None:
    try:
        handle = os.open(fresh, _NEW, _ANYONE if mode is None else mode)
    except OSError as error:
        raise _about(named, error) from error
    if mode is not None:
        # The process's mask may take bits away from files that it makes.
        os.fchmod(handle, mode)
    _fill(handle, octets, named)


def _fill(handle: int, octets: bytes, named: Path) -> None:
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _about(named, error) from error


def _about(named: Path, error: OSError) -> OSError:
    """Return an error with the name that the person gave, which a draft's is not."""
    return OSError(error.errno, error.strerror, str(named))


def sync_folder(folder: Path) -> None:
    """Write a folder's own entries to disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
