"""Tokens of programs: never more than their maker has, and not for ever."""

import pytest

from accounts.directory import set_enabled, set_grants
from accounts.errors import NotAllowedError, StepUpNeededError
from accounts.roles import Grant, Origin, allows, require_step_up
from accounts.signing_in.machine_tokens import (
    LONGEST_S,
    TokenWish,
    list_tokens,
    make_token,
    revoke_token,
)
from accounts.signing_in.sessions import list_sessions
from accounts.signing_in.step_up import identify
from tests.rigs.accounts.service import CATALOGUE

DAY_S = 24 * 3600.0


@pytest.fixture
def engineer(service, chief):
    return service.invite(chief, "m.sali", "engineer", "north")


def make(service, person, *grants, lasts_s=DAY_S, rights=None, title="exporter"):
    wish = TokenWish(title, grants, lasts_s, rights)
    by = service.principal(person)
    return make_token(service.realm, by, wish, now_s=service.now_s, because="test")


def known(service, token):
    return identify(service.realm, token.text, service.now_s)


def test_a_token_is_good_for_its_scope_and_rights_until_it_expires(service, engineer):
    token, number = make(
        service, engineer, Grant("operator", "north/mora"), rights=frozenset({"look"})
    )
    found = known(service, token)
    assert (found.origin, found.credential) == (Origin.TOKEN, number)
    assert allows(found, "look", "north/mora/cma")
    assert not allows(found, "look", "north/kolofata")
    assert not allows(found, "mute", "north/mora")
    service.now_s += DAY_S
    assert known(service, token) is None


@pytest.mark.parametrize(
    "grant", [("engineer", ""), ("administrator", "north"), ("viewer", "south"), ("god", "")]
)
def test_a_token_holds_nothing_that_its_maker_lacks(service, engineer, grant):
    with pytest.raises(NotAllowedError):
        make(service, engineer, Grant(*grant))


def test_a_token_loses_what_its_maker_loses(service, chief, engineer):
    token, _ = make(service, engineer, Grant("engineer", "north"))
    service.in_transaction(
        set_grants,
        service.principal(chief),
        engineer.name,
        [Grant("viewer", "north/mora")],
        catalogue=CATALOGUE,
        now_s=service.now_s,
        because="moved",
    )
    found = known(service, token)
    assert allows(found, "look", "north/mora")
    assert not allows(found, "apply", "north/mora")
    assert not allows(found, "look", "north/kolofata")


def test_a_token_ends_with_the_account_of_its_maker(service, chief, engineer):
    token, _ = make(service, engineer, Grant("viewer", "north"))
    for enabled in (False, True):
        service.in_transaction(
            set_enabled,
            service.principal(chief),
            engineer.name,
            enabled=enabled,
            catalogue=CATALOGUE,
            now_s=service.now_s,
            because="left",
        )
        assert known(service, token) is None


def test_a_token_makes_no_token_and_never_steps_up(service, engineer):
    token, _ = make(service, engineer, Grant("engineer", "north"))
    found = known(service, token)
    with pytest.raises(NotAllowedError):
        require_step_up(found, service.now_s)
    wish = TokenWish("child", (Grant("viewer", "north"),), DAY_S)
    with pytest.raises(NotAllowedError):
        make_token(service.realm, found, wish, now_s=service.now_s, because="x")
    assert service.read(list_sessions, found, service.realm, service.now_s) == ()


def test_a_token_is_made_after_a_fresh_second_factor(service, engineer):
    service.principal(engineer)
    service.now_s += 400
    by = service.known(engineer.token)
    wish = TokenWish("late", (Grant("viewer", "north"),), DAY_S)
    with pytest.raises(StepUpNeededError):
        make_token(service.realm, by, wish, now_s=service.now_s, because="x")


@pytest.mark.parametrize("lasts_s", [0, -1, LONGEST_S + 1])
def test_a_token_lasts_a_year_at_most(service, engineer, lasts_s):
    with pytest.raises(NotAllowedError, match="366 days"):
        make(service, engineer, Grant("viewer", "north"), lasts_s=lasts_s)


@pytest.mark.parametrize("title", ["", " ", "x" * 81, "a\nb"])
def test_a_token_has_a_title(service, engineer, title):
    with pytest.raises(NotAllowedError, match="title"):
        make(service, engineer, Grant("viewer", "north"), title=title)


def test_a_token_without_a_role_is_refused(service, engineer):
    with pytest.raises(NotAllowedError, match="at least one role"):
        make(service, engineer)


def test_tokens_are_listed_and_revoked_by_owner_and_administrator(service, chief, engineer):
    viewer = service.invite(chief, "v.iewer", "viewer")
    token, number = make(service, engineer, Grant("viewer", "north"))
    other, second = make(service, engineer, Grant("viewer", "north"))

    def listed(person, name=None):
        by = service.principal(person)
        return [one.id for one in service.read(list_tokens, by, CATALOGUE, name)]

    def revoke(person, which):
        by = service.principal(person)
        revoke_token(service.realm, by, which, now_s=service.now_s, because="x")

    assert set(listed(engineer)) == set(listed(chief, engineer.name)) == {number, second}
    assert listed(viewer, engineer.name) == []
    with pytest.raises(NotAllowedError, match="no such token"):
        revoke(viewer, number)
    revoke(engineer, number)
    revoke(chief, second)
    assert known(service, token) is known(service, other) is None


def test_the_last_use_is_noted(service, engineer):
    token, _ = make(service, engineer, Grant("viewer", "north"))

    def used():
        by = service.principal(engineer)
        return service.read(list_tokens, by, CATALOGUE)[0].used_s

    assert used() is None
    known(service, token)
    first = used()
    assert first == service.now_s
    service.now_s += 30
    known(service, token)
    assert used() == first


def test_a_token_is_shown_once_and_never_printed(service, engineer, engine):
    token, _ = make(service, engineer, Grant("viewer", "north"))
    assert token.text not in repr(token)
    listed = service.read(list_tokens, service.principal(engineer), CATALOGUE)
    assert token.text not in repr(listed)
    assert token.hash not in repr(listed)
