"""A process that hangs: stopped by a signal, and really so."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from simulations.netns.waiting import eventually

# It ends a test that hangs.
STOPS_WITHIN_S = 60.0


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Keep a process from running meanwhile, from when its last thread stands still.

    The signal is sent at once, and heeded by each thread when it would run next.
    """
    os.kill(pid, signal.SIGSTOP)
    try:
        eventually(lambda: _stands_still(pid), within_s=STOPS_WITHIN_S, what="the stop")
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _stands_still(pid: int) -> bool:
    stats = [task / "stat" for task in Path(f"/proc/{pid}/task").iterdir()]
    return all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in stats)
