"""Writing of one message: its tables, and then its rows column by column."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from edge.telemetry.columns import (
    KINDS,
    OCTETS_UNIT,
    STATES,
    Column,
    Predictor,
    differences,
    milliseconds,
    optional_units,
    units,
    zigzag,
)
from edge.telemetry.model import Change, PathNow, PathSummary, Spread, TelemetryMessage
from edge.telemetry.varints import VarintWriter, clean_text


class _Table:
    """Values by their places, in order of first use."""

    def __init__(self) -> None:
        self.places: dict[tuple[int, ...] | str, int] = {}

    def place(self, value: tuple[int, ...] | str) -> int:
        """Return the place of a value, which is added if it is new."""
        return self.places.setdefault(value, len(self.places))


class MessageEncoder:
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
        out.sint(milliseconds(message.sent_unix_s))
        out.uint(milliseconds(message.uptime_s))

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
            STATES.index(path.state),
            optional_units(path.delay_ms, 10),
            units(path.loss_out, 10_000),
            units(path.loss_in, 10_000),
            optional_units(path.mos, 100),
            self._load(path.carries),
            int(path.consultation),
        ]

    def _summary(self, one: PathSummary) -> Column:
        began_s = one.began_unix_s - milliseconds(self._message.sent_unix_s) // 1000
        return [
            self._way(one.peer, one.circuit),
            began_s,
            one.seconds,
            STATES.index(one.state),
            one.sent,
            one.lost_out,
            one.lost_in,
            one.heard_in,
            optional_units(one.mos, 100),
            round(one.sent_octets / OCTETS_UNIT),
            round(one.received_octets / OCTETS_UNIT),
            one.pace_ms,
            self._load(one.carries),
        ]

    def _write_summaries(self, out: VarintWriter, rows: Sequence[Column]) -> None:
        _write_columns(out, differences(rows))
        spreads = [(one.delay_ms, one.jitter_ms) for one in self._message.summaries]
        for which in (0, 1):
            column = [pair[which] for pair in spreads]
            _write_spreads(out, column, rows)

    def _change(self, change: Change) -> Column:
        at_ms = milliseconds(change.at_unix_s) - milliseconds(self._message.sent_unix_s)
        words = (change.peer, change.circuit, change.service, change.state, change.reason)
        return [KINDS.index(change.kind), zigzag(at_ms), *map(self._text, words)]


def _write_columns(out: VarintWriter, rows: Sequence[Column]) -> None:
    """Write rows of integers that are not negative, column by column."""
    out.uint(len(rows))
    for column in zip(*rows, strict=True):
        for value in column:
            out.uint(value)


def _write_spreads(
    out: VarintWriter, spreads: Sequence[Spread | None], rows: Sequence[Column]
) -> None:
    for spread in spreads:
        out.uint(len(spread.bins) if spread else 0)
    there = [(spread, row) for spread, row in zip(spreads, rows, strict=True) if spread]
    means, firsts = Predictor(), Predictor()
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
    spread: Spread, row: Column, means: Predictor, firsts: Predictor
) -> tuple[int, int, int, int, int]:
    """Return count, mean, least, most and first bin, as differences from what is expected."""
    mean, first = units(spread.mean, 10), spread.bins[0][0]
    return (
        spread.count - (row[4] - row[5]),
        mean - means.swap(row[0], mean),
        mean - units(spread.least, 10),
        units(spread.most, 10) - mean,
        first - firsts.swap(row[0], first),
    )
