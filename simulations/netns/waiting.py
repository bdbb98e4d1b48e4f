"""Waiting for a state of the laboratory instead of for a time."""

from collections.abc import Callable
from typing import TypeVar

from controller import clock
from inventory.errors import LabError

T = TypeVar("T")


def pause(seconds: float) -> None:
    """Let other work go on before a state is looked at again."""
    clock.SystemClock().pause(seconds)


def eventually(
    check: Callable[[], T | None], *, within_s: float, what: str, every_s: float = 0.05
) -> T:
    """Return the first result of check that is not None or False.

    Raises LabError saying what did not happen when the time is spent.
    """
    time, found = clock.SystemClock(), list[T]()

    def came() -> bool:
        if result := check():
            found.append(result)
        return bool(found)

    if not clock.eventually(came, deadline=time.now() + within_s, poll_s=every_s, clock=time):
        raise LabError(f"{what} did not happen within {within_s:g} s")
    return found[0]
