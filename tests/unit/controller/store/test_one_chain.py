"""Two audit chains of an earlier version become one: nothing is lost, and no change is hidden."""

import json
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from alembic.command import upgrade
from alembic.config import Config
from sqlalchemy import Connection, text

from accounts.audit import START, AuditEntry, append, judge_chain, read_entries
from controller.store.audit import Actor
from controller.store.database import Database
from controller.store.people import People
from controller.store.place import open_store_engine, store_place
from database import migrate
from database.engine import reading
from inventory.errors import AccessError

ACT = Actor("marie", "test")
PEOPLE, SIGN_INS = 4, 3


def upgrade_to(connection: Connection, package: str, table: str, revision: str) -> None:
    """Bring the tables of a package to the version that an earlier release had."""
    config = Config()
    config.set_main_option("script_location", str(migrate._folder(package)))
    config.set_main_option("version_locations", str(migrate._versions(package)))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_table", table)
    config.attributes["connection"] = connection
    upgrade(config, revision)


def fill(connection: Connection, table: str, what: str, entries: int) -> str:
    """Write a chain as it was written before; return its last hash."""
    before = START
    for serial in range(1, entries + 1):
        said = ["2026-11-30T09:00:00+00:00", "é", what, f"s{serial}", "because"]
        details = {"n": serial, "é": [1]}
        plain = json.dumps(
            [before, serial, *said, details], ensure_ascii=False, sort_keys=True
        ).encode()
        before = sha256(plain).hexdigest()
        row = dict(zip(("at", "who", "what", "subject", "because"), said, strict=True))
        kept = {"serial": serial, **row, "details": json.dumps(details), "hash": before}
        columns = ", ".join(kept)
        values = ", ".join(f":{name}" for name in kept)
        connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({values})"), kept)  # noqa: S608
    return before


def former_folder(folder: Path, people: int = PEOPLE, sign_ins: int = SIGN_INS) -> tuple[str, str]:
    """Make records with two chains; return the last hash of each."""
    engine = open_store_engine(store_place(folder))
    with engine.begin() as connection:
        upgrade_to(connection, "controller.store.migrations", "store_version", "0001")
        upgrade_to(connection, "accounts", "accounts_version", "1")
        trail = fill(connection, "audit_trail", "person.add", people)
        chain = fill(connection, "audit_chain", "sign-in", sign_ins)
    engine.dispose()
    folder.chmod(0o700)
    return trail, chain


def change(folder: Path, statement: str) -> None:
    """Change a former chain as somebody does who may write the database, past its triggers."""
    engine = open_store_engine(store_place(folder))
    triggers = {
        "sqlite": [
            *("audit_trail_is_not_changed", "audit_trail_is_not_shortened"),
            *("audit_chain_update", "audit_chain_delete"),
        ],
        "postgresql": [
            "audit_trail_is_not_changed ON audit_trail",
            "audit_chain_changed ON audit_chain",
        ],
    }[engine.dialect.name]
    with engine.begin() as connection:
        for trigger in triggers:
            connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        connection.exec_driver_sql(statement)
    engine.dispose()


def opened(folder: Path) -> tuple[AuditEntry, ...]:
    with closing(People.open(folder)) as store:
        return store.trail()


def test_both_chains_are_one_and_whole_with_the_former_hashes_noted(records, tmp_path):
    trail, chain = former_folder(tmp_path)
    entries = opened(tmp_path)
    verdict = judge_chain(entries)
    assert verdict.broken_at is None
    assert verdict.kinds == {"accounts": SIGN_INS + 1, "vpn": PEOPLE, "chain": 1}
    assert [one.subject for one in entries if one.kind == "vpn"] == ["s1", "s2", "s3", "s4"]
    notes = {one.what: one.details["former_hash"] for one in entries if "chain." in one.what}
    assert notes == {"chain.renew": chain, "chain.join": trail}
    assert entries[0].details == {"n": 1, "é": [1]}


def test_gateways_go_on_counting_where_they_were(records, tmp_path):
    former_folder(tmp_path)
    with closing(People.open(tmp_path)) as store:
        assert store.last() == PEOPLE
        store.noted("site.add", "mora-e1", ACT)
        assert store.last() == PEOPLE + 1
        assert judge_chain(store.trail()).broken_at is None


def test_sign_ins_move_no_gateways_number_and_the_chain_stays_whole(records, tmp_path):
    with closing(People.open(tmp_path)) as store:
        store.noted("site.add", "mora-e1", ACT)
        for _ in range(3):
            with store._database.engine.begin() as connection:
                append(connection, ACT, "now", "sign-in", "a.ngono")
        store.noted("site.add", "kolofata-e1", ACT)
        assert store.last() == 2
        assert judge_chain(store.trail()).kinds == {"vpn": 2, "accounts": 3}


def test_a_trail_alone_keeps_its_hashes(records, tmp_path):
    trail, _ = former_folder(tmp_path, sign_ins=0)
    entries = opened(tmp_path)
    assert [one.serial for one in entries] == [1, 2, 3, 4]
    assert judge_chain(entries, trail).noted
    assert judge_chain(entries).broken_at is None


def test_a_chain_of_accounts_alone_goes_on(records, tmp_path):
    _, chain = former_folder(tmp_path, people=0)
    entries = opened(tmp_path)
    assert judge_chain(entries).kinds == {"accounts": SIGN_INS + 1}
    assert entries[-1].details["former_hash"] == chain
    with closing(People.open(tmp_path)) as store:
        assert store.last() == 0
        store.noted("site.add", "mora-e1", ACT)
        assert (store.last(), judge_chain(store.trail()).broken_at) == (1, None)


# Where the first entry that does not fit is then: sign-ins come first, and the note of them.
CHANGES = {
    "a word of a person's": ("UPDATE audit_trail SET who = 'x' WHERE serial = 2", 6),
    "a person's removal": ("DELETE FROM audit_trail WHERE serial = 2", 6),
    "a word of a sign-in": ("UPDATE audit_chain SET who = 'x' WHERE serial = 2", 2),
    "a sign-in's removal": ("DELETE FROM audit_chain WHERE serial = 2", 2),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_what_was_changed_before_is_still_found_afterwards(records, tmp_path, kind):
    former_folder(tmp_path)
    statement, place = CHANGES[kind]
    change(tmp_path, statement)
    assert judge_chain(opened(tmp_path)).broken_at == place


def test_a_changed_trail_alone_is_still_found(records, tmp_path):
    former_folder(tmp_path, sign_ins=0)
    change(tmp_path, "UPDATE audit_trail SET who = 'x' WHERE serial = 2")
    assert judge_chain(opened(tmp_path)).broken_at == 2


def test_nobody_changes_or_removes_an_entry_of_the_one_chain(records, tmp_path):
    former_folder(tmp_path)
    opened(tmp_path)
    with closing(Database.open(tmp_path, AccessError)) as database:
        for statement in (
            "UPDATE audit_chain SET who = 'x' WHERE serial = 2",
            "DELETE FROM audit_chain WHERE serial = 2",
        ):
            with pytest.raises(AccessError, match="only added"), database.write() as connection:
                connection.exec_driver_sql(statement)
        with reading(database.engine) as connection:
            assert judge_chain(read_entries(connection)).broken_at is None
