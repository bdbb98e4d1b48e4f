"""Time as an argument: what the rim asks of a clock, and the machine's own."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event
from typing import Protocol


class Clock(Protocol):
    """Tells the time and lets it pass."""

    def now(self) -> float:
        """Return seconds that only grow, from an unknown start."""
        ...

    def instant(self) -> datetime:
        """Return the time of day, in UTC."""
        ...

    def pause(self, seconds: float) -> None:
        """Let that much time pass."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Return seconds since an unknown start, unmoved by corrections of the time of day."""
        return time.monotonic()

    def instant(self) -> datetime:
        """Return the time of day, in UTC."""
        return datetime.fromtimestamp(time.time(), UTC)

    def pause(self, seconds: float) -> None:
        """Wait; Ctrl-C ends the wait."""
        Event().wait(seconds)


def eventually(check: Callable[[], bool], *, deadline: float, poll_s: float, clock: Clock) -> bool:
    """Return whether check came true before the deadline (a time of clock.now()).

    check is asked at least once, and once more when the time is spent.
    """
    while not check():
        left = deadline - clock.now()
        if left <= 0:
            return False
        clock.pause(min(poll_s, left))
    return True
