"""Outstanding test packets: each is settled once, as answered, lost or not judged."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from edge.probes.loss_direction import LossDirection, Numbers
from edge.probes.packet import SEQUENCES, unwrapped

# Answers that come after their packet was settled are distinguished from copies this long.
REMEMBERED: Final = 1024
# What comes while the process is stalled for no longer waits in the socket and is not lost there.
HARMLESS_S: Final = 0.1


class AnswerKind(Enum):
    """What an answer turned out to be."""

    FIRST = "first"
    LATE = "late"
    DUPLICATE = "duplicate"
    UNASKED = "unasked"


@dataclass(frozen=True, slots=True)
class AwaitedPacket:
    """How many newest packets in a row lack an answer they should have, and when one more will."""

    overdue: int
    next_s: float | None


@dataclass(slots=True)
class PacketOutcome:
    """What was settled since somebody last asked."""

    answered: int = 0
    out: int = 0
    back: int = 0
    voided: int = 0
    reordered: int = 0
    duplicated: int = 0


StalledFor = Callable[[float, float], float]


@dataclass(slots=True)
class OutstandingPackets:
    """Test packets of one session; times are monotonic seconds given by the caller.

    A packet under way while the process was stalled is waited for that much longer. When it is
    lost, it says nothing if the stall was long (the whole machine may have slept) or the socket
    dropped packets.
    """

    stalled_s: StalledFor
    numbers: Numbers = field(default_factory=Numbers)
    settled: PacketOutcome = field(default_factory=PacketOutcome)
    _next: int = 0
    _highest: int = -1
    _excused: int = -1
    _pending: dict[int, float] = field(default_factory=dict)
    _lost: dict[int, float] = field(default_factory=dict)

    def send(self, now_s: float) -> int:
        """Enter a packet sent now and return its number modulo 2^32."""
        sequence = self._next
        self._pending[sequence] = now_s
        self._next += 1
        return sequence % SEQUENCES

    def forget_way(self) -> None:
        """Judge directions afresh, since the far end will count from the start."""
        self.numbers = Numbers()

    def excuse(self) -> None:
        """Hold nothing that is under way now against the path; the socket dropped packets."""
        self._excused = self._next - 1

    def answer(self, wire_sequence: int, wire_number: int) -> tuple[AnswerKind, int, float]:
        """Enter an answer; return what it is, to which packet, and when that one was sent.

        The send time is 0 unless it is the first answer to that packet.
        """
        sequence = unwrapped(wire_sequence, self._next - 1)
        if not 0 <= sequence < self._next:
            return AnswerKind.UNASKED, sequence, 0.0
        sent_s = self._pending.pop(sequence, None)
        if sent_s is None:
            return self._second(sequence, wire_number)
        self.numbers.answered(sequence, wire_number)
        self.settled.answered += 1
        self._arrive(sequence)
        return AnswerKind.FIRST, sequence, sent_s

    def settle(
        self, now_s: float, patience_s: float, unknown: Callable[[float], LossDirection]
    ) -> int:
        """Settle packets that were waited for long enough; return how many counted as lost.

        unknown says for a send time which way to blame if the far end's numbers do not show it.
        """
        lost = 0
        for sequence, sent_s in self._expired(now_s, patience_s):
            del self._pending[sequence]
            self._remember(sequence, sent_s)
            direction = self.numbers.lost(sequence) or unknown(sent_s)
            if sequence <= self._excused or self.stalled_s(sent_s, now_s) > HARMLESS_S:
                self.settled.voided += 1
                self._highest = max(self._highest, sequence)
                continue
            lost += 1
            if direction is LossDirection.OUT:
                self.settled.out += 1
            else:
                self.settled.back += 1
        return lost

    def waiting(self, now_s: float, expected_s: float) -> AwaitedPacket:
        """Return how many newest packets lack an answer that should have come within expected_s."""
        due_s = None
        for sequence, sent_s in reversed(self._pending.items()):
            at_s = sent_s + expected_s + self.stalled_s(sent_s, now_s)
            if at_s <= now_s:
                return AwaitedPacket(max(0, sequence - self._highest), due_s)
            due_s = at_s
        oldest = next(iter(self._pending), self._next)
        return AwaitedPacket(max(0, oldest - 1 - self._highest), due_s)

    def take(self) -> PacketOutcome:
        """Return what was settled since the last call."""
        taken, self.settled = self.settled, PacketOutcome()
        return taken

    def _expired(self, now_s: float, patience_s: float) -> list[tuple[int, float]]:
        expired = []
        for sequence, sent_s in self._pending.items():
            if sent_s + patience_s > now_s:
                break
            if sent_s + patience_s + self.stalled_s(sent_s, now_s) <= now_s:
                expired.append((sequence, sent_s))
        return expired

    def _second(self, sequence: int, wire_number: int) -> tuple[AnswerKind, int, float]:
        sent_s = self._lost.pop(sequence, None)
        if sent_s is None:
            self.settled.duplicated += 1
            return AnswerKind.DUPLICATE, sequence, 0.0
        self.numbers.answered(sequence, wire_number)
        self._highest = max(self._highest, sequence)
        return AnswerKind.LATE, sequence, sent_s

    def _arrive(self, sequence: int) -> None:
        if sequence < self._highest:
            self.settled.reordered += 1
        else:
            self._highest = sequence

    def _remember(self, sequence: int, sent_s: float) -> None:
        self._lost[sequence] = sent_s
        if len(self._lost) > REMEMBERED:
            del self._lost[next(iter(self._lost))]
