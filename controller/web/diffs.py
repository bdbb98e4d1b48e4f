"""Differences of configurations as pages show them: what comes, what goes, and what stays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

_KINDS: Final = {"+": "add", "-": "del", "@": "place"}
_HEADS: Final = ("+++", "---")


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line: "add", "del", "place" (where the next lines stand) or "same", and its text."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class DeviceDiff:
    """What becomes of one device; change is as the API shows it."""

    change: Mapping[str, Any]
    lines: tuple[DiffLine, ...]

    @property
    def added(self) -> int:
        """Return how many lines come."""
        return sum(line.kind == "add" for line in self.lines)

    @property
    def removed(self) -> int:
        """Return how many lines go."""
        return sum(line.kind == "del" for line in self.lines)


def diff_lines(text: str) -> tuple[DiffLine, ...]:
    """Return the lines of a unified difference; of a sentence in its place, that alone."""
    return tuple(_lines(text))


def waves_of(changes: Sequence[Mapping[str, Any]]) -> list[tuple[int, list[DeviceDiff]]]:
    """Return the changes of a plan by the number of their wave, in order."""
    return [
        (number, [DeviceDiff(one, diff_lines(one["diff"])) for one in wave])
        for number, wave in groupby(changes, lambda one: one["wave"])
    ]


def _lines(text: str) -> Iterator[DiffLine]:
    heads = 0
    for line in text.splitlines():
        if heads < len(_HEADS) and line.startswith(_HEADS):
            heads += 1
            continue
        kind = _KINDS.get(line[:1], "same")
        yield DiffLine(kind, line if kind == "place" else line[1:] if heads else line)
