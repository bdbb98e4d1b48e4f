"""Files of the controller: nothing that was acknowledged is lost, whoever writes and dies."""

import random
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import cycle
from pathlib import Path

import pytest

from controller.store import journal, people
from controller.store.audit import Actor
from controller.store.database import Database
from controller.store.journal import Journal
from controller.store.people import People
from inventory.errors import JournalError

KINDS = {journal.FILE: journal.KIND, people.FILE: people.KIND}
ACT = Actor("marie", "test")
# Kills of two writers each; the rest runs before a release.
OFTEN, KILLS = 4, 200
TEXT = "x" * 3000

WRITE_APPLIES = f"""
import sys
from pathlib import Path
from controller.store.journal import Journal, Opening
journal = Journal.open(Path(sys.argv[1]))
for n, _ in enumerate(sys.stdin):
    name = f"{{sys.argv[2]}}-{{n}}"
    texts = {{name: name + {TEXT!r}}}
    devices = {{"mora-r1": (name, name)}}
    number = journal.begin(Opening(name, "test", "{{}}", texts, devices, None, 0.0))
    step = journal.intend(number, "mora-r1", "commit", "old")
    journal.done(step, name)
    print(number, name, flush=True)
"""
WRITE_REVOCATIONS = """
import sys
from pathlib import Path
from controller.store.audit import Actor
from controller.store.people import People
people = People.open(Path(sys.argv[1]))
for n, _ in enumerate(sys.stdin):
    name = f"{sys.argv[2]}-{n}"
    people.revoke_site(sys.argv[2], [name], Actor("marie", "test"))
    print(n, name, flush=True)
"""


def mode_of(file):
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("PRAGMA journal_mode").fetchone()[0]


