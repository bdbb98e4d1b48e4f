"""Time as an argument: what the rim asks of a clock, and the machine's own."""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from threading import Event
from typing import Final, Protocol, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

# How soon those that could not be reached are asked again.
AGAIN_S: Final = 3.0
# No controller of this release was at work before; a machine without a clock starts in 1970.
EARLIEST_UNIX_S: Final = 1_760_000_000
# By less a clock that is kept right is moved as well.
LEAST_STEP_S: Final = 2.0
# Between two readings of a clock a busy machine may do something else for longer than this.
_AT_ONCE_S: Final = 0.2
_TRIES: Final = 5


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


class StepWatch:
    """Notices that the time of day was set, by the clock that only grows.

    A machine that slept looks the same, and what it missed is treated alike.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_s = self._offset()

    def step_s(self) -> float:
        """Return by how many seconds the time of day was set since the last question, else 0."""
        before, self._offset_s = self._offset_s, self._offset()
        by_s = self._offset_s - before
        return by_s if abs(by_s) >= LEAST_STEP_S else 0.0

    def _offset(self) -> float:
        for _ in range(_TRIES):
            began = self._clock.now()
            unix_s = self._clock.instant().timestamp()
            if self._clock.now() - began <= _AT_ONCE_S:
                break
        return unix_s - began


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


def persisted(
    items: Iterable[Item],
    ask: Callable[[Sequence[Item]], Iterable[tuple[Item, Answer]]],
    done: Callable[[Item, Answer], bool],
    *,
    within_s: float,
    clock: Clock,
) -> tuple[dict[Item, Answer], dict[Item, Answer]]:
    """Ask about items, and again about those that are not done until time is up.

    Returns those that are done and those that are left, each with its last answer. All are asked
    about at least once.
    """
    deadline, todo = clock.now() + within_s, list(items)
    finished, left = dict[Item, Answer](), dict[Item, Answer]()
    while todo:
        answers = dict(ask(todo))
        finished |= {item: answer for item, answer in answers.items() if done(item, answer)}
        todo = [item for item in todo if item not in finished]
        left = {item: answers[item] for item in todo}
        if not todo or (rest := deadline - clock.now()) <= 0:
            break
        clock.pause(min(AGAIN_S, rest))
    return finished, left
