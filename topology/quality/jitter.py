"""How much the delay of a path varies: a window of the last packets, and the smallest round trip.

Delay variation is the 95th percentile above the smallest one-way delay (RFC 5481, section 4.2),
of the last two seconds or, where test packets are rare, of as many packets. It is lasting when it
is found without the moment of the longest delay, too: packets that were held up together, once, say
little of those to come.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WINDOW_S: Final = 2.0
WINDOW_PACES: Final = 20
MOST: Final = 100
PERCENTILE: Final = 0.95
# On either side of the longest round trip.
MOMENT_S: Final = 0.15
# A step of the far end's clock moves both ways equally, but for what jitter adds.
STEP_MS: Final = 3.0
STEP_SHARE: Final = 0.1
# Buckets of half a minute, of which the last five minutes count.
BASE_BUCKET_S: Final = 30.0
BASE_BUCKETS: Final = 10


@dataclass(frozen=True, slots=True)
class Variation:
    """One-way delays above unknown constants and round trips of the last packets, oldest first.

    least are the smallest one-way delays there and back since the far end's clock was last stepped.
    """

    times_s: tuple[float, ...] = ()
    out_ms: tuple[float, ...] = ()
    in_ms: tuple[float, ...] = ()
    trips_ms: tuple[float, ...] = ()
    least: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Packets:
    """The delays of answered packets of one measurement, in step with each other."""

    at_s: float
    pace_s: float
    out_ms: tuple[float, ...]
    in_ms: tuple[float, ...]
    trips_ms: tuple[float, ...]


def add_packets(window: Variation, packets: Packets) -> Variation:
    """Return a window with more packets at its end and without those that grew old."""
    count = min(len(packets.out_ms), len(packets.in_ms), len(packets.trips_ms), MOST)
    if not count:
        return window
    out_ms, in_ms = packets.out_ms[-count:], packets.in_ms[-count:]
    lowest = (min(out_ms), min(in_ms))
    if window.least and _stepped(lowest, window.least):
        window = Variation()
    age_s = max(WINDOW_S, WINDOW_PACES * packets.pace_s)
    times_s = window.times_s + (packets.at_s,) * count
    first = max(bisect_left(times_s, packets.at_s - age_s), len(times_s) - MOST)
    least = window.least or lowest
    return Variation(
        times_s[first:],
        (window.out_ms + out_ms)[first:],
        (window.in_ms + in_ms)[first:],
        (window.trips_ms + packets.trips_ms[-count:])[first:],
        (min(least[0], lowest[0]), min(least[1], lowest[1])),
    )


def _stepped(now: tuple[float, float], least: tuple[float, float]) -> bool:
    """Return whether one way became shorter than ever and the other longer by as much."""
    there, back = now[0] - least[0], now[1] - least[1]
    size = max(abs(there), abs(back))
    return min(there, back) < -STEP_MS and abs(there + back) <= STEP_MS + STEP_SHARE * size


def spread(values: Sequence[float]) -> float:
    """Return how far the 95th percentile lies above the smallest value; 0 without values."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[int(PERCENTILE * (len(ordered) - 1))] - ordered[0]


def jitter_ms(window: Variation) -> float:
    """Return the delay variation of the worse direction.

    Never more than that of the round trip, which no clock but the own one takes part in.
    """
    worse = max(spread(window.out_ms), spread(window.in_ms))
    return min(worse, spread(window.trips_ms) + STEP_MS)


def lasting_ms(window: Variation) -> float:
    """Return the delay variation without the moment of the longest round trip."""
    if not window.trips_ms:
        return 0.0
    peak_s = window.times_s[window.trips_ms.index(max(window.trips_ms))]
    kept = [number for number, at_s in enumerate(window.times_s) if abs(at_s - peak_s) > MOMENT_S]
    out_ms, in_ms, trips_ms = (
        tuple(values[number] for number in kept)
        for values in (window.out_ms, window.in_ms, window.trips_ms)
    )
    return jitter_ms(Variation(out_ms=out_ms, in_ms=in_ms, trips_ms=trips_ms))


@dataclass(frozen=True, slots=True)
class Base:
    """The smallest round trips of the last minutes: the start of each bucket, and its smallest."""

    buckets: tuple[tuple[float, float], ...] = ()

    def lowered(self, at_s: float, trips_ms: Sequence[float]) -> "Base":
        """Return the base with the round trips of a measurement."""
        lowest = min(trips_ms)
        if not self.buckets:
            return Base(((at_s, lowest),))
        start_s, known = self.buckets[-1]
        if at_s - start_s >= BASE_BUCKET_S:
            return Base((*self.buckets[1 - BASE_BUCKETS :], (at_s, lowest)))
        return self if lowest >= known else Base((*self.buckets[:-1], (start_s, lowest)))

    @property
    def ms(self) -> float | None:
        """Return the smallest round trip; None before the first."""
        return min((lowest for _, lowest in self.buckets), default=None)
