"""Quicker probing of a path that just missed an answer, within a budget."""

from dataclasses import dataclass
from math import inf
from typing import Final

QUICKER: Final = 4
FLOOR_S: Final = 0.005
LASTS_S: Final = 1.0
# In the long run quickening adds this share to the probing, and this many packets at one go.
SHARE: Final = 0.1
AT_ONE_GO: Final = 40


@dataclass(slots=True)
class ProbeBurst:
    """Whether a path is looked at more closely; allowed is False where it never may be."""

    allowed: bool = True
    until_s: float = -inf
    packets: float = AT_ONE_GO

    def arise(self, now_s: float, for_s: float = LASTS_S) -> None:
        """Look more closely for a while, from now on."""
        self.until_s = max(self.until_s, now_s + for_s)

    def pace_s(self, now_s: float, pace_s: float) -> float:
        """Return the pace to probe at, given the ordinary one."""
        if not self.allowed or now_s >= self.until_s or self.packets < 1:
            return pace_s
        return min(pace_s, max(FLOOR_S, pace_s / QUICKER))

    def spend(self, used_s: float, pace_s: float) -> None:
        """Account for a packet sent used_s after the one before it."""
        earned = SHARE * used_s / pace_s
        spent = max(0.0, 1 - used_s / pace_s)
        self.packets = min(AT_ONE_GO, self.packets + earned) - spent
