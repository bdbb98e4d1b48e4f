"""An hour and more of LEO weather in simulated time, through the pure function alone."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import takewhile
from random import Random
from typing import Final

from policies.clinical import read_catalogue
from policies.path_selection.decide import Alternative, Duty, Memory, decide
from simulations.weather import Climate, WeatherChange, leo_weather
from tests.rigs.edge.edge_rig import LTE, SATELLITE
from tests.rigs.probes.probe_weather import FAIR, Road, Sky, steady
from topology.quality.health import LinkHealth, fold_measurement, unknown_health

PACE_S: Final = 0.1
WARM_S: Final = 5.0
# The process is late for so long, so often, and knows it.
STALL_S: Final = 0.2
STALL_EVERY_S: Final = 5.0
SERVICE: Final = "consultation-audio"


def moves(hours: float, climate: Climate, seed: str) -> int:
    """Return how often sound moves from a LEO circuit to an LTE one without any outage."""
    length_s = WARM_S + hours * 3600
    changes = list(takewhile(lambda change: change.at_s < length_s, leo_weather(seed, climate)))
    roads = {
        SATELLITE.name: _road(_sky(changes), 1),
        LTE.name: _road(steady(FAIR[LTE.medium]), 2),
    }
    healths = {
        SATELLITE.name: unknown_health(SATELLITE.medium, 0.0),
        LTE.name: unknown_health(LTE.medium, 0.0),
    }
    policies = read_catalogue()
    duty = Duty(policies.classes[SERVICE].slo, policies.paths[SERVICE])
    memory, now_s, count = Memory(), 0.0, 0
    while now_s < length_s:
        stalled = now_s % STALL_EVERY_S < PACE_S / 2
        now_s += STALL_S if stalled else 0.0
        for name, road in roads.items():
            healths[name] = fold_measurement(healths[name], road.measure(now_s, stalled=stalled))
        decision = decide(_alternatives(healths), duty, memory, now_s=now_s)
        count += decision.moved and now_s > WARM_S
        memory = decision.memory
        now_s += PACE_S
    return count


def _road(sky: Callable[[float], Sky], seed: int) -> Road:
    return Road(sky, Random(seed), PACE_S)  # noqa: S311 - a rehearsal, no secret


def _sky(changes: Sequence[WeatherChange]) -> Callable[[float], Sky]:
    starts = [change.at_s for change in changes]

    def at(now_s: float) -> Sky:
        now = changes[max(0, bisect_right(starts, now_s) - 1)]
        lost = now.loss
        return Sky(
            delay_ms=max(0.0, now.delay_ms - now.jitter_ms),
            jitter_ms=2 * now.jitter_ms,
            out=lost,
            back=lost,
            uniform=True,
        )

    return at


def _alternatives(healths: dict[str, LinkHealth]) -> list[Alternative]:
    return [
        Alternative(line.name, line.medium, line.metered, line.cost, healths[line.name])
        for line in (SATELLITE, LTE)
    ]
