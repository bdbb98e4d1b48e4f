"""Differences of configurations as pages show them: what comes, what goes, and what stays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

_KINDS: Final = {"+": "add", "-": "del", "@": "place"}
_HEADS: Final = ("+++", "---")
MOST_LINES: Final = 6_000


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line: "add", "del", "place" (where the next lines stand) or "same", and its text."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class DeviceDiff:
    """What becomes of one device; change is as the API shows it.

    added and removed count the lines that come and go, hidden those that a page leaves out.
    """

    change: Mapping[str, Any]
    lines: tuple[DiffLine, ...]
    added: int
    removed: int
    hidden: int


def diff_lines(text: str) -> tuple[DiffLine, ...]:
    """Return the lines of a unified difference; of a sentence in its place, that alone."""
    return tuple(_lines(text))


def waves_of(
    changes: Sequence[Mapping[str, Any]], most_lines: int = MOST_LINES
) -> list[tuple[int, list[DeviceDiff]]]:
    """Return the changes of a plan by the number of their wave, in order.

    Of a plan of half the country no more lines are shown than a browser can bear.
    """
    return [
        (number, [one for _, one in wave])
        for number, wave in groupby(_within(changes, most_lines), lambda pair: pair[0])
    ]


def _within(
    changes: Sequence[Mapping[str, Any]], most_lines: int
) -> Iterator[tuple[int, DeviceDiff]]:
    for change in changes:
        lines = diff_lines(change["diff"])
        added, removed = (sum(one.kind == kind for one in lines) for kind in ("add", "del"))
        shown = lines[:most_lines]
        most_lines -= len(shown)
        hidden = len(lines) - len(shown)
        yield change["wave"], DeviceDiff(change, shown, added, removed, hidden)


def _lines(text: str) -> Iterator[DiffLine]:
    heads = 0
    for line in text.splitlines():
        if heads < len(_HEADS) and line.startswith(_HEADS):
            heads += 1
            continue
        kind = _KINDS.get(line[:1], "same")
        yield DiffLine(kind, line if kind == "place" else line[1:] if heads else line)
