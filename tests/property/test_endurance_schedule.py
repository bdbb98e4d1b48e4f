"""What the random schedule of an endurance run promises of its troubles."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.endurance.schedule import APART_S, random_troubles

CIRCUITS = ("a", "b", "c", "a")


@given(st.integers(0, 2**32), st.floats(0.0, 7200.0))
def test_at_most_two_circuits_are_in_trouble_and_the_second_later(seed, seconds):
    troubles = list(random_troubles(CIRCUITS, seconds, seed))
    assert troubles == list(random_troubles(CIRCUITS, seconds, seed))
    for first, second in pairwise(troubles):
        assert second.at_s >= first.at_s + APART_S
        assert second.circuit != first.circuit or second.at_s > first.until_s
    for one in troubles:
        begun = [t for t in troubles if t.at_s <= one.at_s < t.until_s]
        assert len(begun) <= 2
        assert one.at_s < one.until_s < seconds + APART_S


def test_an_hour_holds_troubles():
    assert len(list(random_troubles(CIRCUITS, 3600.0, 1))) > 20
