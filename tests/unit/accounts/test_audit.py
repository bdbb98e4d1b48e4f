"""The audit chain: whole with many writers, and broken by every change."""

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import delete, insert, text, update
from sqlalchemy.exc import DatabaseError

from accounts.audit import (
    OWN_KIND,
    START,
    Actor,
    AuditEntry,
    append,
    count_entries,
    first_broken,
    judge_chain,
    read_entries,
    verify,
)
from accounts.audit_table import VERSION_TABLE, audit_chain, metadata
from accounts.schema import open_accounts
from database.engine import reading
from tests.rigs.accounts.service import at_once
from tests.sanaga_process import ROOT

MARIE = Actor("marie", "test")
AT = "2026-11-30T09:00:00+00:00"


@pytest.fixture
def chain(engine):
    open_accounts(engine)
    return engine


def add(engine, number, actor=MARIE, kind=OWN_KIND):
    details = {"number": number}
    with engine.begin() as connection:
        return append(connection, actor, AT, "site.add", f"site {number}", details, kind=kind)


def entries(engine):
    with reading(engine) as connection:
        return list(read_entries(connection))


def broken(engine):
    with reading(engine) as connection:
        return verify(connection)


def test_entries_are_read_as_they_were_written(chain):
    made = add(chain, 1)
    (entry,) = entries(chain)
    assert (entry.serial, entry.who, entry.because) == (1, "marie", "test")
    assert (entry.what, entry.subject, entry.details) == ("site.add", "site 1", {"number": 1})
    assert (entry.hash, entry.hash_after(START)) == (made, made)
    assert broken(chain) is None


def test_entries_are_read_behind_a_serial_and_of_a_subject(chain):
    for number in range(5):
        add(chain, number)
    with reading(chain) as connection:
        assert [one.serial for one in read_entries(connection, after=3)] == [4, 5]
        assert [one.serial for one in read_entries(connection, subject="site 2")] == [3]


def test_a_failed_transaction_leaves_no_entry_and_no_gap(chain):
    class StopError(Exception):
        pass

    def fail():
        with chain.begin() as connection:
            append(connection, MARIE, AT, "site.add", "site 9")
            raise StopError

    with pytest.raises(StopError):
        fail()
    add(chain, 1)
    assert [one.serial for one in entries(chain)] == [1]


def test_writers_in_threads_keep_the_chain_whole(chain):
    def write(thread):
        for number in range(10):
            add(chain, number, Actor(f"thread {thread}", "race"))

    at_once(*(lambda one=one: write(one) for one in range(4)))
    assert broken(chain) is None
    assert len(entries(chain)) == 40


WRITER = """
import sys
from pathlib import Path
from accounts.audit import Actor, append
from database.engine import open_engine
place = sys.argv[1]
engine = open_engine(place if "://" in place else Path(place))
for number in range(15):
    with engine.begin() as connection:
        append(connection, Actor(sys.argv[2], "race"), "now", "site.add", "site", {"n": number})
"""


def test_writers_in_processes_keep_the_chain_whole(chain):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, place(chain), name], cwd=ROOT)
        for name in ("one", "two", "three")
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    assert broken(chain) is None
    found = [one.who for one in entries(chain)]
    assert {who: found.count(who) for who in set(found)} == {"one": 15, "two": 15, "three": 15}


CHANGES = {
    "a word": update(audit_chain).where(audit_chain.c.serial == 3).values(because="other"),
    "its details": update(audit_chain).where(audit_chain.c.serial == 3).values(details="{}"),
    "its number": update(audit_chain).where(audit_chain.c.serial == 3).values(serial=30),
    "removal": delete(audit_chain).where(audit_chain.c.serial == 3),
}


def without_triggers(engine):
    triggers = {
        "sqlite": ("audit_chain_update", "audit_chain_delete"),
        "postgresql": ("audit_chain_changed ON audit_chain",),
    }
    with engine.begin() as connection:
        for trigger in triggers[engine.dialect.name]:
            connection.execute(text(f"DROP TRIGGER {trigger}"))


def place(engine):
    """Return what open_engine() takes to open the same database, as a text."""
    if engine.dialect.name == "sqlite":
        return engine.url.database
    return engine.url.render_as_string(hide_password=False)


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_breaks_the_chain(chain, change):
    for number in range(5):
        add(chain, number)
    without_triggers(chain)
    with chain.begin() as connection:
        connection.execute(CHANGES[change])
    assert broken(chain) == 3


