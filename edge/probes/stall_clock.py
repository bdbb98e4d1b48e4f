"""What time it is, when a packet really came, and when this process itself was late.

Everything is measured on the monotonic clock. Stamps on the wire are that clock too, moved once to
where the time of day was at the start, so that a step of the time of day moves nothing.
"""

import time
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Final

from edge.probes.packet import later_stamp, ntp_stamp

# A wake-up later than this is a stall of this process.
LATE_S: Final = 0.025
# The time of day may be slewed this much, and read this inexactly, without having been stepped.
SLEW: Final = 0.001
INEXACT_S: Final = 0.002
REMEMBERED: Final = 32


class StallClock:
    """The clocks of a process and its stalls; all sessions of a process best share one."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        realtime: Callable[[], float] = time.time,
    ) -> None:
        self.now = clock
        self._realtime = realtime
        self._looked_s = clock()
        self._offset_s = realtime() - self._looked_s
        self._anchor = ntp_stamp(self._offset_s)
        self._stepped_s = -inf
        self._late: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)

    def stamp(self, at_s: float) -> int:
        """Return a monotonic instant as the NTP time that this process writes on the wire."""
        return later_stamp(self._anchor, at_s)

    def arrived_s(self, kernel_stamp_s: float | None, empty_s: float) -> float:
        """Return when a packet reached this host, from the time of day the kernel noted.

        empty_s is when its socket was last seen empty: it cannot have waited longer than since.
        """
        now = self.now()
        realtime = self._realtime()
        self._look(now, realtime - now)
        if kernel_stamp_s is None or empty_s < self._stepped_s:
            return now
        return min(now, max(empty_s, now - (realtime - kernel_stamp_s)))

    def late(self, expected_s: float, now_s: float) -> bool:
        """Note when something was due and when it was done; return whether that was too late."""
        if now_s - expected_s <= LATE_S:
            return False
        if not (self._late and expected_s < self._late[-1][1]):
            self._late.append((expected_s, now_s))
        elif now_s > self._late[-1][1]:
            start, _ = self._late[-1]
            self._late[-1] = (min(start, expected_s), now_s)
        return True

    def stalled_s(self, start_s: float, end_s: float) -> float:
        """Return how much of a period this process was stalled for."""
        if not self._late or self._late[-1][1] <= start_s:
            return 0.0
        overlaps = (min(end_s, end) - max(start_s, start) for start, end in self._late)
        return sum(overlap for overlap in overlaps if overlap > 0)

    def _look(self, now_s: float, offset_s: float) -> None:
        """Notice a step of the time of day since the last look."""
        allowed = INEXACT_S + SLEW * (now_s - self._looked_s)
        if abs(offset_s - self._offset_s) > allowed:
            self._stepped_s = now_s
        self._looked_s, self._offset_s = now_s, offset_s
