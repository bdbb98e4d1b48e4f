"""Laws of stored telemetry: order, repetition and packing change nothing; merging is exact."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.telemetry.history import History, PathKey, on_grid, shares, state_spans
from controller.telemetry.rollup import (
    by_period,
    of_summary,
    pack_columns,
    pack_rollups,
    portions,
    unpack_columns,
    unpack_rollups,
)
from controller.telemetry.slices import (
    TRUSTED_WITHIN_S,
    Slice,
    message_shift_s,
    pack_slices,
    placed_slices,
    unpack_slices,
)
from edge.telemetry.model import PathState, spread_of
from tests.rigs.controller.telemetry_rig import (
    EDGE,
    FIBRE,
    HUB,
    NOON,
    SPOOL,
    arrival,
    message,
    minute,
    summary,
)
from tests.rigs.controller.telemetry_service import open_series
from tests.rigs.examples import examples

HOUR_S = 3600


def rounded(values):
    """Return the spread of values in tenths, with a sum that has no error of floats."""
    found = spread_of(values)
    assert found
    return replace(found, total=round(sum(values), 1))


tenths = st.integers(0, 50_000).map(lambda value: value / 10)
counts = st.integers(0, 2**40)
spreads = st.none() | st.lists(tenths, min_size=1, max_size=20).map(rounded)
summaries = st.builds(
    lambda began, **rest: summary(NOON + began, **rest),
    st.integers(0, 2 * HOUR_S),
    seconds=st.sampled_from((1, 10, 60, 600)),
    state=st.sampled_from(PathState),
    sent=counts,
    lost_out=counts,
    lost_in=counts,
    heard_in=counts,
    delay_ms=spreads,
    jitter_ms=spreads,
    mos=st.none() | st.integers(100, 450).map(lambda value: value / 100),
    sent_octets=counts.map(lambda value: value * 1000),
    received_octets=counts.map(lambda value: value * 1000),
    carries=st.sampled_from(((), ("voice",), ("voice", "video"))),
)


@given(st.lists(st.lists(st.integers(-(2**62) + 1, 2**62 - 1), max_size=50), max_size=9))
def test_columns_come_back(columns):
    assert [*unpack_columns(pack_columns(columns))] == columns


@given(st.lists(st.tuples(st.integers(1, 3), summaries, st.integers(-(2**40), 2**40))))
def test_packed_slices_come_back(rows):
    names = {number: (HUB, f"circuit-{number}") for number in (1, 2, 3)}
    slices = [
        (path, Slice(replace(one, circuit=names[path][1]), shift)) for path, one, shift in rows
    ]
    assert unpack_slices(pack_slices(slices), names, names) == [one for _, one in slices]
    second = [one for path, one in slices if path == 2]
    assert unpack_slices(pack_slices(slices), names, [2]) == second


@given(st.lists(summaries))
def test_packed_rollups_come_back(found):
    rollups = [of_summary(one, one.began_unix_s) for one in found]
    assert unpack_rollups(pack_rollups(rollups)) == rollups


@given(summaries, st.sampled_from((10, 60)))
def test_portions_cover_a_slice_and_add_up_to_it(one, period_s):
    whole = of_summary(one, one.began_unix_s)
    parts = [*portions(whole, period_s)]
    assert sum(part.seconds for part in parts) == whole.seconds
    assert sum(part.sent for part in parts) == whole.sent
    for before, after in pairwise(parts):
        assert before.began_unix_s + before.seconds == after.began_unix_s


@given(st.lists(summaries, min_size=1))
def test_an_hour_is_the_sum_of_its_minutes_whichever_way_it_is_merged(found):
    rollups = [of_summary(one, one.began_unix_s) for one in found]
    direct = by_period(rollups, HOUR_S)
    stepwise = by_period(by_period(rollups[::-1], 60).values(), HOUR_S)
    assert direct.keys() == stepwise.keys()
    for began_s, one in direct.items():
        other = stepwise[began_s]
        assert (one.states_s, one.sent, one.lost_in) == (other.states_s, other.sent, other.lost_in)
        assert (one.delay_ms is None) == (other.delay_ms is None)
        if one.delay_ms and other.delay_ms:
            assert one.delay_ms.bins == other.delay_ms.bins
            assert one.delay_ms.quantile(0.95) == other.delay_ms.quantile(0.95)


@given(st.lists(summaries), st.lists(st.tuples(st.integers(0, HOUR_S), st.integers(0, HOUR_S))))
def test_shares_add_up_and_spans_follow_each_other(found, windows):
    rollups = [p for one in found for p in portions(of_summary(one, one.began_unix_s), 60)]
    points = on_grid(by_period(rollups, 60).values(), NOON, NOON + HOUR_S, 60)
    planned = [(NOON + min(window), NOON + max(window)) for window in windows]
    got = shares(points, NOON, 60, planned)
    total = got.available + got.unavailable + got.unknown + got.maintenance
    assert abs(total - 1) < 1e-9
    assert min(got.available, got.unavailable, got.unknown, got.maintenance) >= 0
    spans = state_spans(points, NOON, 60)
    assert (spans[0].began_unix_s, spans[-1].ended_unix_s) == (NOON, NOON + HOUR_S)
    for before, after in pairwise(spans):
        assert before.ended_unix_s == after.began_unix_s
        assert before.state is not after.state


@given(
    st.integers(-(2**40), 2**40), st.booleans(), st.booleans(), st.integers(0, NOON), st.booleans()
)
def test_no_clock_puts_a_slice_after_its_receipt(sent_s, trusted, replayed, until_s, known):
    one = minute(1, sent_s, clock_trusted=trusted, replayed=replayed)
    shift_s = message_shift_s(one, NOON, until_s if known else 0)
    placed = placed_slices(one, shift_s, after_s=0, until_s=NOON)
    assert all(0 <= p.began_unix_s <= NOON + TRUSTED_WITHIN_S for p in placed)
    if not replayed:
        assert len(placed) == 6


@settings(max_examples=examples(16))
@given(st.data())
def test_whatever_order_and_repetition_each_message_is_stored_once(data):
    """Batches of any size, sent again from any point, packed at any time: as sent once."""
    total = data.draw(st.integers(1, 30))
    messages = [message(n, NOON + 60 * n, [summary(NOON + 60 * n - 60)]) for n in range(1, total)]
    with TemporaryDirectory() as folder:
        series = open_series(Path(folder))
        at = 0
        while at < len(messages):
            # A connection that broke begins again at what was acknowledged, or before.
            begin = data.draw(st.integers(0, at))
            end = data.draw(st.integers(at + 1, len(messages)))
            new = series.append([arrival(one) for one in messages[begin:end]])
            assert new == (False,) * (at - begin) + (True,) * (end - at)
            at = end
            if data.draw(st.booleans()):
                series.pack(1, NOON + 60 * total)
        key = PathKey(EDGE, HUB, FIBRE)
        found = History(series.engine).slices(key, 0, NOON + 86_400)
        assert [one.began_unix_s for one in found] == [NOON + 60 * n for n in range(total - 1)]
        assert series.last_message(EDGE, SPOOL).sequence == len(messages)
        series.engine.dispose()
