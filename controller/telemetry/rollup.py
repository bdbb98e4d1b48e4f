"""Figures of one path within a period: a slice, a minute, an hour; periods merge into longer ones.

Counts, sums, least, most and histograms merge without loss of meaning; percentiles are computed
from merged histograms and never averaged. They are kept as columns of integers, compressed, the
octets of a column by their weight. Units are those of frames: 0.1 ms, 0.01 MOS, 1,000 octets.
"""

import bz2
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, islice
from typing import Final

from edge.telemetry.model import PathState, PathSummary, Spread, merge_spreads

STATES: Final = tuple(PathState)
PER_MS: Final = 10
PER_MOS: Final = 100
OCTETS_UNIT: Final = 1000
_WIDTH: Final = 8
_SIZE: Final = 4
# What a column holds at most; a broken edge may count further.
_LARGEST: Final = 2**62 - 1
_COUNTS: Final = ("sent", "lost_out", "lost_in", "heard_in")
_OCTETS: Final = ("sent_octets", "received_octets")
_SPREADS: Final = {"delay_ms": PER_MS, "jitter_ms": PER_MS, "mos": PER_MOS}


@dataclass(frozen=True, slots=True)
class Rollup:
    """What was measured of a path within a period.

    states_s are the seconds in each state, in the order of STATES; their sum is what was measured.
    sent, lost_out, lost_in and heard_in count test packets, as those of a PathSummary.
    """

    began_unix_s: int
    states_s: tuple[int, ...]
    sent: int
    lost_out: int
    lost_in: int
    heard_in: int
    delay_ms: Spread | None
    jitter_ms: Spread | None
    mos: Spread | None
    sent_octets: int
    received_octets: int

    @property
    def seconds(self) -> int:
        """Return how many seconds were measured."""
        return sum(self.states_s)

    @property
    def loss_out(self) -> float | None:
        """Return the share of test packets lost on the way out; None when none was sent."""
        return self.lost_out / self.sent if self.sent else None

    @property
    def loss_in(self) -> float | None:
        """Return the share lost on the way in; None when none was due."""
        due = self.lost_in + self.heard_in
        return self.lost_in / due if due else None

    def seconds_in(self, state: PathState) -> int:
        """Return the seconds in a state."""
        return self.states_s[STATES.index(state)]

    def merge(self, other: "Rollup") -> "Rollup":
        """Return both together, from the beginning of the earlier."""
        return Rollup(
            min(self.began_unix_s, other.began_unix_s),
            tuple(map(sum, zip(self.states_s, other.states_s, strict=True))),
            self.sent + other.sent,
            self.lost_out + other.lost_out,
            self.lost_in + other.lost_in,
            self.heard_in + other.heard_in,
            merge_spreads(self.delay_ms, other.delay_ms),
            merge_spreads(self.jitter_ms, other.jitter_ms),
            merge_spreads(self.mos, other.mos),
            self.sent_octets + other.sent_octets,
            self.received_octets + other.received_octets,
        )


def of_summary(one: PathSummary, began_unix_s: int) -> Rollup:
    """Return the figures of one slice of an edge, which began at a second."""
    mos = None if one.mos is None else Spread(1, one.mos, one.mos, one.mos, ())
    return Rollup(
        began_unix_s,
        _states_s(one.state, one.seconds),
        one.sent,
        one.lost_out,
        one.lost_in,
        one.heard_in,
        one.delay_ms,
        one.jitter_ms,
        mos,
        one.sent_octets,
        one.received_octets,
    )


def portions(one: Rollup, period_s: int) -> Iterator[Rollup]:
    """Yield the figures of a slice, and its state alone for further periods in which it lasted.

    Long slices come from an edge that had to save room while it was cut off.
    """
    if one.seconds <= period_s:
        yield one
        return
    state = STATES[one.states_s.index(max(one.states_s))]
    at_s, ended_s = one.began_unix_s, one.began_unix_s + one.seconds
    while at_s < ended_s:
        until_s = min(ended_s, at_s - at_s % period_s + period_s)
        states_s = _states_s(state, until_s - at_s)
        first = at_s == one.began_unix_s
        yield (
            replace(one, states_s=states_s)
            if first
            else Rollup(at_s, states_s, 0, 0, 0, 0, None, None, None, 0, 0)
        )
        at_s = until_s


def _states_s(state: PathState, seconds: int) -> tuple[int, ...]:
    return tuple(seconds if one is state else 0 for one in STATES)


