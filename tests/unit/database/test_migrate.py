"""Migrations: all or nothing, once, in turn, and never of a newer version."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent

import pytest
from sqlalchemy import inspect, text

from database.engine import open_engine, reading
from database.migrate import NewerSchemaError, schema_version, upgrade_schema

ENV = """
from alembic import context
from database.migrate import run_migrations
run_migrations(context.config)
"""
SCRIPT = """
from alembic import op
import sqlalchemy as sa
revision{note} = "{revision}"
down_revision{note} = {before!r}
def upgrade():
    op.create_table("table_{revision}", sa.Column("value", sa.Integer))
    {more}
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request, tmp_path):
    sqlite = request.param == "sqlite"
    place = tmp_path / "one.db" if sqlite else request.getfixturevalue("postgresql_address")
    made = open_engine(place)
    yield made
    made.dispose()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return the name of a package that has no scripts yet."""
    name = f"scripts_{abs(hash(tmp_path))}"
    folder = tmp_path / "code" / name
    (folder / "versions").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "env.py").write_text(ENV)
    monkeypatch.syspath_prepend(tmp_path / "code")
    return folder


def add(package: Path, revision: str, before: str | None, more: str = "pass", note: str = ""):
    made = SCRIPT.format(revision=revision, before=before, more=more, note=note)
    (package / "versions" / f"{revision}_script.py").write_text(made)


def tables(engine):
    with reading(engine) as connection:
        return set(inspect(connection).get_table_names())


def test_scripts_run_in_their_order_and_once(engine, package):
    add(package, "b", None, note=": str")
    upgrade_schema(engine, package.name, "own_version")
    assert tables(engine) == {"own_version", "table_b"}
    add(package, "a", "b", note=": str | None")
    for _ in range(2):
        upgrade_schema(engine, package.name, "own_version")
    assert tables(engine) == {"own_version", "table_a", "table_b"}
    with reading(engine) as connection:
        assert schema_version(connection, "own_version") == "a"


def test_nothing_is_left_of_a_script_that_fails(engine, package):
    add(package, "a", None)
    add(package, "b", "a", more="1 / 0")
    with pytest.raises(ZeroDivisionError):
        upgrade_schema(engine, package.name, "own_version")
    assert tables(engine) == set()


def test_packages_share_a_database(engine, package):
    add(package, "a", None)
    upgrade_schema(engine, package.name, "own_version")
    (package / "versions" / "a_script.py").unlink()
    add(package, "b", None)
    upgrade_schema(engine, package.name, "other_version")
    assert tables(engine) == {"own_version", "table_a", "other_version", "table_b"}


def test_newer_database_is_refused(engine, package):
    add(package, "a", None)
    upgrade_schema(engine, package.name, "own_version")
    with engine.begin() as connection:
        connection.execute(text("UPDATE own_version SET version_num = 'z'"))
    with pytest.raises(NewerSchemaError, match="version z"):
        upgrade_schema(engine, package.name, "own_version")


def test_many_that_start_at_once_migrate_once(engine, package):
    add(package, "a", None)
    code = dedent(
        f"""
        import sys
        from pathlib import Path
        from database.engine import open_engine
        from database.migrate import upgrade_schema
        sys.path.insert(0, {str(package.parent)!r})
        place = sys.argv[1]
        engine = open_engine(place if place.startswith("postgresql") else Path(place))
        print("ready", flush=True)
        sys.stdin.readline()
        upgrade_schema(engine, {package.name!r}, "own_version")
        """
    )
    url = engine.url
    place = url.render_as_string() if url.drivername.startswith("postgresql") else url.database
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", code, place],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for starter in starters:
        assert starter.stdout
        assert starter.stdout.readline() == "ready\n"
    for starter in starters:
        assert starter.stdin
        starter.stdin.write("go\n")
        starter.stdin.flush()
    for starter in starters:
        starter.communicate()
        assert starter.returncode == 0
    assert tables(engine) == {"own_version", "table_a"}


def test_threads_of_one_process_may_bring_several_databases_up_to_date_at_once(tmp_path):
    def opened(number):
        engine = open_engine(tmp_path / str(number) / "one.db")
        upgrade_schema(engine, "controller.consultations.migrations", "consultations_version")
        with reading(engine) as connection:
            there = inspect(connection).get_table_names()
        engine.dispose()
        return sorted(there)

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(opened, range(24)))
    assert made == [["consultations", "consultations_version"]] * 24
