"""Who was found is remembered for a second, and never across a change."""

from typing import cast

import pytest

from accounts.realm import Realm
from accounts.roles import Account, Origin, Principal
from controller.service.known_callers import REMEMBERED_S, KnownCallers

# Nothing is asked of it here.
REALM = cast("Realm", None)
ANN = Principal(Account(1, "ann", "Ann"), (), (), Origin.SESSION, "1")


@pytest.fixture
def asked():
    return []


@pytest.fixture
def callers(asked):
    def identify(_realm, text, _now_s):
        asked.append(text)
        return ANN if text == "good" else None

    return KnownCallers(REALM, identify)


def test_a_credential_is_looked_up_once_a_second(callers, asked):
    for now_s in (0.0, 0.5, REMEMBERED_S, REMEMBERED_S + 0.5):
        assert callers.find("good", now_s) is ANN
    assert asked == ["good", "good"]


def test_a_clock_that_is_set_back_is_no_reason_to_believe(callers, asked):
    callers.find("good", 1000.0)
    callers.find("good", 10.0)
    assert len(asked) == 2


def test_who_is_not_known_is_looked_up_each_time(callers, asked):
    for _ in range(2):
        assert callers.find("bad \ud800", 0.0) is None
    assert len(asked) == 2


def test_a_change_forgets_everybody(callers, asked):
    callers.find("good", 0.0)
    callers.forget()
    callers.find("good", 0.0)
    assert len(asked) == 2


def test_what_was_read_before_a_change_is_not_kept_after_it(asked):
    def identify(_realm, text, _now_s):
        asked.append(text)
        made.forget()
        return ANN

    made = KnownCallers(REALM, identify)
    for _ in range(2):
        assert made.find("good", 0.0) is ANN
    assert len(asked) == 2
