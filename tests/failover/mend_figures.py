"""What a call through a cut and its mend comes to, and the limits that it has to keep."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Final, TypeAlias

from tests.failover.cells import spread
from tests.failover.trials import Sample, carries
from tests.failover.verdicts import Verdict

# When a packet was sent (s), and how long it took (ms).
Delays: TypeAlias = Sequence[tuple[float, float]]

PERCENTILE: Final = 0.95
WINDOW_S: Final = 1.0
# So many windows in a row must keep the limit.
WINDOWS: Final = 3
STEP_S: Final = 0.1
# The delay is the fibre's again when its p95 lies above that before the cut by this at most.
TOLERANCE_MS: Final = 5.0
LIMIT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Move:
    """A move of a class of traffic at one end (who), its paths before and after, and why.

    at_s counts from the mend.
    """

    at_s: float
    who: str
    before: str
    after: str
    why: str


@dataclass(frozen=True, slots=True)
class MendCall:
    """What a call through a cut of the fibre and its mend showed; seconds count from the mend.

    Delays are the p95 of the worst flow: usual_ms in the median second before the cut, away_ms in
    the second before the mend. metered says that the metered line carried the copy then. back_s and
    released_s are None when the delay, or the copy, did not come back. p95_ms are delays second by
    second.
    """

    weather: bool
    usual_ms: float
    away_ms: float
    back_s: float | None
    metered: bool
    released_s: float | None
    lost_before: int
    lost_after: int
    extra_moves: tuple[str, ...]
    sender_late_ms: float
    p95_ms: tuple[tuple[float, float], ...] = ()

    @property
    def was_away(self) -> bool:
        """Return whether the cut was felt: without that, coming back says nothing."""
        return self.away_ms > self.usual_ms + TOLERANCE_MS


def p95_between(delays: Delays, begins_s: float, ends_s: float) -> float | None:
    """Return the 95th percentile (ms) of what was sent in a while; None when nothing arrived."""
    ordered = sorted(delay for sent_s, delay in delays if begins_s <= sent_s < ends_s)
    return ordered[ceil(PERCENTILE * len(ordered)) - 1] if ordered else None


def back_after_s(
    delays: Mapping[str, Delays], mend_s: float, ends_s: float, limit_ms: float
) -> float | None:
    """Return how long after the mend p95 of every flow kept a limit for some windows in a row.

    None when it never did before the call's end.
    """
    starts = round((ends_s - mend_s - WINDOWS * WINDOW_S) / STEP_S)
    for number in range(starts + 1):
        after_s = number * STEP_S
        if _keeps(delays, mend_s + after_s, limit_ms):
            return round(after_s, 1)
    return None


def _keeps(delays: Mapping[str, Delays], begins_s: float, limit_ms: float) -> bool:
    starts_s = [begins_s + number * WINDOW_S for number in range(WINDOWS)]
    found = (
        p95_between(flow, start_s, start_s + WINDOW_S)
        for start_s in starts_s
        for flow in delays.values()
    )
    return all(p95_ms is not None and p95_ms <= limit_ms for p95_ms in found)


def carried_before_mend(samples: Sequence[Sample]) -> bool:
    """Return whether a line carried the flows in the second before the mend."""
    before = [sample for sample in samples if -WINDOW_S <= sample[0] < 0]
    return len(before) > 1 and carries(before[0], before[-1])


def extra_moves(moves: Iterable[Move], path: str) -> list[Move]:
    """Return the moves but for each class's first one off a path and its first one back to it."""
    left, returned, extra = set[str](), set[str](), list[Move]()
    for move in moves:
        if move.before == path and move.who not in left:
            left.add(move.who)
        elif move.after == path and move.who in left - returned:
            returned.add(move.who)
        else:
            extra.append(move)
    return extra


def mend_verdicts(calls: Sequence[MendCall]) -> tuple[Verdict, ...]:
    """Return every verdict for which a call was made."""
    return tuple(_judged(calls))


def _judged(calls: Sequence[MendCall]) -> Iterator[Verdict]:
    calm = [call for call in calls if not call.weather]
    windy = [call for call in calls if call.weather]
    if calm:
        yield _delay(calm)
        yield _copy(calm)
        lost = sum(call.lost_before + call.lost_after for call in calm)
        yield Verdict("0 packets lost", f"{lost} lost in {len(calm)} calls", lost == 0)
    if windy:
        yield _moves(windy)


def _delay(calls: Sequence[MendCall]) -> Verdict:
    usual, away = (spread([getattr(c, name) for c in calls]) for name in ("usual_ms", "away_ms"))
    back = [call.back_s for call in calls if call.back_s is not None and call.was_away]
    return Verdict(
        f"p95 delay back to the fibre's within {LIMIT_S:g} s",
        f"{spread(back)} s in {len(back)} of {len(calls)} calls; "
        f"{usual} ms before the cut, {away} ms before the mend",
        _all_within(back, calls),
    )


def _copy(calls: Sequence[MendCall]) -> Verdict:
    released = [call.released_s for call in calls if call.released_s is not None and call.metered]
    return Verdict(
        f"metered copy released within {LIMIT_S:g} s",
        f"{spread(released)} s in {len(released)} of {len(calls)} calls",
        _all_within(released, calls),
    )


def _all_within(found_s: Sequence[float], calls: Sequence[MendCall]) -> bool:
    return len(found_s) == len(calls) and max(found_s) <= LIMIT_S


def _moves(calls: Sequence[MendCall]) -> Verdict:
    extra = [reason for call in calls for reason in call.extra_moves]
    back = sum(call.back_s is not None and call.was_away for call in calls)
    lost = f"{sum(c.lost_before for c in calls)} packets lost before the mend"
    after = f"{sum(c.lost_after for c in calls)} after it"
    return Verdict(
        "0 extra moves in LEO weather",
        "; ".join(
            (
                f"{len(extra)} moves in {len(calls)} calls",
                f"back in {back}",
                f"{lost}, {after}",
                *sorted(set(extra)),
            )
        ),
        not extra,
    )


def as_seconds(delays: Mapping[str, Delays], mend_s: float) -> tuple[tuple[float, float], ...]:
    """Return p95 (ms) of the worst flow, second by second from the mend on and before it."""
    last_s = max((sent_s for flow in delays.values() for sent_s, _ in flow), default=mend_s)
    seconds = range(-int(mend_s), int(last_s - mend_s))
    found = ((at_s, worst_p95(delays, mend_s + at_s, mend_s + at_s + 1)) for at_s in seconds)
    return tuple((float(at_s), round(value, 1)) for at_s, value in found if value is not None)


def usual_p95(delays: Mapping[str, Delays], begins_s: float, ends_s: float) -> float:
    """Return the median of p95 (ms) of the worst flow, second by second; 0 when nothing arrived.

    A machine that was late for a moment must not make the limit lax.
    """
    seconds = range(int((ends_s - begins_s) / WINDOW_S))
    starts_s = [begins_s + number * WINDOW_S for number in seconds]
    found = [worst_p95(delays, start_s, start_s + WINDOW_S) for start_s in starts_s]
    return median([value for value in found if value is not None] or [0.0])


def worst_p95(delays: Mapping[str, Delays], begins_s: float, ends_s: float) -> float | None:
    """Return p95 (ms) of the flow that was slowest in a while; None when nothing arrived."""
    found = (p95_between(flow, begins_s, ends_s) for flow in delays.values())
    return max((value for value in found if value is not None), default=None)
