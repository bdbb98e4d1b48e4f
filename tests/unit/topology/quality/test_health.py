from collections.abc import Iterator
from dataclasses import replace
from math import inf
from random import Random
from statistics import median

import pytest

from inventory.model import Medium
from tests.rigs.probes.probe_weather import FAIR, Road, Sky, Weather, spoilt, steady
from topology.quality import emodel, handover
from topology.quality.handover import Rhythm, note_disturbance
from topology.quality.health import (
    LinkHealth,
    Measurement,
    fold_measurement,
    folded,
    unknown_health,
)

START_S = 4.0


def watched(
    medium: Medium, weather: Weather, until_s: float, *, pace_s: float = 0.02, seed: int = 1
) -> Iterator[tuple[float, LinkHealth]]:
    """Yield the instants and the health of a path that is measured for some time."""
    road = Road(weather, Random(seed), pace_s)  # noqa: S311
    health = unknown_health(medium, 0.0)
    for number in range(1, round(until_s / pace_s)):
        health = fold_measurement(health, road.measure(number * pace_s))
        yield number * pace_s, health


def last(medium: Medium, weather: Weather, until_s: float, **how) -> LinkHealth:
    return list(watched(medium, weather, until_s, **how))[-1][1]


def turning(medium: Medium, kind: str, strength: float = 0.0) -> Weather:
    fair = FAIR[medium]
    bad = spoilt(fair, kind, strength)
    return lambda at_s: bad if at_s >= START_S else fair


def noticed(medium, kind, see, *, pace_s=0.02, seed=1, strength=0.0) -> float:
    weather = turning(medium, kind, strength)
    for at_s, health in watched(medium, weather, START_S + 8, pace_s=pace_s, seed=seed):
        if see(health):
            assert at_s >= START_S
            return at_s - START_S
    raise AssertionError("never noticed")


def is_dead(health: LinkHealth) -> bool:
    return health.dead


def is_lossy(health: LinkHealth) -> bool:
    return health.lossy


@pytest.mark.parametrize("kind", ["hole", "hole-out", "hole-in"])
@pytest.mark.parametrize(("pace_s", "most_s"), [(0.02, 0.12), (0.1, 0.45)])
def test_a_hole_on_fibre_is_dead_in_little_more_than_three_paces(kind, pace_s, most_s):
    found = [noticed(Medium.FIBRE, kind, is_dead, pace_s=pace_s, seed=seed) for seed in range(9)]
    assert 2.9 * pace_s <= median(found) <= most_s


def test_three_percent_of_loss_on_fibre_is_proven_in_a_second_or_so():
    found = [noticed(Medium.FIBRE, "loss", is_lossy, seed=seed) for seed in range(25)]
    assert median(found) < 1.5


@pytest.mark.parametrize("medium", list(Medium))
def test_a_path_in_order_is_neither_dead_nor_lossy_for_minutes(medium):
    seen = list(watched(medium, steady(FAIR[medium]), 180, seed=3))
    assert not any(health.dead or health.lossy for _, health in seen)


def test_round_trip_base_jitter_and_quality_are_those_of_the_path():
    health = last(Medium.LTE, steady(Sky(30, 10, uniform=True)), 8)
    assert health.delay_ms == pytest.approx(70, abs=6)
    assert health.base_ms == pytest.approx(60, abs=4)
    assert health.jitter_ms == pytest.approx(9.5, abs=1.5)
    assert health.delay_ms
    assert health.r
    ear_ms = health.delay_ms / 2 + health.jitter_ms + emodel.END_SYSTEM_MS
    assert health.r == pytest.approx(emodel.r_factor(ear_ms, 0.0), abs=1)
    assert health.mos == pytest.approx(emodel.mos(health.r))


def held_up(every_s: float, lasts_s: float) -> Weather:
    """Return a fibre's weather in which packets are held up for a moment now and then."""
    fair = FAIR[Medium.FIBRE]
    late = replace(fair, delay_ms=fair.delay_ms + 120)
    return lambda at_s: late if at_s > START_S and (at_s - START_S) % every_s < lasts_s else fair


