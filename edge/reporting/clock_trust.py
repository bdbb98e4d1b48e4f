"""Whether the time of day of this machine can be trusted: after a power cut it may be 1970."""

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.clock import Moment

# More than a report's way, less than anybody minds.
AGREES_S: Final = 5.0
# What a clock that is kept right strays by.
STEP_S: Final = 2.0
# No edge of this release was at work before.
EARLIEST_UNIX_S: Final = 1_760_000_000
_TIME_ERROR: Final = 5
# struct timex of <sys/timex.h>: with modes 0 it is only read. Larger than on any architecture.
_TIMEX_OCTETS: Final = 512
# What systemd-timesyncd leaves once it has set the clock; the edge's unit may not ask the kernel.
_SYNCHRONISED: Final = Path("/run/systemd/timesync/synchronized")


def kernel_synchronised() -> bool:
    """Return whether something keeps the clock right: as systemd says, or the kernel (adjtimex)."""
    if _SYNCHRONISED.exists():
        return True
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_OCTETS))
    except (OSError, AttributeError):
        return False
    return 0 <= int(state) < _TIME_ERROR


@dataclass(slots=True)
class ClockTrust:
    """What is known of this machine's clock.

    It is right when the controller's agreed and it was not set since, or when the kernel is kept
    right by the network's time. Where the controller's clock differs, this one is not trusted.
    """

    _boot: str = ""
    _offset_s: float = 0.0
    _agreed: bool = False

    def compare(self, now: Moment, controller_unix_s: float) -> None:
        """Note what time it is for the controller."""
        self._boot, self._offset_s = now.boot, _offset_s(now)
        self._agreed = abs(now.unix_s - controller_unix_s) <= AGREES_S

    def is_right(self, now: Moment, *, synchronised: bool) -> bool:
        """Return whether the time of day is right; synchronised is what the kernel says."""
        if now.unix_s < EARLIEST_UNIX_S:
            return False
        stepped = abs(_offset_s(now) - self._offset_s) > STEP_S
        if self._boot == now.boot and not stepped:
            return self._agreed
        return synchronised


def _offset_s(now: Moment) -> float:
    return now.unix_s - now.since_boot_s
