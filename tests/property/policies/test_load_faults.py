"""Paths that fail under the traffic's own load, three seconds after it came to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random

import pytest

from inventory.model import Medium
from policies.model import PathPolicy, Slo
from policies.path_selection.decide import Alternative, Duty, Memory, decide
from tests.rigs.probes.probe_weather import FAIR, Road, Sky, Weather
from topology.quality.health import LinkHealth, PathName, fold_measurement, unknown_health

DUTY = Duty(
    Slo(delay_ms=150, jitter_ms=50, loss=0.03, mos=4.0),
    PathPolicy("consultation-audio", tuple(Medium), 100, 60, 5, metered_allowed=True),
)
TWO: Mapping[PathName, Medium] = {"fibre": Medium.FIBRE, "leo": Medium.LEO}
THREE: Mapping[PathName, Medium] = {**TWO, "lte": Medium.LTE}
WARM_S, LOADED_S = 30.0, 3.0
TEN_MINUTES_S = 600.0
# Three at once, and then one whenever the longest hold-down is over.
MOST_MOVES = 20


def loaded(sky: Sky, kind: str) -> Sky:
    """Return what a path does to packets once the traffic has been on it for a while."""
    return {
        "loss": replace(sky, out=0.6, back=0.6),
        "loss out": replace(sky, out=0.6),
        "slow": replace(sky, delay_ms=sky.delay_ms + 225),
        "hole": replace(sky, out=1.0, back=1.0),
    }[kind]


@dataclass(slots=True)
class Loaded:
    """Traffic on one of several paths, all of which fail under it; moves are when it left."""

    kind: str
    media: Mapping[PathName, Medium]
    pace_s: float
    at: PathName = "fibre"
    since_s: float = WARM_S
    memory: Memory = field(default_factory=Memory)
    moves: list[float] = field(default_factory=list)

    def weather(self, path: PathName) -> Weather:
        fair = FAIR[self.media[path]]
        bad = loaded(fair, self.kind)
        return lambda at_s: bad if self.at == path and at_s - self.since_s > LOADED_S else fair

    def run(self, seed: int, lasts_s: float = TEN_MINUTES_S) -> list[float]:
        healths = {path: unknown_health(medium, 0.0) for path, medium in self.media.items()}
        roads = {
            path: Road(self.weather(path), Random(seed + number), self.pace_s)  # noqa: S311
            for number, path in enumerate(self.media)
        }
        for number in range(1, round((WARM_S + lasts_s) / self.pace_s)):
            now_s = number * self.pace_s
            for path, road in roads.items():
                healths[path] = fold_measurement(healths[path], road.measure(now_s))
            self.decide(healths, now_s)
        return self.moves

    def decide(self, healths: Mapping[PathName, LinkHealth], now_s: float) -> None:
        paths = [
            Alternative(path, health.medium, health.medium is Medium.LTE, 1, health)
            for path, health in healths.items()
        ]
        found = decide(paths, DUTY, self.memory, now_s=now_s)
        self.memory = found.memory
        if found.moved and now_s > WARM_S and found.path is not None:
            self.moves.append(now_s)
            self.at, self.since_s = found.path, now_s


@pytest.mark.parametrize("kind", ["loss", "loss out", "slow"])
@pytest.mark.parametrize(
    "media", [TWO, pytest.param(THREE, marks=pytest.mark.long)], ids=["two", "three"]
)
@pytest.mark.parametrize(
    ("pace_s", "seeds"),
    [
        (0.1, range(1)),
        pytest.param(0.1, range(1, 20), marks=pytest.mark.long),
        pytest.param(0.02, range(5), marks=pytest.mark.long),
    ],
)
def test_traffic_does_not_flap_between_paths_that_fail_under_it(kind, media, pace_s, seeds):
    for seed in seeds:
        moves = Loaded(kind, media, pace_s).run(seed)
        # The first one is left at once all the same.
        assert WARM_S + LOADED_S < moves[0] < WARM_S + LOADED_S + 3.0
        assert len(moves) <= MOST_MOVES


def test_a_delay_that_steps_under_close_probing_is_no_string_of_deaths():
    assert len(Loaded("slow", TWO, 0.02).run(1, 120.0)) <= MOST_MOVES / 2


def test_a_path_that_is_silent_under_load_is_left_every_time():
    """The control: what carries nothing is never kept for long."""
    moves = Loaded("hole", TWO, 0.1).run(1, 120.0)
    kept_s = [later - sooner for sooner, later in pairwise(moves)]
    assert max(kept_s) < LOADED_S + 4.5
