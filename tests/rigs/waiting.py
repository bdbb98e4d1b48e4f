"""Wait for a state, never for a time."""

from collections.abc import Callable
from threading import Event
from time import monotonic


def eventually(check: Callable[[], bool], within_s: float, what: str) -> float:
    """Wait until check holds and return the seconds it took."""
    start = monotonic()
    while not check():
        assert monotonic() - start < within_s, f"not within {within_s} s: {what}"
        Event().wait(0.02)
    return monotonic() - start
