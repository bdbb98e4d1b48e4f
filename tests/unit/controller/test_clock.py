"""Asking again and again, by a clock that tests turn."""

from controller.clock import AGAIN_S, persisted
from tests.simulated_time import TestClock


def asked(within_s, ready):
    """Ask about a and b, each of which is ready from its time on; return what came of it."""
    clock, rounds = TestClock(), []

    def ask(todo):
        rounds.append(list(todo))
        return [(name, clock.elapsed) for name in todo]

    found = persisted(
        ready, ask, lambda name, at: at >= ready[name], within_s=within_s, clock=clock
    )
    return *found, rounds


def test_those_that_are_not_done_are_asked_about_again_and_no_others():
    done, left, rounds = asked(60.0, {"a": 0.0, "b": 2 * AGAIN_S})
    assert (done, left) == ({"a": 0.0, "b": 2 * AGAIN_S}, {})
    assert rounds == [["a", "b"], ["b"], ["b"]]


def test_when_time_is_up_the_last_answers_tell_why():
    done, left, rounds = asked(AGAIN_S + 1, {"a": 0.0, "b": 100.0})
    assert (done, left) == ({"a": 0.0}, {"b": AGAIN_S + 1})
    assert len(rounds) == 3


def test_without_time_everybody_is_asked_once():
    assert asked(0.0, {"a": 1.0})[2] == [["a"]]
    assert asked(60.0, {}) == ({}, {}, [])
