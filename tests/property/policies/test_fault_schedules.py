"""Random fault schedules through the pure functions, and a control that fails them."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from policies.path_selection.decide import Alternative, Decision, Duty, Memory, decide
from tests.rigs.examples import examples
from tests.rigs.probes.fault_schedules import (
    DUTY,
    HARD,
    LENGTH_S,
    MEDIA,
    WARM_S,
    Fault,
    Schedule,
    alternatives,
    broken,
    longest_s,
    moves,
    play,
    sky,
)
from tests.rigs.probes.probe_weather import Road
from topology.quality.health import fold_measurement, unknown_health

KINDS = (*HARD, "loss", "jitter", "slow")
STARTS = st.floats(WARM_S + 0.3, WARM_S + LENGTH_S - 1)
PATHS = st.sampled_from([("fibre", "leo"), ("fibre", "lte"), ("fibre", "leo", "lte")])
PACES = st.sampled_from([0.02, 0.05, 0.1, 0.1, 0.1])
FAULTS = st.builds(
    Fault,
    path=st.sampled_from(["fibre", "fibre", "leo", "lte"]),
    kind=st.sampled_from([*HARD, *KINDS]),
    start_s=STARTS,
    length_s=st.floats(0.02, 4),
    strength=st.floats(0, 1),
)
STALLS = st.tuples(STARTS, st.floats(0.03, 0.4)).map(lambda drawn: (drawn[0], sum(drawn)))
NEVER = (1e9, 1e9)
# When this host begins to be late again and again.
HICCUPS_S = 4.0


def _few_stalls(draw):
    return tuple(draw(st.lists(STALLS, max_size=2)))


@st.composite
def hiccups(draw):
    """Draw stalls of this host that come again and again, with little time in between."""
    every_s = draw(st.floats(0.1, 0.4))
    lasts_s = every_s * draw(st.floats(0.1, 0.8))
    first_s = draw(st.floats(WARM_S, WARM_S + LENGTH_S))
    count = int((WARM_S + LENGTH_S - first_s) / every_s)
    starts = [first_s + number * every_s for number in range(count)]
    return tuple((start_s, start_s + lasts_s) for start_s in starts)


@st.composite
def schedules(draw):
    """Draw faults of any kind, some of them flapping, and stalls of either end."""
    faults = draw(st.lists(FAULTS, max_size=4))
    if draw(st.integers(0, 3)) == 0:
        every_s, path = draw(st.floats(0.1, 1.5)), draw(st.sampled_from(["fibre", "leo"]))
        starts = [WARM_S + 0.3 + number * every_s for number in range(int(4.5 / every_s))]
        faults = [Fault(path, "hole", start_s, every_s / 2) for start_s in starts]
    return Schedule(
        paths=draw(PATHS),
        pace_s=draw(PACES),
        seed=draw(st.integers(0, 2**32)),
        faults=tuple(faults),
        stalls=draw(hiccups()) if draw(st.integers(0, 5)) == 0 else _few_stalls(draw),
        far_stall=draw(st.just(NEVER) | STALLS),
        flagged=draw(st.booleans()),
    )


def drawn(number: int) -> settings:
    """Return the settings that draw the same schedules at every run."""
    return settings(
        max_examples=number,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@drawn(examples(400))
@given(schedules())
def test_no_schedule_of_faults_breaks_a_law(schedule: Schedule):
    assert broken(schedule, play(schedule, decide)) == []


@pytest.mark.long
@drawn(2000)
@given(schedules())
def test_none_of_two_thousand_schedules_breaks_a_law(schedule: Schedule):
    assert broken(schedule, play(schedule, decide)) == []


def test_a_stall_may_hide_behind_the_wild_jitter_of_another_path():
    """What the laws let pass does happen: the one known schedule of thousands."""
    jitter = Fault("lte", "jitter", 5.831850872568903, 0.6994996140801908, 0.45052839618195206)
    stall = (6.084788766918168, 6.307628362591224)
    schedule = Schedule(("fibre", "lte"), 0.02, 7_563_564, (jitter,), (), stall, flagged=False)
    steps = play(schedule, decide)
    assert [left for _, left in moves(steps)][:1] == ["fibre"]
    assert broken(schedule, steps) == []
    calm = replace(schedule, faults=())
    assert moves(play(calm, decide)) == []


@settings(max_examples=40, derandomize=True, database=None)
@given(PATHS, st.sampled_from([0.02, 0.1]), STALLS, STALLS, st.integers(0, 2**32))
def test_stalls_of_either_end_move_nothing_even_when_nobody_notices_them(
    paths, pace_s, stall, far_stall, seed
):
    own = Schedule(paths, pace_s, seed, stalls=(stall,), flagged=False)
    far = Schedule(paths, pace_s, seed, far_stall=far_stall)
    assert moves(play(own, decide)) == []
    assert moves(play(far, decide)) == []


@settings(max_examples=40, derandomize=True, database=None)
@given(st.sampled_from([0.02, 0.1]), st.floats(0, 1), st.integers(0, 2**32))
def test_paths_that_fall_silent_within_a_pace_are_not_left_for_each_other(pace_s, share, seed):
    start_s = WARM_S + 1
    then_s = start_s + share * pace_s
    faults = (Fault("fibre", "hole", start_s, 9), Fault("leo", "hole", then_s, 9))
    assert moves(play(Schedule(("fibre", "leo"), pace_s, seed, faults), decide)) == []


@settings(max_examples=40, derandomize=True, database=None)
@given(PATHS, PACES, st.sampled_from(HARD), STARTS, st.integers(0, 2**32))
def test_a_fault_of_one_path_is_left_in_time_and_not_returned_to(
    paths, pace_s, kind, start_s, seed
):
    schedule = Schedule(paths, pace_s, seed, (Fault("fibre", kind, start_s, 9),))
    made = moves(play(schedule, decide))
    assert made[0][1] == "fibre"
    assert "fibre" not in {step.decision.path for step, _ in made}
    assert made[0][0].at_s - start_s <= 0.12 + 4 * pace_s < longest_s(pace_s)


def naive(
    alternatives: Sequence[Alternative], duty: Duty, memory: Memory, *, now_s: float
) -> Decision:
    """Return the path that looks best at this instant: no hysteresis, no doubt, no hold-down."""
    del duty, now_s
    best = min(alternatives, key=lambda one: (one.health.overdue > 1, one.health.jitter_ms > 50))
    return Decision(best.path, None, best.path != memory.path, "", Memory(best.path))


def test_deciding_by_the_instant_breaks_the_laws():
    starts = [WARM_S + 0.5 + number * 0.4 for number in range(9)]
    faults = tuple(Fault("fibre", "hole", start_s, 0.15) for start_s in starts)
    flapping = Schedule(("fibre", "leo", "lte"), 0.02, 1, faults)
    laws = " ".join(broken(flapping, play(flapping, naive)))
    assert "in the hold-down" in laws
    assert broken(flapping, play(flapping, decide)) == []
    far = Schedule(("fibre", "leo"), 0.02, 1, far_stall=(WARM_S + 1, WARM_S + 1.2))
    assert "without any fault" in " ".join(broken(far, play(far, naive)))
    assert broken(far, play(far, decide)) == []


@pytest.mark.parametrize(("awake_ms", "late_ms"), [(100, 60), (60, 60), (40, 60), (30, 90)])
@pytest.mark.parametrize("kind", ["hole", "hole-out", ""])
def test_a_host_that_is_late_again_and_again_leaves_a_dead_path_and_no_other(
    awake_ms, late_ms, kind
):
    """As a process stopped for 60 of every 160 ms is; everything under way then is excused."""
    faults = [Fault("fibre", kind, HICCUPS_S + 1, 99)] if kind else []
    roads = {
        path: Road(sky(path, faults), Random(path), 0.02)  # noqa: S311
        for path in ("fibre", "leo")
    }
    healths = {path: unknown_health(MEDIA[path], 0.0) for path in roads}
    memory, left_s, before_s = Memory("fibre"), list[float](), 0.0
    for number in range(1, 1500):
        at_s, phase_ms = number / 100, number * 10 % (awake_ms + late_ms)
        if at_s > HICCUPS_S and phase_ms < late_ms:
            continue
        for path, road in roads.items():
            stalled = at_s > HICCUPS_S and phase_ms < late_ms + 60
            seen = road.measure(at_s, stalled=stalled)
            seen = replace(seen, late_s=max(0.0, at_s - before_s - 0.01))
            healths[path] = fold_measurement(healths[path], seen)
        before_s = at_s
        decision = decide(alternatives(healths), DUTY, memory, now_s=at_s)
        memory = decision.memory
        if decision.moved:
            left_s.append(at_s)
    assert [HICCUPS_S + 1 < at_s < HICCUPS_S + 6 for at_s in left_s] == [True] * bool(kind)
