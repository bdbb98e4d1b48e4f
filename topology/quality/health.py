"""How well a path does, folded from what its test packets showed.

A path is judged by what its medium can do: 600 ms are no fault of a geostationary satellite, and a
low-orbit one changes its satellite every 15 s.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from math import ceil, inf, log
from typing import Final

from inventory.model import Medium
from topology.quality import emodel, handover, jitter
from topology.quality import loss as quality_loss
from topology.quality.handover import Rhythm
from topology.quality.jitter import Packets, Variation
from topology.quality.loss import Arrived, Losses
from topology.quality.media import USUAL, Usual
from topology.quality.model import MOST_MISSES, LinkHealth, Measurement, PathName
from topology.quality.stalls import (
    LEAST_SILENCE_S,
    PACES,
    RESUMED,
    alive_for_s,
    excused_health,
    is_spent,
    spent_after_s,
    unanswered_paces,
)

__all__ = [
    "LinkHealth",
    "Measurement",
    "PathName",
    "fold_measurement",
    "folded",
    "unknown_health",
]

# Smoothing of round trip and variation (RFC 6298, section 2).
ALPHA: Final = 1 / 8
BETA: Final = 1 / 4
DEVIATIONS: Final = 4
MOST_SPREAD_MS: Final = 150.0
# So many answers missing in a row happen by chance once in 1e9 packets, and no less than three.
CHANCE: Final = 1e-9
FEWEST: Final = 3
LARGEST_SHARE: Final = 0.3
# Share of answers with which the far end's own packets came, above which these are evidence too.
TALKATIVE: Final = 0.5
# Slow to compute and to change: jitter, shares and MOS are looked at so often.
REVIEW_S: Final = 0.1
# Packets that were under way in an outage are settled until so long after it.
GRACE_S: Final = 0.3
# What is missing in so long a silence, of so many packets, is an outage and no loss.
OUTAGE_S: Final = 1.0
OUTAGE_MISSES: Final = 10
# A far end that keeps a packet for so long was late, so that the silence before was its own.
HELD_MS: Final = 25.0
# A round trip this far above the smoothed one is a sign of a handover.
SPIKE_MS: Final = 25.0


def unknown_health(medium: Medium, now_s: float) -> LinkHealth:
    """Return the health of a path of which nothing has been heard yet."""
    return LinkHealth(medium, now_s, misses=_misses(USUAL[medium].unanswered))


def folded(health: LinkHealth, measurements: Sequence[Measurement]) -> LinkHealth:
    """Return the health of a path after several measurements in order."""
    for measurement in measurements:
        health = fold_measurement(health, measurement)
    return health


def fold_measurement(health: LinkHealth, measurement: Measurement) -> LinkHealth:
    """Return the health of a path after one more measurement."""
    if measurement.stalled and not is_spent(health, measurement):
        return excused_health(health, measurement)
    seen = _Seen(health, measurement)
    return _reviewed(seen.health(), seen.at_s)


class _Seen:
    """One measurement beside the health before it."""

    __slots__ = (
        "answered",
        "at_s",
        "before",
        "down_at_s",
        "new",
        "overdue",
        "resumed",
        "silent_s",
        "unanswered",
        "unanswered_s",
        "usual",
    )

    def __init__(self, before: LinkHealth, new: Measurement) -> None:
        self.before, self.new, self.at_s = before, new, new.at_s
        self.usual: Usual = USUAL[before.medium]
        self.answered = bool(new.round_trips_ms)
        # What comes first after a silence was held up by what caused it: no delay of the path.
        self.resumed = before.overdue >= RESUMED or before.stalled
        self.unanswered = 0.0 if self.answered else unanswered_paces(before, new)
        self.unanswered_s = new.at_s - max(before.answered_at_s, before.stalled_at_s)
        self.down_at_s = new.at_s if self.out() else before.down_at_s
        since_s = new.at_s - before.stalled_at_s
        self.overdue, self.silent_s = new.overdue, min(new.silent_s, since_s)
        if since_s < inf:
            self._excuse(since_s)

    def out(self) -> bool:
        """Return whether the path is in an outage, or its far end was never there so far."""
        before = self.before
        if before.delay_ms is None:
            return True
        long = self.new.at_s - before.answered_at_s > OUTAGE_S
        return long and before.dead and before.overdue >= OUTAGE_MISSES

    def _excuse(self, since_s: float) -> None:
        """Take off what a stall that ended some time ago explains, unless that is spent."""
        before, new = self.before, self.new
        delay_s = (before.delay_ms or 0.0) / 1e3
        awake_s = self.unanswered * new.pace_s
        if awake_s > max(since_s, spent_after_s(before, new.pace_s)):
            self.silent_s, self.unanswered_s = min(new.silent_s, awake_s), awake_s
        else:
            fresh = (since_s - delay_s) / new.pace_s
            self.overdue = min(new.overdue, max(0, int(fresh)))

    def health(self) -> LinkHealth:
        """Return the health after the measurement, but for what is reviewed now and then."""
        before, new, at_s = self.before, self.new, self.at_s
        delay_ms, spread_ms = before.delay_ms, before.spread_ms
        base = before.base
        if self.answered and not self.resumed:
            delay_ms, spread_ms = _smoothed(delay_ms, spread_ms, new.round_trips_ms)
            base = base.lowered(at_s, new.round_trips_ms)
        rhythm, tolerated, aside = self.rhythm()
        lost, window = (before.losses, Variation()) if aside else (self.losses(), self.window())
        return LinkHealth(
            before.medium,
            at_s,
            delay_ms,
            base.ms,
            before.jitter_ms,
            before.loss_out,
            before.loss_in,
            before.burst,
            self.overdue,
            self.silent_s,
            self.dead(spread_ms, tolerated=tolerated),
            aside,
            False,  # noqa: FBT003 - stalled, by position for speed
            before.r,
            before.mos,
            lost.proven,
            self.overdue > 0 or lost.proven or quality_loss.loss_suspected(lost, self.usual),
            new.pace_s,
            spread_ms,
            at_s if self.answered else before.answered_at_s,
            at_s if self.answered and self.resumed else before.steady_since_s,
            before.stalled_at_s,
            before.reviewed_at_s if lost.proven is before.lossy else -inf,
            before.misses,
            self.talk(),
            window,
            lost,
            rhythm,
            base,
            self.unanswered,
            self.down_at_s,
            lost if self.answered else before.kept,
            before.widest_ms,
            alive_for_s(before, new),
        )

    def rhythm(self) -> tuple[Rhythm, bool, bool]:
        """Return the rhythm of handovers, whether silence may be one, and whether one goes on."""
        before, at_s = self.before, self.at_s
        if before.medium is not Medium.LEO:
            return before.rhythm, False, False
        above_ms = (before.delay_ms or inf) + SPIKE_MS
        signs = sum(trip > above_ms for trip in self.new.round_trips_ms)
        rhythm = handover.note_disturbance(before.rhythm, at_s, signs + (self.overdue >= FEWEST))
        if self.new.held_ms >= HELD_MS:
            rhythm = handover.forgive_disturbance(rhythm, at_s)
        aside = handover.on_beat(rhythm, at_s) or handover.going_on(rhythm, at_s)
        return rhythm, handover.may_be_handover(rhythm, at_s), aside

    def losses(self) -> Losses:
        """Return the losses, but for packets that were under way in an outage."""
        before, new, at_s = self.before, self.new, self.at_s
        if self.down_at_s == at_s:
            return before.kept
        grace_s = GRACE_S + (before.delay_ms or 0.0) / 1e3
        back = len(new.round_trips_ms) + new.heard_in + new.lost_in
        if at_s - self.down_at_s < grace_s or not (new.sent or back):
            return before.losses
        arrived = Arrived(new.sent, new.lost_out, back, new.lost_in)
        tested = quality_loss.settle_losses(before.losses, arrived, self.usual, at_s)
        return quality_loss.count_losses(tested, arrived, at_s, new.pace_s)

    def window(self) -> Variation:
        """Return the delays of the last packets, but for those that were held up together."""
        if not self.answered or self.resumed:
            return self.before.window
        new = self.new
        packets = Packets(new.at_s, new.pace_s, new.out_ms, new.in_ms, new.round_trips_ms)
        return jitter.add_packets(self.before.window, packets)

    def talk(self) -> float:
        """Return how often the far end's own packets come along with answers, smoothed."""
        if not self.answered:
            return self.before.talk
        return self.before.talk + ALPHA * ((self.new.heard_in > 0) - self.before.talk)

    def dead(self, spread_ms: float, *, tolerated: bool) -> bool:
        """Return whether the path answers no more, in one direction or both."""
        before, new = self.before, self.new
        if self.answered:
            return False
        if before.dead or self.overdue < FEWEST:
            return before.dead
        allowance_ms = max(self.usual.allowance_ms, min(DEVIATIONS * spread_ms, MOST_SPREAD_MS))
        limit_s = max(PACES * new.pace_s, LEAST_SILENCE_S) + allowance_ms / 1e3
        limit_s += handover.LONGEST_S + (before.delay_ms or 0.0) / 1e3 if tolerated else 0.0
        misses = before.misses
        if self.overdue >= misses and self.unanswered_s > limit_s:
            return True
        if before.talk >= TALKATIVE:
            misses = max(FEWEST, (misses + 1) // 2)
        return self.overdue >= misses and self.silent_s > limit_s


def _smoothed(
    delay_ms: float | None, spread_ms: float, trips_ms: Sequence[float]
) -> tuple[float, float]:
    """Return the round trip and its variation after some more (RFC 6298, section 2)."""
    if delay_ms is None:
        delay_ms = trips_ms[0]
        spread_ms = delay_ms / 2
    for trip in trips_ms:
        spread_ms += BETA * (abs(delay_ms - trip) - spread_ms)
        delay_ms += ALPHA * (trip - delay_ms)
    return delay_ms, spread_ms


@lru_cache(maxsize=128)
def _misses(share: float) -> int:
    """Return how many round trips in a row fail by chance once in 1e9, when a share fails."""
    return max(FEWEST, min(MOST_MISSES, ceil(log(CHANCE) / log(min(share, LARGEST_SHARE)))))


def _reviewed(health: LinkHealth, now_s: float) -> LinkHealth:
    """Return the health with jitter, shares and quality computed again, if it is time."""
    if now_s - health.reviewed_at_s < REVIEW_S or health.delay_ms is None:
        return health
    usual = USUAL[health.medium]
    jitter_ms, widest_ms = health.jitter_ms, health.widest_ms
    if health.window.times_s:
        jitter_ms = jitter.lasting_ms(health.window)
        widest_ms = jitter.jitter_ms(health.window)
    shares = quality_loss.loss_shares(health.losses)
    loss = max(shares.out, shares.back)
    credited = loss if health.lossy else min(loss, usual.loss)
    ear_ms = health.delay_ms / 2 + jitter_ms + emodel.END_SYSTEM_MS
    r = emodel.r_factor(ear_ms, credited, burst=shares.burst)
    unanswered = round(max(usual.unanswered, shares.out + shares.back), 3)
    return replace(
        health,
        jitter_ms=jitter_ms,
        widest_ms=widest_ms,
        loss_out=shares.out,
        loss_in=shares.back,
        burst=shares.burst,
        r=r,
        mos=emodel.mos(r),
        reviewed_at_s=now_s,
        misses=health.misses if health.overdue else _misses(unanswered),
    )
