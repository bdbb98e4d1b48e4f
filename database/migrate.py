"""Schemas brought to their newest version by Alembic, within one transaction."""

from importlib.resources import files
from typing import Final

from alembic import context
from alembic.command import upgrade
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

_ENVIRONMENT: Final = "connection"
# Two programs that start at once must not migrate at once; SQLite's BEGIN IMMEDIATE sees to it.
_POSTGRESQL_LOCK: Final = 0x53414E41


class NewerSchemaError(Exception):
    """A newer version of this program wrote the database."""


def upgrade_schema(engine: Engine, package: str, version_table: str) -> None:
    """Bring the tables of a package to their newest version.

    The package holds Alembic's env.py and versions/; several packages share a database when each
    has a version table of its own. Raises NewerSchemaError when the database is newer.
    """
    config = _config(package, version_table)
    scripts = ScriptDirectory.from_config(config)
    with engine.begin() as connection:
        _lock(connection)
        if _is_newest(connection, scripts, version_table):
            return
        config.attributes[_ENVIRONMENT] = connection
        upgrade(config, "head")


def run_migrations(config: Config) -> None:
    """Run the scripts that Alembic found; the env.py of every package calls this alone."""
    context.configure(
        connection=config.attributes[_ENVIRONMENT],
        version_table=config.get_main_option("version_table"),
    )
    context.run_migrations()


def _config(package: str, version_table: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files(package)).replace("%", "%%"))
    config.set_main_option("version_table", version_table)
    return config


def _is_newest(connection: Connection, scripts: ScriptDirectory, version_table: str) -> bool:
    options = {"version_table": version_table}
    current = MigrationContext.configure(connection, opts=options).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if current is not None and current not in known:
        raise NewerSchemaError(f"a newer sanaga wrote this database (version {current}); use it")
    return current == scripts.get_current_head()


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK})")
