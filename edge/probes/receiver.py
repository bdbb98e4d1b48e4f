"""One-way statistics of the direction from a peer to here, by the peer's own test packets."""

from dataclasses import dataclass, field
from typing import Final

from edge.probes.packet import unwrapped

# A number missing this long is lost, not late.
PATIENCE_S: Final = 0.3
# A longer break, in seconds, is a silence, reported as such while it lasts, and not again as loss
# when it ends.
OUTAGE_S: Final = 2.0
OUTAGE_PACKETS: Final = 3
REMEMBERED: Final = 256
OVERTAKEN: Final = 64
# One-way delays beyond this are the peer's clock, not the path.
STEP_S: Final = 2.0
SILENT_INTERVALS: Final = 2
SILENT_MARGIN_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class OneWayStats:
    """What was received from a peer since the last call; last_heard_s is monotonic.

    variation_ms are its packets' one-way delays above an unknown constant (RFC 3393). dropped
    counts packets that this host's own socket dropped.
    """

    count: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    dropped: int = 0
    last_heard_s: float | None = None
    variation_ms: tuple[float, ...] = ()


@dataclass(slots=True)
class PeerReceiver:
    """The requests of one peer's session, distinguished by their source port."""

    port: int
    number: int = 0
    last_heard_s: float | None = None
    interval_s: float | None = None
    count: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    dropped: int = 0
    variation_ms: list[float] = field(default_factory=list)
    _highest: int | None = None
    _missing: dict[int, float] = field(default_factory=dict)
    _given_up: dict[int, None] = field(default_factory=dict)
    _excused: bool = False
    _base_s: float | None = None

    def take_number(self) -> int:
        """Return the number of the next answer, which counts answers and nothing else."""
        self.number += 1
        return self.number - 1

    def excuse(self, dropped: int) -> None:
        """Hold the next gap against this host, whose socket just dropped packets."""
        self.dropped += dropped
        self._excused = True

    def hear(self, wire_sequence: int, at_s: float, delay_s: float) -> bool:
        """Enter a request; return False for a copy of an earlier one."""
        if self._highest is None:
            self._highest = wire_sequence
            # The first to arrive need not be the first that was sent.
            self._given_up = dict.fromkeys(range(max(0, wire_sequence - OVERTAKEN), wire_sequence))
        elif not self._place(unwrapped(wire_sequence, self._highest), at_s):
            self.duplicated += 1
            return False
        self._keep_time(at_s)
        self._keep_delay(delay_s)
        self.count += 1
        return True

    def take(self, now_s: float) -> OneWayStats:
        """Return what was received since the last call."""
        overdue = [n for n, since_s in self._missing.items() if now_s - since_s >= PATIENCE_S]
        for sequence in overdue:
            self._give_up(sequence)
        taken = OneWayStats(
            self.count,
            self.lost,
            self.duplicated,
            self.reordered,
            self.dropped,
            self.last_heard_s,
            tuple(self.variation_ms),
        )
        self.count = self.lost = self.duplicated = self.reordered = self.dropped = 0
        self.variation_ms = []
        return taken

    def silent(self, now_s: float) -> bool:
        """Return whether packets of the peer should have arrived by now, on a whole path."""
        if self.last_heard_s is None or self.interval_s is None:
            return False
        quiet_s = SILENT_INTERVALS * self.interval_s + SILENT_MARGIN_S
        return now_s - self.last_heard_s > quiet_s

    def _place(self, sequence: int, at_s: float) -> bool:
        highest = sequence if self._highest is None else self._highest
        if sequence <= highest:
            return self._fill(sequence)
        missing = range(highest + 1, sequence)[-REMEMBERED:]
        self._highest = sequence
        if not (self._excused or self._outage(len(missing), at_s)):
            self._missing.update(dict.fromkeys(missing, at_s))
            while len(self._missing) > REMEMBERED:
                self._give_up(next(iter(self._missing)))
        self._excused = False
        return True

    def _fill(self, sequence: int) -> bool:
        """Take a request that was overtaken; return False when it was there before."""
        if self._missing.pop(sequence, None) is not None:
            self.reordered += 1
            return True
        late = sequence in self._given_up
        self._given_up.pop(sequence, None)
        return late

    def _give_up(self, sequence: int) -> None:
        del self._missing[sequence]
        self.lost += 1
        self._given_up[sequence] = None
        if len(self._given_up) > REMEMBERED:
            del self._given_up[next(iter(self._given_up))]

    def _outage(self, missing: int, at_s: float) -> bool:
        since_s = at_s - (at_s if self.last_heard_s is None else self.last_heard_s)
        return missing > OUTAGE_PACKETS and since_s > OUTAGE_S

    def _keep_time(self, at_s: float) -> None:
        if self.last_heard_s is not None:
            interval_s = at_s - self.last_heard_s
            known_s = interval_s if self.interval_s is None else self.interval_s
            self.interval_s = max(0.8 * known_s, min(interval_s, 2 * known_s))
        self.last_heard_s = at_s

    def _keep_delay(self, delay_s: float) -> None:
        if self._base_s is None or abs(delay_s - self._base_s) > STEP_S:
            self._base_s = delay_s
        if len(self.variation_ms) < REMEMBERED:
            self.variation_ms.append((delay_s - self._base_s) * 1e3)
