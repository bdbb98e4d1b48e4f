"""The sky over low-orbit circuits, as a pure function of a seed.

Every 15 s all dishes change their satellites at the same instant (Mohan et al., arXiv 2310.09242):
the delay jumps, sometimes with a spike and a burst of loss; now and then a second or two are gone.
The figures are those of docs/laboratory.md.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final, TypeAlias

from simulations.impairment import Weather

# Lowest and highest of what is drawn evenly.
Range: TypeAlias = tuple[float, float]
INTERVAL_S: Final = 15.0
SECONDS_OF_AN_HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Climate:
    """What the sky is like: one-way delays in ms, losses as shares, jitter as a half-width."""

    delay_ms: Range = (20.0, 60.0)
    jitter_ms: float = 7.0
    loss: float = 0.01
    spikes: float = 0.3
    spike_ms: Range = (30.0, 50.0)
    spike_loss: Range = (0.05, 0.5)
    spike_s: Range = (0.05, 0.3)
    outages_per_hour: float = 4.0
    outage_s: Range = (1.0, 2.0)


USUAL: Final = Climate()


@dataclass(frozen=True, slots=True)
class WeatherChange:
    """What a circuit does in both directions from an instant on, until the next change.

    at_s counts from a change of satellites; delay_ms is one way, jitter_ms its half-width.
    """

    at_s: float
    delay_ms: float
    jitter_ms: float
    loss: float
    outage: bool = False

    def added_to(self, delay_ms: float, jitter_ms: float) -> Weather:
        """Return what it adds to a circuit that does this much by itself."""
        return Weather(
            self.delay_ms - delay_ms, self.jitter_ms - jitter_ms, self.loss, outage=self.outage
        )


def leo_weather(seed: int | str, climate: Climate = USUAL) -> Iterator[WeatherChange]:
    """Yield the changes of one circuit's sky in order, without end; the same ones for a seed."""
    draw = random.Random(seed)  # noqa: S311 - a rehearsal, no secret
    for interval in count():
        yield from _interval(draw, climate, interval * INTERVAL_S)


def _interval(draw: random.Random, climate: Climate, start_s: float) -> Iterator[WeatherChange]:
    """Yield what one satellite brings: perhaps a spike first, perhaps an outage in between."""
    usual = WeatherChange(start_s, draw.uniform(*climate.delay_ms), climate.jitter_ms, climate.loss)
    spike = _spike(draw, climate, usual)
    if spike:
        yield spike
        usual = _at(usual, start_s + draw.uniform(*climate.spike_s))
    yield usual
    chance = climate.outages_per_hour * INTERVAL_S / SECONDS_OF_AN_HOUR
    if draw.random() < chance:
        long_s = draw.uniform(*climate.outage_s)
        begin_s = draw.uniform(usual.at_s, start_s + INTERVAL_S - long_s)
        yield WeatherChange(begin_s, usual.delay_ms, usual.jitter_ms, usual.loss, outage=True)
        yield _at(usual, begin_s + long_s)


def _spike(draw: random.Random, climate: Climate, usual: WeatherChange) -> WeatherChange | None:
    """Return what the first moments on a new satellite are like; None when nothing is felt."""
    if draw.random() >= climate.spikes:
        return None
    delay_ms = usual.delay_ms + draw.uniform(*climate.spike_ms)
    return WeatherChange(usual.at_s, delay_ms, usual.jitter_ms, draw.uniform(*climate.spike_loss))


def _at(change: WeatherChange, at_s: float) -> WeatherChange:
    return WeatherChange(at_s, change.delay_ms, change.jitter_ms, change.loss, outage=change.outage)
