"""Wall time of rotas and quiet hours, also where clocks are changed."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.notices.schedule import (
    Interval,
    Override,
    Rota,
    Window,
    instant_of,
    occurrence,
    on_call,
    quiet_until,
    shifts,
    typed_time_fault,
    window_around,
)

ZONES = ("Africa/Douala", "Europe/Paris", "America/New_York", "Australia/Lord_Howe")
# Around the changes of 2026 in Paris (29 March, 25 October) and New York (8 March, 1 November).
DAYS = tuple(date(2026, month, 1) + timedelta(days=n) for month in (3, 10) for n in range(33))
MINUTE = timedelta(minutes=1)
zones = st.sampled_from(ZONES)
days = st.sampled_from(DAYS)
times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
instants = st.builds(
    lambda day, minute: datetime(day.year, day.month, day.day, tzinfo=UTC) + minute * MINUTE,
    days,
    st.integers(0, 1439),
)


def rota_of(zone, at, turn_days=1, **more):
    return Rota("noc", zone, date(2026, 2, 1), at, turn_days, ("awa", "ben", "chief"), **more)


def handovers(rota, begins, ends):
    """Walk minute by minute and note when somebody else comes on call."""
    found, now, before = [], begins, on_call(rota, begins)
    while now < ends:
        now += MINUTE
        if (person := on_call(rota, now)) != before:
            found.append(now)
            before = person
    return found


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("at", [time(0), time(2, 30), time(8)])
@pytest.mark.parametrize("month", [3, 10])
def test_the_call_is_handed_over_once_a_day_at_the_same_wall_time(zone, at, month):
    rota, here = rota_of(zone, at), ZoneInfo(zone)
    first = datetime(2026, month, 1, tzinfo=here).date() + timedelta(days=5)
    begins = instant_of(first, at, here)
    found = handovers(rota, begins, begins + timedelta(days=27))
    assert len(found) in {26, 27}
    for number, instant in enumerate(found, 1):
        local = instant.astimezone(here)
        assert local.date() == first + timedelta(days=number)
        gap = typed_time_fault(datetime.combine(local.date(), at), here)
        assert local.time() == at or (gap and "not exist" in gap)


@given(zones, times, instants, st.integers(1, 9))
def test_turns_follow_the_order_without_gap_or_overlap(zone, at, instant, turn_days):
    rota = rota_of(zone, at, turn_days)
    found = shifts(rota, instant, instant + timedelta(days=30))
    assert found[0].during.begins == instant
    assert found[-1].during.ends == instant + timedelta(days=30)
    for one, after in pairwise(found):
        assert one.during.ends == after.during.begins
        assert rota.order.index(after.person) == (rota.order.index(one.person) + 1) % 3
    for one in found:
        assert on_call(rota, one.during.begins) == one.person
        assert on_call(rota, one.during.ends - MINUTE) == one.person


@given(zones, times, times, times, instants)
def test_shifts_say_the_same_as_asking_at_each_instant(zone, at, begins, ends, instant):
    override = Override("dina", Interval(instant + 5 * MINUTE, instant + 100 * MINUTE))
    rota = rota_of(zone, at, hours=Window(begins, ends), overrides=(override,))
    found = shifts(rota, instant, instant + timedelta(days=2))
    for minute in range(0, 2 * 1440, 7):
        now = instant + minute * MINUTE
        (one,) = [shift for shift in found if shift.during.holds(now)]
        assert one.person == on_call(rota, now)


@given(zones, times, times, instants)
def test_a_window_holds_what_a_wall_clock_shows_within_it(zone, begins, ends, instant):
    here = ZoneInfo(zone)
    found = window_around(Window(begins, ends), instant, here) is not None
    local = instant.astimezone(here)
    if any(
        typed_time_fault(datetime.combine(local.date() + n * timedelta(days=1), at), here)
        for n in (-1, 0, 1)
        for at in (begins, ends, local.time())
    ):
        return  # RFC 5545 decides there, which the tests below pin
    clock = local.time().replace(second=0, microsecond=0)
    inside = begins <= clock < ends if ends > begins else clock >= begins or clock < ends
    assert found is inside


@given(zones, times, times, days)
def test_a_window_lasts_as_long_as_the_wall_clock_says_but_for_the_change(zone, begins, ends, day):
    here = ZoneInfo(zone)
    made = occurrence(Window(begins, ends), day, here)
    last = day if ends > begins else day + timedelta(days=1)
    wall = datetime.combine(last, ends) - datetime.combine(day, begins)
    assert abs((made.ends - made.begins) - wall) <= timedelta(hours=1)
    if zone == "Africa/Douala":
        assert made.ends - made.begins == wall


@given(zones, instants, st.lists(st.builds(Window, times, times), min_size=1, max_size=3))
def test_after_quiet_hours_it_is_not_quiet(zone, instant, windows):
    here = ZoneInfo(zone)
    end = quiet_until(windows, instant, here)
    if end is None:
        assert not any(window_around(one, instant, here) for one in windows)
    elif end - instant < timedelta(days=7):
        assert end > instant
        assert not any(window_around(one, end, here) for one in windows)
        assert any(window_around(one, end - timedelta(microseconds=1), here) for one in windows)


def test_a_window_without_a_break_ends_the_search():
    always = Window(time(0), time(0))
    now = datetime(2026, 3, 1, tzinfo=UTC)
    end = quiet_until([always], now, ZoneInfo("UTC"))
    assert end is not None
    assert end - now >= timedelta(days=7)


def test_a_window_begins_only_on_its_days():
    weekend = Window(time(22), time(6), frozenset({4}))
    here = ZoneInfo("Africa/Douala")
    friday = date(2026, 3, 6)
    night = instant_of(friday + timedelta(days=1), time(5, 59), here)
    assert window_around(weekend, night, here) is not None
    assert window_around(weekend, night + MINUTE, here) is None
    assert window_around(weekend, night - timedelta(days=1), here) is None


@pytest.mark.parametrize(
    ("local", "zone", "what"),
    [
        ("2026-03-29 02:30", "Europe/Paris", "does not exist"),
        ("2026-10-25 02:30", "Europe/Paris", "occurs twice"),
        ("2026-03-08 02:30", "America/New_York", "does not exist"),
        ("2026-11-01 01:30", "America/New_York", "occurs twice"),
        ("2026-03-29 03:00", "Europe/Paris", None),
        ("2026-03-29 02:30", "Africa/Douala", None),
    ],
)
def test_typed_times_that_are_none_or_two_are_told(local, zone, what):
    fault = typed_time_fault(datetime.fromisoformat(local), ZoneInfo(zone))
    assert (fault is None) is (what is None)
    assert what is None or what in str(fault)


def test_a_skipped_time_is_as_much_later_and_of_two_the_first_counts():
    paris = ZoneInfo("Europe/Paris")
    assert instant_of(date(2026, 3, 29), time(2, 30), paris) == datetime(
        2026, 3, 29, 1, 30, tzinfo=UTC
    )
    assert instant_of(date(2026, 10, 25), time(2, 30), paris) == datetime(
        2026, 10, 25, 0, 30, tzinfo=UTC
    )
