"""Merging of old messages: the same numbers and changes, with longer slices, to save room."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from edge.reporting.records import Record
from edge.telemetry import frames
from edge.telemetry.frames import FrameError
from edge.telemetry.model import (
    WORST_FIRST,
    PathState,
    PathSummary,
    Spread,
    TelemetryMessage,
    merge_spreads,
)

# Seconds of a slice by level: as made, merged once, merged twice.
SLICES_S: Final = (10, 60, 600)
MOST_ROWS: Final = 3_000
MOST_CHANGES: Final = 500


def coarsen_records(records: Iterable[Record], level: int) -> tuple[Record, ...]:
    """Return records with the slices of a level, as few as can be; unreadable ones are left out.

    What is missing then is a gap of numbers, as if it had been given up.
    """
    return tuple(_record(group, level) for group in _groups(_readable(records), SLICES_S[level]))


def _readable(records: Iterable[Record]) -> Iterator[tuple[Record, TelemetryMessage]]:
    for record in records:
        try:
            yield record, frames.decode(record.frame)
        except FrameError:
            continue


_Group = list[tuple[Record, TelemetryMessage]]


def _groups(told: Iterable[tuple[Record, TelemetryMessage]], slice_s: int) -> Iterator[_Group]:
    """Yield messages that become one: of one boot and one opinion of the clock, not too large."""
    group: _Group = []
    for record, message in told:
        if group and not _joins(group, message, slice_s):
            yield group
            group = []
        group.append((record, message))
    if group:
        yield group


def _joins(group: _Group, message: TelemetryMessage, slice_s: int) -> bool:
    record, last = group[-1]
    if (last.boot, last.clock_trusted) != (message.boot, message.clock_trusted):
        return False
    if message.first != record.number + 1:
        return False
    span_s = sum(record.span_s for record, _ in group)
    paths = max(len(message.paths), 1)
    changes = sum(len(one.changes) for _, one in group) + len(message.changes)
    return paths * (span_s // slice_s + 2) <= MOST_ROWS and changes <= MOST_CHANGES


def _record(group: _Group, level: int) -> Record:
    records = [record for record, _ in group]
    message = merge_messages([message for _, message in group], SLICES_S[level])
    return Record(
        message.sequence,
        frames.encode(message),
        message.merged,
        sum(record.span_s for record in records),
        level,
        untrusted=not message.clock_trusted,
    )


def merge_messages(messages: Sequence[TelemetryMessage], slice_s: int) -> TelemetryMessage:
    """Return one message for several in order, with slices of so many seconds."""
    last = messages[-1]
    return replace(
        last,
        merged=last.sequence - messages[0].first,
        summaries=merge_summaries((s for m in messages for s in m.summaries), slice_s),
        changes=tuple(change for message in messages for change in message.changes),
    )


def merge_summaries(summaries: Iterable[PathSummary], slice_s: int) -> tuple[PathSummary, ...]:
    """Return summaries merged into slices that begin at multiples of so many seconds, by path."""
    slices: dict[tuple[str, str], dict[int, list[PathSummary]]] = {}
    for one in summaries:
        began_s = one.began_unix_s // slice_s * slice_s
        slices.setdefault((one.peer, one.circuit), {}).setdefault(began_s, []).append(one)
    return tuple(
        _merged(ones, began_s) for path in slices.values() for began_s, ones in path.items()
    )


def _merged(ones: Sequence[PathSummary], began_s: int) -> PathSummary:
    delay: Spread | None = None
    jitter: Spread | None = None
    for one in ones:
        delay = merge_spreads(delay, one.delay_ms)
        jitter = merge_spreads(jitter, one.jitter_ms)
    last = ones[-1]
    return PathSummary(
        last.peer,
        last.circuit,
        began_s if len(ones) > 1 else last.began_unix_s,
        sum(one.seconds for one in ones),
        _longest(ones),
        sum(one.sent for one in ones),
        sum(one.lost_out for one in ones),
        sum(one.lost_in for one in ones),
        sum(one.heard_in for one in ones),
        delay,
        jitter,
        _mean_mos(ones),
        sum(one.sent_octets for one in ones),
        sum(one.received_octets for one in ones),
        last.pace_ms,
        last.carries,
    )


def _longest(ones: Sequence[PathSummary]) -> PathState:
    lasted = dict.fromkeys(WORST_FIRST, 0)
    for one in ones:
        lasted[one.state] += one.seconds
    return max(WORST_FIRST, key=lambda state: lasted[state])


def _mean_mos(ones: Sequence[PathSummary]) -> float | None:
    """Return the mean of the slices that have a score, weighted by their time."""
    scored = [(one.mos, max(one.seconds, 1)) for one in ones if one.mos is not None]
    weight = sum(seconds for _, seconds in scored)
    return round(sum(mos * seconds for mos, seconds in scored) / weight, 2) if scored else None
