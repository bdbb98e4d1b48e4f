"""Columns of figures: their units, and what each row is expected to be from those before it."""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias, TypeVar

from edge.telemetry.model import ChangeKind, PathState
from edge.telemetry.varints import FrameError

OCTETS_UNIT: Final = 1000
STATES: Final = tuple(PathState)
KINDS: Final = tuple(ChangeKind)
# Integers to a row.
PATH_COLUMNS: Final = 9
SUMMARY_COLUMNS: Final = 13
CHANGE_COLUMNS: Final = 7
HEAD_COLUMNS: Final = 5

Column: TypeAlias = list[int]
T = TypeVar("T")


class Predictor:
    """Remembers the last value of each path."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}

    def get(self, way: int) -> int:
        """Return the last value of a path, 0 without one."""
        return self._last.get(way, 0)

    def swap(self, way: int, value: int) -> int:
        """Return the last value of a path and remember another."""
        before, self._last[way] = self._last.get(way, 0), value
        return before


def differences(rows: Sequence[Column]) -> list[Column]:
    """Return rows as differences from what the row before of the same path lets expect."""
    return [
        [zigzag(value - expected) for value, expected in zip(row, guess, strict=True)]
        for row, guess in zip(rows, expected_rows(rows), strict=True)
    ]


def expected_rows(rows: Iterable[Column]) -> Iterable[Column]:
    """Yield what each row is expected to be, from those before it alone."""
    last: dict[int, Column] = {}
    way = 0
    before: Column = [0] * SUMMARY_COLUMNS
    for row in rows:
        # A row is known by its way, which is decoded first.
        guess = [way, *last.get(row[0], before)[1:]]
        if row[0] in last:
            guess[1] += guess[2]
        yield guess
        way, last[row[0]] = row[0], row
        before = before if any(before) else row


def add_expected(rows: list[Column]) -> None:
    """Turn differences into what they are differences of, in place."""
    last: dict[int, Column] = {}
    way = 0
    before: Column = [0] * SUMMARY_COLUMNS
    for row in rows:
        row[0] += way
        guess = last.get(row[0], before)
        for place in range(1, len(row)):
            row[place] += guess[place]
        if row[0] in last:
            row[1] += guess[2]
        way, last[row[0]] = row[0], row
        before = before if any(before) else row


def entry_at(table: Sequence[T], place: int, what: str) -> T:
    """Return an entry of a table. Raises FrameError when there is none."""
    if not 0 <= place < len(table):
        raise FrameError(f"{what} {place} is not in its table of {len(table)}")
    return table[place]


def zigzag(value: int) -> int:
    """Return a signed integer as one that is not negative."""
    return value << 1 if value >= 0 else (-value << 1) - 1


def milliseconds(seconds: float) -> int:
    """Return seconds as whole milliseconds."""
    return round(seconds * 1000)


def units(value: float, per_one: int) -> int:
    """Return a figure in whole units."""
    return round(value * per_one)


def optional_units(value: float | None, per_one: int) -> int:
    """Return a figure in its units and 1 more; 0 is no figure."""
    return 0 if value is None else round(value * per_one) + 1


def optional_of(units: int, per_one: int) -> float | None:
    """Return the figure that optional_units() gave."""
    return (units - 1) / per_one if units else None


def share_of(units: int) -> float:
    """Return a share from units of 0.01 %. Raises FrameError above 1."""
    if units > 10_000:
        raise FrameError(f"{units / 100} % of loss is more than all")
    return units / 10_000
