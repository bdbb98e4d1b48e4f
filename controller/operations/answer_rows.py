"""Answers to requests with a key (Idempotency-Key), given again when the request is repeated."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from controller.operations.schema import kept_answers, open_operations
from database.rows import AnyRow

# After so long a key may be used for something else.
LASTS_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class OtherRequestError(Exception):
    """The key came with another request before."""


class UnansweredError(Exception):
    """The first request with the key was not answered yet, or never will be."""


class AnswerRows:
    """The table of answers; a key is its sender's own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        open_operations(engine)

    def begin(self, sender: str, key: str, request: str, now_s: float) -> KeptAnswer | None:
        """Note that a request begins; return the answer if it came before.

        request is its digest. Raises OtherRequestError and UnansweredError.
        """
        with self._engine.begin() as connection:
            old = kept_answers.c.began_s < now_s - LASTS_S
            connection.execute(delete(kept_answers).where(old))
            row = connection.execute(select(kept_answers).where(_is(sender, key))).one_or_none()
            if row is not None:
                return _answer(row, request)
            made = {"sender": sender, "idempotency_key": key, "request": request}
            try:
                connection.execute(insert(kept_answers).values(**made, began_s=now_s))
            except IntegrityError as error:
                # Another process that shares the database took the key in this very moment.
                raise UnansweredError from error
        return None

    def keep(self, sender: str, key: str, answer: KeptAnswer) -> None:
        """Keep the answer of a request that ended well."""
        values = {"status": answer.status, "headers": json.dumps(dict(answer.headers))}
        change = update(kept_answers).where(_is(sender, key))
        with self._engine.begin() as connection:
            connection.execute(change.values(**values, body=answer.body))

    def forget(self, sender: str, key: str) -> None:
        """Forget a request that was refused: it may be sent again with the same key."""
        with self._engine.begin() as connection:
            connection.execute(delete(kept_answers).where(_is(sender, key)))


def _is(sender: str, key: str) -> ColumnElement[bool]:
    return (kept_answers.c.sender == sender) & (kept_answers.c.idempotency_key == key)


def _answer(row: AnyRow, request: str) -> KeptAnswer:
    if row.request != request:
        raise OtherRequestError
    if row.status is None:
        raise UnansweredError
    return KeptAnswer(row.status, json.loads(row.headers), bytes(row.body))
