"""The signals that ask a program to end, turned into an end in order."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

# A terminal that is closed, or a connection that breaks, sends the latter.
ENDINGS: Final = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def handled_by(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Let a handler have the signals for a while, but what was ignored (nohup) stays so."""
    before = {n: signal.getsignal(n) for n in ENDINGS}
    taken = {n: was for n, was in before.items() if was is not signal.SIG_IGN}
    for number in taken:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, was in taken.items():
            signal.signal(number, was)


@contextmanager
def raised_as_interrupt() -> Iterator[None]:
    """Let these signals raise KeyboardInterrupt for a while; in another thread nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with handled_by(_interrupt):
        yield


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
