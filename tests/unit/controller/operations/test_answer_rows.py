"""Answers that are kept for requests with a key."""

import pytest

from controller.operations.answer_rows import (
    LASTS_S,
    AnswerRows,
    KeptAnswer,
    OtherRequestError,
    UnansweredError,
)
from database.engine import open_engine

ANSWER = KeptAnswer(202, {"location": "/api/v1/operations/1"}, b'{"id":"1"}')


@pytest.fixture
def rows(tmp_path):
    engine = open_engine(tmp_path / "sanaga.sqlite")
    yield AnswerRows(engine)
    engine.dispose()


def test_the_first_answer_is_given_again_to_the_same_sender_for_the_same_request(rows):
    assert rows.begin("1", "k", "a", 100.0) is None
    rows.keep("1", "k", ANSWER)
    assert rows.begin("1", "k", "a", 101.0) == ANSWER
    assert rows.begin("2", "k", "a", 101.0) is None
    with pytest.raises(OtherRequestError):
        rows.begin("1", "k", "b", 102.0)


def test_a_request_without_an_answer_is_not_carried_out_again(rows, tmp_path):
    assert rows.begin("1", "k", "a", 100.0) is None
    again = open_engine(tmp_path / "sanaga.sqlite")
    with pytest.raises(UnansweredError):
        AnswerRows(again).begin("1", "k", "a", 101.0)
    again.dispose()


def test_what_was_refused_is_forgotten_and_so_is_what_is_old(rows):
    rows.begin("1", "k", "a", 100.0)
    rows.forget("1", "k")
    assert rows.begin("1", "k", "b", 101.0) is None
    rows.keep("1", "k", ANSWER)
    assert rows.begin("1", "k", "c", 102.0 + LASTS_S) is None
