"""Folders of the version before: every row of both files is in the one store, or nothing moved."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from controller.store.audit import Actor, broken
from controller.store.database import Database
from controller.store.journal import Journal
from controller.store.migrations.former_files import KEPT, KINDS
from controller.store.people import People
from controller.store.schema import device_numbers, revoked_keys
from database.engine import sqlite_module
from inventory.errors import AccessError, JournalError
from tests.former_release import unpack
from tests.rigs.database.former_store import MIGRATIONS, former_rows, make_former_file

ACT = Actor("marie", "test")
VERSIONS = [(name, n) for name in MIGRATIONS for n in range(1, len(MIGRATIONS[name]) + 1)]
# At how many calls of functions, spread over all, the process that moves files is killed.
OFTEN, SELDOM = 8, 150

# Forks at each line "FOLDER NUMBER" a child that opens the folder and kills itself when it calls
# its NUMBERth function; at 0 the child lives and says how many it called.
OPENER = """
import os, signal, sys
from pathlib import Path
from alembic import command, config, context
from controller.store.people import People

def open_people(folder, number):
    calls = 0
    def count(frame, event, arg):
        nonlocal calls
        if event == "call":
            calls += 1
            if calls == number:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.setprofile(count)
    People.open(Path(folder)).close()
    sys.setprofile(None)
    return calls

for line in sys.stdin:
    folder, number = line.split()
    taken, given = os.pipe()
    if not (child := os.fork()):
        os.write(given, str(open_people(folder, int(number))).encode())
        os._exit(0)
    os.close(given)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), os.read(taken, 20).decode() or 0, flush=True)
    os.close(taken)
"""


def fill(file: Path) -> None:
    """Fill a file with rows in each of its tables, some of them odd."""
    with closing(sqlite3.connect(file)) as db:
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_schema")}
        for table in KINDS[file.name].tables:
            if table in tables:
                db.executemany(*ROWS[table])
        db.commit()


ROWS: dict[str, tuple[str, list[Any]]] = {
    "texts": (
        "INSERT INTO texts VALUES (?, ?)",
        [(f"f{n}", f"hostname é{n}\r\n" * 40) for n in range(1500)],
    ),
    "applies": (
        "INSERT INTO applies VALUES (?, 'p', 'n', '{}', 'f1', 't', ?, ?, ?, 't', '', ?, 't')",
        [(3, 1.5, 0, None, None), (7, 1e9 + 0.123, 1, "rollback", "rolled-back")],
    ),
    "configs": (
        "INSERT INTO configs VALUES (7, ?, 'f2', 'f3')",
        [(name,) for name in ("b-r1", "a-r1", "ab-r1", "a_r1")],
    ),
    "steps": (
        "INSERT INTO steps VALUES (?, 7, 'a-r1', 'commit', 'old', ?, 't', ?)",
        [(9, None, None), (2, "new", "t")],
    ),
    "terms": ("INSERT INTO terms VALUES (1, ?)", [('{"é": 1}',)]),
    "people": (
        "INSERT INTO people VALUES (?, 'Dr É', 'nurse', 'mora', '', NULL, '2027-01-01', 't', ?)",
        [("b", None), ("a-b", "t"), ("a", None)],
    ),
    "devices": (
        "INSERT INTO devices VALUES (?, ?, 'tablet', ?)",
        [(5, "b", None), (2, "a-b", "t"), (8, "a", None)],
    ),
    "keys": (
        "INSERT INTO keys VALUES (?, ?, 't', ?)",
        [("k5", 5, None), ("k4", 5, "2026-02-01"), ("k2", 2, "2026-01-01"), ("k8", 8, None)],
    ),
    "preshared": ("INSERT INTO preshared VALUES ('k5', ?, ?)", [("g", b"\0\xff'"), ("h", b"")]),
    "audit": (
        "INSERT INTO audit VALUES (?, 't', 'é', 'w', 's', '', '{}', 'no hash')",
        [(n,) for n in range(1, 1200)],
    ),
    "gateways": ("INSERT INTO gateways VALUES (?, 3, NULL, 2, '')", [("g",), ("h",)]),
    "revoked": (
        "INSERT INTO revoked VALUES (?, ?, 't', ?)",
        [(4, "k2", None), (11, "edge", "mora-e1")],
    ),
    "site_keys": ("INSERT INTO site_keys VALUES (?, 'mora-e1')", [("edge",), ("other",)]),
    "unfiled": ("INSERT INTO unfiled VALUES (8, ?)", [("a.conf",)]),
}


@pytest.fixture
def former(tmp_path):
    """Return a folder with both files of the last version before, full of rows."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    for name, migrations in MIGRATIONS.items():
        make_former_file(folder / name, len(migrations))
        fill(folder / name)
    return folder


