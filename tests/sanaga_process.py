"""The command line as its users meet it: another process, its exit code and two streams."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SMALL = ROOT / "tests" / "fixtures" / "small"


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Sanaga:
    """Runs sanaga in a folder, with its state there and nothing of this machine's settings."""

    folder: Path

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
        done = subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env={**self.environment(), **variables},
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Answer(done.returncode, done.stdout, done.stderr)
