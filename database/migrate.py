"""Schemas brought to their newest version by Alembic, within one transaction.

Alembic takes longer to import than most verbs take to run, so it is imported when something is to
be migrated; whether anything is follows from the version table and the text of the scripts.
"""

import re
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, inspect

from database.engine import WITHIN_S, reading

if TYPE_CHECKING:
    from alembic.config import Config

_ENVIRONMENT: Final = "connection"
# Alembic's environment is a global of the process: two threads would take each other's connection.
_ONE_AT_A_TIME: Final = Lock()
# Two programs that start at once must not migrate at once; SQLite's BEGIN IMMEDIATE sees to it.
_POSTGRESQL_LOCK: Final = 0x53414E41
_REVISION: Final = re.compile(r"^revision\b[^=\n]*=\s*[\"']([^\"']+)[\"']", re.MULTILINE)
_BEFORE: Final = re.compile(r"^down_revision\b[^=\n]*=\s*[\"']([^\"']+)[\"']", re.MULTILINE)
_NAME: Final = re.compile(r"[a-z_]+")


class NewerSchemaError(Exception):
    """A newer version of this program wrote the database."""


def upgrade_schema(engine: Engine, package: str, version_table: str) -> None:
    """Bring the tables of a package to their newest version.

    The package holds Alembic's env.py; versions/ is in it or beside it. Several packages share a
    database when each has a version table of its own. Raises NewerSchemaError when the database is
    newer.
    """
    with reading(engine) as connection:
        if is_newest(connection, package, version_table):
            return
    with engine.begin() as connection:
        upgrade_within(connection, package, version_table)


def upgrade_within(connection: Connection, package: str, version_table: str) -> None:
    """Do the same within a transaction that writes."""
    wait_for_lock(connection, _POSTGRESQL_LOCK)
    if is_newest(connection, package, version_table):
        return
    from alembic.command import upgrade
    from alembic.config import Config

    config = Config()
    for option, folder in (
        ("script_location", _folder(package)),
        ("version_locations", _versions(package)),
    ):
        config.set_main_option(option, str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_table", version_table)
    config.attributes[_ENVIRONMENT] = connection
    with _ONE_AT_A_TIME:
        upgrade(config, "head")


def run_migrations(config: "Config") -> None:
    """Run the scripts that Alembic found; the env.py of every package calls this alone."""
    from alembic import context

    context.configure(
        connection=config.attributes[_ENVIRONMENT],
        version_table=config.get_main_option("version_table"),
    )
    context.run_migrations()


def is_newest(connection: Connection, package: str, version_table: str) -> bool:
    """Return whether the tables of a package have their newest version.

    Raises NewerSchemaError when the database is newer.
    """
    current = schema_version(connection, version_table)
    before = _revisions(package)
    if current is not None and current not in before:
        raise NewerSchemaError(f"a newer sanaga wrote this database (version {current}); use it")
    return current is not None and current not in before.values()


def schema_version(connection: Connection, version_table: str) -> str | None:
    """Return the version that a version table names, None where there is no such table."""
    if not _NAME.fullmatch(version_table):
        raise ValueError(f"{version_table!r} is no name of a version table")
    if not inspect(connection).has_table(version_table):
        return None
    query = f"SELECT version_num FROM {version_table}"  # noqa: S608 - a plain name, as checked
    found = connection.exec_driver_sql(query).scalar()
    return None if found is None else str(found)


def wait_for_lock(connection: Connection, number: int) -> None:
    """Hold a lock of PostgreSQL until the transaction ends; SQLite's writers hold theirs anyway."""
    if connection.dialect.name == "postgresql":
        usual = connection.exec_driver_sql("SHOW lock_timeout").scalar_one()
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{WITHIN_S}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({number})")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{usual}'")


def _folder(package: str) -> Path:
    return Path(str(files(package)))


def _versions(package: str) -> Path:
    inside, beside = _folder(package) / "versions", _folder(package).parent / "versions"
    # An older release may have left a folder with nothing but compiled scripts.
    return inside if any(inside.glob("*.py")) else beside


def _revisions(package: str) -> dict[str, str | None]:
    """Return the versions that the scripts of a package lead to, each with the one before."""
    made: dict[str, str | None] = {}
    for script in sorted(_versions(package).glob("*.py")):
        text = script.read_text(encoding="utf-8")
        if found := _REVISION.search(text):
            before = _BEFORE.search(text)
            made[found[1]] = before[1] if before else None
    return made
