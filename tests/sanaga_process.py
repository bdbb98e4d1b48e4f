"""The command line as its users meet it: another process, its exit code and two streams."""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Timer
from typing import Final

ROOT = Path(__file__).resolve().parents[1]
SMALL = ROOT / "tests" / "fixtures" / "small"
# It ends a test that hangs.
LONGEST_S: Final = 120.0
# Read by Python itself as it starts, so that a process with these is started anew.
PYTHONS: Final = ("PYTHON", "LANG", "LC_", "LD_")


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Sanaga:
    """Runs sanaga in a folder, with its state there and nothing of this machine's settings.

    Its processes are forked from one that has the program loaded; one that is not shows its
    arguments to whoever looks.
    """

    folder: Path
    forked: bool = True

    def environment(self) -> dict[str, str]:
        """Return the variables of the process."""
        return {
            "PATH": os.environ["PATH"],  # noqa: TID251
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "COLUMNS": "100",
            "SANAGA_STATE_DIR": str(self.folder / "state"),
            "SANAGA_SMALL_KEY": "not-a-key",
        }

    def command(self, *words: str | Path) -> list[str]:
        """Return the command line of a process."""
        return [sys.executable, "-m", "controller.cli.main", *map(str, words)]

    def __call__(self, *words: str | Path, stdin: str = "", **variables: str) -> Answer:
        """Run sanaga to its end; a trace in its messages is a failure whatever was asked."""
        if not self.forked or any(name.startswith(PYTHONS) for name in variables):
            answer = self._started(words, stdin, variables)
        else:
            chosen = {**self.environment(), **variables}
            answer = _server().run([*map(str, words)], self.folder, chosen, stdin)
        assert "Traceback" not in answer.err, answer.err
        return answer

    def _started(
        self, words: Sequence[str | Path], stdin: str, variables: Mapping[str, str]
    ) -> Answer:
        done = subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env={**self.environment(), **variables},
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=LONGEST_S,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)


class _Server:
    """The process that commands are forked from; it ends with this one."""

    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            number = theirs.fileno()
            command = [sys.executable, "-m", "tests.sanaga_server", str(number)]
            variables = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}  # noqa: TID251
            self._process = subprocess.Popen(command, cwd=ROOT, env=variables, pass_fds=[number])
        atexit.register(self._end)

    def _end(self) -> None:
        self._requests.close()
        self._process.wait()

    @property
    def number(self) -> int:
        """Return the descriptor of the socket that takes requests."""
        return self._requests.fileno()

    def run(
        self, words: Sequence[str], folder: Path, variables: Mapping[str, str], stdin: str
    ) -> Answer:
        """Run a command to its end."""
        request = json.dumps({"words": words, "folder": str(folder), "variables": variables})
        (take, give), (out, out_), (err, err_), (told, told_) = (os.pipe() for _ in range(4))
        theirs = [take, out_, err_, told_]
        socket.send_fds(self._requests, [request.encode()], theirs)
        for stream in theirs:
            os.close(stream)
        with ThreadPoolExecutor(4) as threads:
            threads.submit(_fill, give, stdin)
            texts = [threads.submit(_text, stream) for stream in (out, err)]
            code = threads.submit(_exit_code, told).result()
            return Answer(code, *(text.result() for text in texts))


def _fill(stream: int, text: str) -> None:
    with suppress(BrokenPipeError), open(stream, "w", encoding="utf-8") as file:
        file.write(text)


def _text(stream: int) -> str:
    with open(stream, encoding="utf-8") as file:
        return file.read()


def _exit_code(stream: int) -> int:
    """Return how the command of a stream ended; one that takes too long is killed."""
    with open(stream, encoding="ascii") as lines:
        child = int(lines.readline())
        watch = Timer(LONGEST_S, os.kill, (child, signal.SIGKILL))
        watch.start()
        try:
            return int(lines.readline())
        finally:
            watch.cancel()


@cache
def _server() -> _Server:
    return _Server()


def loaded_program() -> int:
    """Return a socket to the process that commands are forked from, for a program that asks it."""
    return _server().number
