"""Questions to the past: gaps stay gaps, unknown and maintenance have shares of their own."""

from dataclasses import asdict
from datetime import UTC, datetime

import pytest

from controller.telemetry.history import Availability, History, PathKey, Span, shares, state_spans
from controller.telemetry.rollup import of_summary
from edge.telemetry.model import ChangeKind, PathState, spread_of
from tests.rigs.controller.telemetry_rig import (
    EDGE,
    FIBRE,
    HUB,
    NOON,
    arrival,
    change,
    message,
    minute,
    summary,
)
from tests.rigs.controller.telemetry_service import open_series

KEY = PathKey(EDGE, HUB, FIBRE)
HOUR_S = 3600
DAY_S = 86_400


@pytest.fixture(params=["sqlite", "postgresql"])
def series(request, tmp_path):
    postgresql = request.param == "postgresql"
    place = request.getfixturevalue("postgresql_address") if postgresql else tmp_path
    opened = open_series(place)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def history(series):
    return History(series.engine)


def store(series, *messages, received_s=None):
    series.append([arrival(one, received_s) for one in messages])


def test_a_time_without_slices_is_a_gap_and_neither_zero_nor_a_line(series, history):
    store(series, minute(1, NOON + 60), minute(2, NOON + 240))
    band = history.band(KEY, NOON - 3 * HOUR_S, NOON + 240, NOON + HOUR_S)
    assert band.step_s == 60
    assert [point is None for point in band.points[-5:]] == [True, False, True, True, False]


def test_a_path_is_known_from_its_first_report_on(series, history):
    store(series, minute(1, NOON + 60))
    assert history.paths() == ()
    assert history.paths_of([EDGE]) == (KEY,)
    assert history.paths_of(["another-e1"]) == ()
    store(series, minute(2, NOON + 2 * HOUR_S))
    while series.pack(1, NOON + 3 * HOUR_S):
        pass
    assert history.paths() == history.paths_of([EDGE]) == (KEY,)


def test_a_band_has_least_and_most_and_not_a_mean_of_means(series, history):
    calm = summary(NOON, delay_ms=spread_of([20.0] * 99))
    spike = summary(NOON + 10, delay_ms=spread_of([400.0]))
    store(series, message(1, NOON + 60, [calm, spike]))
    (point,) = history.rollups(KEY, NOON, NOON + HOUR_S, HOUR_S)
    assert (point.delay_ms.least, point.delay_ms.most) == (20.0, 400.0)
    assert point.delay_ms.mean == pytest.approx(23.8)
    assert point.delay_ms.quantile(0.95) < 23


def test_the_newest_step_is_left_out_until_it_can_be_complete(series, history):
    store(series, minute(1, NOON))
    shown = [history.band(KEY, NOON - 60, NOON, NOON + later).points for later in (0, 89, 90)]
    assert [len(points) for points in shown] == [0, 5, 6]


def test_what_lasts_for_minutes_covers_all_of_them(series, history):
    coarse = summary(NOON, seconds=600, state=PathState.DEAD, delay_ms=None, jitter_ms=None)
    store(series, message(1, NOON + 600, [coarse], replayed=True), received_s=NOON + DAY_S)
    spans = history.timeline(KEY, NOON - 3 * HOUR_S, NOON + 1200, NOON + DAY_S)
    assert spans[-2:] == (
        Span(NOON, NOON + 600, PathState.DEAD),
        Span(NOON + 600, NOON + 1200, None),
    )
    (hour,) = history.rollups(KEY, NOON, NOON + HOUR_S, HOUR_S)
    assert (hour.seconds, hour.sent) == (600, 10)


def test_states_follow_each_other_and_a_gap_is_none(series, history):
    dead = [summary(NOON + 60 + s, state=PathState.DEAD) for s in range(0, 60, 10)]
    store(series, minute(1, NOON + 60), message(2, NOON + 120, dead), minute(4, NOON + 240))
    spans = history.timeline(KEY, NOON, NOON + 240, NOON + HOUR_S)
    assert spans == (
        Span(NOON, NOON + 60, PathState.UP),
        Span(NOON + 60, NOON + 120, PathState.DEAD),
        Span(NOON + 120, NOON + 180, None),
        Span(NOON + 180, NOON + 240, PathState.UP),
    )


