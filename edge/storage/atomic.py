"""Files that are whole after a power cut: the old one or the new one, never a part."""

import errno
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4


def replace(path: Path, content: str | bytes, *, mode: int = 0o600) -> None:
    """Replace a file by another content, on disk before this returns. Raises OSError."""
    octets = content.encode() if isinstance(content, str) else content
    fresh = path.with_name(f".{path.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(fresh, flags, mode), "wb") as file:
            # Whatever the process's mask keeps from files that it makes.
            os.fchmod(file.fileno(), mode)
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        rename(fresh, path)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
        raise


def create(path: Path, octets: bytes) -> None:
    """Make a file for its owner alone, whole or not at all; of several makers one wins.

    Raises OSError; a file that is there is left alone.
    """
    draft = path.with_name(f".{path.name}-{uuid4().hex}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(draft, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    sync(path.parent)


def rename(old: Path, new: Path) -> None:
    """Rename a file, on disk before this returns. Raises OSError."""
    old.replace(new)
    sync(new.parent)


def same(source: Path, target: Path) -> None:
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
    sync(target.parent)


def remove(path: Path) -> None:
    """Remove a file if it is there, on disk before this returns. Raises OSError."""
    path.unlink(missing_ok=True)
    sync(path.parent)


def sync(folder: Path) -> None:
    """Write a folder's own entries to disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def record(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in a file; None when there is no such file or it holds another thing.

    Raises OSError.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
