"""Engines: which journal SQLite keeps, who may read its files, and transactions that wait."""

from threading import Thread

import pytest
from sqlalchemy import text

from database.engine import AddressError, has_log_fault, open_engine, reading


@pytest.mark.parametrize("version", [(3, 40, 1), (3, 51, 2), (3, 50, 6), (3, 44, 5), (3, 7, 0)])
def test_releases_that_lose_commits_are_known(version):
    assert has_log_fault(version)


@pytest.mark.parametrize("version", [(3, 51, 3), (3, 53, 4), (3, 50, 7), (3, 44, 6), (3, 6, 23)])
def test_releases_without_the_fault_keep_a_log(version):
    assert not has_log_fault(version)


@pytest.fixture
def engine(tmp_path):
    made = open_engine(tmp_path / "state" / "one.db")
    with made.begin() as connection:
        connection.execute(text("CREATE TABLE one (value INTEGER)"))
    yield made
    made.dispose()


def values(engine):
    with reading(engine) as connection:
        return connection.execute(text("SELECT value FROM one ORDER BY value")).scalars().all()


def test_the_file_and_its_folder_are_their_owners_alone(engine, tmp_path):
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0
    assert (tmp_path / "state" / "one.db").stat().st_mode & 0o077 == 0


def test_a_failed_transaction_takes_back_its_tables_too(engine):
    class StopError(Exception):
        pass

    def fail():
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE two (value INTEGER)"))
            connection.execute(text("INSERT INTO one VALUES (1)"))
            raise StopError

    with pytest.raises(StopError):
        fail()
    assert values(engine) == []
    with reading(engine) as connection:
        assert engine.dialect.has_table(connection, "one")
        assert not engine.dialect.has_table(connection, "two")


def test_writers_that_first_read_wait_for_each_other_and_lose_nothing(engine):
    def add():
        for _ in range(20):
            with engine.begin() as connection:
                there = connection.execute(text("SELECT count(*) FROM one")).scalar_one()
                connection.execute(text("INSERT INTO one VALUES (:n)"), {"n": there})

    writers = [Thread(target=add) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert values(engine) == list(range(80))


@pytest.mark.parametrize("address", ["nonsense", "mysql://host/name", "sqlite:///file"])
def test_an_address_of_something_else_is_refused_with_the_right_form(address):
    with pytest.raises(AddressError, match="write postgresql://HOST/NAME"):
        open_engine(address)
