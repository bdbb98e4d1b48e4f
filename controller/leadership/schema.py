"""Tables of the leadership: whose term it is, news for the leader, and the stream of events."""

from contextlib import suppress
from secrets import token_hex
from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError

from database.engine import reading
from database.migrate import upgrade_schema

MIGRATIONS: Final = "controller.leadership.migrations"
VERSION_TABLE: Final = "leadership_version"
# The advisory lock of PostgreSQL that the leader holds, and the file of SQLite.
LEADER_LOCK: Final = 0x53414E44
LEADER_FILE: Final = "leader.lock"
metadata: Final = MetaData()

_ID: Final = BigInteger().with_variant(Integer, "sqlite")
# Each has one row, whose key is ONE.
ONE: Final = 1
terms: Final = Table(
    "leader_term",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer, nullable=False),
    Column("holder", String(200), nullable=False),
    Column("since_s", Float, nullable=False),
    Column("stream", String(32), nullable=False),
)
# Apart from the term, whose row every decision locks.
beats: Final = Table(
    "leader_beat",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("beat_s", Float, nullable=False),
)
news: Final = Table(
    "leader_news",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("reply", String(64), nullable=False),
    Column("posted_s", Float, nullable=False),
    Column("body", JSON, nullable=False),
)
answers: Final = Table(
    "leader_answers",
    metadata,
    Column("reply", String(64), primary_key=True),
    Column("answered_s", Float, nullable=False),
    Column("body", JSON, nullable=False),
)
events: Final = Table(
    "stream_events",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("sites", JSON, nullable=False),
    Column("whole", Boolean, nullable=False),
)


def open_leadership(engine: Engine) -> str:
    """Bring the tables to their newest version; return what names the stream of events."""
    upgrade_schema(engine, MIGRATIONS, VERSION_TABLE)
    with suppress(IntegrityError), engine.begin() as connection:
        if not connection.execute(select(terms.c.one)).first():
            first = {"one": ONE, "epoch": 0, "holder": "", "since_s": 0.0}
            connection.execute(insert(terms).values(**first, stream=token_hex(4)))
    with reading(engine) as connection:
        return str(connection.execute(select(terms.c.stream)).scalar_one())
