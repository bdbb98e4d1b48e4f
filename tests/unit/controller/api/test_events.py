"""The ring of events: order, resuming, overrun, and what another run's position is worth."""

from hypothesis import given
from hypothesis import strategies as st

from controller.api.events import EventRing


def ring(remembered=4):
    return EventRing("run1", remembered)


def test_events_are_numbered_and_encoded_once_as_one_line():
    event = ring().publish("incident", {"title": "a\nb"}, ["mora"])
    assert event.frame == b'event: incident\nid: run1-1\ndata: {"title":"a\\nb"}\n\n'
    assert event.sites == {"mora"}


@given(st.integers(0, 30), st.integers(0, 30))
def test_a_stream_gets_exactly_what_follows_its_position_or_hears_that_it_is_gone(published, back):
    made = ring()
    for number in range(published):
        made.publish("n", {"number": number})
    position = max(0, published - back)
    missed = made.since(position)
    assert missed.newest == published
    assert missed.overrun == (published - position > 4)
    expected = [] if missed.overrun else list(range(position + 1, published + 1))
    assert [event.sequence for event in missed.events] == expected


def test_a_position_of_another_run_or_of_the_future_is_none():
    made = ring()
    made.publish("n", {})
    assert made.position("run1-1") == 1
    assert made.position("run1-0") == 0
    for unknown in ("run0-1", "run1-2", "run1-", "run1--1", "run1-²", "1", "", None):
        assert made.position(unknown) is None