def stored(folder: Path, name: str) -> dict[str, list[dict[str, object]]]:
    """Return the rows of a store by the tables that they had in a file of the version before."""
    with closing(Database.open(folder, AccessError)) as database:
        return {
            old: [as_before(row._asdict()) for row in database.read(select(table))]
            for old, table in KINDS[name].tables.items()
        }


def as_before(row: dict[str, object]) -> dict[str, object]:
    """Return a row without what release 0.1 did not say of an entry of the audit chain."""
    if "hash" in row:
        assert (row.pop("kind"), row.pop("number")) == ("vpn", row["serial"])
    return row


def in_order(rows):
    return sorted(rows, key=repr)


def assert_moved(folder: Path, expected: dict[str, dict[str, list[dict[str, object]]]]) -> None:
    for name, tables in expected.items():
        found = stored(folder, name)
        for table, rows in tables.items():
            assert in_order(found[table]) == in_order(rows), (name, table)
        assert former_rows(folder / f"{name}{KEPT}") == tables
        assert not (folder / name).exists()


@pytest.mark.parametrize(("name", "version"), VERSIONS)
def test_every_row_of_every_version_is_in_the_store(records, tmp_path, name, version):
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    make_former_file(folder / name, version)
    fill(folder / name)
    before = former_rows(folder / name)
    assert sum(map(len, before.values())) > 1000
    assert_moved(folder, {name: before})


@pytest.mark.parametrize("version", [1, 2])
def test_keys_that_were_revoked_before_there_was_a_list_are_on_it(records, tmp_path, version):
    make_former_file(tmp_path / "people.sqlite", version)
    fill(tmp_path / "people.sqlite")
    with closing(Database.open(tmp_path, AccessError)) as database:
        rows = database.read(select(revoked_keys).order_by(revoked_keys.c.serial))
    assert [(row.serial, row.public_key, row.at, row.site) for row in rows] == [
        (1, "k2", "2026-01-01", None),
        (2, "k4", "2026-02-01", None),
    ]


def test_numbers_go_on_where_they_were(records, former):
    with closing(sqlite3.connect(former / "people.sqlite")) as db:
        db.execute("UPDATE sqlite_sequence SET seq = 40 WHERE name = 'devices'")
        db.commit()
    with closing(People.open(former)) as store:
        assert (store.numbered(), store.reserve(), store.numbered()) == (40, 41, 41)
        store.revoke_site("mora-e1", ["next"], ACT)
        assert store.revoked.serial() == 12
        assert store.last() == 1200
    with closing(Database.open(former, AccessError)) as database:
        assert len(database.read(select(device_numbers))) == 1


def test_release_is_read_with_its_trail_unbroken(records, tmp_path):
    unpack(tmp_path)
    with closing(People.open(tmp_path / "state")) as store:
        assert len(store.trail()) == 7
        assert broken(store.trail()) is None
        store.noted("more", "x", ACT)
        assert broken(store.trail()) is None


@pytest.mark.parametrize("name", MIGRATIONS)
def test_what_was_left_in_a_log_is_moved_too(records, former, tmp_path, name):
    with closing(sqlite3.connect(former / name, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        table = next(iter(KINDS[name].tables))
        field = "text" if table == "texts" else "body"
        connection.execute(f"UPDATE {table} SET {field} = 'changed'")  # noqa: S608
        killed = tmp_path / "killed"
        shutil.copytree(former, killed)
        before = {one: former_rows(former / one) for one in MIGRATIONS}
    assert (killed / f"{name}-wal").stat().st_size > 0
    assert before[name][table][0][field] == "changed"
    assert_moved(killed, before)


def test_many_may_open_a_folder_of_the_version_before_at_once(former):
    before = {name: former_rows(former / name) for name in MIGRATIONS}

    def count(number):
        opened = People if number % 2 else Journal
        opened.open(former).close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(16)))
    assert_moved(former, before)


