"""Processes by identity: a number alone may belong to somebody else by the time it is used."""

import os
import select
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inventory.errors import LabError

END_WITHIN_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Process:
    """A process and when it started, in clock ticks since the machine's start."""

    pid: int
    started: int

    def alive(self) -> bool:
        """Return whether this very process still runs."""
        return start_time(self.pid) == self.started


def start_time(pid: int) -> int | None:
    """Return when a process started; None when it is gone or merely waits to be reaped."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in brackets and may itself hold brackets.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def identify(pid: int) -> Process | None:
    """Return a running process's identity."""
    started = start_time(pid)
    return None if started is None else Process(pid, started)


def read_pid(file: Path) -> int | None:
    """Return the number in a pid file; None when there is none yet."""
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def kill(processes: Iterable[Process]) -> None:
    """End processes at once and wait until they are gone.

    Raises LabError when one survives.
    """
    for process in processes:
        try:
            descriptor = os.pidfd_open(process.pid)
        except ProcessLookupError:
            continue
        try:
            if process.alive():
                _kill_and_wait(descriptor, process)
        finally:
            os.close(descriptor)


def _kill_and_wait(descriptor: int, process: Process) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    gone, _, _ = select.select([descriptor], [], [], END_WITHIN_S)
    if not gone and process.alive():
        raise LabError(f"process {process.pid} does not end; 'ps {process.pid}' says what it does")


def command_line(pid: int) -> bytes:
    """Return a process's arguments, each ended by a zero octet; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