@pytest.mark.parametrize(("pace_s", "lasts_s"), [(0.02, 0.2), (0.1, 0.28)])
def test_packets_held_up_once_are_no_lasting_variation(pace_s, lasts_s):
    once, often = (
        [health for _, health in watched(Medium.FIBRE, weather, 9, pace_s=pace_s)]
        for weather in (held_up(60, lasts_s), held_up(0.7, lasts_s))
    )
    assert max(health.widest_ms for health in once) > 100
    assert max(health.jitter_ms for health in once) < 20
    assert often[-1].jitter_ms > 100


def test_a_step_of_the_far_clock_is_no_jitter():
    stepped = FAIR[Medium.FIBRE].__class__(6, 0.3, clock_ms=-700)
    weather = lambda at_s: stepped if at_s >= START_S else FAIR[Medium.FIBRE]  # noqa: E731
    worst = max(health.jitter_ms for _, health in watched(Medium.FIBRE, weather, START_S + 4))
    assert worst < 10
    assert last(Medium.FIBRE, turning(Medium.FIBRE, "jitter"), START_S + 2).jitter_ms > 50


def test_losses_have_their_direction():
    one_way = Sky(6, 0.3, out=0.1)
    health = last(Medium.FIBRE, steady(one_way), 12)
    assert health.loss_out == pytest.approx(0.1, abs=0.05)
    assert health.loss_in == 0


def test_bursts_of_loss_weigh_more_than_single_losses():
    calm = Measurement(0.0, sent=1, round_trips_ms=(20.0,), out_ms=(10.0,), in_ms=(10.0,))

    def after(pattern: str) -> LinkHealth:
        steps = [
            Measurement(n * 0.02, sent=1, lost_out=1, pace_s=0.02)
            if sign == "-"
            else Measurement(n * 0.02, 1, 0, 0, 0, (20.0,), (10.0,), (10.0,), pace_s=0.02)
            for n, sign in enumerate(pattern * 20, 1)
        ]
        return folded(fold_measurement(unknown_health(Medium.FIBRE, 0.0), calm), steps)

    assert after("----++++++++++++").burst == pytest.approx(3.2, abs=0.4)
    assert after("-+++").burst == 1
    assert emodel.r_factor(50, 0.05, burst=3) < emodel.r_factor(50, 0.05)


def test_a_stalled_process_holds_nothing_against_a_path():
    seen = list(watched(Medium.FIBRE, steady(FAIR[Medium.FIBRE]), 3))
    at_s, health = seen[-1]
    late = Measurement(at_s + 0.4, 9, 9, 0, overdue=9, silent_s=0.4, pace_s=0.02, stalled=True)
    after = fold_measurement(health, late)
    straddling = Measurement(at_s + 0.42, 4, 4, overdue=11, silent_s=0.42, pace_s=0.02)
    excused = fold_measurement(after, straddling)
    assert after.stalled
    assert not any(found.dead or found.lossy for found in (after, excused))
    assert fold_measurement(health, straddling).dead
    silent = [
        Measurement(at_s + 0.4 + n / 50, overdue=11 + n, silent_s=0.4 + n / 50, pace_s=0.02)
        for n in range(1, 9)
    ]
    assert folded(after, silent).dead


