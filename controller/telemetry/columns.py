"""Columns of integers and of histograms, compressed: how slices, minutes and hours are kept.

Octets of a column are stored by their weight, all lowest ones first: that compresses best. Units
are those of frames or finer: 0.1 ms, 0.01 MOS, 1,000 octets.
"""

import bz2
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice
from typing import Final

from edge.telemetry.model import Spread

PER_MS: Final = 10
PER_MOS: Final = 100
OCTETS_UNIT: Final = 1000
# What a column holds at most; a broken edge may count further.
_LARGEST: Final = 2**62 - 1
_OCTETS: Final = 8
_SIZE: Final = 4


def pack_columns(columns: Iterable[Sequence[int]]) -> bytes:
    """Return columns of signed integers, compressed; they may differ in length."""
    return bz2.compress(b"".join(map(_written, columns)))


def unpack_columns(body: bytes) -> Iterator[list[int]]:
    """Yield the columns that were packed."""
    octets, place = bz2.decompress(body), 0
    while place < len(octets):
        size = int.from_bytes(octets[place : place + _SIZE], "little")
        began, place = place + _SIZE, place + _SIZE + size * _OCTETS
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
    planes = (octets[place::_OCTETS] for place in range(_OCTETS))
    return len(values).to_bytes(_SIZE, "little") + b"".join(planes)


def _zigzag(value: int) -> int:
    held = max(-_LARGEST, min(_LARGEST, value))
    return (held << 1) ^ (held >> 63)


def _read(planes: bytes, size: int) -> list[int]:
    octets = bytearray(len(planes))
    for place in range(_OCTETS):
        octets[place::_OCTETS] = planes[place * size : (place + 1) * size]
    return [(value >> 1) ^ -(value & 1) for value in array("Q", bytes(octets))]
