"""Slices of paths: when they happened by the controller's time, and blobs of an hour of them.

An edge stamps its slices by its own clock. The controller believes a clock that says of itself that
it is set and does not contradict the moment of receipt; otherwise it moves the slices and keeps by
how much, so that both times are known.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from controller.telemetry.rollup import (
    OCTETS_UNIT,
    PER_MOS,
    PER_MS,
    STATES,
    differences,
    pack_columns,
    read_spreads,
    spread_columns,
    sums,
    unpack_columns,
)
from edge.telemetry.model import PathSummary, TelemetryMessage

# What a clock may be ahead or behind before it is not believed any more.
TRUSTED_WITHIN_S: Final = 300
_COUNTS: Final = (
    "seconds",
    "sent",
    "lost_out",
    "lost_in",
    "heard_in",
    "pace_ms",
)
_OCTETS: Final = ("sent_octets", "received_octets")
_NO_MOS: Final = -1
_TEXT: Final = 4


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice by the controller's time; shift_s is that time less the edge's own."""

    summary: PathSummary
    shift_s: int

    @property
    def began_unix_s(self) -> int:
        """Return when it began, by the controller's time."""
        return self.summary.began_unix_s + self.shift_s

    @property
    def ended_unix_s(self) -> int:
        """Return when it was over, by the controller's time."""
        return self.began_unix_s + self.summary.seconds


def message_shift_s(message: TelemetryMessage, received_s: float, placed_until_s: int) -> int:
    """Return what to add to the stamps of a message to get the controller's time.

    placed_until_s is the end of the newest slice of the same edge. A replayed message of a clock
    that is not set follows the slices before it, but is over when it was received.
    """
    late_s = received_s - message.sent_unix_s
    if not message.replayed:
        believed = message.clock_trusted and abs(late_s) <= TRUSTED_WITHIN_S
        return 0 if believed else round(late_s)
    if message.clock_trusted:
        return 0 if late_s >= -TRUSTED_WITHIN_S else round(late_s)
    began = min((one.began_unix_s for one in message.summaries), default=round(message.sent_unix_s))
    return min(round(late_s), placed_until_s - began) if placed_until_s else round(late_s)


def placed_slices(
    message: TelemetryMessage, shift_s: int, *, after_s: int, until_s: float
) -> tuple[Slice, ...]:
    """Return the slices of a message that began from a second on and are over until another.

    What is outside cannot be: it is too old to be kept, or has not happened yet.
    """
    every = (Slice(one, shift_s) for one in message.summaries)
    bound = until_s + TRUSTED_WITHIN_S
    return tuple(one for one in every if one.began_unix_s >= after_s and one.ended_unix_s <= bound)


def pack_slices(slices: Sequence[tuple[int, Slice]]) -> bytes:
    """Return slices, each with the number of its path, compressed; best sorted by path."""
    summaries = [one.summary for _, one in slices]
    carried = [*dict.fromkeys(one.carries for one in summaries)]
    text = json.dumps(carried, separators=(",", ":")).encode()
    columns: list[Sequence[int]] = [
        differences(path for path, _ in slices),
        differences(one.began_unix_s for one in summaries),
        differences(one.shift_s for _, one in slices),
        [STATES.index(one.state) for one in summaries],
        [carried.index(one.carries) for one in summaries],
        [_NO_MOS if one.mos is None else round(one.mos * PER_MOS) for one in summaries],
        *([getattr(one, name) for one in summaries] for name in _COUNTS),
        *([round(getattr(one, name) / OCTETS_UNIT) for one in summaries] for name in _OCTETS),
        *spread_columns((one.delay_ms for one in summaries), PER_MS),
        *spread_columns((one.jitter_ms for one in summaries), PER_MS),
    ]
    return len(text).to_bytes(_TEXT, "little") + text + pack_columns(columns)


def unpack_slices(
    body: bytes, names: dict[int, tuple[str, str]], wanted: Iterable[int]
) -> list[Slice]:
    """Return the slices of wanted paths; names are the far end and circuit of each path."""
    end = _TEXT + int.from_bytes(body[:_TEXT], "little")
    carried = [tuple(one) for one in json.loads(body[_TEXT:end])]
    columns = unpack_columns(body[end:])
    paths, began, shift = (sums(next(columns)) for _ in range(3))
    states, carries, mos = (next(columns) for _ in range(3))
    counts = [*zip(*(next(columns) for _ in _COUNTS), strict=True)]
    octets = [*zip(*(next(columns) for _ in _OCTETS), strict=True)]
    delay, jitter = ([*read_spreads(columns, PER_MS)] for _ in range(2))
    kept = {*wanted}
    found = []
    for row, path in enumerate(paths):
        if path not in kept:
            continue
        seconds, sent, lost_out, lost_in, heard_in, pace_ms = counts[row]
        out, into = (units * OCTETS_UNIT for units in octets[row])
        summary = PathSummary(
            *names[path], began[row], seconds, STATES[states[row]], sent, lost_out, lost_in,
            heard_in, delay[row], jitter[row], None if mos[row] < 0 else mos[row] / PER_MOS,
            out, into, pace_ms, carried[carries[row]],
        )  # fmt: skip
        found.append(Slice(summary, shift[row]))
    return found
