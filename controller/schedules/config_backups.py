"""Configurations of devices kept in a git repository of the state folder, a commit for each change.

git is run as a program, with arguments of ours alone: no hook, no setting of its user, no shell.
"""

import fcntl
import os
import subprocess
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from controller.model import DeviceConfig, Operational
from controller.wording import count
from inventory.errors import SanagaError
from inventory.output_file import replace_file

FOLDER: Final = "config-backups"
SUFFIX: Final = ".conf"
_LOCK: Final = "config-backups.lock"
_WITHIN_S: Final = 120
_LONGEST_REASON: Final = 300
_SETTINGS: Final = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.autocrlf=false",
    "core.quotePath=false",
    "commit.gpgSign=false",
    "gc.autoDetach=false",
    "user.name=Sanaga",
    "user.email=sanaga@localhost",
)


class GitError(SanagaError):
    """git did not do what it was asked, or is not installed."""


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """How a device's configuration differs from its last backup, in lines; first says it is new."""

    device: str
    added: int
    removed: int
    first: bool
    gone: bool = False


@dataclass(frozen=True, slots=True)
class ConfigBackup:
    """What a backup did: what it keeps, what differs, and which devices were not read, and why."""

    folder: Path
    kept: int
    changes: tuple[ConfigChange, ...]
    unread: Mapping[str, str]


def back_up_configs(
    state_dir: Path, found: Operational, known: Collection[str], now: datetime
) -> ConfigBackup:
    """Commit what devices run; of those that were not read the last backup stays.

    known are all devices of the intent; files of others leave the folder and stay in the history.
    Raises GitError, OSError.
    """
    folder = state_dir / FOLDER
    with _alone(state_dir):
        _ready(folder)
        for name, config in found.configs.items():
            _write(folder / f"{name}{SUFFIX}", config)
        for file in folder.glob(f"*{SUFFIX}"):
            if file.stem not in known:
                file.unlink()
        changes = tuple(_staged(folder))
        if changes:
            _commit(folder, changes, now)
        kept = sum(1 for _ in folder.glob(f"*{SUFFIX}"))
    return ConfigBackup(folder, kept, changes, found.unreachable)


@contextmanager
def _alone(state_dir: Path) -> Iterator[None]:
    """Hold the repository; who holds it may remove what a kill left of git's own lock."""
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(state_dir / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (state_dir / FOLDER / ".git" / "index.lock").unlink(missing_ok=True)
        yield
    finally:
        os.close(lock)


def _ready(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    if not (folder / ".git" / "HEAD").exists():
        _git(folder, "init", "--quiet", "--initial-branch=main", "--template=")


def _write(file: Path, config: DeviceConfig) -> None:
    octets = config.text.encode()
    if not file.exists() or file.read_bytes() != octets:
        replace_file(file, octets, mode=0o600)


def _staged(folder: Path) -> Iterator[ConfigChange]:
    """Yield what the next commit would change, once everything is added to it."""
    _git(folder, "add", "--all", "--", ".")
    lines = _entries(_git(folder, "diff", "--cached", "--numstat", "--no-renames", "-z"))
    kinds = iter(_entries(_git(folder, "diff", "--cached", "--name-status", "--no-renames", "-z")))
    letters = {name: letter for letter, name in zip(kinds, kinds, strict=True)}
    for line in lines:
        added, removed, name = line.split("\t", 2)
        letter = letters.get(name, "M")
        yield ConfigChange(
            name.removesuffix(SUFFIX), _lines(added), _lines(removed), letter == "A", letter == "D"
        )


def _entries(text: str) -> list[str]:
    return [one for one in text.split("\0") if one]


def _lines(text: str) -> int:
    """Return a number of lines; git writes "-" for what it takes for binary."""
    return int(text) if text.isdecimal() else 0


def _commit(folder: Path, changes: Collection[ConfigChange], now: datetime) -> None:
    names = "\n".join(sorted(one.device for one in changes))
    subject = f"{count(len(changes), 'configuration')} changed until {now:%Y-%m-%d %H:%M} UTC"
    at = f"@{max(0, int(now.timestamp()))} +0000"
    dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
    _git(folder, "commit", "--quiet", "--file=-", given=f"{subject}\n\n{names}\n", **dates)


def _git(folder: Path, *arguments: str, given: str = "", **variables: str) -> str:
    """Run git and return what it prints. Raises GitError with what it says."""
    settings = (word for setting in _SETTINGS for word in ("-c", setting))
    command = ["git", "-C", str(folder), *settings, *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - no shell reads it
            command,
            env=_environment(folder) | variables,
            input=given,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_WITHIN_S,
            check=False,
        )
    except FileNotFoundError:
        raise GitError("git is not installed; say 'apt-get install git'") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"{folder}: git {arguments[0]} did not end in {_WITHIN_S} s") from None
    if done.returncode:
        why = " ".join(done.stderr.split())[:_LONGEST_REASON]
        raise GitError(f"{folder}: git {arguments[0]} failed: {why}")
    return done.stdout


def _environment(folder: Path) -> dict[str, str]:
    """Return the variables of git: nobody's settings, and no repository but the one of a folder."""
    return {
        "PATH": os.defpath,
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
        "GIT_TERMINAL_PROMPT": "0",
    }
