"""The store of telemetry: exactly once, packed without a change, dropped by the day."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import inspect

from controller.telemetry.history import History, PathKey
from controller.telemetry.series import Retention, Series
from edge.telemetry.model import ChangeKind
from tests.rigs.controller.telemetry_rig import (
    EDGE,
    FIBRE,
    HUB,
    NOON,
    SPOOL,
    arrival,
    change,
    message,
    minute,
    summary,
)
from tests.rigs.controller.telemetry_service import open_series

KEY = PathKey(EDGE, HUB, FIBRE)
DAY_S = 86_400
# What no database takes for a frame.
NO_FRAME: Any = None


@pytest.fixture(params=["sqlite", "postgresql"])
def series(request, tmp_path):
    postgresql = request.param == "postgresql"
    place = request.getfixturevalue("postgresql_address") if postgresql else tmp_path
    opened = open_series(place)
    yield opened
    opened.engine.dispose()


def pack_all(series, now_s):
    """Pack whatever is due, and return how many batches that were."""
    packed = 0
    for spool in series.due(now_s):
        while many := series.pack(spool, now_s):
            packed += many
    return packed


def shown(band):
    """Return a band with sums of floats as they are kept, in tenths."""
    points = [one and replace(one, **_spreads(one)) for one in band.points]
    return band.began_unix_s, band.step_s, points


def _spreads(one):
    named = {name: getattr(one, name) for name in ("delay_ms", "jitter_ms", "mos")}
    return {n: s and replace(s, total=round(s.total, 2)) for n, s in named.items()}


def test_a_message_is_stored_once(series):
    assert series.append([arrival(minute(1, NOON))]) == (True,)
    assert series.append([arrival(minute(1, NOON)), arrival(minute(2, NOON + 60))]) == (False, True)
    assert series.last_message(EDGE, SPOOL).sequence == 2
    assert len(History(series.engine).slices(KEY, NOON - 600, NOON + 600)) == 12


def test_a_message_that_was_merged_counts_by_its_first_number(series):
    series.append([arrival(minute(5, NOON))])
    assert series.append([arrival(minute(9, NOON + 240, merged=3))]) == (True,)
    assert series.append([arrival(minute(10, NOON + 300, merged=1))]) == (False,)
    assert series.last_message(EDGE, SPOOL).sequence == 9


def test_nothing_of_a_transaction_that_fails_is_stored(series):
    wrong = replace(arrival(minute(2, NOON)), frame=NO_FRAME)
    with pytest.raises(Exception, match=r"(?i)not.null"):
        series.append([arrival(minute(1, NOON)), wrong])
    assert series.last_message(EDGE, SPOOL).sequence == 0


def test_spools_of_one_edge_are_numbered_apart_and_shown_together(series):
    series.append([arrival(minute(1, NOON)), arrival(minute(1, NOON + 60), spool="other")])
    assert len(History(series.engine).slices(KEY, NOON - 600, NOON + 600)) == 12
    assert series.last_message(EDGE, "other").sequence == 1


def test_packing_changes_no_answer(series):
    series.append([arrival(minute(n, NOON + 60 * n)) for n in range(1, 150)])
    history, now_s = History(series.engine), NOON + 150 * 60
    spans = [(NOON, NOON + 3600), (NOON, NOON + 150 * 60), (NOON - 4 * DAY_S, NOON + 150 * 60)]
    before = [shown(history.band(KEY, *span, now_s)) for span in spans]
    slices = history.slices(KEY, NOON, now_s)
    assert {step_s for _, step_s, _ in before} == {10, 60, 3600}
    assert pack_all(series, now_s + 3600) == 148
    assert [shown(history.band(KEY, *span, now_s)) for span in spans] == before
    assert history.slices(KEY, NOON, now_s) == slices
    assert history.paths() == (KEY,)


def test_slices_that_come_after_their_hour_was_packed_are_added(series):
    series.append([arrival(minute(n, NOON + 60 * n)) for n in (1, 2, 3)])
    pack_all(series, NOON + 3600)
    later = [minute(n, NOON + 60 * n, replayed=True) for n in (31, 32, 33)]
    series.append([arrival(one, NOON + 2 * DAY_S) for one in later])
    assert pack_all(series, NOON + 2 * DAY_S + 3600) == 3
    history = History(series.engine)
    (hour,) = history.rollups(KEY, NOON, NOON + 3600, 3600)
    assert hour.seconds == 360
    assert len(history.slices(KEY, NOON, NOON + 3600)) == 36


def test_an_hour_is_packed_when_it_is_over_and_the_newest_batch_stays(series):
    series.append([arrival(minute(n, NOON + 60 * n)) for n in (1, 2, 3)])
    assert series.due(NOON + 300) == ()
    assert pack_all(series, NOON + 3600) == 2
    assert series.due(NOON + 7200) == ()
    ((kept, of_s),) = series.newest()
    assert (kept.message.sequence, kept.spool, of_s) == (3, SPOOL, NOON + 180)


def test_a_spool_that_fills_fast_is_packed_before_the_hour_is_over(series):
    series.append([arrival(message(n, NOON + n)) for n in range(1, 602)])
    assert series.due(NOON + 700) == (1,)


def test_a_replayed_message_says_how_things_were_when_it_was_made(series):
    series.append([arrival(minute(1, NOON - 7200, replayed=True), NOON)])
    ((_, of_s),) = series.newest()
    assert of_s == NOON - 7200


def test_tables_are_dropped_when_their_days_are_over(series):
    keep = Retention(slices_days=2, minutes_days=4, hours_days=40, changes_days=40)
    series = Series(series.engine, keep)
    gone = change(ChangeKind.PATH_STATE, NOON, state="dead")
    series.append([arrival(minute(1, NOON, changes=(gone,))), arrival(minute(2, NOON + 60))])
    pack_all(series, NOON + 3600)
    kinds = [
        {name.split("_")[1] for name in series.expired(NOON + days * DAY_S)}
        for days in (2, 4, 6, 60)
    ]
    every = {"slices", "minutes", "hours", "changes"}
    assert kinds == [set(), {"slices"}, {"slices", "minutes"}, every]
    for name in series.expired(NOON + 6 * DAY_S):
        series.drop(name)
    left = [n for n in inspect(series.engine).get_table_names() if n[-1].isdigit()]
    assert sorted(left) == ["telemetry_changes_202701", "telemetry_hours_202701"]
    history = History(series.engine)
    assert history.slices(KEY, NOON - 600, NOON) == []
    assert len(history.changes(EDGE, NOON - 60, NOON + 60)) == 1


def test_slices_older_than_what_is_kept_are_left_out(series):
    old = minute(1, NOON - 36 * DAY_S, replayed=True)
    series.append([arrival(old, NOON), arrival(minute(2, NOON))])
    assert pack_all(series, NOON + 3600) == 1
    assert [n for n in inspect(series.engine).get_table_names() if "slices" in n] == []


def test_a_figure_beyond_all_bounds_is_cut_and_harms_nothing(series):
    wild = summary(NOON - 60, sent=2**54, sent_octets=2**54 * 1000)
    series.append([arrival(message(1, NOON, [wild])), arrival(minute(2, NOON + 60))])
    assert pack_all(series, NOON + 3600) == 1
    (hour,) = History(series.engine).rollups(KEY, NOON - 3600, NOON, 3600)
    assert hour.sent == 2**54
