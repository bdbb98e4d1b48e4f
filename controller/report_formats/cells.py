"""Cells of a report as people read them, in the words of its language."""

from collections.abc import Mapping
from typing import Final

from controller.reports.document import Cell, Column, Kind, State
from controller.reports.words import duration_text, number_text, share_text

# A sign beside each state, so that nobody needs to see colours.
SIGNS: Final[Mapping[State, str]] = {
    State.GOOD: "✓",
    State.NOTE: "!",
    State.ACT: "✗",
    State.UNKNOWN: "?",
}
NUMERIC: Final = frozenset({Kind.NUMBER, Kind.SHARE, Kind.SECONDS})


def cell_text(value: Cell, column: Column, words: Mapping[str, str]) -> str:
    """Return a cell as text; a bar is drawn by those who can, and is nothing here."""
    if column.kind is Kind.BAR:
        return ""
    if isinstance(value, State):
        return f"{SIGNS[value]} {words[value.value]}"
    if isinstance(value, (int, float)) or (value is None and column.kind in NUMERIC):
        return _number(value, column.kind, words)
    return "" if value is None else str(value)


def _number(value: float | None, kind: Kind, words: Mapping[str, str]) -> str:
    if kind is Kind.SHARE:
        return share_text(value, words)
    return duration_text(value, words) if kind is Kind.SECONDS else number_text(value, words)
