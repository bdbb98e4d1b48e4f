"""How everything stands now: the newest message counts, the silent are unknown, the worst lead."""

from controller.telemetry.current_state import CurrentState, Heard
from edge.telemetry.model import PathState
from tests.rigs.controller.telemetry_rig import EDGE, NOON, message, path_now


def heard(number, received_s=NOON, spool_s=1, **changes):
    return Heard(message(number, received_s, **changes), received_s, spool_s)


def test_an_older_message_changes_nothing():
    current = CurrentState([heard(5)])
    assert not current.take(heard(4, replayed=True))
    assert not current.take(heard(5))
    assert current.take(heard(5, live=1))
    assert not current.take(heard(5))
    assert current.take(heard(6))
    assert current.edges()[EDGE].message.sequence == 6


def test_a_later_spool_of_an_edge_counts_from_one_again():
    current = CurrentState([heard(900)])
    assert current.take(heard(1, spool_s=2))
    assert not current.take(heard(901))


def test_paths_of_a_silent_edge_are_unknown():
    current = CurrentState([heard(1)])
    fresh, late = (current.paths(NOON + after_s)[0] for after_s in (150, 151))
    assert (fresh.path.state, fresh.heard) == (PathState.UP, True)
    assert (late.path.state, late.heard, late.path.mos) == (PathState.UNKNOWN, False, None)


def test_the_worst_paths_come_first():
    states = {
        "a": path_now(circuit="a"),
        "b": path_now(circuit="b", mos=3.1),
        "c": path_now(circuit="c", state=PathState.BROWNOUT, mos=2.0),
        "d": path_now(circuit="d", state=PathState.DEAD, mos=None),
        "e": path_now(circuit="e", loss_in=0.1),
        "f": path_now(circuit="f", state=PathState.HANDOVER),
    }
    current = CurrentState([heard(1, paths=tuple(states.values()))])
    worst = [one.path.circuit for one in current.worst(5, NOON)]
    assert worst == ["d", "c", "f", "b", "e"]
