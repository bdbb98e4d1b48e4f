"""Files of the controller: nothing that was acknowledged is lost, whoever writes and dies."""

import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import cycle
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from controller.store.audit import Actor, broken
from controller.store.database import Database
from controller.store.journal import Journal
from controller.store.people import People
from controller.store.place import FILE
from controller.store.schema import plan_texts
from database.engine import sqlite_module
from inventory.errors import JournalError

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

PROGRAMS = {"applies": WRITE_APPLIES, "revocations": WRITE_REVOCATIONS}


def test_reader_is_not_kept_waiting_by_a_large_change(records, tmp_path):
    with (
        closing(Database.open(tmp_path, JournalError)) as writer,
        closing(Database.open(tmp_path, JournalError)) as reader,
        writer.write() as connection,
    ):
        rows = [{"fingerprint": str(n), "text": TEXT} for n in range(3000)]
        connection.execute(insert(plan_texts), rows)
        assert reader.read(select(func.count()).select_from(plan_texts))[0][0] == 0


def test_a_part_that_fails_is_taken_back_alone(records, tmp_path):
    with closing(People.open(tmp_path)) as store:
        with store.together():
            store.noted("first", "x", ACT)
            with pytest.raises(ZeroDivisionError):
                fail_after_a_note(store)
            store.noted("third", "x", ACT)
        assert [entry.what for entry in store.trail()] == ["first", "third"]
        assert broken(store.trail()) is None


def fail_after_a_note(store):
    with store.together():
        store.noted("second", "x", ACT)
        raise ZeroDivisionError


def test_a_thread_sees_its_own_transaction_and_no_other(records, tmp_path):
    with closing(People.open(tmp_path)) as store, ThreadPoolExecutor(1) as pool:
        with store.together():
            store.noted("first", "x", ACT)
            assert store.last() == 1
            assert pool.submit(store.last).result() == 0
        assert pool.submit(store.last).result() == 1


def test_many_may_open_a_new_folder_at_once(records, tmp_path):
    def note(number):
        with closing(People.open(tmp_path)) as store:
            store.noted("open", str(number), ACT)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(note, range(32)))
    with closing(People.open(tmp_path)) as store:
        assert len(store.trail()) == 32
        assert broken(store.trail()) is None


@pytest.mark.parametrize(
    ("seed", "program"),
    [
        pytest.param(seed, program, marks=() if seed < OFTEN else pytest.mark.long)
        for seed, program in zip(range(KILLS), cycle(PROGRAMS), strict=False)
    ],
)
def test_nothing_acknowledged_is_lost_when_two_writers_are_killed(tmp_path, seed, program):
    acknowledged = kill_two_writers(PROGRAMS[program], tmp_path, random.Random(seed))  # noqa: S311
    assert len(acknowledged) >= 2
    with closing(sqlite_module().connect(tmp_path / FILE)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    lost = acknowledged - recorded(tmp_path, program)
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


def recorded(folder: Path, program: str) -> set[tuple[int, str]]:
    """Return what the record says, and check that each entry is whole."""
    if program == "revocations":
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