def test_version_before_at_work_is_waited_for_by_a_person(former):
    # The same module as the store's: the locks of two would not see each other in one process.
    with closing(sqlite_module().connect(former / "journal.sqlite")) as old:
        old.execute("PRAGMA journal_mode = WAL")
        old.execute("SELECT count(*) FROM texts").fetchone()
        with pytest.raises(JournalError, match=r"of an earlier version has it open; wait"):
            Journal.open(former)
        old.execute("INSERT INTO texts VALUES ('late', '')")
        old.commit()
    with closing(Journal.open(former)):
        assert {"fingerprint": "late", "text": ""} in stored(former, "journal.sqlite")["texts"]


def test_version_before_that_still_has_a_file_open_is_refused_and_not_lost(former):
    with closing(sqlite3.connect(former / "people.sqlite")) as old:
        old.execute("SELECT count(*) FROM people").fetchone()
        People.open(former).close()
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            old.execute("DELETE FROM unfiled")


def test_apply_of_the_version_before_is_waited_for(former):
    holder = subprocess.Popen(
        ["flock", former / "lock", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin
    assert holder.stdout
    holder.stdin.write(b"held\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(AccessError, match="is changing the network; wait"):
        People.open(former)
    assert (former / "journal.sqlite").exists()
    holder.communicate()
    People.open(former).close()
    assert not (former / "journal.sqlite").exists()


@pytest.mark.parametrize("damage", ["another program's", "newer sanaga", "is damaged"])
def test_nothing_is_moved_when_one_of_the_files_cannot_be(former, damage):
    file = former / "people.sqlite"
    with closing(sqlite3.connect(file)) as db:
        if damage == "another program's":
            db.execute("PRAGMA application_id = 7")
        elif damage == "newer sanaga":
            db.execute("PRAGMA user_version = 5")
        db.commit()
    if damage == "is damaged":
        content = bytearray(file.read_bytes())
        content[4096:8192] = b"\xee" * 4096
        file.write_bytes(content)
    before = {name: (former / name).read_bytes() for name in MIGRATIONS}
    for _ in range(2):
        with pytest.raises(JournalError, match=damage):
            Journal.open(former)
    assert {name: (former / name).read_bytes() for name in MIGRATIONS} == before
    file.unlink()
    with closing(Journal.open(former)) as journal:
        assert [one.id for one in journal.history()] == [7, 3]


def test_file_of_the_version_before_beside_later_entries_is_refused(records, former, tmp_path):
    later = tmp_path / "later"
    with closing(People.open(later)) as store:
        store.noted("x", "y", ACT)
    (former / "people.sqlite").rename(later / "people.sqlite")
    with pytest.raises(AccessError, match="the store has entries of its own; move away this file"):
        People.open(later)


@pytest.mark.parametrize(
    "kills", [OFTEN, pytest.param(SELDOM, marks=pytest.mark.long)], ids=["few", "many"]
)
def test_process_that_is_killed_while_it_moves_files_loses_nothing(former, tmp_path, kills):
    before = {name: former_rows(former / name) for name in MIGRATIONS}
    command = [sys.executable, "-c", OPENER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as opener:
        code, calls = ask(opener, shutil.copytree(former, tmp_path / "whole"), 0)
        assert code == 0
        assert calls > 1000
        seen = set()
        for number in [*range(1, calls, calls // kills), *last(calls, kills)]:
            folder = shutil.copytree(former, tmp_path / f"killed-{number}")
            assert ask(opener, folder, number)[0] == -signal.SIGKILL
            seen.add((folder / "journal.sqlite").exists())
            assert_moved(folder, before)
            shutil.rmtree(folder)
        # The control: some were killed before the files were put aside, and some after.
        assert seen == {True, False}


def last(calls, kills):
    """Return some of the last calls, among which files get their other names."""
    return range(calls - 100, calls, max(1, 200 // kills))


def ask(opener: "subprocess.Popen[str]", folder: Path, number: int) -> tuple[int, int]:
    """Have a child open a folder; return how it ended and how many functions it called."""
    assert opener.stdin
    assert opener.stdout
    opener.stdin.write(f"{os.fspath(folder)} {number}\n")
    opener.stdin.flush()
    code, calls = opener.stdout.readline().split()
    return int(code), int(calls)
