"""The times an edge lives by; only these functions ask the machine."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant on three clocks.

    boot names the machine's start since which since_boot_s counts, sleep included. monotonic_s
    only grows and starts again with every boot; unix_s is the time of day, which people correct.
    """

    boot: str
    since_boot_s: float
    monotonic_s: float
    unix_s: float

    @property
    def instant(self) -> datetime:
        """Return the time of day in UTC."""
        return datetime.fromtimestamp(self.unix_s, tz=UTC)


def current_moment() -> Moment:
    """Return this instant."""
    return Moment(boot_id(), time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic(), time.time())


def monotonic_s() -> float:
    """Return the time that only grows, sooner than a moment()."""
    return time.monotonic()


def boot_id() -> str:
    """Return the name that the kernel gave to this start of the machine."""
    return _BOOT_ID.read_text(encoding="ascii").strip()


def rfc3339(unix_s: float) -> str:
    """Return a time of day as RFC 3339 has it, to the millisecond."""
    stamp = datetime.fromtimestamp(unix_s, tz=UTC).isoformat(timespec="milliseconds")
    return stamp.replace("+00:00", "Z")
