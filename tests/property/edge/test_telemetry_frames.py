"""Laws of telemetry frames: what is written is read, and foreign octets give a FrameError."""

import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.telemetry import frames
from edge.telemetry.dictionary import DICTIONARIES, NEWEST
from edge.telemetry.frames import FrameError
from edge.telemetry.model import (
    LAST_BIN,
    Change,
    ChangeKind,
    PathNow,
    PathState,
    PathSummary,
    Spread,
    TelemetryMessage,
    bin_begin_ms,
    bin_index,
    spread_of,
)
from tests.rigs.edge.telemetry_messages import idle_minute
from tests.rigs.examples import examples

names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", max_size=30)
sentences = st.text(st.characters(categories=["L", "N", "P"]), max_size=60)
counts = st.integers(0, 10**9)
tenths = st.integers(0, 10**7)
shares = st.integers(0, 10_000).map(lambda units: units / 10_000)
scores = st.none() | st.integers(100, 450).map(lambda units: units / 100)
delays = st.none() | tenths.map(lambda units: units / 10)
instants = st.integers(-(10**12), 10**13).map(lambda ms: ms / 1000)
loads = st.lists(names, max_size=4).map(tuple)
states = st.sampled_from(PathState)


@st.composite
def spreads(draw):
    bins = draw(st.dictionaries(st.integers(0, LAST_BIN), st.integers(1, 10**6), min_size=1))
    count = sum(bins.values())
    least, mean, most = sorted(draw(st.tuples(tenths, tenths, tenths)))
    return Spread(count, mean * count / 10, least / 10, most / 10, tuple(sorted(bins.items())))


def some(values: list[float]) -> Spread:
    found = spread_of(values)
    assert found is not None
    return found


paths = st.builds(
    PathNow, names, names, names, states, delays, shares, shares, scores, loads, st.booleans()
)
octets = st.integers(0, 10**9).map(lambda units: units * 1000)
summaries = st.builds(
    PathSummary,
    names,
    names,
    st.integers(-(10**9), 10**10),
    st.integers(0, 100_000),
    states,
    counts,
    counts,
    counts,
    counts,
    st.none() | spreads(),
    st.none() | spreads(),
    scores,
    octets,
    octets,
    counts,
    loads,
)
changes = st.builds(
    Change, st.sampled_from(ChangeKind), instants, names, names, names, names, sentences
)


@st.composite
def messages(draw):
    sequence = draw(counts)
    return TelemetryMessage(
        device=draw(names),
        boot=draw(names),
        sequence=sequence,
        sent_unix_s=draw(instants),
        uptime_s=draw(st.integers(0, 10**13).map(lambda ms: ms / 1000)),
        clock_trusted=draw(st.booleans()),
        replayed=draw(st.booleans()),
        paths=tuple(draw(st.lists(paths, max_size=5))),
        summaries=tuple(draw(st.lists(summaries, max_size=8))),
        changes=tuple(draw(st.lists(changes, max_size=5))),
        merged=draw(st.integers(0, sequence)),
        live=draw(counts),
    )


@settings(max_examples=examples(40))
@given(messages())
def test_a_message_is_read_as_it_was_written(message):
    assert frames.decode(frames.encode(message)) == message


@settings(max_examples=examples(40))
@given(messages())
def test_a_frame_becomes_history_without_being_written_again(message):
    found = frames.decode(frames.as_replayed(frames.encode(message)))
    assert found.replayed
    assert (found.sequence, found.summaries) == (message.sequence, message.summaries)


@settings(max_examples=examples(40))
@given(st.binary(max_size=300))
def test_foreign_octets_are_refused(octets):
    with pytest.raises(FrameError):
        frames.decode(octets)


@settings(max_examples=examples(100))
@given(st.binary(max_size=400))
def test_a_foreign_body_gives_a_message_or_a_frame_error(body):
    packing = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=DICTIONARIES[NEWEST])
    frame = bytes((frames.FORMAT << 4 | NEWEST, 0)) + packing.compress(body) + packing.flush()
    try:
        found = frames.decode(frame)
    except FrameError:
        return
    assert isinstance(found, TelemetryMessage)


@settings(max_examples=examples(100))
@given(st.integers(0, 1), st.data())
def test_a_torn_or_changed_frame_gives_a_message_or_a_frame_error(seed, data):
    whole = bytearray(frames.encode(idle_minute(seed=seed)))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(whole)))
    for octets in (bytes(whole), bytes(whole[:cut])):
        try:
            frames.decode(octets)
        except FrameError as error:
            assert str(error)  # noqa: PT017 - either outcome is right


def test_a_frame_that_unpacks_to_much_takes_little_memory():
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = bytes((frames.FORMAT << 4 | NEWEST, 0)) + packing.compress(bytes(200_000_000))
    bomb += packing.flush()
    assert len(bomb) < frames.LARGEST_FRAME
    tracemalloc.start()
    with pytest.raises(FrameError):
        frames.decode(bomb)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10 * frames.LARGEST_BODY


@given(st.lists(st.floats(0.0, 60_000.0), min_size=1, max_size=200), st.floats(0.01, 1.0))
def test_a_quantile_of_a_histogram_is_within_its_bin(values, share):
    found = some(values)
    exact = sorted(values)[max(0, -int(-share * len(values) // 1) - 1)]
    low, high = bin_begin_ms(bin_index(exact)), bin_begin_ms(bin_index(exact) + 1)
    assert low - 1e-6 <= found.quantile(share) <= high + 1e-6


@given(st.lists(st.lists(st.floats(0.0, 5_000.0), min_size=1, max_size=30), min_size=2))
def test_merged_histograms_are_the_histogram_of_all(parts):
    merged = some(parts[0])
    for part in parts[1:]:
        merged = merged.merge(some(part))
    whole = some([value for part in parts for value in part])
    assert (merged.count, merged.least, merged.most, merged.bins) == (
        whole.count,
        whole.least,
        whole.most,
        whole.bins,
    )
    assert merged.total == pytest.approx(whole.total)
