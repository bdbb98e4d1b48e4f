"""One step of an edge: paces, decisions when they are due, and the ways that decisions become."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from edge.forwarding.steering import PeerSteering
from edge.selection import evaluate, pacing
from edge.selection.call_detector import LASTS_S, calls_until, peer_behind
from inventory.model import Medium
from policies.path_selection.decide import Memory
from tests.rigs.edge.edge_policies import edge_policy
from topology.quality.health import Measurement

POLICY = edge_policy()
PEER = POLICY.peers[0]
CLASSES = evaluate.classes_to_decide(POLICY)
FIBRE, LEO, LTE = (path.name for path in PEER.paths)
TRIPS = {FIBRE: 20.0, LEO: 60.0, LTE: 90.0}


def answers(now_s, **changes):
    """Return a healthy measurement of every path, but for changes by medium."""
    good = {
        name: Measurement(
            now_s, sent=1, heard_in=1, round_trips_ms=(trip,), out_ms=(1.0,), in_ms=(1.0,)
        )
        for name, trip in TRIPS.items()
    }
    return {**good, **{f"kolofata-{medium}": change for medium, change in changes.items()}}


def healthy(seconds=5.0, start_s=100.0, state=None):
    """Return a state after some seconds in which all was well, and the time then."""
    state, now_s = state or evaluate.initial(PEER, start_s, {}), start_s
    while now_s < start_s + seconds:
        now_s += 0.1
        state, _ = evaluate.evaluate_measurements(PEER, CLASSES, state, answers(now_s), now_s)
    return state, now_s


def silenced(state, now_s, medium="fibre", seconds=1.0):
    """Yield every step while one path answers nothing."""
    cut_s = now_s
    while now_s < cut_s + seconds:
        now_s += 0.02
        overdue = int((now_s - cut_s - 0.03) / 0.1) if now_s > cut_s + 0.03 else 0
        lost = Measurement(now_s, overdue=overdue, silent_s=now_s - cut_s)
        state, changes = evaluate.evaluate_measurements(
            PEER, CLASSES, state, answers(now_s, **{medium: lost}), now_s
        )
        yield state, changes, now_s - cut_s


def test_all_classes_begin_on_the_cheapest_path():
    state, _ = healthy(0.3)
    assert {memory.path for memory in state.memories.values()} == {FIBRE}


def test_care_tunnel_decides_once_for_all_that_travels_in_it():
    names = [entry.service.name for entry in CLASSES]
    assert "consultation-audio" in names
    assert "consultation-video" not in names
    state, _ = healthy(0.3)
    ways = evaluate.steering({PEER.device: state}).of(PEER.device)
    assert ways.services["consultation-video"] == ways.services["consultation-audio"] == FIBRE


def test_copies_go_over_the_second_best_path():
    state, _ = healthy()
    assert evaluate.steering({PEER.device: state}).of(PEER.device).second == LEO


def test_silent_path_is_left_by_every_class():
    state, now_s = healthy()
    *_, (state, _, _) = silenced(state, now_s)
    assert {memory.path for memory in state.memories.values()} == {LEO}


def test_change_names_the_way_before_and_the_reason():
    state, now_s = healthy()
    changes = next(changes for _, changes, _ in silenced(state, now_s) if changes)
    assert {change.before for change in changes} == {FIBRE}
    assert all(FIBRE in change.decision.reason for change in changes)


def test_nothing_changes_while_all_is_well():
    state, now_s = healthy()
    seen: list[evaluate.PathChange] = []
    for _ in range(300):
        now_s += 0.1
        state, changes = evaluate.evaluate_measurements(PEER, CLASSES, state, answers(now_s), now_s)
        seen += changes
    assert seen == []


def test_nothing_is_decided_anew_within_a_calm_moment():
    state, now_s = healthy()
    state, _ = evaluate.evaluate_measurements(
        PEER, CLASSES, state, answers(now_s + 0.3), now_s + 0.3
    )
    again, _ = evaluate.evaluate_measurements(
        PEER, CLASSES, state, answers(now_s + 0.35), now_s + 0.35
    )
    assert again.decisions is state.decisions


def test_missed_answer_is_decided_upon_at_once():
    state, now_s = healthy()
    state, _ = evaluate.evaluate_measurements(
        PEER, CLASSES, state, answers(now_s + 0.3), now_s + 0.3
    )
    late = Measurement(now_s + 0.31, overdue=1, silent_s=0.1)
    again, _ = evaluate.evaluate_measurements(
        PEER, CLASSES, state, answers(now_s + 0.31, fibre=late), now_s + 0.31
    )
    assert again.decisions is not state.decisions


def test_path_without_an_interface_is_left_before_it_misses_an_answer():
    state, now_s = healthy()
    for _ in range(30):
        now_s += 0.1
        rest = {name: m for name, m in answers(now_s).items() if name != FIBRE}
        state = evaluate.without_path(evaluate.with_measurements(state, rest), FIBRE)
        state, _ = evaluate.evaluate(PEER, CLASSES, state, now_s)
    assert {memory.path for memory in state.memories.values()} == {LEO}


def test_remembered_ways_hold_before_anything_was_measured():
    kept = {"consultation-audio": Memory(path=LEO, second=FIBRE), "portal": Memory(path=LEO)}
    state = evaluate.initial(PEER, 0.0, kept)
    assert evaluate.steering({PEER.device: state}).of(PEER.device) == PeerSteering(
        services={"consultation-audio": LEO, "consultation-video": LEO, "portal": LEO},
        care=LEO,
        second=FIBRE,
    )


def test_memory_of_a_path_that_is_gone_is_forgotten():
    state = evaluate.initial(PEER, 0.0, {"portal": Memory(path="old-fibre")})
    assert state.memories == {}


def test_class_whose_policy_allows_no_path_any_more_loses_its_copy_and_is_told_of_once():
    state, now_s = healthy()
    barred = [
        replace(entry, paths=replace(entry.paths, media=(Medium.VSAT,)))
        for entry in CLASSES
        if entry.service.name == "consultation-audio"
    ]
    told: list[evaluate.PathChange] = []
    for _ in range(20):
        now_s += 0.3
        state, changes = evaluate.evaluate_measurements(PEER, barred, state, answers(now_s), now_s)
        told += changes
    assert [(change.decision.path, change.decision.second) for change in told] == [(None, None)]
    ways = evaluate.steering({PEER.device: state}).of(PEER.device)
    assert (ways.care, ways.second) == (None, None)


def paces(state):
    return pacing.probe_intervals_s(PEER, state)


def test_idle_paths_are_probed_ten_times_a_second_and_idle_metered_ones_hardly():
    state, _ = healthy()
    assert paces(state) == {FIBRE: 0.1, LEO: 0.1, LTE: 15.0}


def test_metered_path_is_watched_until_it_is_known():
    assert paces(evaluate.initial(PEER, 0.0, {}))[LTE] == 1.0


def test_paths_of_a_consultation_are_probed_fifty_times_a_second():
    state, _ = healthy()
    assert paces(replace(state, consultation=True)) == {FIBRE: 0.02, LEO: 0.02, LTE: 1.0}


def test_metered_path_is_watched_while_another_one_is_unwell():
    state, now_s = healthy()
    *_, (state, _, _) = silenced(state, now_s, "leo")
    assert paces(state)[LTE] == 1.0


def known(state, now_s, *down):
    """Return the state after a decision upon paths that are as they were, but for those down."""
    healths = {name: replace(health, dead=name in down) for name, health in state.healths.items()}
    return evaluate.evaluate(PEER, CLASSES, replace(state, healths=healths), now_s)[0]


def test_metered_path_is_watched_for_minutes_only_when_another_one_is_out_for_long():
    state, now_s = healthy()
    seen = []
    for minute in range(120):
        state = known(state, now_s + 1 + 60 * minute, LEO)
        seen.append(paces(state)[LTE])
    assert seen == [1.0] * 5 + [15.0] * 115


def test_path_that_comes_and_goes_all_day_costs_less_than_five_megabytes_on_an_idle_metered_one():
    state, now_s = healthy()
    exchanges = 0.0
    for minute in range(24 * 60):
        state = known(state, now_s + 60 * (minute + 1), *[LEO] * (minute % 2))
        exchanges += 60 / paces(state)[LTE]
    # Both ends ask and answer: 24 MB for one exchange in a second.
    assert 2 < 24 * exchanges / 86_400 < 5


def test_metered_path_is_watched_for_as_long_as_no_other_path_is_well():
    state, now_s = healthy()
    for minute in range(60):
        state = known(state, now_s + 1 + 60 * minute, FIBRE, LEO)
    unused = {name: replace(one, path=FIBRE, asks=()) for name, one in state.decisions.items()}
    assert paces(replace(state, decisions=unused))[LTE] == 1.0
    assert paces(replace(known(state, now_s + 3601, LEO), decisions=unused))[LTE] == 15.0


def test_metered_path_that_never_answered_is_watched_in_the_first_minutes_only():
    state = evaluate.initial(PEER, 100.0, {})
    quiet = {name: m for name, m in answers(100.1).items() if name != LTE}
    state, _ = evaluate.evaluate_measurements(PEER, CLASSES, state, quiet, 100.1)
    assert paces(known(state, 399.0))[LTE] == 1.0
    assert paces(known(state, 401.0))[LTE] == 15.0


def test_metered_path_that_is_used_is_probed_like_any_other():
    state, _ = healthy()
    decisions = {**state.decisions, "portal": replace(state.decisions["portal"], path=LTE)}
    assert paces(replace(state, decisions=decisions))[LTE] == 0.1


def test_path_that_a_decision_waits_for_is_asked_at_once():
    state, _ = healthy()
    decisions = {**state.decisions, "portal": replace(state.decisions["portal"], asks=(LTE,))}
    assert paces(replace(state, decisions=decisions))[LTE] == 0.1


def test_paths_are_looked_at_closely_during_a_consultation_or_in_doubt_only():
    state, now_s = healthy()
    assert not evaluate.needs_fast_polling(state)
    assert evaluate.needs_fast_polling(replace(state, consultation=True))
    late = evaluate.with_measurements(
        state, {LEO: Measurement(now_s + 0.1, overdue=1, silent_s=0.2)}
    )
    assert evaluate.needs_fast_polling(late)


@pytest.mark.parametrize(
    ("address", "peer"), [("10.0.1.9", "yaounde-e1"), ("10.0.2.9", None), ("fd00::1", None)]
)
def test_address_is_behind_the_peer_with_its_prefix(address, peer):
    assert peer_behind(POLICY, ip_address(address)) == peer


def test_consultation_lasts_over_a_pause_and_not_for_ever():
    begun = calls_until({}, POLICY, [ip_address("10.0.1.9")], 50.0)
    assert set(begun) == {"yaounde-e1"}
    assert set(calls_until(begun, POLICY, [], 50.0 + LASTS_S - 1)) == {"yaounde-e1"}
    assert calls_until(begun, POLICY, [], 50.0 + LASTS_S + 1) == {}
