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
