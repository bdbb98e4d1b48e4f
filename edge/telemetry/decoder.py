"""Reading of one message, within bounds: whatever is wrong with it is a FrameError."""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Final

from edge.telemetry.columns import (
    CHANGE_COLUMNS,
    HEAD_COLUMNS,
    KINDS,
    OCTETS_UNIT,
    PATH_COLUMNS,
    STATES,
    SUMMARY_COLUMNS,
    Column,
    Predictor,
    add_expected,
    entry_at,
    optional_of,
    share_of,
)
from edge.telemetry.model import (
    LAST_BIN,
    Change,
    PathNow,
    PathSummary,
    Spread,
    TelemetryMessage,
)
from edge.telemetry.varints import FrameError, VarintReader

MOST_PATHS: Final = 4096
MOST_SUMMARIES: Final = 20_000
MOST_CHANGES: Final = 5_000
MOST_TEXTS: Final = 20_000


class MessageDecoder:
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
        rows = self._rows(MOST_PATHS, PATH_COLUMNS, "paths", self._in.uint)
        return tuple(map(self._path, rows))

    def _path(self, row: Column) -> PathNow:
        way, medium, state, delay, out, back, mos, load, consultation = row
        peer, circuit = entry_at(self._ways, way, "path")
        return PathNow(
            peer,
            circuit,
            entry_at(self._texts, medium, "medium"),
            entry_at(STATES, state, "state"),
            optional_of(delay, 10),
            share_of(out),
            share_of(back),
            optional_of(mos, 100),
            entry_at(self._loads, load, "load"),
            entry_at((False, True), consultation, "consultation"),
        )

    def _summaries(self, sent_s: int) -> tuple[PathSummary, ...]:
        rows = self._rows(MOST_SUMMARIES, SUMMARY_COLUMNS, "summaries", self._in.sint)
        add_expected(rows)
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
        peer, circuit = entry_at(self._ways, way, "path")
        return PathSummary(
            peer,
            circuit,
            began + sent_s,
            seconds,
            entry_at(STATES, state, "state"),
            sent,
            lost_out,
            lost_in,
            heard,
            delay,
            jitter,
            optional_of(mos, 100),
            sent_units * OCTETS_UNIT,
            received_units * OCTETS_UNIT,
            pace_ms,
            entry_at(self._loads, load, "load"),
        )

    def _spreads(self, rows: Sequence[Column]) -> list[Spread | None]:
        read = self._in
        numbers = [read.count(LAST_BIN + 1, 0, "bins") for _ in rows]
        there = [(row, number) for row, number in zip(rows, numbers, strict=True) if number]
        columns = [[read.sint() for _ in there] for _ in range(HEAD_COLUMNS)]
        means, firsts = Predictor(), Predictor()
        heads = [
            _spread_head_of(list(head), row, means, firsts)
            for head, (row, _) in zip(zip(*columns, strict=True), there, strict=True)
        ]
        gaps = [[read.uint() for _ in range(number - 1)] for _, number in there]
        counts = [[read.uint() for _ in range(number - 1)] for _, number in there]
        made = map(_spread_of_head, heads, gaps, counts)
        return [next(made) if number else None for number in numbers]

    def _changes(self, sent_ms: int) -> tuple[Change, ...]:
        rows = self._rows(MOST_CHANGES, CHANGE_COLUMNS, "changes", self._in.uint)
        return tuple(self._change(row, sent_ms) for row in rows)

    def _change(self, row: Column, sent_ms: int) -> Change:
        kind, at, *words = row
        at_ms = sent_ms + ((at >> 1) ^ -(at & 1))
        said = [entry_at(self._texts, place, "text") for place in words]
        return Change(entry_at(KINDS, kind, "kind"), at_ms / 1000, *said)


def _spread_head_of(
    head: Column, row: Column, means: Predictor, firsts: Predictor
) -> tuple[int, int, int, int, int]:
    """Return count, mean, least, most and first bin from differences."""
    count, mean, first = head[0] + row[4] - row[5], head[1], head[4]
    mean += means.get(row[0])
    first += firsts.get(row[0])
    means.swap(row[0], mean)
    firsts.swap(row[0], first)
    return count, mean, mean - head[2], mean + head[3], first


def _spread_of_head(head: tuple[int, int, int, int, int], gaps: Column, counts: Column) -> Spread:
    count, mean, least, most, first = head
    indexes = [*accumulate(gaps, initial=first)]
    counts = [*counts, count - sum(counts)]
    if min(gaps, default=1) < 1 or min(counts) < 1 or not 0 <= first <= indexes[-1] <= LAST_BIN:
        raise FrameError("the bins of a histogram do not come to its count in order")
    if not 0 <= least <= most:
        raise FrameError("the least of a histogram is above its most")
    bins = tuple(zip(indexes, counts, strict=True))
    return Spread(count, mean * count / 10, least / 10, most / 10, bins)
