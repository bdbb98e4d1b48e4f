"""Whether a command printed what a page shows of it."""

import re
from collections.abc import Sequence
from typing import Final

ANYTHING: Final = "..."
_BAR: Final = "━"
# Columns of a table are as wide as what is in them.
_COLUMNS: Final = re.compile(r"(?<=\S) {2,}")
# What differs from run to run.
_VARYING: Final = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"), "<time>"),
    (re.compile(r"\b\d\d:\d\d:\d\d UTC"), "<hour>"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "<plan>"),
    (re.compile(r"^\d+(?= +\S+ +<plan>)"), "<number>"),
    (re.compile(r"\bapply \d+\b"), "apply <number>"),
    (re.compile(r"'sanaga (confirm|rollback) \d+'"), r"'sanaga \1 <number>'"),
)


def steady(line: str) -> str:
    """Return a line with what differs from run to run replaced by its kind."""
    for pattern, kind in _VARYING:
        line = pattern.sub(kind, line)
    return _COLUMNS.sub("  ", line).rstrip()


def first_difference(shown: Sequence[str], printed: Sequence[str]) -> str | None:
    """Return the first shown line that was not printed, or None where all of it was.

    A line of three dots stands for any lines; three dots in a line for any text.
    """
    pattern = "".join(_pattern(line) for line in shown)
    if re.fullmatch(pattern, _text(printed)):
        return None
    for count in range(1, len(shown) + 1):
        head = "".join(_pattern(line) for line in shown[:count])
        if not re.match(head, _text(printed)):
            return shown[count - 1]
    return "more was printed than is shown"


def without_progress(printed: Sequence[str]) -> list[str]:
    """Return lines without bars of progress, which move at a terminal, and what sets them apart."""
    kept: list[str] = []
    # A bar that has gone leaves an empty line before all others.
    bar = True
    for line in printed:
        if not (_BAR in line or (bar and not line.strip())):
            kept.append(line)
        bar = _BAR in line or not kept
    return kept


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{steady(line)}\n" for line in lines)


def _pattern(line: str) -> str:
    if line.strip() == ANYTHING:
        return r"(?:.*\n)*"
    return r".*".join(re.escape(part) for part in steady(line).split(ANYTHING)) + r"\n"