@pytest.mark.parametrize("change", ["a word", "removal"])
def test_the_database_itself_refuses_changes(chain, change):
    for number in range(5):
        add(chain, number)
    with pytest.raises(DatabaseError, match="only added"), chain.begin() as connection:
        connection.execute(CHANGES[change])
    assert broken(chain) is None


def test_an_entry_that_is_slipped_in_at_the_end_breaks_the_chain(chain):
    add(chain, 1)
    forged = {"serial": 2, "at": AT, "who": "x", "what": "y", "subject": "z", "because": ""}
    forged |= {"kind": "accounts", "number": 2}
    with chain.begin() as connection:
        connection.execute(insert(audit_chain).values(**forged, details="{}", hash="0" * 64))
    assert broken(chain) == 2


def test_entries_of_every_kind_are_in_one_chain_and_counted_by_kind(chain):
    for number, kind in enumerate(("vpn", "vpn", "accounts", "vpn", "network", "vpn")):
        add(chain, number, kind=kind)
    assert [(one.kind, one.number) for one in entries(chain)] == [
        ("vpn", 1),
        ("vpn", 2),
        ("accounts", 1),
        ("vpn", 3),
        ("network", 1),
        ("vpn", 4),
    ]
    with reading(chain) as connection:
        assert [one.serial for one in read_entries(connection, kind="vpn")] == [1, 2, 4, 6]
        assert count_entries(connection, kind="vpn") == 4
        assert count_entries(connection, kind="vpn", subject="site 3") == 1
        assert count_entries(connection) == 6
        verdict = judge_chain(read_entries(connection))
    assert (verdict.broken_at, verdict.entries) == (None, 6)
    assert verdict.kinds == {"vpn": 4, "accounts": 1, "network": 1}


# What an entry says of its kind: of one that goes without saying (1), and of others.
KIND_CHANGES: dict[str, tuple[int, dict[str, object]]] = {
    "the kind of the first": (1, {"kind": "network"}),
    "the number of the first": (1, {"number": 9}),
    "a kind": (3, {"kind": "network"}),
    "a number": (3, {"number": 9}),
    "a kind that would go without saying": (3, {"kind": "vpn", "number": 3}),
}


@pytest.mark.parametrize("change", KIND_CHANGES)
def test_a_change_of_an_entrys_kind_or_number_breaks_the_chain(chain, change):
    for number, kind in enumerate(("vpn", "vpn", "accounts")):
        add(chain, number, kind=kind)
    without_triggers(chain)
    assert broken(chain) is None
    serial, values = KIND_CHANGES[change]
    with chain.begin() as connection:
        connection.execute(update(audit_chain).where(audit_chain.c.serial == serial).values(values))
    assert broken(chain) == serial


def test_an_entry_of_release_0_1_has_the_hash_that_it_had_there(chain):
    made = "bb4d656682547776c953116c4eff12d4adbf4a9d592d392f0600e62032adafac"
    entry = AuditEntry(1, AT, "marie", "site.add", "mora", "test", {"é": [1, 2]}, made, "vpn", 1)
    assert entry.hash_after(START) == made
    assert first_broken([entry]) is None
    with chain.begin() as connection:
        assert append(connection, MARIE, AT, "site.add", "mora", {"é": [1, 2]}, kind="vpn") == made


def test_a_chain_that_was_cut_at_its_end_lacks_the_hash_that_was_noted(chain):
    for number in range(3):
        noted = add(chain, number)
    assert judge_chain(entries(chain), noted).noted
    without_triggers(chain)
    with chain.begin() as connection:
        connection.execute(delete(audit_chain).where(audit_chain.c.serial == 3))
    verdict = judge_chain(entries(chain), noted)
    assert (verdict.broken_at, verdict.entries, verdict.noted) == (None, 2, False)


def test_the_tables_are_what_the_code_expects(chain):
    with reading(chain) as connection:
        options = {"version_table": VERSION_TABLE}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_opening_twice_changes_nothing(chain):
    add(chain, 1)
    open_accounts(chain)
    assert len(entries(chain)) == 1


def test_what_a_database_cannot_hold_is_replaced(chain):
    with chain.begin() as connection:
        append(connection, Actor("m\0", "\ud800"), AT, "a", "s\0", {"x\0": ["\udfff", "\0"]})
    (entry,) = entries(chain)
    assert (entry.who, entry.because, entry.subject) == ("m\ufffd", "?", "s\ufffd")
    assert entry.details == {"x\0": ["?", "\0"]}
    assert broken(chain) is None
