"""The files of an intent folder: found and read without surprises."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inventory.errors import Fault, Location

MAX_BYTES: Final = 8 * 1024 * 1024
_SUFFIXES: Final = frozenset({".yaml", ".yml"})
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was read: its name relative to the folder, and its text or why there is none."""

    file: str
    text: str | None
    fault: Fault | None = None


def list_sources(folder: Path) -> tuple[Source, ...]:
    """Return every YAML file below a folder in the order of names; hidden ones are skipped."""
    if fault := _folder_fault(folder):
        return (Source(str(folder), None, fault),)
    root = folder.resolve()
    closed: list[OSError] = []
    found = sorted(_found(root, closed.append), key=lambda path: path.relative_to(root).parts)
    if not found and not closed:
        hint = "write the intent there, or begin with 'sanaga init'"
        return (_refused(printable_text(folder), "the folder holds no .yaml or .yml file", hint),)
    unread = (_closed(error, root) for error in closed)
    return (*unread, *(read_source(path, root) for path in found))


def read_source(path: Path, root: Path) -> Source:
    """Return one file below root; anything but a regular file within root is refused."""
    file = printable_text(path.relative_to(root))
    try:
        return _read(path, root, file)
    except (OSError, RuntimeError) as error:
        # Python before 3.13 reports a loop of symbolic links as a RuntimeError.
        what = f"the file cannot be read: {getattr(error, 'strerror', None) or 'a loop of links'}"
        return _refused(file, what, "check its owner and permissions")


def printable_text(path: Path) -> str:
    """Return a path fit for a message whatever its bytes are."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def _folder_fault(folder: Path) -> Fault | None:
    """Return why a folder cannot hold an intent."""
    where = Location(printable_text(folder))
    try:
        if not folder.exists():
            return Fault(where, "no such folder", "check the path, or begin with 'sanaga init'")
        if not folder.is_dir():
            return Fault(where, "this is a file", "name the folder that holds the intent")
        os.scandir(folder).close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        return Fault(where, f"the folder cannot be read: {reason}", "check its permissions")
    return None


def _closed(error: OSError, root: Path) -> Source:
    """Return the answer to a folder that may not be listed."""
    file = printable_text(Path(error.filename).relative_to(root))
    what = f"the folder cannot be read: {error.strerror}"
    return _refused(file, what, "check its owner and permissions")


def _found(root: Path, closed: Callable[[OSError], None]) -> Iterator[Path]:
    """Yield the YAML files below a folder, and links to folders, which are then refused."""
    for here, folders, files in os.walk(root, onerror=closed):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(here, name) for name in folders if Path(here, name).is_symlink())
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in _SUFFIXES:
                yield Path(here, name)


def _read(path: Path, root: Path, file: str) -> Source:
    if path.is_symlink() and not path.resolve().is_relative_to(root):
        hint = "copy the file into the folder, so that it is versioned with the rest"
        return _refused(file, "a symbolic link out of the folder", hint)
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        hint = "move the folder here, or remove the link"
        return _refused(file, "a symbolic link to a folder", hint)
    if not stat.S_ISREG(status.st_mode):
        return _refused(file, "this is no regular file", "remove it from the folder")
    if status.st_size > MAX_BYTES:
        what = f"the file has {status.st_size / 2**20:.0f} MB; {MAX_BYTES // 2**20} MB is the limit"
        return _refused(file, what, "split it; sections merge over files")
    with path.open("rb") as stream:
        return _decoded(file, stream.read(MAX_BYTES))


def _decoded(file: str, data: bytes) -> Source:
    """Return the text of a file, which must be UTF-8 with or without a byte order mark."""
    if data.startswith(_UTF16):
        return _refused(file, "the file is UTF-16", "save it as UTF-8")
    try:
        return Source(file, data.decode("utf-8").removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        begin = data.rfind(b"\n", 0, error.start) + 1
        column = len(data[begin : error.start].decode("utf-8", "replace")) + 1
        where = Location(file, data.count(b"\n", 0, error.start) + 1, column)
        what = f"byte 0x{data[error.start]:02X} at offset {error.start} is not UTF-8"
        return Source(file, None, Fault(where, what, "save the file as UTF-8"))


def _refused(file: str, what: str, hint: str) -> Source:
    return Source(file, None, Fault(Location(file), what, hint))
