"""Where records are kept: what SANAGA_DATABASE says, and passwords that nobody sees."""

from contextlib import closing

import pytest
from sqlalchemy import text

from controller.environment import SettingError
from controller.store.journal import Journal
from controller.store.people import People
from controller.store.place import (
    ADDRESS,
    FILE,
    PASSWORD_FILE,
    StorePlace,
    open_store_engine,
    record_exists,
    store_place,
)
from inventory.errors import AccessError, JournalError


def test_file_of_the_state_folder_unless_an_address_is_set(tmp_path):
    assert store_place(tmp_path, {}).name == str(tmp_path / FILE)
    place = store_place(tmp_path, {ADDRESS: "postgresql://u:secret@h/n"})
    assert place.name == "postgresql://u@h/n"


def test_a_record_exists_where_any_file_does_or_an_address_is_set(tmp_path, monkeypatch):
    monkeypatch.delenv(ADDRESS, raising=False)
    assert not record_exists(tmp_path)
    (tmp_path / "people.sqlite").touch()
    assert record_exists(tmp_path)
    monkeypatch.setenv(ADDRESS, "postgresql://h/n")
    assert record_exists(tmp_path / "other")


@pytest.mark.parametrize("address", ["nonsense", "mysql://h/n"])
def test_wrong_address_is_explained(tmp_path, monkeypatch, address):
    monkeypatch.setenv(ADDRESS, address)
    with pytest.raises(SettingError, match=r"SANAGA_DATABASE: .*write postgresql://HOST/NAME"):
        Journal.open(tmp_path)


def test_password_comes_from_a_file_of_its_owner_alone(tmp_path):
    file = tmp_path / "password"
    file.write_text("s p@ce:/\n")
    file.chmod(0o640)
    place = StorePlace(tmp_path, "postgresql://u@h/n", file)
    with pytest.raises(SettingError, match=rf"others may read it; say 'chmod 600 {file}'"):
        open_store_engine(place)
    file.chmod(0o600)
    engine = open_store_engine(place)
    assert engine.url.password == file.read_text().strip()
    assert "ce:/" not in f"{engine} {engine.url} {place.name}"
    file.unlink()
    with pytest.raises(SettingError, match=f"{PASSWORD_FILE}: {file}: .*No such file"):
        open_store_engine(place)


def test_server_that_does_not_answer_is_explained(tmp_path, monkeypatch):
    monkeypatch.setenv(ADDRESS, f"postgresql://u:secret@/n?host={tmp_path}")
    with pytest.raises(JournalError) as raised:
        Journal.open(tmp_path)
    assert "check that the server runs, and SANAGA_DATABASE" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_server_that_is_lost_is_explained_and_used_again(tmp_path, postgresql_address, monkeypatch):
    monkeypatch.setenv(ADDRESS, postgresql_address)
    with closing(Journal.open(tmp_path)) as journal:
        end = text("SELECT pg_terminate_backend(pg_backend_pid())")
        with (
            pytest.raises(JournalError, match="check that the server runs"),
            journal._database.write() as db,
        ):
            db.execute(end)
        assert journal.history() == ()


def test_empty_database_beside_a_file_with_records_is_refused(
    tmp_path, postgresql_address, monkeypatch
):
    monkeypatch.delenv(ADDRESS, raising=False)
    People.open(tmp_path).close()
    monkeypatch.setenv(ADDRESS, postgresql_address)
    with pytest.raises(AccessError, match="the database of SANAGA_DATABASE has none"):
        People.open(tmp_path)
    (tmp_path / FILE).unlink()
    People.open(tmp_path).close()
