"""The weather of a low-orbit satellite, played over one line of a world."""

import time
from collections.abc import Iterator
from typing import Final

from simulations.impairment import Impairment
from simulations.netns.waiting import pause
from simulations.weather import Climate, WeatherChange, leo_weather
from tests.rigs.edge.edge_rig import Line, World

# An outage of a second is a fault, and leaving it is right: only what is none must not move a call.
CALM_SKY: Final = Climate(outages_per_hour=0)


def play_sky(world: World, line: Line, seed: str, ends: float) -> None:
    """Let the sky change over a line until an instant (monotonic s), and heal it then."""
    start = time.monotonic()
    for change in _sky(seed):
        due = start + change.at_s
        if due >= ends:
            break
        pause(max(0.0, due - time.monotonic()))
        shape = Impairment(change.delay_ms, change.jitter_ms, change.loss, line.rate_mbps)
        world.impair(line.name, up=shape, down=shape)
    pause(max(0.0, ends - time.monotonic()))
    world.heal(line.name)


def _sky(seed: str) -> Iterator[WeatherChange]:
    return leo_weather(seed, CALM_SKY)
