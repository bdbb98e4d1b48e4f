"""Messages as octets and back: columns of varints, raw deflate with a preset dictionary (RFC 1951).

A frame is two octets and a deflate stream. The first is the format (high half) and the number of
the dictionary (low half), the second holds flags: 1 is replayed, so that a frame of the disk is
sent as history without being written again. Units are fixed: 0.1 ms, 0.01 MOS, 0.01 % of loss,
1,000 octets, 1 ms of time. Row by row, a figure is its difference from the same path's row before.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import accumulate, pairwise
from typing import Final, TypeVar

from edge.telemetry.dictionary import DICTIONARIES, NEWEST
from edge.telemetry.model import (
    LAST_BIN,
    Change,
    ChangeKind,
    PathNow,
    PathState,
    PathSummary,
    Spread,
    TelemetryMessage,
)
from edge.telemetry.varints import FrameError, VarintReader, VarintWriter, clean_text

__all__ = ["FrameError", "as_replayed", "decode", "encode"]

FORMAT: Final = 1
REPLAYED: Final = 1
LARGEST_FRAME: Final = 256 * 1024
LARGEST_BODY: Final = 1024 * 1024
MOST_PATHS: Final = 4096
MOST_SUMMARIES: Final = 20_000
MOST_CHANGES: Final = 5_000
MOST_TEXTS: Final = 20_000
OCTETS_UNIT: Final = 1000
_STATES: Final = tuple(PathState)
_KINDS: Final = tuple(ChangeKind)
# Integers to a row.
_PATH_COLUMNS: Final = 9
_SUMMARY_COLUMNS: Final = 13
_CHANGE_COLUMNS: Final = 7
_HEAD_COLUMNS: Final = 5

Column = list[int]
Words = TypeVar("Words", bound=StrEnum)


def encode(message: TelemetryMessage) -> bytes:
    """Return a message as a frame. Raises FrameError when it is larger than any frame."""
    body = _Encoder(message).body()
    if len(body) > LARGEST_BODY:
        raise FrameError(f"{len(body):,} octets are more than a frame holds; split the message")
    packing = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=DICTIONARIES[NEWEST])
    head = bytes((FORMAT << 4 | NEWEST, REPLAYED if message.replayed else 0))
    frame = head + packing.compress(body) + packing.flush()
    if len(frame) > LARGEST_FRAME:
        raise FrameError(f"{len(frame):,} octets are more than a frame has; split the message")
    return frame


def as_replayed(frame: bytes) -> bytes:
    """Return a frame whose message is history."""
    return bytes((frame[0], frame[1] | REPLAYED)) + frame[2:]


def decode(frame: bytes) -> TelemetryMessage:
    """Return the message of a frame. Raises FrameError for anything else, in bounded memory."""
    if not 2 < len(frame) <= LARGEST_FRAME:
        raise FrameError(f"{len(frame):,} octets are no frame")
    if frame[0] >> 4 != FORMAT or frame[1] & ~REPLAYED:
        raise FrameError(f"format {frame[0] >> 4} with flags {frame[1]} is not known here")
    reader = VarintReader(_body(frame))
    message = _Decoder(reader, replayed=bool(frame[1] & REPLAYED)).message()
    if reader.left:
        raise FrameError(f"{reader.left} octets are left over")
    return message


def _body(frame: bytes) -> bytes:
    preset = DICTIONARIES.get(frame[0] & 0x0F)
    if preset is None:
        raise FrameError(f"dictionary {frame[0] & 0x0F} is not known here")
    unpacking = zlib.decompressobj(-15, zdict=preset)
    try:
        body = unpacking.decompress(frame[2:], LARGEST_BODY)
    except zlib.error as error:
        raise FrameError(f"not a deflate stream: {error}") from None
    if not unpacking.eof or unpacking.unused_data:
        raise FrameError("the deflate stream is cut short, too large, or followed by more")
    return body


class _Table:
    """Values by their places, in order of first use."""

    def __init__(self) -> None:
        self.places: dict[tuple[int, ...] | str, int] = {}

    def place(self, value: tuple[int, ...] | str) -> int:
        """Return the place of a value, which is added if it is new."""
        return self.places.setdefault(value, len(self.places))


class _Encoder:
    """Writes one message; tables are written before the rows that refer to them."""

    def __init__(self, message: TelemetryMessage) -> None:
        self._message = message
        self._texts, self._ways, self._loads = _Table(), _Table(), _Table()

    def body(self) -> bytes:
        """Return the message as octets that are not packed yet."""
        rows = VarintWriter()
        # Ways and loads get their places in the order of paths.
        now = [self._now(path) for path in self._message.paths]
        past = [self._summary(one) for one in self._message.summaries]
        changes = [self._change(change) for change in self._message.changes]
        _write_columns(rows, now)
        self._write_summaries(rows, past)
        _write_columns(rows, changes)
        out = VarintWriter()
        self._head(out)
        self._tables(out)
        return bytes(out.octets + rows.octets)

    def _head(self, out: VarintWriter) -> None:
        message = self._message
        out.text(message.device)
        out.text(message.boot)
        out.uint(message.sequence)
        out.uint(message.merged)
        out.uint(message.live)
        out.uint(int(message.clock_trusted))
        out.sint(_ms(message.sent_unix_s))
        out.uint(_ms(message.uptime_s))

    def _tables(self, out: VarintWriter) -> None:
        out.uint(len(self._texts.places))
        for text in self._texts.places:
            out.text(str(text))
        for table in (self._ways, self._loads):
            out.uint(len(table.places))
            for entry in table.places:
                out.uint(len(entry))
                for place in entry:
                    out.uint(int(place))

    def _text(self, text: str) -> int:
        return self._texts.place(clean_text(text))

    def _way(self, peer: str, circuit: str) -> int:
        return self._ways.place((self._text(peer), self._text(circuit)))

    def _load(self, carries: Iterable[str]) -> int:
        return self._loads.place(tuple(map(self._text, carries)))

    def _now(self, path: PathNow) -> Column:
        return [
            self._way(path.peer, path.circuit),
            self._text(path.medium),
            _STATES.index(path.state),
            _optional(path.delay_ms, 10),
            _units(path.loss_out, 10_000),
            _units(path.loss_in, 10_000),
            _optional(path.mos, 100),
            self._load(path.carries),
            int(path.consultation),
        ]

    def _summary(self, one: PathSummary) -> Column:
        began_s = one.began_unix_s - _ms(self._message.sent_unix_s) // 1000
        return [
            self._way(one.peer, one.circuit),
            began_s,
            one.seconds,
            _STATES.index(one.state),
            one.sent,
            one.lost_out,
            one.lost_in,
            one.heard_in,
            _optional(one.mos, 100),
            round(one.sent_octets / OCTETS_UNIT),
            round(one.received_octets / OCTETS_UNIT),
            one.pace_ms,
            self._load(one.carries),
        ]

    def _write_summaries(self, out: VarintWriter, rows: Sequence[Column]) -> None:
        _write_columns(out, _differences(rows))
        spreads = [(one.delay_ms, one.jitter_ms) for one in self._message.summaries]
        for which in (0, 1):
            column = [pair[which] for pair in spreads]
            _write_spreads(out, column, rows)

    def _change(self, change: Change) -> Column:
        at_ms = _ms(change.at_unix_s) - _ms(self._message.sent_unix_s)
        words = (change.peer, change.circuit, change.service, change.state, change.reason)
        return [_KINDS.index(change.kind), _zigzag(at_ms), *map(self._text, words)]


def _write_columns(out: VarintWriter, rows: Sequence[Column]) -> None:
    """Write rows of integers that are not negative, column by column."""
    out.uint(len(rows))
    for column in zip(*rows, strict=True):
        for value in column:
            out.uint(value)


def _differences(rows: Sequence[Column]) -> list[Column]:
    """Return rows as differences from what the row before of the same path lets expect."""
    return [
        [_zigzag(value - expected) for value, expected in zip(row, guess, strict=True)]
        for row, guess in zip(rows, _expected(rows), strict=True)
    ]


def _expected(rows: Iterable[Column]) -> Iterable[Column]:
    """Yield what each row is expected to be, from those before it alone."""
    last: dict[int, Column] = {}
    way = 0
    before: Column = [0] * _SUMMARY_COLUMNS
    for row in rows:
        # A row is known by its way, which is decoded first.
        guess = [way, *last.get(row[0], before)[1:]]
        if row[0] in last:
            guess[1] += guess[2]
        yield guess
        way, last[row[0]] = row[0], row
        before = before if any(before) else row


def _write_spreads(
    out: VarintWriter, spreads: Sequence[Spread | None], rows: Sequence[Column]
) -> None:
    for spread in spreads:
        out.uint(len(spread.bins) if spread else 0)
    there = [(spread, row) for spread, row in zip(spreads, rows, strict=True) if spread]
    means, firsts = _Predictor(), _Predictor()
    heads = [_spread_head(spread, row, means, firsts) for spread, row in there]
    for column in zip(*heads, strict=True):
        for value in column:
            out.sint(value)
    for spread, _ in there:
        for (one, _), (after, _) in pairwise(spread.bins):
            out.uint(after - one)
    for spread, _ in there:
        for _, count in spread.bins[:-1]:
            out.uint(count)


def _spread_head(
    spread: Spread, row: Column, means: "_Predictor", firsts: "_Predictor"
) -> tuple[int, int, int, int, int]:
    """Return count, mean, least, most and first bin, as differences from what is expected."""
    mean, first = _units(spread.mean, 10), spread.bins[0][0]
    return (
        spread.count - (row[4] - row[5]),
        mean - means.swap(row[0], mean),
        mean - _units(spread.least, 10),
        _units(spread.most, 10) - mean,
        first - firsts.swap(row[0], first),
    )


class _Predictor:
    """Remembers the last value of each path."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}

    def get(self, way: int) -> int:
        """Return the last value of a path, 0 without one."""
        return self._last.get(way, 0)

    def swap(self, way: int, value: int) -> int:
        """Return the last value of a path and remember another."""
        before, self._last[way] = self._last.get(way, 0), value
        return before


