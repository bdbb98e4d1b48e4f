"""Who may change whom, and the administrator who is always left."""

import pytest

from accounts.directory import (
    find_account,
    grants_of,
    list_accounts,
    set_enabled,
    set_grants,
    working_administrators,
)
from accounts.errors import (
    LastAdministratorError,
    NotAllowedError,
    SecondPersonError,
    StepUpNeededError,
)
from accounts.roles import Grant
from accounts.signing_in.machine_tokens import TokenWish, make_token
from accounts.signing_in.own_account import remove_factor
from accounts.signing_in.second_factors import Factor
from accounts.signing_in.step_up import identify
from tests.rigs.accounts.service import CATALOGUE, at_once, refusals


def change(service, by, name, *grants):
    principal = by if not hasattr(by, "secret") else service.principal(by)
    return service.in_transaction(
        set_grants,
        principal,
        name,
        grants,
        catalogue=CATALOGUE,
        now_s=service.now_s,
        because="test",
    )


def switch(service, by, name, *, enabled):
    return service.in_transaction(
        set_enabled,
        service.principal(by),
        name,
        enabled=enabled,
        catalogue=CATALOGUE,
        now_s=service.now_s,
        because="test",
    )


def held(service, name):
    account = service.read(find_account, name)
    return service.read(grants_of, account.id)


def administrators(service):
    return [one.name for one in service.read(working_administrators, CATALOGUE)]


def test_the_last_administrator_keeps_the_role(service, chief):
    with pytest.raises(LastAdministratorError):
        change(service, chief, chief.name, Grant("viewer", ""))
    with pytest.raises(LastAdministratorError):
        switch(service, chief, chief.name, enabled=False)
    assert held(service, chief.name) == (Grant("administrator", ""),)


def test_an_administrator_of_a_part_does_not_count_as_the_last(service, chief):
    service.invite(chief, "m.sali", "administrator", "north")
    with pytest.raises(LastAdministratorError):
        change(service, chief, chief.name)


def test_a_disabled_administrator_does_not_count_as_the_last(service, chief):
    other = service.invite(chief, "m.sali", "administrator")
    switch(service, other, other.name, enabled=False)
    with pytest.raises(LastAdministratorError):
        switch(service, chief, chief.name, enabled=False)


def test_of_two_administrators_who_leave_at_once_one_stays(service, chief):
    other = service.invite(chief, "m.sali", "administrator")
    both = [service.principal(chief), service.principal(other)]
    answers = at_once(
        *(lambda by=by: change(service, by, by.account.name, Grant("viewer", "")) for by in both)
    )
    assert [type(one) for one in refusals(answers)] == [LastAdministratorError]
    assert len(administrators(service)) == 1


def test_the_only_second_factor_stays(service, chief):
    with pytest.raises(NotAllowedError, match="only second factor"):
        remove_factor(service.realm, service.principal(chief), Factor.TOTP, service.now_s)


def test_an_administrator_does_not_remove_another_alone(service, chief):
    other = service.invite(chief, "m.sali", "administrator")
    with pytest.raises(SecondPersonError, match="another administrator agrees"):
        change(service, chief, other.name, Grant("viewer", ""))
    with pytest.raises(SecondPersonError, match="another administrator agrees"):
        switch(service, chief, other.name, enabled=False)
    assert administrators(service) == [chief.name, other.name]


def test_a_token_demotes_nobody(service, chief):
    service.invite(chief, "m.sali", "viewer")
    wish = TokenWish("robot", (Grant("administrator", ""),), 3600)
    token, _ = make_token(
        service.realm, service.principal(chief), wish, now_s=service.now_s, because="test"
    )
    robot = identify(service.realm, token.text, service.now_s)
    with pytest.raises(NotAllowedError, match="a token cannot do it"):
        change(service, robot, "m.sali")


def test_a_session_without_a_fresh_second_factor_changes_nobody(service, chief):
    service.invite(chief, "m.sali", "viewer")
    service.principal(chief)
    service.now_s += 600
    by = identify(service.realm, chief.token, service.now_s)
    with pytest.raises(StepUpNeededError):
        change(service, by, "m.sali")


def test_others_are_changed_within_ones_own_scope(service, chief):
    regional = service.invite(chief, "m.sali", "administrator", "north")
    service.invite(chief, "b.oumar", "viewer", "north/mora")
    change(service, regional, "b.oumar", Grant("operator", "north/mora"))
    assert held(service, "b.oumar") == (Grant("operator", "north/mora"),)
    for wanted in (Grant("operator", ""), Grant("operator", "south"), Grant("administrator", "")):
        with pytest.raises(NotAllowedError):
            change(service, regional, "b.oumar", wanted)


def test_accounts_outside_ones_scope_are_as_if_they_were_not_there(service, chief):
    regional = service.invite(chief, "m.sali", "administrator", "north")
    service.invite(chief, "s.ndi", "viewer", "south")
    answers = []
    for name in ("s.ndi", "nobody", chief.name):
        with pytest.raises(NotAllowedError) as refused:
            change(service, regional, name)
        answers.append(str(refused.value))
    assert len(set(answers)) == 1
    listed = service.read(list_accounts, service.principal(regional), CATALOGUE)
    assert [account.name for account, _ in listed] == ["m.sali"]


def test_an_operator_manages_and_sees_nobody(service, chief):
    operator = service.invite(chief, "m.sali", "operator")
    with pytest.raises(NotAllowedError):
        change(service, operator, chief.name)
    assert service.read(list_accounts, service.principal(operator), CATALOGUE) == ()


@pytest.mark.parametrize("scope", ["/", "north/", "/north", "North", "a//b", "..", "a b", "x/" * 9])
def test_a_scope_that_is_none_is_refused(service, chief, scope):
    service.invite(chief, "m.sali", "viewer")
    with pytest.raises(NotAllowedError, match="is not a scope"):
        change(service, chief, "m.sali", Grant("viewer", scope))


def test_an_unheard_of_role_is_refused(service, chief):
    with pytest.raises(NotAllowedError, match="there is no role 'god'"):
        change(service, chief, chief.name, Grant("god", ""))


def test_grants_hold_at_the_next_request(service, chief):
    other = service.invite(chief, "m.sali", "operator")
    service.principal(other)
    change(service, chief, other.name, Grant("viewer", "north"))
    found = identify(service.realm, other.token, service.now_s)
    assert found
    assert found.grants == (Grant("viewer", "north"),)
