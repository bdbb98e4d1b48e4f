"""News for the leader in the database: whoever hears something posts it, the leader decides on it.

News go with the transaction of the decision on them, which also writes the answer for whoever waits
for one; what a killed leader had not decided is still there for its successor.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec
from sqlalchemy import Connection, Engine, delete, insert, select

from controller.incidents.model import (
    Act,
    Consultation,
    News,
    Observation,
    Outcome,
    Refusal,
    WindowRemoved,
    WindowSet,
)
from controller.leadership.schema import answers, news
from controller.leadership.term import now_s
from database.engine import reading

# So many rows the leader takes at once.
_MOST: Final = 200
# Nobody waits longer for an answer.
_ANSWERS_LAST_S: Final = 600.0
_KINDS: Final[Mapping[str, Any]] = {
    kind.__name__: kind for kind in (Observation, Consultation, Act, WindowSet, WindowRemoved)
}
Settle: TypeAlias = "Sequence[Settled]"


@dataclass(frozen=True, slots=True)
class Report:
    """What is posted: news, and of an edge's message who sent it when and whom it does not reach.

    heard_s is the controller's time; doubted are the far ends.
    """

    news: tuple[News, ...]
    device: str = ""
    heard_s: float = 0.0
    doubted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Posted:
    """A report in the database; reply is by what an answer is found, empty if nobody waits."""

    number: int
    reply: str
    report: Report


@dataclass(frozen=True, slots=True)
class Settled:
    """A report that is decided on, and what of it was refused."""

    posted: Posted
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a report: what was refused, or why nothing was decided."""

    refusals: tuple[Refusal, ...] = ()
    fault: str = ""


def post(connection: Connection, reports: Iterable[Report], reply: str = "") -> None:
    """Post reports within a transaction."""
    at_s = now_s(connection)
    rows = [{"reply": reply, "posted_s": at_s, "body": _plain(one)} for one in reports]
    if rows:
        connection.execute(insert(news), rows)


def posted(engine: Engine) -> tuple[Posted, ...]:
    """Return the oldest reports on which nothing is decided."""
    query = select(news).order_by(news.c.id).limit(_MOST)
    with reading(engine) as connection:
        rows = connection.execute(query).all()
    return tuple(Posted(row.id, row.reply, _report(row.body)) for row in rows)


def settle(connection: Connection, outcome: Outcome, settled: Settle) -> None:
    """Take reports out and answer them, within the transaction of the decision."""
    del outcome
    if settled:
        _take_out(connection, [one.posted.number for one in settled])
        _answer(connection, {one.posted.reply: Reply(one.refusals) for one in settled})


def give_up(engine: Engine, one: Posted, fault: str) -> None:
    """Take a report out on which no decision can be made, and answer why."""
    with engine.begin() as connection:
        _take_out(connection, [one.number])
        _answer(connection, {one.reply: Reply(fault=fault)})


def withdraw(engine: Engine, reply: str) -> bool:
    """Take a report back; return whether it was still there, so that nothing was decided on it."""
    with engine.begin() as connection:
        return bool(connection.execute(delete(news).where(news.c.reply == reply)).rowcount)


def answer_to(engine: Engine, reply: str) -> Reply | None:
    """Return the answer to a report, None if there is none yet."""
    query = select(answers.c.body).where(answers.c.reply == reply)
    with reading(engine) as connection:
        row = connection.execute(query).first()
    return msgspec.convert(row.body, Reply) if row else None


def _take_out(connection: Connection, numbers: Sequence[int]) -> None:
    connection.execute(delete(news).where(news.c.id.in_(numbers)))


def _answer(connection: Connection, replies: Mapping[str, Reply]) -> None:
    at_s = now_s(connection)
    rows = [
        {"reply": reply, "answered_s": at_s, "body": msgspec.to_builtins(one)}
        for reply, one in replies.items()
        if reply
    ]
    if rows:
        connection.execute(delete(answers).where(answers.c.answered_s < at_s - _ANSWERS_LAST_S))
        connection.execute(insert(answers), rows)


def _plain(report: Report) -> dict[str, Any]:
    # A union of classes has no names in JSON.
    named = [[type(one).__name__, msgspec.to_builtins(one)] for one in report.news]
    about = {"device": report.device, "heard_s": report.heard_s}
    return {"news": named, "doubted": list(report.doubted), **about}


def _report(body: Mapping[str, Any]) -> Report:
    said = tuple(msgspec.convert(one, _KINDS[kind]) for kind, one in body["news"])
    return Report(said, body["device"], body["heard_s"], tuple(body["doubted"]))
