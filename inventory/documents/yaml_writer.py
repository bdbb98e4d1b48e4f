"""Commented YAML for people to edit: entries in block style, what is inside them on one line."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Final, TypeAlias

from inventory.errors import SanagaError
from inventory.output_file import create_file

Value: TypeAlias = "str | int | float | bool | Sequence[Value] | Mapping[str, Value] | Remarked"

WIDTH: Final = 100
MARGIN: Final = 10
# Letters (accented too) to begin with, then nothing that YAML could take for more than text.
_PLAIN: Final = re.compile(r"[^\W\d_](?:[\w./() -]*[\w./)])?")
_TAKEN: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan"})


@dataclass(frozen=True, slots=True)
class Remarked:
    """A value of a list with a comment behind it."""

    value: Mapping[str, Value]
    remark: str


@dataclass(frozen=True, slots=True)
class YamlEntry:
    """One item of a section; remark is a comment above it, compact puts it between braces."""

    value: Mapping[str, Value] | str
    remark: str = ""
    compact: bool = False


@dataclass(frozen=True, slots=True)
class YamlGroup:
    """Entries that belong together below a comment."""

    heading: str
    entries: tuple[YamlEntry, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A file: a comment at its head, then sections; one that is a mapping is written in block."""

    file: str
    heading: str
    sections: Mapping[str, tuple[YamlGroup, ...] | Mapping[str, Value]]


def claim_folder(folder: Path) -> None:
    """Make a folder to write into.

    Raises SanagaError where something stands in the way.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = min(folder.iterdir(), default=None)
    except OSError as error:
        what = f"{folder}: cannot be made or read: {error.strerror}"
        raise SanagaError(f"{what}; name a folder you may write to") from error
    if taken is not None:
        what = f"{folder}: the folder is not empty (it holds {taken.name})"
        raise SanagaError(f"{what}; name a new or empty one, so that nothing is overwritten")


def write_pages(folder: Path, pages: Sequence[Page]) -> None:
    """Write the files of an intent below an empty or new folder.

    Raises SanagaError where something stands in the way.
    """
    claim_folder(folder)
    for page in pages:
        file = folder / page.file
        file.parent.mkdir(parents=True, exist_ok=True)
        create_file(file, render_yaml(page).encode())


def render_yaml(page: Page) -> str:
    """Return a file's text."""
    return "\n".join(_page(page)) + "\n"


def _page(page: Page) -> Iterator[str]:
    yield from _comment(page.heading)
    for name, section in page.sections.items():
        yield f"{name}:"
        if isinstance(section, Mapping):
            yield from (f"  {key}: {inline_yaml(value)}" for key, value in section.items())
        else:
            for group in section:
                yield from _group(group)


def _group(group: YamlGroup) -> Iterator[str]:
    if group.heading:
        yield ""
        yield from _comment(group.heading, "  ")
    for entry in group.entries:
        yield from _comment(entry.remark, "  ")
        yield from _entry(entry)


def _entry(entry: YamlEntry) -> Iterator[str]:
    if isinstance(entry.value, str):
        yield f"  - {inline_yaml(entry.value)}"
    elif entry.compact:
        yield from _wrapped(entry.value, "  - ")
    else:
        mark = "  - "
        for key, value in entry.value.items():
            yield from _field(key, value, mark)
            mark = "    "


def _field(key: str, value: Value, mark: str) -> Iterator[str]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        yield f"{mark}{key}: {inline_yaml(value)}"
        return
    yield f"{mark}{key}:"
    for item in value:
        *lines, last = _wrapped(item, "      - ")
        yield from lines
        yield f"{last}  # {item.remark}" if isinstance(item, Remarked) else last


def _wrapped(value: Value, mark: str) -> Iterator[str]:
    """Yield a value on as few lines as fit, broken between keys, inside a key only if it must."""
    line = mark
    for piece in _pieces(value):
        if line != mark and len(line) + 1 + len(piece) > WIDTH:
            yield line
            line = " " * (len(mark) + 1) + piece
        else:
            line += piece if line == mark else f" {piece}"
    yield line


def _pieces(value: Value) -> Iterator[str]:
    """Yield the parts of a value between which a line may be broken."""
    if isinstance(value, Remarked):
        value = value.value
    if not isinstance(value, Mapping) or not value:
        yield inline_yaml(value)
        return
    for number, (key, part) in enumerate(value.items(), 1):
        before = ("{" if number == 1 else "") + f"{key}: "
        after = "}" if number == len(value) else ","
        text = before + inline_yaml(part) + after
        if len(text) <= WIDTH - MARGIN:
            yield text
        else:
            first, *rest = (before + piece for piece in _pieces(part))
            pieces = [first, *(piece[len(before) :] for piece in rest)]
            yield from pieces[:-1]
            yield pieces[-1] + after


def _comment(text: str, indent: str = "") -> Iterator[str]:
    room = WIDTH - len(indent) - 2
    for line in text.splitlines():
        parts = wrap(line, room) if len(line) > room else [line]
        yield from (f"{indent}# {part}".rstrip() for part in parts)


def inline_yaml(value: Value) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, Remarked):
        return inline_yaml(value.value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {inline_yaml(part)}" for key, part in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(inline_yaml, value)) + "]"
    return json.dumps(value)


def _text(text: str) -> str:
    """Return text plain where no reader of YAML 1.1 or 1.2 could mistake it, else quoted."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _TAKEN
    return text if plain else json.dumps(text, ensure_ascii=False)
