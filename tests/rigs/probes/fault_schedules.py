"""Random faults on two or three paths, played through a decision function, and what must hold."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from random import Random

from inventory.model import Medium
from policies.model import PathPolicy, Slo
from policies.path_selection.decide import Alternative, Decision, Duty, Memory
from tests.rigs.probes.probe_weather import FAIR, Road, Sky, Span, spoilt, steady
from topology.quality.health import LinkHealth, fold_measurement, unknown_health

Decide = Callable[..., Decision]
MEDIA = {"fibre": Medium.FIBRE, "leo": Medium.LEO, "lte": Medium.LTE}
HARD = ("hole", "hole-out", "hole-in")
WARM_S = 4.0
LENGTH_S = 4.0
# As of a consultation's sound, but for waits that fit into a short schedule.
POLICY = PathPolicy("consultation-audio", tuple(Medium), 100, 2, 1, metered_allowed=True)
DUTY = Duty(Slo(delay_ms=150, jitter_ms=50, loss=0.03, mos=4.0), POLICY)


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one path; kinds are those of tests.rigs.probes.probe_weather.spoilt."""

    path: str
    kind: str
    start_s: float
    length_s: float
    strength: float = 0.0

    def covers(self, at_s: float) -> bool:
        return self.start_s <= at_s < self.start_s + self.length_s


@dataclass(frozen=True, slots=True)
class Schedule:
    """Faults of paths and stalls of both ends; unflagged stalls are not noticed by the prober."""

    paths: tuple[str, ...]
    pace_s: float
    seed: int
    faults: tuple[Fault, ...] = ()
    stalls: tuple[Span, ...] = ()
    far_stall: Span = (1e9, 1e9)
    flagged: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """A decision, what led to it, and what is true of each path: down, faulty or fine."""

    at_s: float
    decision: Decision
    healths: Mapping[str, LinkHealth]
    down: frozenset[str]
    faulty: frozenset[str]


def sky(path: str, faults: Sequence[Fault]) -> Callable[[float], Sky]:
    """Return the weather of a path with some faults."""
    mine, fair = [fault for fault in faults if fault.path == path], FAIR[MEDIA[path]]
    skies = [(fault, spoilt(fair, fault.kind, fault.strength)) for fault in mine]

    def weather(at_s: float) -> Sky:
        return next((bad for fault, bad in skies if fault.covers(at_s)), fair)

    return weather if mine else steady(fair)


@cache
def warm(path: str, pace_s: float) -> tuple[Road, LinkHealth]:
    """Return a path that has been measured for a while with nothing wrong."""
    road = Road(steady(FAIR[MEDIA[path]]), Random(path), pace_s)  # noqa: S311
    health = unknown_health(MEDIA[path], 0.0)
    for number in range(1, round(WARM_S / pace_s)):
        health = fold_measurement(health, road.measure(number * pace_s))
    return road, health


def alternatives(healths: Mapping[str, LinkHealth]) -> list[Alternative]:
    """Return paths with some health; LTE is metered."""
    return [
        Alternative(name, MEDIA[name], name == "lte", cost=1, health=health)
        for name, health in healths.items()
    ]


def play(schedule: Schedule, decide: Decide, duty: Duty = DUTY) -> list[Step]:
    """Return what was decided, and when, while a schedule was played."""
    roads: dict[str, Road] = {}
    healths: dict[str, LinkHealth] = {}
    for path in schedule.paths:
        road, healths[path] = warm(path, schedule.pace_s)
        roads[path] = replace(
            deepcopy(road),
            weather=sky(path, schedule.faults),
            random=Random(schedule.seed + len(roads)),  # noqa: S311
            far_stall=schedule.far_stall,
        )
    steps, memory, at_s = list[Step](), Memory(), WARM_S
    while at_s < WARM_S + LENGTH_S:
        late = next((end for start, end in schedule.stalls if start <= at_s < end), None)
        at_s = late or at_s
        for path, road in roads.items():
            stalled = late is not None and schedule.flagged
            seen = road.measure(at_s, stalled=stalled)
            # It was awake for a pace, as the measurements before were.
            awake_s = schedule.pace_s if stalled else 0.0
            late_s = max(0.0, at_s - healths[path].at_s - awake_s)
            healths[path] = fold_measurement(healths[path], replace(seen, late_s=late_s))
        decision = decide(alternatives(healths), duty, memory, now_s=at_s)
        memory = decision.memory
        active = [fault for fault in schedule.faults if fault.covers(at_s)]
        down = frozenset(fault.path for fault in active if fault.kind in HARD)
        faulty = frozenset(fault.path for fault in active)
        steps.append(Step(at_s, decision, dict(healths), down, faulty))
        at_s += schedule.pace_s
    return steps


