"""The log of a file of SQLite is cut short when it is too large, or that is said."""

from contextlib import closing

import pytest

from database.engine import open_engine, reading
from database.write_log import cut_log, log_octets


@pytest.fixture
def engine(tmp_path):
    made = open_engine(tmp_path / "some.sqlite")
    set_journal(made, "WAL")
    with made.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a BLOB)")
    yield made
    made.dispose()


def set_journal(engine, name):
    with closing(engine.raw_connection()) as connection:
        connection.execute(f"PRAGMA journal_mode = {name}")


def grow(engine):
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (zeroblob(300000))")


def test_a_log_that_is_too_large_is_cut_short(engine):
    grow(engine)
    before = log_octets(engine)
    assert before > 300_000
    assert cut_log(engine, largest=before) == ""
    assert log_octets(engine) == before
    assert cut_log(engine, largest=before - 1) == ""
    assert log_octets(engine) == 0


def test_a_reader_that_does_not_end_is_an_alarm(engine):
    grow(engine)
    with reading(engine) as reader:
        reader.exec_driver_sql("SELECT count(*) FROM t").scalar()
        grow(engine)
        assert "MB and cannot be cut short: a reader keeps it" in cut_log(engine, largest=1)
    assert cut_log(engine, largest=1) == ""


def test_without_a_log_there_is_nothing_to_cut(tmp_path):
    plain = open_engine(tmp_path / "plain.sqlite")
    set_journal(plain, "TRUNCATE")
    assert (log_octets(plain), cut_log(plain, largest=0)) == (0, "")
    plain.dispose()
