"""Faults of databases, each brought about by a real one, and the kind that it is."""

from contextlib import closing

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from database.engine import open_engine, sqlite_module
from database.faults import Fault, ForeignFileError, fault_of, words_of


@pytest.fixture
def engine(tmp_path):
    made = open_engine(tmp_path / "state" / "one.db")
    with made.begin() as connection:
        connection.execute(text("CREATE TABLE one (value INTEGER PRIMARY KEY)"))
    yield made
    made.dispose()


@pytest.fixture
def server(postgresql_address):
    made = open_engine(postgresql_address)
    with made.begin() as connection:
        connection.execute(text("CREATE TABLE one (value INTEGER PRIMARY KEY)"))
    yield made
    made.dispose()


def failing(engine, *statements):
    """Return what the last of some statements raises."""
    *first, last = map(text, statements)
    with engine.begin() as connection:
        for statement in first:
            connection.execute(statement)
        with pytest.raises(DBAPIError) as raised:
            connection.execute(last)
        connection.rollback()
    return raised.value


def test_full_disk_of_sqlite(engine):
    limit, fill = "PRAGMA max_page_count = 3", "INSERT INTO one VALUES (zeroblob(100000))"
    error = failing(engine, limit, "CREATE TABLE more (value BLOB)", fill.replace("one", "more"))
    assert fault_of(error) is Fault.FULL
    assert words_of(error) == "database or disk is full"


def test_constraint_of_either(engine, server):
    twice = ["INSERT INTO one VALUES (1)"] * 2
    assert fault_of(failing(engine, *twice)) is Fault.REFUSED
    error = failing(server, *twice)
    assert fault_of(error) is Fault.REFUSED
    assert "\n" not in words_of(error)


def test_writing_where_only_reading_is_allowed(engine, server):
    write = "INSERT INTO one VALUES (1)"
    assert fault_of(failing(engine, "PRAGMA query_only = ON", write)) is Fault.READ_ONLY
    only = "SET TRANSACTION READ ONLY"
    assert fault_of(failing(server, only, write)) is Fault.READ_ONLY


def test_another_writer_of_sqlite(tmp_path, engine):
    other = sqlite_module().connect(tmp_path / "state" / "one.db", timeout=0, isolation_level=None)
    with closing(other), engine.begin(), pytest.raises(sqlite_module().OperationalError) as raised:
        other.execute("BEGIN IMMEDIATE")
    assert fault_of(raised.value) is Fault.BUSY


def test_another_writer_of_postgresql(server):
    with server.begin() as connection:
        connection.execute(text("LOCK TABLE one"))
        error = failing(server, "SET LOCAL lock_timeout = '10ms'", "SELECT * FROM one")
    assert fault_of(error) is Fault.BUSY


def test_no_server_answers(tmp_path):
    engine = open_engine(f"postgresql://sanaga:secret@/sanaga?host={tmp_path}")
    error = refused(engine)
    assert fault_of(error) is Fault.UNREACHABLE
    assert "secret" not in str(error)


def test_database_that_is_not_there(postgresql_server):
    engine = open_engine(postgresql_server.address("nowhere"))
    assert fault_of(refused(engine)) is Fault.UNREACHABLE


def refused(engine):
    """Return what connecting raises."""
    with pytest.raises(DBAPIError) as raised:
        engine.connect()
    return raised.value


def test_server_that_ends_the_connection(server):
    end = "SELECT pg_terminate_backend(pg_backend_pid())"
    assert fault_of(failing(server, end)) is Fault.UNREACHABLE


def test_mistake_of_ours_is_of_no_kind(engine, server):
    for one in (engine, server):
        assert fault_of(failing(one, "SELECT nothing FROM one")) is Fault.OTHER


def test_damaged_file(tmp_path):
    (tmp_path / "one.db").write_bytes(b"SQLite format 3\0" + b"\x99" * 8000)
    with pytest.raises(sqlite_module().DatabaseError) as raised:
        open_engine(tmp_path / "one.db")
    assert fault_of(raised.value) is Fault.DAMAGED


def test_file_of_another_program_is_left_as_it_is(tmp_path):
    with closing(sqlite_module().connect(tmp_path / "songs.db")) as songs:
        songs.execute("CREATE TABLE songs (title TEXT)")
    before = (tmp_path / "songs.db").read_bytes()
    with pytest.raises(ForeignFileError, match="another program's"):
        open_engine(tmp_path / "songs.db")
    assert (tmp_path / "songs.db").read_bytes() == before


def test_build_with_the_fault_of_the_log_leaves_the_log(tmp_path, monkeypatch):
    file = tmp_path / "one.db"
    open_engine(file).dispose()
    with closing(sqlite_module().connect(file)) as found:
        assert found.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    monkeypatch.setattr("database.engine.has_log_fault", lambda _: True)
    engine = open_engine(file)
    with engine.begin() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "truncate"
        connection.execute(text("CREATE TABLE one (value INTEGER)"))
    engine.dispose()
    assert not file.with_name("one.db-wal").exists()
