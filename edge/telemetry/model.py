"""What an edge reports to the controller: summaries of paths, changes, and the messages they go in.

A message is made once, numbered once, and kept on the edge's disk until the controller has stored
it. Figures are mergeable (RFC 7679, RFC 7680): the summary of a minute is that of its slices.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import log2
from typing import Final

# Bins of a histogram are log-spaced, so many to an octave from FIRST_MS on: 12 % wide each.
BINS_PER_OCTAVE: Final = 6
FIRST_MS: Final = 0.1
LAST_BIN: Final = 120


class PathState(StrEnum):
    """What a path does: it answers, is dead, loses more than usual, or changes its satellite."""

    UP = "up"
    DEAD = "dead"
    BROWNOUT = "brownout"
    HANDOVER = "handover"
    UNKNOWN = "unknown"


# Of two states that lasted equally long, the first is told.
WORST_FIRST: Final = (
    PathState.DEAD,
    PathState.BROWNOUT,
    PathState.HANDOVER,
    PathState.UNKNOWN,
    PathState.UP,
)


class ChangeKind(StrEnum):
    """What changed at an edge."""

    PATH_STATE = "path-state"
    MOVE = "move"
    CONSULTATION_BEGAN = "consultation-began"
    CONSULTATION_ENDED = "consultation-ended"
    FAULT = "fault"
    REPAIR = "repair"
    LAST_GASP = "last-gasp"
    STARTED = "started"


@dataclass(frozen=True, slots=True)
class Spread:
    """How one figure was spread within a slice, in milliseconds.

    bins are (index, count), sorted by index; bin i holds what is from bin_begin_ms(i) on. The
    counts come to count, which is at least 1.
    """

    count: int
    total: float
    least: float
    most: float
    bins: tuple[tuple[int, int], ...]

    @property
    def mean(self) -> float:
        """Return the mean."""
        return self.total / self.count

    def merge(self, other: "Spread") -> "Spread":
        """Return the spread of both together."""
        counts = dict(self.bins)
        for index, count in other.bins:
            counts[index] = counts.get(index, 0) + count
        return Spread(
            self.count + other.count,
            self.total + other.total,
            min(self.least, other.least),
            max(self.most, other.most),
            tuple(sorted(counts.items())),
        )

    def quantile(self, share: float) -> float:
        """Return what a share of the values is not above, as far as the bins tell."""
        wanted, passed = share * self.count, 0
        for index, count in self.bins:
            if passed + count >= wanted:
                inside = (wanted - passed) / count
                low, high = bin_begin_ms(index), bin_begin_ms(index + 1)
                return min(self.most, max(self.least, low + inside * (high - low)))
            passed += count
        return self.most


def bin_index(value_ms: float) -> int:
    """Return the bin that a value belongs to; what is outside is in the first or the last."""
    if value_ms <= FIRST_MS:
        return 0
    return min(LAST_BIN, int(log2(value_ms / FIRST_MS) * BINS_PER_OCTAVE))


def bin_begin_ms(index: int) -> float:
    """Return where a bin begins; the first one begins at 0."""
    return FIRST_MS * 2.0 ** (index / BINS_PER_OCTAVE) if index else 0.0


def spread_of(values_ms: Iterable[float]) -> Spread | None:
    """Return the spread of some values; None when there are none."""
    values = [*values_ms]
    if not values:
        return None
    counts: dict[int, int] = {}
    for value in values:
        index = bin_index(value)
        counts[index] = counts.get(index, 0) + 1
    bins = tuple(sorted(counts.items()))
    return Spread(len(values), sum(values), min(values), max(values), bins)


def merge_spreads(one: Spread | None, other: Spread | None) -> Spread | None:
    """Return the spread of both together, of which either may be missing."""
    if one is None or other is None:
        return one or other
    return one.merge(other)


@dataclass(frozen=True, slots=True)
class PathSummary:
    """One path of the edge during one slice of time.

    sent are the test packets that were settled, lost_out those of them that never arrived, lost_in
    what was lost on the way here, heard_in the far end's own test packets that came. state is the
    one that lasted longest, carries the classes of traffic on the path at the end. The octets are
    those of the tunnel.
    """

    peer: str
    circuit: str
    began_unix_s: int
    seconds: int
    state: PathState
    sent: int
    lost_out: int
    lost_in: int
    heard_in: int
    delay_ms: Spread | None
    jitter_ms: Spread | None
    mos: float | None
    sent_octets: int
    received_octets: int
    pace_ms: int
    carries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PathNow:
    """One path of the edge at the moment of a message; loss is a share."""

    peer: str
    circuit: str
    medium: str
    state: PathState
    delay_ms: float | None
    loss_out: float
    loss_in: float
    mos: float | None
    carries: tuple[str, ...]
    consultation: bool


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened at an edge; what does not apply is empty.

    state is what a path is in from now on, reason a sentence. Of a move, circuit is where the
    class goes from now on.
    """

    kind: ChangeKind
    at_unix_s: float
    peer: str = ""
    circuit: str = ""
    service: str = ""
    state: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TelemetryMessage:
    """One report of an edge; every one carries the full state.

    sequence rises by one over the life of the spool, also across reboots. merged is for how many
    numbers before its own the message stands, too: 0, unless older ones were merged to save room.
    boot names the machine's start since which uptime_s counts, by its first eight characters.
    live counts live reports since the last numbered message; such a one is not for the store, not
    acknowledged, and has the number of the message before. 0 is a numbered message.
    replayed says that the message was not sent at once, so that it is history.
    """

    device: str
    boot: str
    sequence: int
    sent_unix_s: float
    uptime_s: float
    clock_trusted: bool
    replayed: bool
    paths: tuple[PathNow, ...]
    summaries: tuple[PathSummary, ...]
    changes: tuple[Change, ...]
    merged: int = 0
    live: int = 0

    @property
    def first(self) -> int:
        """Return the first of the numbers that the message stands for."""
        return self.sequence - self.merged
