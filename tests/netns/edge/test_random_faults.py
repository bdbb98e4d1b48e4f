"""A call through the care tunnel under random faults, one path whole at each moment."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

import pytest

from simulations.impairment import Impairment
from simulations.netns.waiting import pause
from tests.failover.faults import heal
from tests.failover.flows import Called, Flows
from tests.failover.mechanisms import MECHANISMS
from tests.failover.trials import Stage
from tests.rigs.edge.edge_rig import World, world

pytestmark = pytest.mark.netns

SCHEDULES: Final = 20
# make test-long plays the others.
OFTEN: Final = 3
# One of them in which the first line, to which the control keeps, is hit for long.
HURTING: Final = 0
CALL_S: Final = 7.0
# Both paths are whole for so long in between. A cable that was plugged in again carries nothing
# before the kernel has noticed, which it looks for once a second.
BETWEEN_S: Final = 0.15
AFTER_CUT_S: Final = 2.0
KINDS: Final = ("hole", "hole up", "hole down", "loss", "brown-out", "cut")


@dataclass(frozen=True, slots=True)
class Event:
    """What happens to a line at an instant of the call; kind None heals it."""

    at_s: float
    line: str
    kind: str | None
    loss: float = 0.0


def schedule(seed: int, lines: tuple[str, ...]) -> Iterator[Event]:
    """Yield faults of one line at a time, in order, until shortly before the call's end."""
    draw = random.Random(f"faults {seed}")  # noqa: S311 - a rehearsal, no secret
    at_s = draw.uniform(0.5, 1.5)
    while at_s < CALL_S - 1.0:
        line, kind = draw.choice(lines), draw.choice(KINDS)
        yield Event(at_s, line, kind, draw.uniform(0.02, 0.4))
        at_s = min(at_s + draw.uniform(0.1, 1.8), CALL_S - 0.5)
        yield Event(at_s, line, None)
        at_s += AFTER_CUT_S if kind == "cut" else BETWEEN_S


def happen(world: World, event: Event) -> None:
    """Do to a line what an event says."""
    healthy = world.line(event.line).healthy
    hole = replace(healthy, hole=True)
    if event.kind is None:
        world.heal(event.line)
    elif event.kind == "cut":
        world.cut(event.line)
    else:
        up, down = {
            "hole": (hole, hole),
            "hole up": (hole, healthy),
            "hole down": (healthy, hole),
            "loss": (replace(healthy, loss=event.loss),) * 2,
            "brown-out": (_brown(healthy, event.loss),) * 2,
        }[event.kind]
        world.impair(event.line, up=up, down=down)


def _brown(healthy: Impairment, loss: float) -> Impairment:
    return replace(healthy, loss=loss, delay_ms=healthy.delay_ms + 75, jitter_ms=75)


def called_under(stage: Stage, seed: int) -> Called:
    """Return what was heard of a call under the schedule of a seed."""
    world = stage.world
    start = stage.flows.begin(CALL_S)
    for event in schedule(seed, tuple(line.name for line in world.lines)):
        pause(max(0.0, start + event.at_s - time.monotonic()))
        happen(world, event)
    called = stage.flows.result()
    heal(world)
    return called


@contextmanager
def staged(name: str) -> Iterator[Stage]:
    mechanism = next(m for m in MECHANISMS if m.name == name)
    with world(name="r") as made:
        led = mechanism.start(made)
        with Flows(made) as flows:
            yield Stage(mechanism, made, flows, led)


@pytest.fixture(scope="module")
def care() -> Iterator[Stage]:
    """Give a world whose calls travel in the care tunnel; its daemons live on from test to test."""
    with staged("care") as stage:
        yield stage


@pytest.fixture(scope="module")
def bare() -> Iterator[Stage]:
    """Give the same world without any failover."""
    with staged("none") as stage:
        yield stage


@pytest.mark.parametrize(
    "seed",
    [
        *range(OFTEN),
        *(pytest.param(seed, marks=pytest.mark.long) for seed in range(OFTEN, SCHEDULES)),
    ],
)
def test_a_call_loses_nothing_under_random_faults_while_one_path_is_whole(
    care: Stage, seed: int
) -> None:
    called = called_under(care, seed)
    told = [*schedule(seed, tuple(line.name for line in care.world.lines))]
    assert called.lost == 0, (called, told)
    assert all(heard.duplicated == 0 for heard in called.heard.values())


def test_such_a_schedule_hurts_a_call_without_failover(bare: Stage) -> None:
    assert called_under(bare, HURTING).lost > 20