def by_period(rollups: Iterable[Rollup], period_s: int) -> dict[int, Rollup]:
    """Return figures merged within periods, by the second in which each begins."""
    found: dict[int, Rollup] = {}
    for one in rollups:
        began = one.began_unix_s - one.began_unix_s % period_s
        known = found.get(began)
        found[began] = replace(one, began_unix_s=began) if known is None else known.merge(one)
    return found


def pack_rollups(rollups: Sequence[Rollup]) -> bytes:
    """Return figures in columns, compressed."""
    columns: list[Sequence[int]] = [differences(one.began_unix_s for one in rollups)]
    columns += [[one.states_s[place] for one in rollups] for place in range(len(STATES))]
    columns += [[getattr(one, name) for one in rollups] for name in _COUNTS]
    columns += [[round(getattr(one, name) / OCTETS_UNIT) for one in rollups] for name in _OCTETS]
    for name, unit in _SPREADS.items():
        columns += spread_columns((getattr(one, name) for one in rollups), unit)
    return pack_columns(columns)


def unpack_rollups(body: bytes) -> list[Rollup]:
    """Return the figures that were packed."""
    columns = unpack_columns(body)
    began = sums(next(columns))
    states = [*zip(*(next(columns) for _ in STATES), strict=True)]
    counts = [next(columns) for _ in _COUNTS]
    octets = [[units * OCTETS_UNIT for units in next(columns)] for _ in _OCTETS]
    spreads = [[*read_spreads(columns, unit)] for unit in _SPREADS.values()]
    rows = zip(began, states, *counts, *spreads, *octets, strict=True)
    return [Rollup(*row) for row in rows]


def pack_columns(columns: Iterable[Sequence[int]]) -> bytes:
    """Return columns of signed integers, compressed; they may differ in length."""
    return bz2.compress(b"".join(map(_written, columns)))


def unpack_columns(body: bytes) -> Iterator[list[int]]:
    """Yield the columns that were packed."""
    octets, place = bz2.decompress(body), 0
    while place < len(octets):
        size = int.from_bytes(octets[place : place + _SIZE], "little")
        began, place = place + _SIZE, place + _SIZE + size * _WIDTH
        yield _read(octets[began:place], size)


def differences(values: Iterable[int]) -> list[int]:
    """Return how much each value is above the one before, the first above 0."""
    found, before = [], 0
    for value in values:
        found.append(value - before)
        before = value
    return found


def sums(values: Iterable[int]) -> list[int]:
    """Return the values of which these are the differences."""
    return [*accumulate(values)]


def spread_columns(spreads: Iterable[Spread | None], unit: int) -> list[list[int]]:
    """Return the columns of spreads: count, least, most, total, size, indexes and bins.

    Most and total are what is above the least.
    """
    columns: list[list[int]] = [[] for _ in range(7)]
    count, least, most, total, sizes, indexes, held = columns
    for one in spreads:
        count.append(one.count if one else 0)
        if one is None:
            continue
        low = round(one.least * unit)
        least.append(low)
        most.append(round(one.most * unit) - low)
        total.append(round(one.total * unit) - low * one.count)
        sizes.append(len(one.bins))
        indexes += differences(index for index, _ in one.bins)
        held += [many for _, many in one.bins]
    return columns


def read_spreads(columns: Iterator[list[int]], unit: int) -> Iterator[Spread | None]:
    """Yield the spreads of the next columns."""
    count, *rest = (next(columns) for _ in range(7))
    least, most, total, sizes, indexes, held = map(iter, rest)
    for many in count:
        if not many:
            yield None
            continue
        low, size = next(least), next(sizes)
        bins = zip(sums(islice(indexes, size)), islice(held, size), strict=True)
        top, whole = (low + next(most)) / unit, (next(total) + low * many) / unit
        yield Spread(many, whole, low / unit, top, tuple(bins))


def _written(values: Sequence[int]) -> bytes:
    octets = array("Q", [*map(_zigzag, values)]).tobytes()
    planes = (octets[place::_WIDTH] for place in range(_WIDTH))
    return len(values).to_bytes(_SIZE, "little") + b"".join(planes)


def _zigzag(value: int) -> int:
    held = max(-_LARGEST, min(_LARGEST, value))
    return (held << 1) ^ (held >> 63)


def _read(planes: bytes, size: int) -> list[int]:
    octets = bytearray(len(planes))
    for place in range(_WIDTH):
        octets[place::_WIDTH] = planes[place * size : (place + 1) * size]
    return [(value >> 1) ^ -(value & 1) for value in array("Q", bytes(octets))]