@pytest.mark.parametrize(("awake_ms", "late_ms"), [(100, 60), (40, 60), (20, 80), (10, 90)])
@pytest.mark.parametrize("holed", [True, False])
def test_a_host_that_is_late_most_of_the_time_finds_a_hole_and_no_other(awake_ms, late_ms, holed):
    """Its stalls excuse each measurement; the time between them counts, on both paths."""
    fibre = turning(Medium.FIBRE, "hole") if holed else steady(FAIR[Medium.FIBRE])
    weathers = {Medium.FIBRE: fibre, Medium.LEO: steady(FAIR[Medium.LEO])}
    roads = {medium: Road(weather, Random(1), 0.02) for medium, weather in weathers.items()}  # noqa: S311
    healths = {medium: unknown_health(medium, 0.0) for medium in roads}
    found_s, before_s = inf, 0.0
    for number in range(1, 3000):
        at_s, phase_ms = number / 100, number * 10 % (awake_ms + late_ms)
        if at_s > START_S / 2 and phase_ms < late_ms:
            continue
        for medium, road in roads.items():
            late = at_s > START_S / 2 and phase_ms < late_ms + 60
            seen = road.measure(at_s, stalled=late)
            seen = replace(seen, late_s=max(0.0, at_s - before_s - 0.01))
            healths[medium] = fold_measurement(healths[medium], seen)
        before_s = at_s
        if healths[Medium.FIBRE].dead:
            found_s = min(found_s, at_s)
    assert (START_S < found_s < START_S + 3.0) is holed
    assert not healths[Medium.LEO].dead
    assert healths[Medium.LEO].alive_s > 1.0


def hiccuping(
    medium: Medium, weather: Weather, pace_s: float, seed: int = 1
) -> list[tuple[float, LinkHealth]]:
    """Return instants and health when this host is late in 30 ms of every 0.3 s."""
    road = Road(weather, Random(seed), pace_s)  # noqa: S311
    health, seen = unknown_health(medium, 0.0), []
    for number in range(1, 1200):
        if number % 30 in (0, 1):
            continue
        at_s = number / 100
        late = at_s > START_S / 2 and number % 30 in (2, 3, 4)
        health = fold_measurement(health, road.measure(at_s, stalled=late))
        seen.append((at_s, health))
    return seen


@pytest.mark.parametrize("seed", range(1, 41))
def test_a_host_that_is_late_again_and_again_proves_loss_in_time(seed):
    seen = hiccuping(Medium.FIBRE, turning(Medium.FIBRE, "loss"), 0.02, seed)
    proven_s = next(at_s for at_s, health in seen if health.lossy)
    assert START_S < proven_s < START_S + 2.0


@pytest.mark.parametrize("seed", range(1, 11))
def test_a_host_that_is_late_again_and_again_sees_no_loss_where_there_is_none(seed):
    seen = hiccuping(Medium.FIBRE, steady(FAIR[Medium.FIBRE]), 0.02, seed)
    assert not any(health.lossy for _, health in seen)


@pytest.mark.parametrize("kind", ["hole", "hole-out", "hole-in"])
@pytest.mark.parametrize(
    ("medium", "pace_s", "most_s"),
    [(Medium.FIBRE, 0.1, 1.2), (Medium.FIBRE, 0.02, 0.3), (Medium.LTE, 0.1, 2.5)],
)
def test_a_host_that_is_late_again_and_again_notices_a_dead_path(kind, medium, pace_s, most_s):
    seen = hiccuping(medium, turning(medium, kind), pace_s)
    died_s = next(at_s for at_s, health in seen if health.dead)
    assert START_S < died_s < START_S + most_s
    assert all(health.dead for at_s, health in seen if at_s > died_s)


@pytest.mark.parametrize("pace_s", [0.02, 0.1])
@pytest.mark.parametrize("medium", list(Medium))
def test_a_host_that_is_late_again_and_again_holds_nothing_against_a_path(medium, pace_s):
    seen = hiccuping(medium, steady(FAIR[medium]), pace_s)
    assert not any(health.dead for _, health in seen)


def beaten(count: int, *, at_s: float = 7.0, random: Random | None = None) -> Rhythm:
    rhythm = Rhythm()
    for number in range(count):
        start_s = random.random() * 9000 if random else at_s + 15.0 * 3 * number
        rhythm = note_disturbance(note_disturbance(rhythm, start_s, 2), start_s + 1, 0)
    return rhythm


