"""Thousands of hours over a low-orbit satellite, in which nothing but an outage moves traffic.

The weather is the model of public measurements: every 15 s another satellite and another delay; in
three of ten changes 5 to 50 % of packets are lost each way for 50 to 300 ms while the round trip
rises by 30 to 50 ms; 1 % is lost each way otherwise; outages last 1 to 2 s.

What is compressed: the fate of every packet of a disturbance is drawn, but it is played only when
two answers or more (three at 20 ms) are missing in a row in it, since nothing less can look like a
dead path. Of background losses, runs of three are played as often as chance makes them. All time
in between is folded as one measurement of 15 s of ordinary packets. Outages come once in five
hours instead of a few times an hour, and the path fled to is LTE in fair weather.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

import pytest

from inventory.model import Medium
from policies.model import PathPolicy, Slo
from policies.path_selection.decide import Alternative, Duty, Memory, decide
from topology.quality.health import LinkHealth, Measurement, fold_measurement, unknown_health

BEAT_S = 15.0
SHARE = 0.01
DUTY = Duty(
    Slo(delay_ms=150, jitter_ms=50, loss=0.03, mos=4.0),
    PathPolicy("consultation-audio", tuple(Medium), 100, 60, 5, metered_allowed=True),
)


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one test packet, and whether the far end's own one comes."""

    there: bool
    back: bool
    heard: bool
    trip_ms: float


