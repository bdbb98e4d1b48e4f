"""A shell that is given one command after the other, as a person pastes them."""

import os
import re
import select
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final

from tests.rigs.documents import sanaga_command
from tests.sanaga_process import loaded_program

# It ends a test that hangs; applies wait for timers of routers.
LONGEST_S: Final = 600.0
# The prompt names the exit code of the command before it.
PROMPT: Final = re.compile(r"\x1e(\d+)\x1e")
_PROMPT_TEXT: Final = r"\036$?\036"
_OPEN: Final = "]: "
_ENDING_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it printed, both streams as they came."""

    code: int
    lines: tuple[str, ...]


@dataclass(slots=True)
class Shell:
    """A running bash; terminal is the descriptor of our end of its terminal."""

    process: "subprocess.Popen[bytes]"
    terminal: int
    _heard: str = field(default="")

    def run(self, command: str, typed: Sequence[tuple[str, str]] = ()) -> Ran:
        """Run a command; typed is what is answered to which questions, in their order."""
        self.type(command)
        said = ""
        for question, answer in typed:
            said += self.hear(re.compile(re.escape(question)))[0] + question
            # Nothing that is typed is echoed; a program that asks for a secret ends the line.
            said += "\n" if question.endswith(_OPEN) else ""
            self.type(answer)
        return self.ended(said)

    def ended(self, said: str = "") -> Ran:
        """Wait for the end of the command that runs; said is what was heard of it before."""
        rest, prompt = self.hear(PROMPT)
        lines = (said + rest).replace("\r\n", "\n").removesuffix("\n").split("\n")
        return Ran(int(prompt[1]), tuple(lines) if lines != [""] else ())

    def type(self, line: str) -> None:
        """Give the shell, or what runs in it, a line."""
        os.write(self.terminal, f"{line}\n".encode())

    def hear(self, pattern: "re.Pattern[str]") -> "tuple[str, re.Match[str]]":
        """Wait for what a pattern describes; return what was printed before it, and it.

        Raises AssertionError when the command ends without it.
        """
        deadline = monotonic() + LONGEST_S
        while not (found := pattern.search(self._heard)):
            assert not PROMPT.search(self._heard), f"no {pattern.pattern!r} in {self._heard!r}"
            ready, _, _ = select.select([self.terminal], [], [], max(0, deadline - monotonic()))
            heard = os.read(self.terminal, 1 << 16) if ready else b""
            assert heard, f"waiting for {pattern.pattern!r} after {self._heard!r}"
            self._heard += heard.decode(errors="replace")
        before, self._heard = self._heard[: found.start()], self._heard[found.end() :]
        return before, found


def commands_folder(folder: Path) -> Path:
    """Make a folder of the commands that recipes run and this machine has under other names."""
    made = folder / "bin"
    made.mkdir(exist_ok=True)
    alone = [sys.executable, "-m", "controller.cli.main"]
    forked = [sys.executable, "-IS", sanaga_command.__file__, "$SANAGA_PROGRAM"]
    quoted = '"' + '" "'.join(forked) + '"'
    _script(
        made / "sanaga",
        f'[ -z "$SANAGA_PROGRAM" ] && exec {" ".join(alone)} "$@"\nexec {quoted} "$@"\n',
    )
    # Tests that need root are root's already.
    _script(made / "sudo", 'exec "$@"\n')
    return made


def _script(file: Path, text: str) -> None:
    file.write_text(f"#!/bin/sh\n{text}", encoding="utf-8")
    file.chmod(0o755)


def variables(folder: Path) -> dict[str, str]:
    """Return the variables of a shell in a folder: HOME and the state folder are below it."""
    ours = Path(sys.executable).parent
    places = (commands_folder(folder), ours, os.environ["PATH"])  # noqa: TID251
    return {
        "PATH": os.pathsep.join(map(str, places)),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "COLUMNS": "200",
        "TERM": "dumb",
        "PS1": _PROMPT_TEXT,
        "PS2": "",
        "SANAGA_STATE_DIR": str(folder / "state"),
    }


@contextmanager
def shell(
    folder: Path,
    *,
    forked: bool = True,
    before: Sequence[str] = (),
    more: Mapping[str, str] | None = None,
) -> Iterator[Shell]:
    """Give a shell in a folder, at a terminal of its own.

    Its commands of sanaga are forked from a loaded program. One that asks for a passphrase opens
    the terminal of its session, which a forked one does not have. before is written before the
    shell's command line, as "ip netns exec NAME" is.
    """
    shown = {**variables(folder), **(more or {})}
    program = loaded_program()
    if forked:
        shown["SANAGA_PROGRAM"] = str(program)
    ours, theirs = _terminal()
    with subprocess.Popen(
        [*before, "setsid", "--ctty", *_BASH],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env=shown,
        pass_fds=[program],
    ) as process:
        os.close(theirs)
        made = Shell(process, ours)
        try:
            made.hear(PROMPT)
            yield made
        finally:
            _end(made)


_BASH: Final = ("bash", "--norc", "--noprofile", "--noediting", "-i", "+H")


def _terminal() -> tuple[int, int]:
    """Open a terminal that echoes nothing; return our end and the shell's."""
    ours, theirs = os.openpty()
    settings = termios.tcgetattr(theirs)
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(theirs, termios.TCSANOW, settings)
    termios.tcsetwinsize(theirs, (60, 200))
    return ours, theirs


def _end(made: Shell) -> None:
    os.close(made.terminal)
    with suppress(subprocess.TimeoutExpired):
        made.process.wait(_ENDING_S)
        return
    made.process.kill()