def out_between(since_s: float, until_s: float) -> Weather:
    """Return a fibre's weather: nothing passes for a while."""
    fair = FAIR[Medium.FIBRE]
    out = replace(fair, out=1.0, back=1.0)
    return lambda at_s: out if since_s <= at_s < until_s else fair


@pytest.mark.parametrize("pace_s", [0.02, 0.1])
@pytest.mark.parametrize("lasts_s", [1.5, 3.0, 20.0])
def test_a_far_end_that_was_not_there_yet_leaves_no_loss(lasts_s, pace_s):
    seen = list(watched(Medium.FIBRE, out_between(0, lasts_s), lasts_s + 15, pace_s=pace_s))
    assert not any(health.lossy or health.loss_out > 0.01 for _, health in seen)
    assert (seen[-1][1].mos or 0) > 4.3


@pytest.mark.parametrize("pace_s", [0.02, 0.1])
@pytest.mark.parametrize("lasts_s", [1.5, 3.0, 20.0])
def test_an_outage_that_is_over_leaves_no_loss(lasts_s, pace_s):
    ends_s = START_S + lasts_s
    weather = out_between(START_S, ends_s)
    seen = list(watched(Medium.FIBRE, weather, ends_s + 15, pace_s=pace_s))
    assert any(health.dead for _, health in seen)
    after = [health for at_s, health in seen if at_s > ends_s + 0.1]
    assert not any(health.dead or health.lossy or health.loss_out > 0.02 for health in after)


@pytest.mark.parametrize("pace_s", [0.02, 0.1])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6])
def test_loss_of_a_path_that_never_falls_silent_for_long_is_no_outage(share, pace_s):
    weather = turning(Medium.FIBRE, "loss", (share - 0.03) / 0.5)
    seen = [one for at_s, one in watched(Medium.FIBRE, weather, 30, pace_s=pace_s) if at_s > 14]
    assert all(health.lossy for health in seen)
    assert median(health.loss_out for health in seen) == pytest.approx(share, rel=0.4)


def test_the_beat_of_a_satellite_is_learnt_from_short_disturbances():
    assert beaten(12).phase_s == pytest.approx(7.0)
    assert beaten(3).phase_s is None
    scattered = [
        beaten(12, random=Random(seed)).phase_s  # noqa: S311
        for seed in range(50)
    ]
    assert sum(phase is not None for phase in scattered) <= 1


def test_only_what_falls_on_a_known_beat_may_be_a_handover():
    rhythm = beaten(12)
    assert handover.may_be_handover(rhythm, 15 * 100 + 7.1)
    assert not handover.may_be_handover(rhythm, 15 * 100 + 11)
    assert handover.may_be_handover(Rhythm(), 11)


@pytest.mark.parametrize(("stamped", "dies"), [(True, False), (False, True)])
def test_a_far_end_that_was_late_is_not_taken_for_a_handover(stamped, dies):
    """Its own stamps tell; without them the handover that follows is one disturbance too many."""
    sky = Sky(26, 4)
    gone = replace(sky, out=1.0, back=1.0)
    weather = lambda at_s: gone if 8.0 <= at_s < 8.17 else sky  # noqa: E731
    road = Road(weather, Random(1), 0.02, far_stall=(6.0, 6.2), stamped=stamped)  # noqa: S311
    health, dead = unknown_health(Medium.LEO, 0.0), False
    for number in range(1, 450):
        health = fold_measurement(health, road.measure(number * 0.02))
        dead |= health.dead
    assert dead is dies


def test_before_the_beat_is_known_only_a_single_disturbance_is_tolerated():
    first = note_disturbance(Rhythm(), 100.0, 2)
    assert handover.may_be_handover(first, 100.2)
    second = note_disturbance(note_disturbance(first, 101.0, 0), 102.0, 2)
    assert not handover.may_be_handover(second, 102.1)


def test_a_long_silence_of_a_satellite_is_dead_all_the_same():
    assert 0.5 < noticed(Medium.LEO, "hole", is_dead) < 0.8
