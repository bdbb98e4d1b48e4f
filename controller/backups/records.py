"""Copies of the records: VACUUM INTO for SQLite, pg_dump and pg_restore for PostgreSQL."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import DBAPIError

from controller.store.place import StorePlace, open_store_engine
from database.engine import postgresql_url, sqlite_module
from database.faults import words_of
from inventory.errors import BackupError

_REHEARSAL: Final = "sanaga_rehearsal"
_PROGRAMS: Final = Path("/usr/lib/postgresql")


def copy_records(place: StorePlace, copy: Path) -> Mapping[str, int]:
    """Write a copy of the records as they are at one moment; return its rows by table.

    Others may write meanwhile. Raises BackupError.
    """
    if place.address:
        return _dump(place, copy)
    module = sqlite_module()
    try:
        with closing(module.connect(place.file, isolation_level=None)) as source:
            source.execute("VACUUM INTO ?", (str(copy),))
    except module.DatabaseError as error:
        raise BackupError(f"{place.name}: cannot be copied ({error}); use a backup") from error
    return rows_of_file(copy)


def rows_of_file(file: Path) -> Mapping[str, int]:
    """Return how many rows each table of a file has, which is checked page by page."""
    with closing(sqlite_module().connect(file)) as copy:
        if (found := copy.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            raise BackupError(f"{file}: the records in it are damaged ({found})")
        query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        names = [name for (name,) in copy.execute(query)]
        # Names of the database's own tables.
        counted = {n: copy.execute(f'SELECT count(*) FROM "{n}"') for n in names}  # noqa: S608
        return {name: rows.fetchone()[0] for name, rows in counted.items()}


def _dump(place: StorePlace, copy: Path) -> Mapping[str, int]:
    engine = open_store_engine(place)
    at_one_moment = engine.execution_options(isolation_level="REPEATABLE READ")
    try:
        with at_one_moment.connect() as connection:
            snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
            rows = _rows(connection)
            options = ("--format=custom", f"--snapshot={snapshot}", f"--file={copy}")
            _run(place, "pg_dump", "--no-owner", "--no-privileges", *options, database="")
    except DBAPIError as error:
        raise BackupError(f"{place.name}: {words_of(error)}") from error
    finally:
        engine.dispose()
    return rows


def rehearse_dump(place: StorePlace, copy: Path) -> Mapping[str, int]:
    """Restore a dump into a database made for it; return its rows by table.

    Raises BackupError, also when the role may make no database.
    """
    name = f"{_REHEARSAL}_{os.getpid()}"
    with _scratch(place, name) as address:
        _run(place, "pg_restore", "--no-owner", "--exit-on-error", str(copy), database=name)
        engine = open_store_engine(StorePlace(place.folder, address, place.password_file))
        try:
            with engine.connect() as connection:
                return _rows(connection)
        finally:
            engine.dispose()


def restore_dump(place: StorePlace, copy: Path) -> None:
    """Put a dump in the place of all that the database has, or change nothing."""
    options = ("--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error")
    _run(place, "pg_restore", *options, str(copy), database="")


@contextmanager
def _scratch(place: StorePlace, name: str) -> Iterator[str]:
    """Give the address of an empty database beside that of the records."""
    engine = open_store_engine(place)
    try:
        _outside_transactions(engine, f"CREATE DATABASE {name}", place)
        url = postgresql_url(place.address).set(database=name)
        try:
            yield url.render_as_string(hide_password=False)
        finally:
            _outside_transactions(engine, f"DROP DATABASE {name} WITH (FORCE)", place)
    finally:
        engine.dispose()


def _outside_transactions(engine: Engine, statement: str, place: StorePlace) -> None:
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(statement)
    except DBAPIError as error:
        raise BackupError(
            f"{place.name}: {words_of(error)}; a rehearsal needs a database of its own, so let the "
            "role make one (ALTER ROLE … CREATEDB)"
        ) from error


def _rows(connection: Connection) -> dict[str, int]:
    names = inspect(connection).get_table_names()
    counted = {n: connection.exec_driver_sql(f'SELECT count(*) FROM "{n}"') for n in names}  # noqa: S608
    return {name: int(rows.scalar_one()) for name, rows in counted.items()}


def _run(place: StorePlace, program: str, *arguments: str, database: str) -> None:
    """Run a program of PostgreSQL; a password is in its environment, not in its arguments."""
    url = postgresql_url(place.address, password=place.password())
    if database:
        url = url.set(database=database)
    # The program's own form of the address has no driver.
    address = url.set(drivername="postgresql", password="").render_as_string(hide_password=False)
    environment = {"PATH": os.defpath}
    if url.password:
        environment["PGPASSWORD"] = str(url.password)
    command = [_program(program), f"--dbname={address.replace(':@', '@')}", *arguments]
    done = subprocess.run(  # noqa: S603 - no shell reads it
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        raise BackupError(f"{place.name}: {program}: {said[-1]}")


def _program(name: str) -> str:
    """Return the newest program of that name, which can read what older ones wrote."""
    found = sorted(_PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: path.parts[-3])
    if found:
        return str(found[-1])
    if (path := shutil.which(name)) is None:
        raise BackupError(f"{name} is not installed; Debian has it in postgresql-client")
    return path