def test_availability_shows_unknown_and_maintenance_apart(series, history):
    dead = [summary(NOON + 60 + s, state=PathState.DEAD) for s in range(0, 60, 10)]
    brown = [summary(NOON + 120 + s, state=PathState.BROWNOUT) for s in range(0, 60, 10)]
    store(
        series,
        minute(1, NOON + 60),
        message(2, NOON + 120, dead),
        message(3, NOON + 180, brown),
    )
    found = history.availability(KEY, NOON, NOON + 300)
    assert found == Availability(0.4, 0.2, 0.4, 0.0, 0.2)
    planned = history.availability(KEY, NOON, NOON + 300, [(NOON + 60, NOON + 150)])
    assert asdict(planned) == pytest.approx(asdict(Availability(0.3, 0.0, 0.4, 0.3, 0.1)))


def test_windows_that_overlap_count_once():
    point = of_summary(summary(NOON, seconds=60), NOON)
    windows = [(NOON, NOON + 30), (NOON + 15, NOON + 45), (NOON + 20, NOON + 25)]
    found = shares([point], NOON, 60, windows)
    assert (found.maintenance, found.available) == (0.75, 0.25)


def test_an_empty_period_is_unknown():
    assert shares([], NOON, 60) == Availability(0.0, 0.0, 1.0, 0.0, 0.0)
    assert shares([None, None], NOON, 60) == Availability(0.0, 0.0, 1.0, 0.0, 0.0)


def test_no_points_are_no_spans():
    assert state_spans([], NOON, 60) == ()


def test_changes_keep_both_times_and_follow_the_controllers(series, history):
    gone = change(ChangeKind.PATH_STATE, NOON + 7199, state="dead", reason="no answer for 1.2 s")
    ahead = message(1, NOON + 7200, changes=(gone,))
    store(series, ahead, received_s=NOON)
    (found,) = history.changes(EDGE, NOON - 60, NOON + 60)
    assert (found.at_unix_s, found.claimed_unix_s) == (NOON - 1, NOON + 7199)
    assert (found.kind, found.state, found.reason) == (
        "path-state",
        "dead",
        "no answer for 1.2 s",
    )


@pytest.mark.parametrize("ahead_s", [7200, -7200, NOON])
def test_a_live_clock_that_contradicts_the_receipt_is_not_believed(series, history, ahead_s):
    for number, said in enumerate((NOON + 60, NOON + 120), 1):
        store(series, minute(number, said - ahead_s), received_s=said)
    band = history.band(KEY, NOON, NOON + 120, NOON + HOUR_S)
    assert [point is None for point in band.points] == [False] * 12
    found = history.slices(KEY, NOON, NOON + 120)
    assert {one.shift_s for one in found} == {ahead_s}
    assert found[0].summary.began_unix_s == NOON - ahead_s


def test_a_clock_that_is_not_set_places_replayed_slices_in_order(series, history):
    """An edge without a clock was cut off: its spool follows what is known, before the receipt."""
    store(series, minute(1, NOON))
    wrong = [minute(n, 1000 + 60 * n, clock_trusted=False, replayed=True) for n in (2, 3)]
    store(series, *wrong, received_s=NOON + DAY_S)
    begins = [one.began_unix_s for one in history.slices(KEY, NOON - 60, NOON + DAY_S)]
    assert begins == [NOON - 60 + 10 * place for place in range(18)]


def test_replayed_slices_of_a_trusted_clock_stay_where_they_were(series, history):
    store(series, minute(1, NOON, replayed=True), received_s=NOON + 20 * DAY_S)
    found = history.slices(KEY, NOON - 60, NOON)
    assert [one.shift_s for one in found] == [0] * 6


def test_a_path_that_nobody_knows_has_no_past(series, history):
    nowhere = PathKey("nobody", HUB, FIBRE)
    assert history.band(nowhere, NOON - 60, NOON, NOON + 600).points == (None,) * 6
    assert history.slices(nowhere, 0, NOON) == []
    assert history.changes("nobody", 0, NOON) == []


def test_a_month_has_the_hours_of_its_days(series, history):
    began = int(datetime(2027, 1, 31, 23, tzinfo=UTC).timestamp())
    for number, at_s in enumerate((began + 60, began + HOUR_S + 60, began + 2 * HOUR_S), 1):
        store(series, minute(number, at_s))
    while series.pack(1, began + 3 * HOUR_S):
        pass
    found = history.rollups(KEY, began, began + 4 * HOUR_S, HOUR_S)
    assert [one.began_unix_s for one in found] == [began, began + HOUR_S]
