"""The term of a leader: its number is checked in every transaction that it writes.

A leader that has lost its lock may not know it yet. Whoever takes over raises the number first,
which waits for the transactions of the former leader; its later ones fail.
"""

from dataclasses import dataclass
from time import time
from typing import Final

from sqlalchemy import Connection, Engine, delete, event, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from controller.leadership.schema import ONE, beats, terms
from database.engine import READ_ONLY, process_name, reading

# A leader whose last sign of life is older hangs, and another takes its place.
HUNG_S: Final = 15.0
_EPOCH: Final = "sanaga_epoch"


class FencedError(Exception):
    """Another controller has taken over: this one may write no decision any more."""


@dataclass(frozen=True, slots=True)
class Term:
    """The time for which one controller leads; idle_s is how long nobody did before."""

    epoch: int
    idle_s: float


def now_s(connection: Connection) -> float:
    """Return the time by the clock that all controllers of a database share."""
    if connection.dialect.name != "postgresql":
        return time()
    query = "SELECT extract(epoch FROM clock_timestamp())"
    return float(connection.exec_driver_sql(query).scalar_one())


def begin_term(engine: Engine) -> Term:
    """Begin a term; the caller has the lock. Waits for transactions of the former leader."""
    try:
        return _begin_term(engine)
    except DBAPIError:
        # A transaction that a hung process left open would keep the term for ever.
        end_connections(engine, holder(engine))
        return _begin_term(engine)


def _begin_term(engine: Engine) -> Term:
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
        epoch = connection.execute(select(terms.c.epoch).with_for_update()).scalar_one() + 1
        at_s = now_s(connection)
        beat_s = connection.execute(select(beats.c.beat_s)).scalar()
        values = {"epoch": epoch, "holder": process_name(), "since_s": at_s}
        connection.execute(update(terms).values(**values))
        _write_beat(connection, at_s)
    return Term(epoch, float("inf") if beat_s is None else at_s - beat_s)


def beat(engine: Engine) -> None:
    """Write that the leader lives; engine is that of its term."""
    with engine.begin() as connection:
        _write_beat(connection, now_s(connection))


def beat_age_s(engine: Engine) -> float:
    """Return how long ago a leader last gave a sign of life."""
    with reading(engine) as connection:
        beat_s = connection.execute(select(beats.c.beat_s)).scalar()
        return float("inf") if beat_s is None else now_s(connection) - beat_s


def holder(engine: Engine) -> str:
    """Return the name of the process that leads or led last, empty before the first."""
    with reading(engine) as connection:
        return str(connection.execute(select(terms.c.holder)).scalar() or "")


def end_connections(engine: Engine, name: str) -> None:
    """Have the server end all connections of another process, which frees its locks."""
    if engine.dialect.name != "postgresql" or name in {"", process_name()}:
        return
    query = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = :name AND datname = current_database()"
    )
    with engine.begin() as connection:
        connection.execute(query, {"name": name})


def fenced(engine: Engine, term: Term) -> Engine:
    """Return the same engine, whose writing transactions fail once the term is over."""
    if not event.contains(engine, "begin", _check_epoch):
        event.listen(engine, "begin", _check_epoch)
    return engine.execution_options(**{_EPOCH: term.epoch})


def _check_epoch(connection: Connection) -> None:
    options = connection.get_execution_options()
    epoch = options.get(_EPOCH)
    if epoch is None or options.get(READ_ONLY, False):
        return
    query = "SELECT epoch FROM leader_term"
    if connection.dialect.name == "postgresql":
        query += " FOR SHARE"
    if connection.exec_driver_sql(query).scalar() != epoch:
        raise FencedError("another controller decides now")


def _write_beat(connection: Connection, at_s: float) -> None:
    if not connection.execute(update(beats).values(beat_s=at_s)).rowcount:
        connection.execute(delete(beats))
        connection.execute(insert(beats).values(one=ONE, beat_s=at_s))
