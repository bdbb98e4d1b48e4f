"""Delays from the four stamps of a test packet, and how long to wait for an answer."""

from dataclasses import dataclass
from typing import Final

# Before the first answer, and at most ever; nothing that people talk over is slower.
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 3.0
# A late process at either end, and the clocks' grain, are not the path's fault.
LEAST_MARGIN_S: Final = 0.015
# No loss is reported sooner, since a far end that stalls answers this late all the same.
LEAST_PATIENCE_S: Final = 0.25
PACES_OF_PATIENCE: Final = 3
LONGEST_PACE_COUNTED_S: Final = 0.1
# What one-way delays may stray without a clock having been stepped.
STRAY_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Sample:
    """The delays of one answered test packet; one-way delays add up to the round trip."""

    sequence: int
    round_trip_ms: float
    out_ms: float
    in_ms: float


@dataclass(slots=True)
class Patience:
    """How long to wait for an answer, by smoothed round trip and its variation (RFC 6298)."""

    smoothed_s: float | None = None
    variation_s: float = 0.0

    def learn(self, round_trip_s: float) -> None:
        """Take one more round trip into account (section 2)."""
        if self.smoothed_s is None:
            self.smoothed_s, self.variation_s = round_trip_s, round_trip_s / 2
            return
        deviation = abs(self.smoothed_s - round_trip_s)
        self.variation_s += (deviation - self.variation_s) / 4
        self.smoothed_s += (round_trip_s - self.smoothed_s) / 8

    @property
    def expected_s(self) -> float:
        """Return after how long an answer that has not come is overdue."""
        if self.smoothed_s is None:
            return FIRST_WAIT_S
        return min(LONGEST_WAIT_S, self.smoothed_s + max(LEAST_MARGIN_S, 4 * self.variation_s))

    def settled_s(self, pace_s: float) -> float:
        """Return after how long a test packet counts as lost."""
        paces_s = PACES_OF_PATIENCE * min(pace_s, LONGEST_PACE_COUNTED_S)
        return min(LONGEST_WAIT_S, max(LEAST_PATIENCE_S, self.expected_s + paces_s))


@dataclass(slots=True)
class OneWay:
    """Splits round trips by stamps of two clocks whose difference is unknown (RFC 3393).

    The difference is fixed such that no delay is negative: a step of the far end's clock shows
    as a delay longer than the round trip, and then only the difference is taken again.
    """

    difference_s: float | None = None
    out_s: float = 0.0

    def split(self, outward_s: float, round_trip_s: float) -> tuple[float, float]:
        """Return the delays there and back; outward_s is by the far clock minus the near one."""
        if self.difference_s is None:
            self._adopt(outward_s, round_trip_s / 2)
        out_s = outward_s - (self.difference_s or 0.0)
        if not -STRAY_S <= out_s <= round_trip_s + STRAY_S:
            out_s = min(self.out_s, round_trip_s)
            self._adopt(outward_s, out_s)
        elif not 0.0 <= out_s <= round_trip_s:
            out_s = min(max(out_s, 0.0), round_trip_s)
            self._adopt(outward_s, out_s)
        self.out_s = out_s
        return out_s, round_trip_s - out_s

    def _adopt(self, outward_s: float, out_s: float) -> None:
        self.difference_s = outward_s - out_s
