"""Laws of the decision under any health of any paths, however unlikely."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.model import Medium
from policies.model import PathPolicy, Slo
from policies.path_selection.decide import Alternative, Decision, Duty, Memory, decide
from policies.path_selection.preference import Grade, path_view
from tests.rigs.examples import examples
from topology.quality.health import LinkHealth

NAMES = ("a", "b", "c")
NOW_S = 1000.0
SLO = Slo(delay_ms=150, jitter_ms=50, loss=0.03, mos=4.0)
POLICY = PathPolicy(
    "records", (Medium.FIBRE, Medium.LEO, Medium.LTE), 100, 2, 5, metered_allowed=True
)
DUTY = Duty(SLO, POLICY)
HOLD_S = POLICY.hold_down_s
# A drawn history takes long; make test-long draws many more.
OFTEN, VERY_OFTEN = 60, 2000
DRAINED = st.frozensets(st.sampled_from(NAMES))
DUTIES = st.sampled_from([DUTY, Duty(SLO, replace(POLICY, metered_allowed=False))])


@st.composite
def healths(draw, medium, now_s=NOW_S):
    """Draw any health, likely near the limits at which it is judged."""
    silent_s = draw(st.sampled_from([0.0, 0.01, 0.1, 0.3, 2.0]))
    return LinkHealth(
        medium,
        now_s,
        delay_ms=draw(st.none() | st.sampled_from([20.0, 60.0, 280.0, 320.0, 700.0])),
        jitter_ms=draw(st.sampled_from([1.0, 40.0, 60.0, 120.0, 200.0])),
        loss_out=draw(st.sampled_from([0.0, 0.01, 0.04, 0.3])),
        overdue=draw(st.sampled_from([0, 0, 1, 4])),
        silent_s=silent_s,
        dead=draw(st.booleans()),
        stalled=draw(st.sampled_from([False, False, False, True])),
        mos=draw(st.sampled_from([4.3, 3.9, 3.0])),
        lossy=draw(st.booleans()),
        answered_at_s=now_s - silent_s,
        steady_since_s=now_s - draw(st.sampled_from([0.05, 0.5, 100.0])),
    )


@st.composite
def offers(draw, now_s=NOW_S):
    """Draw one to three paths over media of which the policy names but one."""
    media = st.sampled_from([Medium.FIBRE, Medium.LEO, Medium.LTE, Medium.VSAT])
    names = draw(st.integers(1, 3))
    return tuple(
        Alternative(name, medium, draw(st.booleans()), draw(st.integers(1, 3)), health)
        for name in NAMES[:names]
        for medium in [draw(media)]
        for health in [draw(healths(medium, now_s))]
    )


@st.composite
def histories(draw):
    """Draw a sequence of instants, each with the health of the same three paths then."""
    now_s, steps = NOW_S, []
    media = (Medium.FIBRE, Medium.LEO, Medium.LTE)
    for _ in range(draw(st.integers(2, 25))):
        now_s += draw(st.sampled_from([0.02, 0.1, 0.5, 1.0, 3.0]))
        paths = [
            Alternative(name, medium, medium is Medium.LTE, 1, draw(healths(medium, now_s)))
            for name, medium in zip(NAMES, media, strict=True)
        ]
        steps.append((now_s, paths))
    return steps


def remembered(offer: Sequence[Alternative], duty: Duty, path: str) -> Memory:
    """Return a memory of a path with everything as it is now for an hour."""
    before = decide(offer, duty, Memory(path), now_s=NOW_S - 3600).memory
    return replace(before, path=path, second=None, moves=(), left=())


def run(history, *, consultation: bool = False) -> list[Decision]:
    memory, found = Memory(), []
    for now_s, paths in history:
        found.append(decide(paths, DUTY, memory, now_s=now_s, consultation=consultation))
        memory = found[-1].memory
    return found


@settings(max_examples=examples(OFTEN))
@given(histories(), st.booleans())
def test_only_dead_paths_are_left_inside_the_hold_down_and_seldom(history, consultation):
    decisions = run(history, consultation=consultation)
    last_s, moves = None, list[float]()
    for (now_s, paths), (before, after) in zip(history[1:], pairwise(decisions), strict=True):
        if not after.moved:
            continue
        dead = {one.path for one in paths if one.health.dead}
        if last_s is not None and now_s - last_s < HOLD_S:
            assert before.path in dead
        last_s = now_s
        moves.append(now_s)
        assert len([at_s for at_s in moves if now_s - at_s < 1.0]) <= len(NAMES)
        assert len([at_s for at_s in moves if now_s - at_s < HOLD_S]) <= len(NAMES) + HOLD_S


@settings(max_examples=examples(300))
@given(offers(), DUTIES, st.sampled_from(NAMES), st.booleans())
def test_the_same_question_has_the_same_answer_in_any_order(offer, duty, path, consultation):
    memory = remembered(offer, duty, path)
    ask = {"now_s": NOW_S, "consultation": consultation}
    first = decide(offer, duty, memory, **ask)
    again = decide(tuple(reversed(offer)), duty, memory, **ask)
    assert replace(first, memory=Memory()) == replace(again, memory=Memory())


@settings(max_examples=examples(400))
@given(offers(), DUTIES, st.sampled_from(NAMES), st.booleans())
def test_traffic_goes_somewhere_allowed_and_says_why(offer, duty, path, consultation):
    memory = remembered(offer, duty, path)
    found = decide(offer, duty, memory, now_s=NOW_S, consultation=consultation)
    allowed = {one.path for one in offer if permitted(one, duty)}
    assert (found.path in allowed) if allowed else (found.path is None)
    assert found.second is None or found.second in allowed - {found.path}
    assert found.reason
    assert "\n" not in found.reason
    assert found.memory.path == found.path


@settings(max_examples=examples(400))
@given(offers(), DUTIES, st.permutations(NAMES), st.booleans(), st.booleans())
def test_what_the_memory_says_is_what_was_decided(offer, duty, names, copied, consultation):
    path, other, _ = names
    memory = replace(remembered(offer, duty, path), second=other if copied else None)
    found = decide(offer, duty, memory, now_s=NOW_S, consultation=consultation)
    assert (found.memory.path, found.memory.second) == (found.path, found.second)


@settings(max_examples=examples(500))
@given(offers(), DUTIES, st.sampled_from(NAMES), st.booleans())
def test_no_path_is_left_for_a_worse_one(offer, duty, path, consultation):
    memory = remembered(offer, duty, path)
    found = decide(offer, duty, memory, now_s=NOW_S, consultation=consultation)
    seen = {one.path: path_view(one, duty) for one in offer if one.medium in duty.policy.media}
    if not duty.policy.metered_allowed:
        seen = {name: one for name, one in seen.items() if not one.alternative.metered}
    if found.moved and path in seen:
        left, taken = seen[path], seen[str(found.path)]
        assert taken.grade <= min(left.grade, Grade.ANSWERS)
        alike = taken.grade is left.grade
        assert not alike or taken.rank < left.rank or taken.severity < left.severity


def keeps(health: LinkHealth, slo: Slo) -> bool:
    """Return whether the figures keep an objective, whatever is usual for the medium."""
    return (
        (health.delay_ms or 0.0) / 2 <= slo.delay_ms
        and health.jitter_ms <= slo.jitter_ms
        and max(health.loss_out, health.loss_in) <= slo.loss
        and (slo.mos is None or health.mos is None or health.mos >= slo.mos)
    )


def worse_in_all(one: LinkHealth, than: LinkHealth) -> bool:
    return (
        (one.delay_ms or 0.0) > (than.delay_ms or 0.0)
        and max(one.loss_out, one.loss_in) > max(than.loss_out, than.loss_in)
        and (one.mos or 0.0) < (than.mos or 0.0)
    )


@st.composite
def answering(draw, medium):
    """Draw the health of a path that answers, with any figures that hold together or do not."""
    return LinkHealth(
        medium,
        NOW_S,
        delay_ms=draw(st.floats(1.0, 900.0)),
        jitter_ms=draw(st.floats(0.0, 150.0)),
        loss_out=draw(st.sampled_from([0.0, 0.003, 0.01, 0.035, 0.08, 0.3])),
        loss_in=draw(st.sampled_from([0.0, 0.001, 0.02, 0.04])),
        mos=draw(st.floats(1.0, 4.5)),
        lossy=draw(st.booleans()),
        answered_at_s=NOW_S,
    )


@st.composite
def answering_pairs(draw):
    """Draw two paths over any media that both answer, preferred or not."""
    media = st.sampled_from(list(Medium))
    return tuple(
        Alternative(name, medium, draw(st.booleans()), draw(st.integers(1, 3)), health)
        for name in ("a", "b")
        for medium in [draw(media)]
        for health in [draw(answering(medium))]
    )


@settings(max_examples=examples(1000))
@given(answering_pairs(), st.booleans(), st.booleans())
def test_no_answering_path_is_left_for_one_that_does_worse_whatever_its_medium(
    pair, consultation, least_bad
):
    duty = Duty(SLO, replace(POLICY, media=tuple(Medium)))
    memory = replace(remembered(pair, duty, "a"), least_bad=least_bad)
    found = decide(pair, duty, memory, now_s=NOW_S, consultation=consultation)
    if found.moved:
        left, taken = (one.health for one in pair)
        assert not worse_in_all(taken, left)
        assert keeps(taken, SLO) or not keeps(left, SLO)


@settings(max_examples=examples(400))
@given(
    offers(), DUTIES, st.sampled_from(NAMES), st.frozensets(st.sampled_from(NAMES)), st.booleans()
)
def test_a_drained_path_is_left_at_once_while_another_one_answers(
    offer, duty, path, drained, consultation
):
    told = [replace(one, drained=one.path in drained) for one in offer]
    memory = remembered(offer, duty, path)
    found = decide(told, duty, memory, now_s=NOW_S, consultation=consultation)
    allowed = [one for one in told if permitted(one, duty)]
    others = [one for one in allowed if not one.drained]
    if any(path_view(one, duty).grade <= Grade.ANSWERS for one in others):
        assert found.path in {one.path for one in others}
        assert found.second not in drained
    else:
        assert (
            found.path == decide(offer, duty, memory, now_s=NOW_S, consultation=consultation).path
        )


def permitted(one: Alternative, duty: Duty) -> bool:
    return one.medium in duty.policy.media and (duty.policy.metered_allowed or not one.metered)


def improved(health: LinkHealth) -> LinkHealth:
    """Return the health of a path that does better in every way."""
    return replace(
        health,
        delay_ms=None if health.delay_ms is None else health.delay_ms / 2,
        jitter_ms=health.jitter_ms / 2,
        loss_out=health.loss_out / 2,
        overdue=0,
        silent_s=0.0,
        mos=4.4,
        lossy=False,
        answered_at_s=health.at_s,
    )


def worsened(health: LinkHealth) -> LinkHealth:
    """Return the health of a path that does worse in every way."""
    delay_ms = None if health.delay_ms is None else health.delay_ms * 2
    return replace(
        health,
        delay_ms=delay_ms,
        jitter_ms=health.jitter_ms * 2,
        loss_out=min(1.0, health.loss_out * 2),
        mos=1.5,
        lossy=True,
    )


def with_health(offer: Sequence[Alternative], path: str, change) -> list[Alternative]:
    return [replace(one, health=change(one.health)) if one.path == path else one for one in offer]


@settings(max_examples=examples(500))
@given(offers(), DUTIES, st.sampled_from(NAMES), st.booleans())
def test_a_chosen_path_that_does_better_is_still_chosen(offer, duty, path, consultation):
    memory = remembered(offer, duty, path)
    ask = {"now_s": NOW_S, "consultation": consultation}
    chosen = decide(offer, duty, memory, **ask).path
    if chosen is not None:
        better = with_health(offer, chosen, improved)
        assert decide(better, duty, memory, **ask).path == chosen


@settings(max_examples=examples(500))
@given(offers(), DUTIES, st.sampled_from(NAMES), st.sampled_from(NAMES), st.booleans())
def test_a_path_that_is_kept_is_kept_when_others_do_worse(offer, duty, path, other, consultation):
    memory = remembered(offer, duty, path)
    ask = {"now_s": NOW_S, "consultation": consultation}
    if other != path and decide(offer, duty, memory, **ask).path == path:
        assert decide(with_health(offer, other, worsened), duty, memory, **ask).path == path
        dead = with_health(offer, other, lambda health: replace(health, dead=True))
        assert decide(dead, duty, memory, **ask).path == path


@settings(max_examples=examples(OFTEN))
@given(histories())
def test_a_consultation_is_never_moved_off_a_path_that_keeps_its_objective(history):
    decisions = run(history, consultation=True)
    for (_, paths), (before, after) in zip(history[1:], pairwise(decisions), strict=True):
        if after.moved and before.path:
            left = next(one for one in paths if one.path == before.path)
            assert path_view(left, DUTY).grade is not Grade.KEEPS


@settings(max_examples=examples(OFTEN))
@given(histories())
def test_the_least_bad_of_bad_paths_is_taken_once(history):
    bad = [
        (now_s, [replace(p, health=ruined(p.health)) for p in paths]) for now_s, paths in history
    ]
    assert sum(found.moved for found in run(bad)[1:]) <= 1


def ruined(health: LinkHealth) -> LinkHealth:
    """Return the health of a path that answers and loses more than is usual."""
    delay_ms = health.delay_ms or 30.0
    return replace(health, dead=False, delay_ms=delay_ms, lossy=True, loss_out=0.2, overdue=0)


@settings(max_examples=examples(OFTEN))
@given(histories())
def test_what_is_remembered_is_bounded_and_is_plain_json(history):
    memory = run([*history, *history])[-1].memory
    assert len(memory.moves) == len(memory.left) <= 16
    assert len(memory.standings) == len(NAMES)
    assert len(json.dumps(asdict(memory))) < 2000


@settings(max_examples=examples(OFTEN))
@given(histories(), st.booleans())
def test_the_first_choice_after_a_start_ends(history, consultation):
    memory, steps = Memory(began_s=NOW_S), 0
    for now_s, paths in history:
        found = decide(paths, DUTY, memory, now_s=now_s, consultation=consultation)
        steps += found.moved and not found.memory.moves
        memory = found.memory
    # To one that answers, and from there to preferred ones only.
    assert steps <= len(NAMES) + 1


@pytest.mark.long
@settings(max_examples=VERY_OFTEN)
@given(histories(), st.booleans())
def test_all_laws_of_histories_hold_in_thousands(history, consultation):
    of_any: tuple[Any, ...] = (
        test_only_dead_paths_are_left_inside_the_hold_down_and_seldom,
        test_the_first_choice_after_a_start_ends,
    )
    of_one: tuple[Any, ...] = (
        test_a_consultation_is_never_moved_off_a_path_that_keeps_its_objective,
        test_the_least_bad_of_bad_paths_is_taken_once,
        test_what_is_remembered_is_bounded_and_is_plain_json,
    )
    for law in of_any:
        law.hypothesis.inner_test(history, consultation)
    for law in of_one:
        law.hypothesis.inner_test(history)
