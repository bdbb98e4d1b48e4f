"""Processes by identity: a number alone may belong to somebody else by the time it is used."""

import os
import select
import signal
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inventory.errors import LabError

END_WITHIN_S: Final = 30.0


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


def identify_process(pid: int) -> Process | None:
    """Return a running process's identity."""
    started = start_time(pid)
    return None if started is None else Process(pid, started)


def read_pid(file: Path) -> int | None:
    """Return the number in a pid file; None when there is none yet."""
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def kill_processes(processes: Iterable[Process]) -> None:
    """End processes at once and wait until they are gone.

    Raises LabError when one survives.
    """
    with ExitStack() as open_descriptors:
        ending = {}
        for process in processes:
            with suppress(ProcessLookupError):
                descriptor = os.pidfd_open(process.pid)
                open_descriptors.callback(os.close, descriptor)
                if process.alive():
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                    ending[process] = descriptor
        for process, descriptor in ending.items():
            _await_end(descriptor, process)


def _await_end(descriptor: int, process: Process) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    if not poll.poll(END_WITHIN_S * 1000) and process.alive():
        raise LabError(f"process {process.pid} does not end; 'ps {process.pid}' says what it does")


def uses_folder(pid: int, folder: Path) -> bool:
    """Return whether a process names a folder in its arguments or has a file of it open.

    Some programs, such as lldpd, write over their arguments.
    """
    mine = f"{folder}/"
    return mine.encode() in command_line(pid) or any(f.startswith(mine) for f in _open_files(pid))


def _open_files(pid: int) -> Iterator[str]:
    with suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                yield str(descriptor.readlink())


def command_line(pid: int) -> bytes:
    """Return a process's arguments, each ended by a zero octet; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
