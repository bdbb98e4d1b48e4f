"""Files that are whole after a power cut: the old one or the new one, never a part."""

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final
from uuid import uuid4

from inventory.output_file import sync_folder

_DRAFT: Final = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


def replace(path: Path, content: str | bytes, *, mode: int = 0o600) -> None:
    """Replace a file that one process writes, on disk before this returns. Raises OSError."""
    octets = content.encode() if isinstance(content, str) else content
    # One name for all drafts, so that a process that is killed again and again leaves one.
    fresh = path.with_name(f".{path.name}.new")
    _replace_by(fresh, path, octets, os.O_TRUNC, mode)


def replace_shared(path: Path, octets: bytes) -> None:
    """Replace a file that several processes may write; the last one wins. Raises OSError."""
    _replace_by(_unique_draft(path), path, octets, os.O_EXCL, 0o600)


def create(path: Path, octets: bytes) -> None:
    """Make a file for its owner alone, whole or not at all; of several makers one wins.

    Raises OSError; a file that is there is left alone.
    """
    draft = _unique_draft(path)
    descriptor = os.open(draft, _DRAFT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _write(file, octets)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    sync_folder(path.parent)


@contextmanager
def new_file(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Make a file for its owner alone and yield what writes into it, through to disk.

    Upon errors there is no file. It needs no hard link, which a memory stick's file system may
    lack. Raises FileExistsError, OSError.
    """
    with os.fdopen(os.open(path, _DRAFT | os.O_EXCL, 0o600), "wb") as file:
        try:
            yield partial(_write, file)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _unique_draft(path: Path) -> Path:
    return path.with_name(f".{path.name}-{uuid4().hex}")


def _replace_by(fresh: Path, path: Path, octets: bytes, how: int, mode: int) -> None:
    try:
        with os.fdopen(os.open(fresh, _DRAFT | how, mode), "wb") as file:
            # The process's mask may take bits away from files that it makes.
            os.fchmod(file.fileno(), mode)
            _write(file, octets)
        rename(fresh, path)
    except BaseException:
        with suppress(OSError):
            fresh.unlink()
        raise


def _write(file: BinaryIO, octets: bytes) -> None:
    file.write(octets)
    file.flush()
    os.fsync(file.fileno())


def rename(old: Path, new: Path) -> None:
    """Rename a file, on disk before this returns. Raises OSError."""
    old.replace(new)
    sync_folder(new.parent)


def copy_file(source: Path, target: Path) -> None:
    """Let a file hold what another holds; on a full disk as another name of it. Raises OSError."""
    try:
        replace(target, source.read_bytes())
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        _link(source, target)


def _link(source: Path, target: Path) -> None:
    fresh = target.with_name(f".{target.name}.new")
    fresh.unlink(missing_ok=True)
    os.link(source, fresh)
    # Renaming onto another name of the same file does nothing and leaves both names.
    fresh.replace(target)
    fresh.unlink(missing_ok=True)
    sync_folder(target.parent)


def remove(path: Path) -> None:
    """Remove a file if it is there, on disk before this returns. Raises OSError."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def read_record(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in a file; None when there is no such file or it holds another thing.

    Raises OSError.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