def logged(folder, file):
    """Return a file as a former version left it that was killed: all in its write-ahead log."""
    made = folder / "running" / file
    Database.open(made, KINDS[file]).close()
    with closing(sqlite3.connect(made, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("CREATE TABLE kept (number INTEGER)")
        connection.executemany("INSERT INTO kept VALUES (?)", [(n,) for n in range(500)])
        shutil.copytree(made.parent, folder / "state")
    assert (folder / "state" / f"{file}-wal").stat().st_size > 0
    (folder / "state").chmod(0o700)
    return folder / "state" / file


def count_kept(database):
    return database.read("SELECT count(*) AS rows FROM kept")[0]["rows"]


@pytest.mark.parametrize("file", KINDS)
def test_there_is_no_write_ahead_log(tmp_path, file):
    with closing(Database.open(tmp_path / file, KINDS[file])) as database:
        assert database.read("PRAGMA journal_mode")[0][0] == "truncate"
        with database.write() as connection:
            connection.execute("CREATE TABLE more (number INTEGER)")
    assert mode_of(tmp_path / file) != "wal"
    assert {path.name for path in tmp_path.iterdir()} <= {file, f"{file}-journal"}


@pytest.mark.parametrize("file", KINDS)
def test_what_a_former_version_left_in_its_log_is_kept(tmp_path, file):
    left = logged(tmp_path, file)
    with closing(Database.open(left, KINDS[file])) as database:
        assert count_kept(database) == 500
    assert mode_of(left) != "wal"
    assert not left.with_name(f"{file}-wal").exists()


def test_many_may_open_what_a_former_version_left(tmp_path):
    left = logged(tmp_path, journal.FILE)

    def count(_):
        with closing(Database.open(left, journal.KIND)) as database:
            return count_kept(database)

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(count, range(64))) == [500] * 64


def test_former_version_at_work_is_waited_for_by_a_person(tmp_path):
    left = logged(tmp_path, journal.FILE)
    with closing(sqlite3.connect(left)) as former:
        former.execute("SELECT count(*) FROM kept").fetchone()
        with pytest.raises(JournalError, match=r"of an earlier version has it open; wait"):
            Database.open(left, journal.KIND)
        former.execute("INSERT INTO kept VALUES (500)")
        former.commit()
    with closing(Database.open(left, journal.KIND)) as database:
        assert count_kept(database) == 501


def test_other_programs_database_keeps_its_log(tmp_path):
    with closing(sqlite3.connect(tmp_path / journal.FILE)) as songs:
        songs.execute("PRAGMA journal_mode = WAL")
        songs.execute("CREATE TABLE songs (title TEXT)")
    with pytest.raises(JournalError, match="another program's"):
        Database.open(tmp_path / journal.FILE, journal.KIND)
    assert mode_of(tmp_path / journal.FILE) == "wal"


def test_reader_is_not_kept_waiting_by_a_large_change(tmp_path):
    with (
        closing(Database.open(tmp_path / journal.FILE, journal.KIND)) as writer,
        closing(Database.open(tmp_path / journal.FILE, journal.KIND)) as reader,
        writer.write() as connection,
    ):
        connection.executemany(
            "INSERT INTO texts (fingerprint, text) VALUES (?, ?)",
            ((str(n), TEXT) for n in range(3000)),
        )
        assert reader.read("SELECT count(*) FROM texts")[0][0] == 0


@pytest.mark.parametrize(
    ("seed", "file"),
    [
        pytest.param(seed, file, marks=() if seed < OFTEN else pytest.mark.long)
        for seed, file in zip(range(KILLS), cycle(KINDS), strict=False)
    ],
)
def test_nothing_acknowledged_is_lost_when_two_writers_are_killed(tmp_path, seed, file):
    program = WRITE_APPLIES if file == journal.FILE else WRITE_REVOCATIONS
    acknowledged = kill_two_writers(program, tmp_path, random.Random(seed))  # noqa: S311
    assert len(acknowledged) >= 2
    with closing(sqlite3.connect(tmp_path / file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    lost = acknowledged - recorded(tmp_path, file)
    assert not lost


def kill_two_writers(program: str, folder: Path, chance: random.Random) -> set[tuple[int, str]]:
    """Run two writers, kill both at any moment, and return what they had acknowledged."""
    command = [sys.executable, "-c", program, str(folder)]
    writers = [
        subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in ("mora-e1", "kolofata-e1")
    ]
    # Each has a few writes before it, so that neither keeps the other out for long.
    for writer in writers:
        ask(writer, writes=3)
    said = []
    for _ in range(chance.randint(1, 40)):
        for writer in writers:
            assert writer.stdout
            said.append(writer.stdout.readline())
            ask(writer, writes=1)
    for writer in chance.sample(writers, 2):
        writer.kill()
    for writer in writers:
        # What lies in the pipe was acknowledged, too; the last line may be a part.
        said += (writer.communicate()[0] + "-").splitlines()[:-1]
    return {(int(number), name) for number, name in (line.split() for line in said)}


def ask(writer: subprocess.Popen[str], *, writes: int) -> None:
    """Let a writer write so often."""
    assert writer.stdin
    writer.stdin.write("once more\n" * writes)
    writer.stdin.flush()


def recorded(folder: Path, file: str) -> set[tuple[int, str]]:
    """Return what the record says, and check that each entry is whole."""
    if file == people.FILE:
        with closing(People.open(folder)) as store:
            entries = [*store.trail()]
            assert {entry.details["keys"][0] for entry in entries} == set(store.revoked.keys())
            return {
                (int(e.details["keys"][0].rpartition("-")[2]), e.details["keys"][0])
                for e in entries
            }
    with closing(Journal.open(folder)) as store:
        applies = store.history()
        whole = [a for a in applies if [s.became for s in store.steps(a.id)] == [a.plan_id]]
        assert len(applies) - len(whole) <= 2
        assert all(store.configs(a.id)["mora-r1"] == (a.plan_id + TEXT,) * 2 for a in applies)
        return {(a.id, a.plan_id) for a in whole}
