"""Direction in which a test packet was lost, by the numbers that the far end counts itself.

A stateful reflector numbers its answers (RFC 8762 section 4.3). Between two answers that came, a
number that did not come was lost on the way back; requests beyond that never reached the far end.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Final

from edge.probes.packet import unwrapped

REMEMBERED: Final = 64


class LossDirection(Enum):
    """The two directions of a path, seen from the sender."""

    OUT = "out"
    IN = "in"


@dataclass(slots=True)
class Gap:
    """Answers known to have been sent, between two that came; missing of them have not come."""

    after_sequence: int
    before_sequence: int
    after_number: int
    before_number: int
    missing: int


class Numbers:
    """What the far end's own numbers say about the requests that were not answered."""

    def __init__(self) -> None:
        self._sequence: int | None = None
        self._number = 0
        self._gaps: deque[Gap] = deque(maxlen=REMEMBERED)

    def answered(self, sequence: int, wire_number: int) -> None:
        """Take note of the first answer to a request and the number it bears."""
        if self._sequence is None:
            self._sequence, self._number = sequence, wire_number
            return
        number = unwrapped(wire_number, self._number)
        if number > self._number:
            self._advance(sequence, number)
        elif not self._fill(number):
            # A number twice: the far end began to count again.
            self._gaps.clear()
            self._sequence, self._number = sequence, wire_number

    def lost(self, sequence: int) -> LossDirection | None:
        """Return the direction in which a request was lost; None if nothing shows it yet."""
        if self._sequence is None or sequence > self._sequence:
            return None
        for gap in self._gaps:
            if gap.missing and gap.after_sequence < sequence < gap.before_sequence:
                gap.missing -= 1
                return LossDirection.IN
        return LossDirection.OUT

    def _advance(self, sequence: int, number: int) -> None:
        before = self._sequence or 0
        missing = number - self._number - 1
        if missing:
            low, high = min(before, sequence), max(before, sequence)
            self._gaps.append(Gap(low, high, self._number, number, missing))
        self._sequence, self._number = max(before, sequence), number

    def _fill(self, number: int) -> bool:
        for gap in self._gaps:
            if gap.after_number < number < gap.before_number:
                gap.missing = max(0, gap.missing - 1)
                return True
        return False
