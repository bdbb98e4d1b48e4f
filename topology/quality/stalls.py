"""What stalls of this host excuse, and for how long: only time in which it was not late counts."""

from dataclasses import replace
from typing import Final

from topology.quality.media import USUAL
from topology.quality.model import LinkHealth, Measurement

# A path may be silent for three paces, and never for less than this.
PACES: Final = 3
LEAST_SILENCE_S: Final = 0.05
# A stall excuses silence no more when nothing was answered for so many limits of silence, and the
# round trip, in which this host was not late.
SPENT: Final = 2
# So many late answers in a row are an interruption.
RESUMED: Final = 2


def awake_s(before: LinkHealth, new: Measurement) -> float:
    """Return for how long of the time since the last measurement this host was not late."""
    passed_s = new.at_s - before.at_s
    return max(0.0, passed_s - new.late_s) if new.stalled else passed_s


def unanswered_paces(before: LinkHealth, new: Measurement) -> float:
    """Return for how many paces no answer has come while this host was not late."""
    return before.unanswered + awake_s(before, new) / new.pace_s


def spent_after_s(before: LinkHealth, pace_s: float) -> float:
    """Return after how long without an answer, while this host was not late, stalls say nothing."""
    limit_s = max(PACES * pace_s, LEAST_SILENCE_S) + USUAL[before.medium].allowance_ms / 1e3
    return (before.delay_ms or 0.0) / 1e3 + max(SPENT * limit_s, before.misses * pace_s)


def is_spent(before: LinkHealth, new: Measurement) -> bool:
    """Return whether stalls of this host excuse a path's silence no longer."""
    if new.round_trips_ms:
        return False
    return unanswered_paces(before, new) * new.pace_s > spent_after_s(before, new.pace_s)


def alive_for_s(before: LinkHealth, new: Measurement) -> float:
    """Return how long answers have come while this host was not late."""
    # After a stall of this host nothing was under way, so that answers take a round trip to come.
    usual = (before.delay_ms or 0.0) / 1e3 / new.pace_s + RESUMED
    if new.round_trips_ms and before.unanswered >= usual:
        return 0.0
    return before.alive_s + awake_s(before, new)


def excused_health(health: LinkHealth, measurement: Measurement) -> LinkHealth:
    """Return the health after a measurement that says nothing against the path."""
    answered = bool(measurement.round_trips_ms)
    at_s = measurement.at_s
    return replace(
        health,
        at_s=at_s,
        overdue=0,
        silent_s=0.0,
        dead=health.dead and not answered,
        stalled=True,
        pace_s=measurement.pace_s,
        answered_at_s=at_s if answered else health.answered_at_s,
        steady_since_s=at_s if answered else health.steady_since_s,
        stalled_at_s=at_s,
        unanswered=0.0 if answered else unanswered_paces(health, measurement),
        alive_s=alive_for_s(health, measurement),
    )
