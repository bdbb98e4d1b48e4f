"""Seven minutes over a low-orbit satellite in real weather, packet by packet.

At each beat of 15 s nothing passes for 0.1 to 0.4 s; in between chance brings gaps of 0.05 to
0.25 s. A gap off the beat may be fled from, one on it may not, once the beat is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

import pytest

from inventory.model import Medium
from policies.model import PathPolicy, Slo
from policies.path_selection.decide import Alternative, Duty, Memory, decide
from tests.rigs.probes.probe_weather import FAIR, Road, Span, Weather
from topology.quality.health import LinkHealth, fold_measurement, unknown_health

MINUTES_7_S = 420.0
BEAT_S = 15.0
# Six beats, and a few that chance hides.
LEARNT_S = 150.0
DUTY = Duty(
    Slo(delay_ms=150, jitter_ms=50, loss=0.03, mos=4.0),
    PathPolicy("consultation-audio", tuple(Medium), 100, 60, 5, metered_allowed=True),
)


@dataclass(frozen=True, slots=True)
class Gaps:
    """When nothing passes: on the beat, and by chance."""

    beats: tuple[Span, ...]
    chances: tuple[Span, ...]

    @classmethod
    def drawn(cls, random: Random, *, chance_every_s: float) -> "Gaps":
        starts = [random.uniform(0, BEAT_S)]
        while starts[-1] < MINUTES_7_S:
            starts.append(starts[-1] + BEAT_S)
        chances, at_s = list[Span](), 0.0
        while (at_s := at_s + random.expovariate(1 / chance_every_s)) < MINUTES_7_S:
            chances.append((at_s, at_s + random.uniform(0.05, 0.25)))
        beats = [(start_s, start_s + random.uniform(0.1, 0.4)) for start_s in starts]
        return cls(tuple(beats), tuple(chances))

    def weather(self) -> Weather:
        fair = FAIR[Medium.LEO]
        gone = replace(fair, out=1.0, back=1.0)
        spans = sorted((*self.beats, *self.chances))
        return lambda at_s: gone if _within(spans, at_s) else fair


def _within(spans: Sequence[Span], at_s: float, after_s: float = 0.0) -> bool:
    return any(start_s <= at_s < end_s + after_s for start_s, end_s in spans)


def needless(gaps: Gaps, pace_s: float, random: Random) -> list[float]:
    """Return when traffic left the satellite for LTE because of a beat."""
    road, health = Road(gaps.weather(), random, pace_s), unknown_health(Medium.LEO, 0.0)
    memory, found = Memory("leo"), list[float]()
    for number in range(1, round(MINUTES_7_S / pace_s)):
        now_s = number * pace_s
        health = fold_measurement(health, road.measure(now_s))
        lte = LinkHealth(
            Medium.LTE, now_s, 75.0, 70.0, 20.0, 0.01, 0.01, mos=4.2, r=84.0, answered_at_s=now_s
        )
        paths = [
            Alternative("leo", Medium.LEO, metered=False, cost=1, health=health),
            Alternative("lte", Medium.LTE, metered=True, cost=1, health=lte),
        ]
        decision = decide(paths, DUTY, memory, now_s=now_s)
        memory = decision.memory
        if decision.moved and decision.path == "lte":
            if _within(gaps.beats, now_s, 0.6) and not _within(gaps.chances, now_s, 0.6):
                found.append(now_s)
            # It is watched as if it had come back at once.
            memory = replace(memory, path="leo", moves=(), left=())
    return found


def flown(seeds: range, pace_s: float, chance_every_s: float) -> list[list[float]]:
    draws = [Random(seed) for seed in seeds]  # noqa: S311
    return [
        needless(Gaps.drawn(draw, chance_every_s=chance_every_s), pace_s, draw) for draw in draws
    ]


@pytest.mark.parametrize(
    ("seeds", "pace_s", "chance_every_s", "learnt_s"),
    [
        (range(4), 0.1, 30.0, LEARNT_S),
        (range(1), 0.02, 30.0, LEARNT_S),
        pytest.param(range(4, 8), 0.1, 30.0, LEARNT_S, marks=pytest.mark.long),
        pytest.param(range(32), 0.02, 60.0, LEARNT_S, marks=pytest.mark.long),
        # Chance gaps as often as beats nearly: it takes longer to tell which are which.
        pytest.param(range(32), 0.02, 20.0, 2 * LEARNT_S, marks=pytest.mark.long),
        pytest.param(range(32), 0.1, 20.0, 2 * LEARNT_S, marks=pytest.mark.long),
    ],
)
def test_a_satellite_whose_beat_is_known_is_not_left_for_it(
    seeds, pace_s, chance_every_s, learnt_s
):
    left = flown(seeds, pace_s, chance_every_s)
    assert [at_s for run in left for at_s in run if at_s > learnt_s] == []
    # Before that a chance gap may come too shortly before the beat.
    assert sum(map(bool, left)) <= len(seeds) * learnt_s / LEARNT_S / 4


def test_an_outage_on_the_beat_is_left_all_the_same():
    """The control: what is tolerated has an end."""
    gaps = Gaps.drawn(Random(1), chance_every_s=1e9)  # noqa: S311
    start_s = gaps.beats[20][0]
    out = replace(gaps, beats=(*gaps.beats[:20], (start_s, start_s + 2.0), *gaps.beats[21:]))
    assert needless(out, 0.1, Random(2)) != []  # noqa: S311
