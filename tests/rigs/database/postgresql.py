"""Debian's PostgreSQL as a process of the tests' own: on a socket, in a folder that goes again.

It keeps nothing when the machine stops (fsync=off) and ends with the process that started it,
however that ends.
"""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

import psycopg
import pytest

from tests.rigs.waiting import eventually

PROGRAMS: Final = Path("/usr/lib/postgresql")
USER: Final = "sanaga"
SETTINGS: Final = ("fsync=off", "full_page_writes=off", "listen_addresses=", "max_connections=60")
START_WITHIN_S: Final = 120
# Of prctl(2).
PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True, slots=True)
class PostgresqlServer:
    """A running server; folder holds its socket."""

    folder: Path
    process: subprocess.Popen[bytes]
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def address(self, database: str) -> str:
        """Return the address of a database, as SANAGA_DATABASE takes it."""
        return f"postgresql+psycopg://{USER}@/{database}?host={self.folder}"

    def admin(self) -> "psycopg.Connection[tuple[object, ...]]":
        """Return a connection that makes and removes databases."""
        return psycopg.connect(host=str(self.folder), user=USER, dbname="postgres", autocommit=True)

    @contextmanager
    def database(self) -> Iterator[str]:
        """Give the address of an empty database; it is removed afterwards."""
        name = f"test_{next(self.numbers)}"
        with self.admin() as admin:
            admin.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield self.address(name)
        finally:
            with self.admin() as admin:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def programs() -> Path:
    """Return the folder of the newest server's programs; fail where there is none."""
    found = sorted(PROGRAMS.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        pytest.fail("PostgreSQL is not installed; 'make setup' installs Debian's package")
    return found[-1].parent


@contextmanager
def running_postgresql() -> Iterator[PostgresqlServer]:
    """Give a server with no databases; it is stopped, and its folder removed, afterwards."""
    where = programs()
    # A socket's path may have 107 characters.
    folder = Path(mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        who = _give_away(folder)
        data = folder / "data"
        # Texts are sorted by a language here, so that a column that relies on bytes shows.
        command: list[str | Path] = [
            where / "initdb",
            "-D",
            data,
            "-U",
            USER,
            "-A",
            "trust",
            "--no-sync",
        ]
        command += [
            "-E",
            "UTF8",
            "--no-sync",
            "--no-instructions",
            "--locale-provider=icu",
            "--icu-locale=fr",
        ]
        subprocess.run([*command, "--locale=C.UTF-8"], check=True, stdout=subprocess.DEVNULL, **who)
        with _served(where, folder, who) as server:
            yield server
    finally:
        shutil.rmtree(folder)


def _give_away(folder: Path) -> dict[str, Any]:
    """Make a folder another user's where this one is root, as whom PostgreSQL does not run."""
    if os.geteuid() != 0:
        return {}
    user = next(one for one in pwd.getpwall() if one.pw_name in {"postgres", "nobody"})
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_name, "cwd": str(folder)}


@contextmanager
def _served(where: Path, folder: Path, who: dict[str, Any]) -> Iterator[PostgresqlServer]:
    settings = [word for one in SETTINGS for word in ("-c", one)]
    command: list[str | Path] = [where / "postgres", "-D", folder / "data", "-k", folder, *settings]
    libc = ctypes.CDLL(None)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT),  # noqa: PLW1509
            **who,
        )
    server = PostgresqlServer(folder, process)
    try:
        eventually(lambda: _answers(server), within_s=START_WITHIN_S, what="PostgreSQL")
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def _answers(server: PostgresqlServer) -> bool:
    log = (server.folder / "log").read_text(encoding="utf-8", errors="replace")
    assert server.process.poll() is None, log
    try:
        server.admin().close()
    except psycopg.OperationalError:
        return False
    return True
