"""Programs that a laboratory starts and leaves running, each with a pid file and a log."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from inventory.errors import LabError
from simulations.netns.processes import Process, identify_process, read_pid
from simulations.netns.waiting import eventually

# It ends a start that hangs; a machine with much else to do takes a minute.
START_WITHIN_S: Final = 120.0
# The shell ends at once, so that nobody has to wait for the program; no text becomes a command.
SCRIPT: Final = '"$@" & echo "$!" >"$0"'


def start_program(argv: Sequence[str], *, pid_file: Path, log: Path) -> Process:
    """Start a program in a session of its own and return its identity.

    Raises LabError when it is gone at once.
    """
    with log.open("ab") as stream:
        # The program keeps the log open; it must not hold our own pipes.
        subprocess.run(
            ["/bin/sh", "-c", SCRIPT, str(pid_file), *argv],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            check=True,
            timeout=START_WITHIN_S,
            start_new_session=True,
        )
    process = program_runs(pid_file)
    if process is None:
        raise LabError(f"{pid_file}: {argv[0]} did not start: {last_words(log)}")
    return process


def program_runs(pid_file: Path) -> Process | None:
    """Return the program that a pid file names; None when it is gone."""
    pid = read_pid(pid_file)
    return None if pid is None else identify_process(pid)


def last_words(log: Path) -> str:
    """Return the end of what a program said."""
    try:
        said = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        said = ""
    return " ".join(said.strip().splitlines()[-3:]) or "it said nothing"


def await_file(file: Path, process: Process, log: Path) -> None:
    """Wait until a program has made the file that says it serves.

    Raises LabError with its last words when it ends before, or takes too long.
    """

    def settled() -> bool:
        return file.exists() or not process.alive()

    eventually(settled, within_s=START_WITHIN_S, what=f"{file} by process {process.pid}")
    if not process.alive():
        raise LabError(f"a program ended before it made {file}: {last_words(log)}")
