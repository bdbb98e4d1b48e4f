"""Waiting for a state instead of for a time."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from inventory.errors import LabError

T = TypeVar("T")


def pause(seconds: float) -> None:
    """Let other work go on before a state is looked at again."""
    threading.Event().wait(seconds)


def eventually(
    check: Callable[[], T | None], *, within_s: float, what: str, every_s: float = 0.05
) -> T:
    """Return the first result of check that is not None or False.

    Raises LabError saying what did not happen when the time is spent.
    """
    deadline = time.monotonic() + within_s
    while True:
        if result := check():
            return result
        if time.monotonic() >= deadline:
            raise LabError(f"{what} did not happen within {within_s:g} s")
        pause(every_s)