def moves(steps: Sequence[Step]) -> list[tuple[Step, str]]:
    """Return the steps that moved, each with the path that was left, but for the first choice."""
    return [
        (after, str(before.decision.path))
        for before, after in pairwise(steps)
        if after.decision.path != before.decision.path
    ]


def broken(schedule: Schedule, steps: Sequence[Step]) -> list[str]:
    """Return every law that a run broke, in words."""
    return [
        *_hasty(schedule, steps),
        *_groundless(schedule, steps),
        *_stuck(schedule, steps),
        *_blind(steps),
    ]


def _hasty(schedule: Schedule, steps: Sequence[Step]) -> list[str]:
    """Inside the hold-down only dead paths are left, and never more often than there are paths."""
    found, made = [], moves(steps)
    for (first, _), (then, left) in pairwise(made):
        if then.at_s - first.at_s < POLICY.hold_down_s and not then.healths[left].dead:
            found.append(f"{left} was left in the hold-down at {then.at_s:.2f} s though alive")
    for step, _ in made:
        near = [one for one, _ in made if 0 <= step.at_s - one.at_s < 1.0]
        if len(near) > len(schedule.paths):
            found.append(f"{len(near)} moves in the second before {step.at_s:.2f} s")
    return found


def _groundless(schedule: Schedule, steps: Sequence[Step]) -> list[str]:
    """A path that nothing happened to is left for none but a preferred one."""
    order = list(MEDIA)
    late_first = sorted(schedule.faults, key=lambda fault: -fault.start_s)
    hurt = {fault.path: fault.start_s for fault in late_first}
    return [
        f"{left} was left at {step.at_s:.2f} s without any fault: {step.decision.reason}"
        for step, left in moves(steps)
        if not (left in hurt and hurt[left] <= step.at_s)
        and order.index(str(step.decision.path)) > order.index(left)
        and not _hidden(schedule, step)
    ]


def _hidden(schedule: Schedule, step: Step) -> bool:
    """Return whether a stall of the far end hid behind a fault of the path that was taken.

    Answers from before the stall that a faulty path delivers late pass for answers since: nobody at
    this end can tell, and the move costs a call nothing.
    """
    began_s, end_s = schedule.far_stall
    return step.decision.path in step.faulty and began_s <= step.at_s <= end_s + 1.0


def longest_s(pace_s: float) -> float:
    """Return how long traffic may stay on a dead path while another is fine.

    A second after a move that left the fine path; before that what a satellite's change may take,
    eight packets of LTE, and the round trip.
    """
    return 1.0 + 0.5 + 0.5 + 8 * pace_s


def _stuck(schedule: Schedule, steps: Sequence[Step]) -> list[str]:
    """Traffic is not on a path that is down when another was fine for long enough."""
    stalls = (*schedule.stalls, schedule.far_stall)
    bound_s = longest_s(schedule.pace_s)
    since: dict[tuple[str, str], float] = {}
    for step in steps:
        path = str(step.decision.path)
        calm = not any(start - 0.1 <= step.at_s <= end + 0.5 for start, end in stalls)
        for other in schedule.paths:
            sits = calm and path in step.down and other not in step.faulty
            key = (path, other)
            if not sits:
                since = {known: at_s for known, at_s in since.items() if known != key}
                since = {known: at_s for known, at_s in since.items() if known[0] == path}
            elif step.at_s - since.setdefault(key, step.at_s) > bound_s:
                return [f"{path} is down and {other} is fine, at {step.at_s:.2f} s"]
    return []


def _blind(steps: Sequence[Step]) -> list[str]:
    """No move goes to a path that is known to be dead, or to nowhere."""
    return [
        f"moved to {step.decision.path} at {step.at_s:.2f} s though it is dead"
        for step, _ in moves(steps)
        if step.decision.path is None or step.healths[step.decision.path].dead
    ]
