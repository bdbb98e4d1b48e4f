"""One's own account: another password, further factors, other recovery codes."""

import base64

import pytest

from accounts.errors import NotAllowedError, PasswordError, SignInRefusedError, StepUpNeededError
from accounts.factors.passkeys import passkeys_of
from accounts.factors.totp import STEP_S
from accounts.signing_in.own_account import (
    begin_factor,
    change_password,
    finish_factor,
    remove_factor,
    renew_recovery_codes,
)
from accounts.signing_in.second_factors import Factor, PasskeyAnswer, RecoveryCode
from accounts.signing_in.sign_in import check_password_step, second_step
from accounts.signing_in.step_up import identify
from tests.rigs.accounts.authenticator import Authenticator
from tests.rigs.accounts.service import HERE, PASSWORD, at_once, refusals

NEW = "five other words for today"


def known(service, text):
    return identify(service.realm, text, service.now_s)


def add_passkey(service, by):
    begun = begin_factor(service.realm, by, service.now_s)
    answer = PasskeyAnswer(Authenticator().make(begun.passkey_options))
    finish_factor(service.realm, by, begun.token.text, answer, service.now_s)


def test_another_password_ends_every_other_session(service, chief):
    other = service.sign_in(chief).session.text
    mine = service.sign_in(chief).session.text
    begun = check_password_step(service.realm, chief.name, PASSWORD, HERE, service.now_s)
    change_password(service.realm, known(service, mine), PASSWORD, NEW, service.now_s)
    assert known(service, mine)
    assert known(service, other) is None
    service.now_s += STEP_S
    with pytest.raises(SignInRefusedError):
        second_step(
            service.realm, begun.token.text, service.code(chief.secret), HERE, service.now_s
        )
    with pytest.raises(SignInRefusedError):
        check_password_step(service.realm, chief.name, PASSWORD, HERE, service.now_s)
    assert check_password_step(service.realm, chief.name, NEW, HERE, service.now_s)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [("wrong", NEW, SignInRefusedError), (PASSWORD, "short", PasswordError)],
)
def test_a_password_is_changed_by_who_knows_it_to_a_good_one(service, chief, old, new, error):
    with pytest.raises(error):
        change_password(service.realm, service.principal(chief), old, new, service.now_s)
    assert check_password_step(service.realm, chief.name, PASSWORD, HERE, service.now_s)


def test_of_two_changes_at_once_one_holds(service, chief):
    by = service.principal(chief)
    answers = at_once(
        *(
            lambda new=new: change_password(service.realm, by, PASSWORD, new, service.now_s)
            for new in (NEW, NEW + " too")
        )
    )
    assert len(refusals(answers)) == 1


def test_credentials_change_after_a_fresh_second_factor_alone(service, chief):
    service.principal(chief)
    service.now_s += 400
    by = known(service, chief.token)
    for act in (
        lambda: change_password(service.realm, by, PASSWORD, NEW, service.now_s),
        lambda: begin_factor(service.realm, by, service.now_s),
        lambda: remove_factor(service.realm, by, Factor.TOTP, service.now_s),
        lambda: renew_recovery_codes(service.realm, by, service.now_s),
    ):
        with pytest.raises(StepUpNeededError):
            act()


def test_another_app_takes_the_place_of_the_old_one(service, chief):
    by = service.principal(chief)
    begun = begin_factor(service.realm, by, service.now_s)
    secret = base64.b32decode(begun.secret)
    finish_factor(service.realm, by, begun.token.text, service.code(secret), service.now_s)
    old, chief.secret = chief.secret, secret
    assert service.sign_in(chief)
    chief.secret = old
    with pytest.raises(SignInRefusedError):
        service.sign_in(chief)


def test_a_set_up_of_one_account_is_not_finished_by_another(service, chief):
    other = service.invite(chief, "m.sali", "viewer")
    by, thief = service.principal(chief), service.principal(other)
    begun = begin_factor(service.realm, by, service.now_s)
    answer = PasskeyAnswer(Authenticator().make(begun.passkey_options))
    with pytest.raises(SignInRefusedError, match="set-up is over"):
        finish_factor(service.realm, thief, begun.token.text, answer, service.now_s)
    assert service.read(passkeys_of, by.account.id) == ()
    assert service.read(passkeys_of, thief.account.id) == ()


def test_the_app_goes_when_a_passkey_is_there_and_the_passkey_then_stays(service, chief):
    by = service.principal(chief)
    add_passkey(service, by)
    remove_factor(service.realm, by, Factor.TOTP, service.now_s)
    (key,) = service.read(passkeys_of, by.account.id)
    with pytest.raises(NotAllowedError, match="only second factor"):
        remove_factor(service.realm, by, Factor.PASSKEY, service.now_s, key)
    with pytest.raises(NotAllowedError, match="no such second factor"):
        remove_factor(service.realm, by, Factor.TOTP, service.now_s)
    assert service.read(passkeys_of, by.account.id) == (key,)


def test_a_passkey_of_another_account_is_not_removed(service, chief):
    other = service.invite(chief, "m.sali", "viewer")
    by, mine = service.principal(other), service.principal(chief)
    add_passkey(service, by)
    (key,) = service.read(passkeys_of, by.account.id)
    with pytest.raises(NotAllowedError):
        remove_factor(service.realm, mine, Factor.PASSKEY, service.now_s, key)


def test_new_recovery_codes_make_the_old_ones_useless(service, chief):
    codes = renew_recovery_codes(service.realm, service.principal(chief), service.now_s)
    begun = check_password_step(service.realm, chief.name, PASSWORD, HERE, service.now_s)
    with pytest.raises(SignInRefusedError):
        second_step(
            service.realm, begun.token.text, RecoveryCode(chief.codes[0]), HERE, service.now_s
        )
    assert second_step(service.realm, begun.token.text, RecoveryCode(codes[0]), HERE, service.now_s)