class _Decoder:
    """Reads one message."""

    def __init__(self, reader: VarintReader, *, replayed: bool) -> None:
        self._in = reader
        self._replayed = replayed
        self._texts: list[str] = []
        self._ways: list[tuple[str, str]] = []
        self._loads: list[tuple[str, ...]] = []

    def message(self) -> TelemetryMessage:
        """Return the message."""
        read = self._in
        device, boot, sequence = read.text(), read.text(), read.uint()
        merged, live, trusted = read.uint(), read.uint(), read.index(2, "the clock's state")
        sent_ms, uptime_ms = read.sint(), read.uint()
        if merged > sequence:
            raise FrameError(f"{merged} numbers before {sequence} are more than there are")
        self._tables()
        return TelemetryMessage(
            device=device,
            boot=boot,
            sequence=sequence,
            sent_unix_s=sent_ms / 1000,
            uptime_s=uptime_ms / 1000,
            clock_trusted=bool(trusted),
            replayed=self._replayed,
            paths=self._paths(),
            summaries=self._summaries(sent_ms // 1000),
            changes=self._changes(sent_ms),
            merged=merged,
            live=live,
        )

    def _tables(self) -> None:
        read = self._in
        self._texts = [read.text() for _ in range(read.count(MOST_TEXTS, 1, "texts"))]
        ways = self._entries(MOST_TEXTS, "paths")
        if any(len(entry) != 2 for entry in ways):
            raise FrameError("a path is not a peer and a circuit")
        self._ways = [(peer, circuit) for peer, circuit in ways]
        self._loads = self._entries(MOST_TEXTS, "loads")

    def _entries(self, most: int, what: str) -> list[tuple[str, ...]]:
        read, texts = self._in, self._texts
        entries = []
        for _ in range(read.count(most, 1, what)):
            length = read.count(64, 1, what)
            entries.append(
                tuple(texts[read.index(len(texts), "text")] for _ in range(length)),
            )
        return entries

    def _rows(self, most: int, width: int, what: str, read_one: Callable[[], int]) -> list[Column]:
        """Return rows that were written column by column."""
        number = self._in.count(most, width, what)
        columns = [[read_one() for _ in range(number)] for _ in range(width)] if number else []
        return [list(row) for row in zip(*columns, strict=True)]

    def _paths(self) -> tuple[PathNow, ...]:
        rows = self._rows(MOST_PATHS, _PATH_COLUMNS, "paths", self._in.uint)
        return tuple(map(self._path, rows))

    def _path(self, row: Column) -> PathNow:
        way, medium, state, delay, out, back, mos, load, consultation = row
        peer, circuit = _at(self._ways, way, "path")
        return PathNow(
            peer,
            circuit,
            _at(self._texts, medium, "medium"),
            _at(_STATES, state, "state"),
            _optional_of(delay, 10),
            _share(out),
            _share(back),
            _optional_of(mos, 100),
            _at(self._loads, load, "load"),
            _at((False, True), consultation, "consultation"),
        )

    def _summaries(self, sent_s: int) -> tuple[PathSummary, ...]:
        rows = self._rows(MOST_SUMMARIES, _SUMMARY_COLUMNS, "summaries", self._in.sint)
        _add_expected(rows)
        for row in rows:
            # Where and when may be negative on the way here, figures not.
            if row[0] < 0 or min(row[2:]) < 0:
                raise FrameError("a figure of a summary is negative")
        delays, jitters = self._spreads(rows), self._spreads(rows)
        return tuple(
            self._summary(row, sent_s, delay, jitter)
            for row, delay, jitter in zip(rows, delays, jitters, strict=True)
        )

    def _summary(
        self, row: Column, sent_s: int, delay: Spread | None, jitter: Spread | None
    ) -> PathSummary:
        way, began, seconds, state, sent, lost_out, lost_in, heard, mos, *rest = row
        sent_units, received_units, pace_ms, load = rest
        peer, circuit = _at(self._ways, way, "path")
        return PathSummary(
            peer,
            circuit,
            began + sent_s,
            seconds,
            _at(_STATES, state, "state"),
            sent,
            lost_out,
            lost_in,
            heard,
            delay,
            jitter,
            _optional_of(mos, 100),
            sent_units * OCTETS_UNIT,
            received_units * OCTETS_UNIT,
            pace_ms,
            _at(self._loads, load, "load"),
        )

    def _spreads(self, rows: Sequence[Column]) -> list[Spread | None]:
        read = self._in
        numbers = [read.count(LAST_BIN + 1, 0, "bins") for _ in rows]
        there = [(row, number) for row, number in zip(rows, numbers, strict=True) if number]
        columns = [[read.sint() for _ in there] for _ in range(_HEAD_COLUMNS)]
        means, firsts = _Predictor(), _Predictor()
        heads = [
            _spread_head_of(list(head), row, means, firsts)
            for head, (row, _) in zip(zip(*columns, strict=True), there, strict=True)
        ]
        gaps = [[read.uint() for _ in range(number - 1)] for _, number in there]
        counts = [[read.uint() for _ in range(number - 1)] for _, number in there]
        made = map(_spread_of, heads, gaps, counts)
        return [next(made) if number else None for number in numbers]

    def _changes(self, sent_ms: int) -> tuple[Change, ...]:
        rows = self._rows(MOST_CHANGES, _CHANGE_COLUMNS, "changes", self._in.uint)
        return tuple(self._change(row, sent_ms) for row in rows)

    def _change(self, row: Column, sent_ms: int) -> Change:
        kind, at, *words = row
        at_ms = sent_ms + ((at >> 1) ^ -(at & 1))
        said = [_at(self._texts, place, "text") for place in words]
        return Change(_at(_KINDS, kind, "kind"), at_ms / 1000, *said)


def _spread_head_of(
    head: Column, row: Column, means: _Predictor, firsts: _Predictor
) -> tuple[int, int, int, int, int]:
    """Return count, mean, least, most and first bin from differences."""
    count, mean, first = head[0] + row[4] - row[5], head[1], head[4]
    mean += means.get(row[0])
    first += firsts.get(row[0])
    means.swap(row[0], mean)
    firsts.swap(row[0], first)
    return count, mean, mean - head[2], mean + head[3], first


def _spread_of(head: tuple[int, int, int, int, int], gaps: Column, counts: Column) -> Spread:
    count, mean, least, most, first = head
    indexes = [*accumulate(gaps, initial=first)]
    counts = [*counts, count - sum(counts)]
    if min(gaps, default=1) < 1 or min(counts) < 1 or not 0 <= first <= indexes[-1] <= LAST_BIN:
        raise FrameError("the bins of a histogram do not come to its count in order")
    if not 0 <= least <= most:
        raise FrameError("the least of a histogram is above its most")
    bins = tuple(zip(indexes, counts, strict=True))
    return Spread(count, mean * count / 10, least / 10, most / 10, bins)


def _add_expected(rows: list[Column]) -> None:
    """Turn differences into what they are differences of, in place."""
    last: dict[int, Column] = {}
    way = 0
    before: Column = [0] * _SUMMARY_COLUMNS
    for row in rows:
        row[0] += way
        guess = last.get(row[0], before)
        for place in range(1, len(row)):
            row[place] += guess[place]
        if row[0] in last:
            row[1] += guess[2]
        way, last[row[0]] = row[0], row
        before = before if any(before) else row


T = TypeVar("T")


def _at(table: Sequence[T], place: int, what: str) -> T:
    if not 0 <= place < len(table):
        raise FrameError(f"{what} {place} is not in its table of {len(table)}")
    return table[place]


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _units(value: float, per_one: int) -> int:
    return round(value * per_one)


def _optional(value: float | None, per_one: int) -> int:
    """Return a figure in its units and 1 more; 0 is no figure."""
    return 0 if value is None else round(value * per_one) + 1


def _optional_of(units: int, per_one: int) -> float | None:
    return (units - 1) / per_one if units else None


def _share(units: int) -> float:
    if units > 10_000:
        raise FrameError(f"{units / 100} % of loss is more than all")
    return units / 10_000