@dataclass(slots=True)
class Flight:
    """A simulated edge: LEO measured in detail, LTE always fair; false are moves without outage."""

    pace_s: float
    random: Random
    at_s: float = 0.0
    base_ms: float = 55.0
    health: LinkHealth = field(default_factory=lambda: unknown_health(Medium.LEO, 0.0))
    memory: Memory = field(default_factory=lambda: Memory("leo"))
    known: int = 0
    played: int = 0
    false: list[str] = field(default_factory=list)
    fled: int = 0

    def fates(self, count: int, share: float, added_ms: float = 0.0) -> list[Fate]:
        draw, noise = self.random.random, self.random.expovariate
        return [
            Fate(
                draw() >= share,
                draw() >= share,
                draw() >= share,
                self.base_ms + added_ms + noise(1 / 7),
            )
            for _ in range(count)
        ]

    def quiet(self, until_s: float) -> None:
        """Fold the time until then as one measurement of ordinary packets."""
        self.at_s = max(until_s, self.at_s + self.pace_s)
        trips = tuple(fate.trip_ms for fate in self.fates(8, 0.0))
        ways = tuple(trip / 2 for trip in trips)
        self._take(Measurement(self.at_s, 150, 1, 3, 149, trips, ways, ways, pace_s=self.pace_s))

    def play(self, fates: Sequence[Fate], *, stall: int = -1, outage: bool = False) -> None:
        """Fold every packet of a stretch of time; stall says after which one both ends' reading
        stops for 200 ms.
        """
        self.played += 1
        lag = -(-60 // round(self.pace_s * 1e3))
        settle = lag + max(2, round(0.25 / self.pace_s))
        overdue, heard_s = 0, self.at_s
        for number in range(len(fates) + settle):
            self.at_s += self.pace_s + (0.2 if number == stall else 0.0)
            answer = fates[number - lag] if 0 <= number - lag < len(fates) else None
            lost = fates[number - settle] if number >= settle else None
            beside = fates[number] if number < len(fates) else None
            came = answer is None or (answer.there and answer.back)
            overdue = 0 if came else overdue + 1
            heard = beside is None or beside.heard
            heard_s = self.at_s if came or heard else heard_s
            out = int(lost is not None and not lost.there)
            back = int(lost is not None and lost.there and not lost.back) + (not heard)
            trip = answer.trip_ms if answer else self.base_ms + 3.0
            self._take(
                Measurement(
                    self.at_s,
                    sent=came + out + back - (not heard),
                    lost_out=out,
                    lost_in=back,
                    heard_in=int(heard),
                    round_trips_ms=(trip,) if came else (),
                    out_ms=(trip / 2,) if came else (),
                    in_ms=(trip / 2,) if came else (),
                    overdue=overdue,
                    silent_s=self.at_s - heard_s,
                    pace_s=self.pace_s,
                    stalled=number == stall,
                ),
                outage=outage,
            )

    def _take(self, measurement: Measurement, *, outage: bool = False) -> None:
        self.health = fold_measurement(self.health, measurement)
        now_s = self.at_s
        lte = LinkHealth(
            Medium.LTE, now_s, 75.0, 70.0, 20.0, 0.01, 0.01, mos=4.2, r=84.0, answered_at_s=now_s
        )
        found = decide(
            [
                Alternative("leo", Medium.LEO, metered=False, cost=1, health=self.health),
                Alternative("lte", Medium.LTE, metered=True, cost=1, health=lte),
            ],
            DUTY,
            self.memory,
            now_s=now_s,
        )
        self.memory = found.memory
        if found.moved and found.path == "lte":
            self.fled += outage
            if not outage:
                self.false.append(f"{now_s:.1f} s: {found.reason}")


def longest_run(fates: Sequence[Fate]) -> int:
    longest = run = 0
    for fate in fates:
        run = 0 if fate.there and fate.back else run + 1
        longest = max(longest, run)
    return longest


def beats(hours: float, random: Random) -> Iterator[float]:
    """Yield the instants of changes that disturb."""
    at_s = random.random() * BEAT_S
    while at_s < hours * 3600:
        if random.random() < 0.3:
            yield at_s
        at_s += BEAT_S


def fly(hours: float, pace_s: float, seed: int, *, outages: bool = True) -> Flight:
    """Return what an edge did in so many hours."""
    random = Random(seed)  # noqa: S311
    flight = Flight(pace_s, random)
    notable = 2 if pace_s > 0.05 else 3
    runs = hours * 3600 / pace_s * (2 * SHARE) ** 3 / (0.3 * hours * 240)
    flight.play(flight.fates(40, SHARE))
    outage_every = round(0.3 * 240 * 5)
    for number, beat_s in enumerate(beats(hours, random)):
        # Played later, what disturbs would not be on the beat.
        if beat_s < flight.at_s:
            continue
        flight.base_ms = 50 + abs(random.gauss(0, 8))
        burst = flight.fates(
            max(1, round((0.05 + 0.25 * random.random()) / pace_s)),
            0.05 + 0.45 * random.random(),
            30 + 20 * random.random(),
        )
        around = [*flight.fates(3, SHARE), *burst, *flight.fates(3, SHARE)]
        if longest_run(around) >= notable:
            flight.quiet(beat_s - 4 * pace_s)
            stall = random.randrange(len(around)) if random.random() < 0.05 else -1
            flight.play(around, stall=stall)
        if random.random() < runs:
            flight.quiet(beat_s + 2 + 10 * random.random())
            missing = [Fate(there=False, back=True, heard=True, trip_ms=60.0)] * 3
            flight.play([*flight.fates(3, SHARE), *missing, *flight.fates(3, SHARE)])
        flight.known += flight.health.rhythm.phase_s is not None
        if outages and number % outage_every == outage_every - 1:
            flight.quiet(beat_s + 3)
            silent = [Fate(there=False, back=False, heard=False, trip_ms=60.0)]
            flight.play(silent * round((1 + random.random()) / pace_s), outage=True)
            flight.quiet(flight.at_s + 1)
            flight.quiet(flight.at_s + 70)
            flight.quiet(flight.at_s + 1)
    return flight


@pytest.mark.parametrize(
    ("hours", "pace_s"),
    [
        (80.0, 0.1),
        (26.0, 0.02),
        pytest.param(2000.0, 0.1, marks=pytest.mark.long),
        pytest.param(150.0, 0.02, marks=pytest.mark.long),
    ],
)
def test_nothing_but_outages_moves_traffic_off_a_satellite_in_many_hours(hours, pace_s):
    flight = fly(hours, pace_s, seed=7)
    assert flight.false == []
    assert flight.played > hours
    # The control: the same eyes do see outages.
    assert flight.fled >= 0.9 * hours / 5
