"""Tables as the migrations make them and as queries know them."""

from contextlib import closing

from sqlalchemy import inspect

from accounts.audit_table import VERSION_TABLE as ACCOUNTS_VERSION
from accounts.audit_table import metadata as accounts_metadata
from accounts.schema import accounts
from controller.store.database import Database
from controller.store.schema import METADATA, VERSION_TABLE
from database.engine import reading
from inventory.errors import AccessError

INDEXES = {
    "apply_steps_by_apply",
    "device_keys_by_device",
    "device_keys_in_use",
    "person_devices_in_use",
}


def shape(table):
    return {
        (column.name, column.type.python_type, column.nullable, column.primary_key)
        for column in table.columns
    }


def test_migrations_make_what_queries_know(records, tmp_path):
    with (
        closing(Database.open(tmp_path, AccessError)) as database,
        reading(database.engine) as connection,
    ):
        found = inspect(connection)
        assert accounts.name in accounts_metadata.tables
        own = {*METADATA.tables, VERSION_TABLE}
        assert set(found.get_table_names()) == own | {*accounts_metadata.tables, ACCOUNTS_VERSION}
        for name, table in METADATA.tables.items():
            keys = set(found.get_pk_constraint(name)["constrained_columns"])
            made = {
                (c["name"], c["type"].python_type, c["nullable"], c["name"] in keys)
                for c in found.get_columns(name)
            }
            assert made == shape(table), name
            foreign = {
                (one["constrained_columns"][0], one["referred_table"])
                for one in found.get_foreign_keys(name)
            }
            known = {(k.parent.name, k.column.table.name) for k in table.foreign_keys}
            assert foreign == known, name
        indexes = {i["name"] for name in METADATA.tables for i in found.get_indexes(name)}
        assert indexes >= INDEXES


def test_texts_are_sorted_by_their_code_points(records, tmp_path):
    with closing(Database.open(tmp_path, AccessError)) as database:
        names = ["a-b", "ab", "a", "B", "é", "z"]
        people = METADATA.tables["people"]
        blank = dict.fromkeys(("title", "role", "site", "licence", "added"), "")
        with database.write() as db:
            db.execute(people.insert(), [{"name": name, **blank} for name in names])
        rows = database.read(people.select().order_by(people.c.name))
    assert [row.name for row in rows] == sorted(names)
