"""Rates from counters: a wrap is told from a restart, and what cannot be known is a gap.

A spike never comes out of it: a reading that does not follow from the one before gives no rate,
and the next rate counts from there.
"""

from dataclasses import dataclass
from typing import Final

WIDE_BITS: Final = 64
NARROW_BITS: Final = 32
# Agents answer from caches, net-snmp's for 15 s: an answer may count what came before its time.
AGENT_CACHE_S: Final = 15.0
# sysUpTime and our clock may drift apart by this share, and by what an answer takes.
CLOCK_DRIFT: Final = 0.01
UPTIME_SLACK_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter's value; bits is 64, or 32 for one that wraps."""

    value: int
    bits: int = WIDE_BITS


@dataclass(frozen=True, slots=True)
class CounterSample:
    """A counter as it was read: when by our clock, and the agent's uptime and discontinuity.

    discontinuity is ifCounterDiscontinuityTime as the agent sent it, 0 where it has none.
    """

    counter: Counter
    at_s: float
    uptime_s: float
    discontinuity: int = 0


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast a counter rose between two readings, in units per second."""

    per_s: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Gap:
    """Why two readings give no rate."""

    reason: str


def counter_rate(
    before: CounterSample | None, after: CounterSample, ceiling_per_s: float | None
) -> Rate | Gap:
    """Return the rate between two readings, or why there is none.

    ceiling_per_s is what the link can carry at most, None where that is not known.
    """
    if before is None:
        return Gap("the first reading")
    seconds = after.at_s - before.at_s
    if reason := _broken(before, after, seconds):
        return Gap(reason)
    most = None if ceiling_per_s is None else ceiling_per_s * (seconds + AGENT_CACHE_S)
    rise = after.counter.value - before.counter.value
    if rise < 0:
        wrapped = _wrapped(before.counter, rise, most)
        if wrapped is None:
            return Gap("the counter fell")
        rise = wrapped
    if most is not None and rise > most:
        return Gap("more than the link can carry")
    return Rate(rise / seconds, seconds)


def _broken(before: CounterSample, after: CounterSample, seconds: float) -> str:
    """Return why the second reading does not continue the first; empty when it does."""
    if seconds <= 0:
        return "no time passed"
    if before.counter.bits != after.counter.bits:
        return "the counter has another width"
    if before.discontinuity != after.discontinuity:
        return "the agent says that the counter was set anew"
    if restarted(before.uptime_s, after.uptime_s, seconds):
        return "the agent restarted"
    return ""


def restarted(before_s: float, after_s: float, seconds: float) -> bool:
    """Return whether an agent restarted between two readings of its uptime.

    Also an uptime that rose, but by less than passed, tells of a restart: two of them may lie
    between far readings.
    """
    expected_s = seconds * (1 - CLOCK_DRIFT) - UPTIME_SLACK_S
    return after_s - before_s < max(expected_s, 0.0)


def _wrapped(before: Counter, rise: int, most: float | None) -> int | None:
    """Return the rise of a counter that wrapped once; None where it cannot have.

    A 64-bit counter does not wrap in the life of a router, so its fall is a restart. A 32-bit one
    on a link that fills it more than once between readings tells nothing.
    """
    if before.bits != NARROW_BITS or most is None or most >= 1 << NARROW_BITS:
        return None
    wrapped = rise + (1 << NARROW_BITS)
    return wrapped if wrapped <= most else None
