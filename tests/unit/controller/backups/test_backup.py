"""Backups: made while others write, sealed, whole or refused, rehearsed, and put back."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from threading import Event, Thread

import pytest

from controller.backups import sealed_stream
from controller.backups.backup import (
    _check_name,
    create_backup,
    forget_old,
    restore_backup,
    verify_backup,
)
from controller.backups.noted import REPORTS
from controller.backups.sealed_stream import OpeningStream, SealingStream
from controller.leadership.schema import LEADER_FILE, LEADER_LOCK
from controller.store.audit import Actor, broken
from controller.store.journal import Journal
from controller.store.people import People
from controller.store.place import open_store_engine, store_place
from database.engine import sqlite_module
from database.process_lock import process_lock
from inventory import credentials
from inventory.errors import BackupError, CredentialError, JournalError
from tests.rigs.people.people_rig import NGONO, make_registrar, nowhere

ACT = Actor("marie", "test")
AT = datetime(2026, 11, 30, 2, tzinfo=UTC)
PASSPHRASE = "correct horse"  # noqa: S105


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """Derive keys with less work, as no test is about guessing passphrases."""
    whole = credentials.seal_text
    monkeypatch.setattr(
        credentials, "seal_text", lambda secrets, phrase, work: whole(secrets, phrase, work=2**15)
    )


@pytest.fixture
def state(records, tmp_path):
    folder = tmp_path / "state"
    with closing(make_registrar(folder)) as registrar:
        registrar.add(NGONO, "tablet", ACT, nowhere)
    return folder


def trail_of(state):
    with closing(People.open(state)) as store:
        assert broken(store.trail()) is None
        return [(one.what, one.subject) for one in store.trail()]


def test_backup_is_verified_and_put_back(state, tmp_path, records):
    place = store_place(state)
    before, key = trail_of(state), (state / "sealing_key").read_bytes()
    file, made = create_backup(place, tmp_path / "backups", PASSPHRASE, AT)
    assert made.database == records
    assert made.rows["audit_trail"] == len(before) > 0
    assert "sealing_key" in made.files
    assert file.stat().st_mode & 0o077 == 0
    assert verify_backup(file, place, PASSPHRASE) == made
    with closing(People.open(state)) as store:
        store.noted("later", "x", ACT)
    (state / "sealing_key").write_bytes(b"another" * 5)
    kept = restore_backup(file, place, PASSPHRASE, AT)
    assert trail_of(state) == before
    assert (state / "sealing_key").read_bytes() == key
    assert (kept / "sealing_key").read_bytes() == b"another" * 5
    if records == "sqlite":
        assert trail_of(kept)[-1] == ("later", "x")
    else:
        (saved,) = kept.glob("*.sanaga-backup")
        assert verify_backup(saved, place, PASSPHRASE).rows["audit_trail"] == len(before) + 1


def test_reports_are_in_a_backup_and_come_back_with_it(state, tmp_path):
    place, reports = store_place(state), state / REPORTS
    reports.mkdir()
    kept = reports / "availability-2026-10.json"
    kept.write_text("of October")
    file, made = create_backup(place, tmp_path / "backups", PASSPHRASE, AT)
    assert f"{REPORTS}/{kept.name}" in made.files
    kept.write_text("changed since")
    aside = restore_backup(file, place, PASSPHRASE, AT)
    assert kept.read_text() == "of October"
    assert (aside / REPORTS / kept.name).read_text() == "changed since"
    kept.unlink()
    reports.rmdir()
    restore_backup(file, place, PASSPHRASE, AT + timedelta(seconds=1))
    assert kept.read_text() == "of October"


@pytest.mark.parametrize("name", ["../key", "/etc/passwd", "other/key", "reports/../../key", ""])
def test_a_backup_puts_no_file_elsewhere_than_into_the_state_folder(name):
    with pytest.raises(BackupError, match="in no state folder"):
        _check_name(name)


def test_backup_is_of_one_moment_while_others_write(state, tmp_path):
    ended, number = Event(), 0

    def write():
        nonlocal number
        with closing(People.open(state)) as store:
            while not ended.is_set():
                store.noted("write", str(number), ACT)
                number += 1

    writer = Thread(target=write)
    writer.start()
    try:
        for second in range(3):
            at = AT + timedelta(seconds=second)
            file, made = create_backup(store_place(state), tmp_path / "backups", PASSPHRASE, at)
            assert verify_backup(file, store_place(state), PASSPHRASE) == made
    finally:
        ended.set()
        writer.join()
    assert number > 0


def test_nothing_in_a_backup_can_be_read_without_the_passphrase(state, tmp_path):
    file, _ = create_backup(store_place(state), tmp_path / "backups", PASSPHRASE, AT)
    content = file.read_bytes()
    assert b"ngono" not in content
    assert (state / "sealing_key").read_bytes() not in content
    with pytest.raises(CredentialError, match="the passphrase is wrong"):
        verify_backup(file, store_place(state), "another")
    with pytest.raises(CredentialError, match="needs a passphrase"):
        create_backup(store_place(state), tmp_path / "more", "", AT)
    assert list((tmp_path / "more").iterdir()) == []


@pytest.mark.parametrize("kind", ["changed", "cut", "longer", "foreign"])
def test_backup_that_is_not_whole_is_refused_and_changes_nothing(state, tmp_path, kind):
    place = store_place(state)
    file, _ = create_backup(place, tmp_path / "backups", PASSPHRASE, AT)
    content = bytearray(file.read_bytes())
    if kind == "changed":
        content[-40] ^= 1
    elif kind == "cut":
        del content[-40:]
    elif kind == "longer":
        content += b"more"
    else:
        content[:7] = b"foreign"
    file.write_bytes(content)
    before = trail_of(state)
    for act in (
        lambda: verify_backup(file, place, PASSPHRASE),
        lambda: restore_backup(file, place, PASSPHRASE, AT),
    ):
        with pytest.raises(BackupError, match=r"was changed or cut short|is no backup"):
            act()
    assert trail_of(state) == before
    assert not list(state.glob("before-restore-*"))


def test_the_newest_are_kept(tmp_path, monkeypatch):
    monkeypatch.delenv("SANAGA_DATABASE", raising=False)
    state, folder = tmp_path / "state", tmp_path / "backups"
    Journal.open(state).close()
    made = [
        create_backup(store_place(state), folder, PASSPHRASE, AT + timedelta(days=n))[0]
        for n in range(4)
    ]
    (folder / "notes.txt").write_text("mine")
    assert forget_old(folder, 2) == tuple(made[:2])
    assert set(folder.iterdir()) == {*made[2:], folder / "notes.txt"}


def test_restore_waits_for_an_apply_and_for_who_has_the_file_open(tmp_path, monkeypatch):
    monkeypatch.delenv("SANAGA_DATABASE", raising=False)
    state, place = tmp_path / "state", store_place(tmp_path / "state")
    with closing(Journal.open(state)) as journal:
        file, _ = create_backup(place, tmp_path / "backups", PASSPHRASE, AT)
        with journal.lock(), pytest.raises(JournalError, match="is changing the network"):
            restore_backup(file, place, PASSPHRASE, AT)
    other = sqlite_module().connect(place.file, isolation_level=None)
    with closing(other):
        other.execute("BEGIN")
        other.execute("SELECT * FROM applies").fetchall()
        with pytest.raises(BackupError, match="is open in another process"):
            restore_backup(file, place, PASSPHRASE, AT + timedelta(seconds=1))


def test_backup_of_another_kind_of_database_is_refused(tmp_path, postgresql_address, monkeypatch):
    monkeypatch.delenv("SANAGA_DATABASE", raising=False)
    state = tmp_path / "state"
    Journal.open(state).close()
    file, _ = create_backup(store_place(state), tmp_path / "backups", PASSPHRASE, AT)
    monkeypatch.setenv("SANAGA_DATABASE", postgresql_address)
    with pytest.raises(BackupError, match="is of sqlite; set or unset SANAGA_DATABASE"):
        restore_backup(file, store_place(tmp_path / "other"), PASSPHRASE, AT)


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 5000])
def test_stream_of_any_length_comes_back(monkeypatch, size):
    monkeypatch.setattr(sealed_stream, "_BLOCK", 1000)
    data = bytes(n % 251 for n in range(size))
    sealed = BytesIO()
    stream = SealingStream(sealed, PASSPHRASE)
    for start in range(0, size, 37):
        stream.write(data[start : start + 37])
    stream.finish()
    sealed.seek(0)
    opened = OpeningStream(sealed, Path("x"), PASSPHRASE)
    assert b"".join(iter(lambda: opened.read(13), b"")) == data


@pytest.mark.parametrize("records", ["postgresql"], indirect=True)
def test_a_restore_is_refused_while_a_controller_leads_on_the_database(state, tmp_path):
    place = store_place(state)
    file, _ = create_backup(place, tmp_path / "backups", PASSPHRASE, AT)
    engine = open_store_engine(place)
    lock = process_lock(engine, LEADER_LOCK, LEADER_FILE)
    assert lock.take()
    with pytest.raises(BackupError, match="a controller serves it; stop all of them first"):
        restore_backup(file, place, PASSPHRASE, AT)
    lock.release()
    restore_backup(file, place, PASSPHRASE, AT + timedelta(seconds=1))
    engine.dispose()


def test_locks_and_the_reserve_of_a_disk_are_in_no_backup(state, tmp_path):
    for name in ("leader.lock", "telemetry.reserve"):
        (state / name).write_bytes(b"")
    _, made = create_backup(store_place(state), tmp_path / "backups", PASSPHRASE, AT)
    assert {"leader.lock", "telemetry.reserve"}.isdisjoint(made.files)
