"""One-time links and set-up: an account begins whole, once, or not at all."""

import base64

import pytest

from accounts.announcements import announcements_after
from accounts.directory import find_account, grants_of, working_administrators
from accounts.errors import NotAllowedError, PasswordError, SignInRefusedError, StepUpNeededError
from accounts.factors.totp import STEP_S
from accounts.roles import Grant
from accounts.signing_in.links import first_administrator_link, invite, recover_on_machine
from accounts.signing_in.second_factors import PasskeyAnswer, RecoveryCode, TotpCode
from accounts.signing_in.set_up import Applicant, begin_set_up, finish_set_up
from accounts.signing_in.sign_in import check_password_step, second_step
from accounts.signing_in.step_up import identify
from tests.rigs.accounts.authenticator import Authenticator
from tests.rigs.accounts.service import (
    CATALOGUE,
    HERE,
    MACHINE,
    PASSWORD,
    at_once,
    refusals,
)

APPLICANT = Applicant(PASSWORD, "a.ngono", "Dr A. Ngono")


def first_link(service):
    return service.in_transaction(first_administrator_link, CATALOGUE, MACHINE, service.now_s).text


def begin(service, link, applicant=APPLICANT):
    return begin_set_up(service.realm, link, applicant, service.now_s)


def finish(service, begun, proof=None):
    right = proof or service.code(base64.b32decode(begun.secret))
    return finish_set_up(service.realm, begun.token.text, right, HERE, service.now_s)


def administrators(service):
    return [one.name for one in service.read(working_administrators, CATALOGUE)]


def test_the_first_link_makes_an_administrator_of_everything(service):
    entered = finish(service, begin(service, first_link(service)))
    assert administrators(service) == ["a.ngono"]
    assert len(entered.recovery_codes) == 10
    assert identify(service.realm, entered.session.text, service.now_s)


def test_there_is_no_way_in_before_the_first_link_was_used(service):
    with pytest.raises(SignInRefusedError):
        check_password_step(service.realm, "admin", "admin", HERE, service.now_s)
    begin(service, first_link(service))
    assert administrators(service) == []
    assert service.read(find_account, "a.ngono") is None


def test_the_first_link_works_once_even_at_once(service):
    link = first_link(service)
    begun = [
        begin(service, link, Applicant(PASSWORD, f"person{number}", "Dr X")) for number in range(4)
    ]
    answers = at_once(*(lambda one=one: finish(service, one) for one in begun))
    assert len(refusals(answers)) == 3
    assert len(administrators(service)) == 1


def test_first_links_are_void_as_soon_as_there_is_an_administrator(service):
    link = first_link(service)
    begun = begin(service, link)
    chief = service.first("m.sali")
    with pytest.raises(SignInRefusedError, match="link does not work"):
        finish(service, begun)
    with pytest.raises(SignInRefusedError, match="link does not work"):
        begin(service, link)
    with pytest.raises(NotAllowedError, match="administrator already"):
        first_link(service)
    assert administrators(service) == [chief.name]


def test_another_first_link_makes_the_one_before_useless(service):
    old, new = first_link(service), first_link(service)
    with pytest.raises(SignInRefusedError):
        begin(service, old)
    assert begin(service, new)


def test_a_link_that_is_too_old_is_refused(service):
    link = first_link(service)
    service.now_s += 24 * 3600
    with pytest.raises(SignInRefusedError):
        begin(service, link)


@pytest.mark.parametrize("text", ["", "x", "sanaga_link_" + "A" * 43, "sanaga_session_x"])
def test_what_is_no_link_is_refused(service, text):
    with pytest.raises(SignInRefusedError):
        begin(service, text)


def test_a_set_up_that_is_not_finished_leaves_the_link_as_it_was(service):
    link = first_link(service)
    begin(service, link)
    service.now_s += service.realm.times.set_up_s
    assert finish(service, begin(service, link))


def test_after_five_wrong_codes_the_set_up_is_over(service):
    begun = begin(service, first_link(service))
    for _ in range(5):
        with pytest.raises(SignInRefusedError, match="try again"):
            finish(service, begun, TotpCode("000000"))
    with pytest.raises(SignInRefusedError, match="open the link again"):
        finish(service, begun)


def test_a_recovery_code_sets_nothing_up(service):
    begun = begin(service, first_link(service))
    with pytest.raises(SignInRefusedError):
        finish(service, begun, RecoveryCode("aaaa-bbbb-cccc-dddd"))


def test_a_passkey_sets_an_account_up(service):
    begun = begin(service, first_link(service))
    assert finish(service, begun, PasskeyAnswer(Authenticator().make(begun.passkey_options)))
    assert administrators(service) == ["a.ngono"]


@pytest.mark.parametrize("applicant", [
    Applicant("short", "a.ngono", "Dr A"),
    Applicant("password123456", "a.ngono", "Dr A"),
    Applicant("a.ngono a.ngono", "a.ngono", "Dr A"),
])  # fmt: skip
def test_an_easy_password_is_refused(service, applicant):
    with pytest.raises(PasswordError):
        begin(service, first_link(service), applicant)


@pytest.mark.parametrize("name", ["", "a b", "../x", "-a", "é", "a" * 64])
def test_a_name_that_cannot_be_one_is_refused(service, name):
    with pytest.raises(NotAllowedError):
        begin(service, first_link(service), Applicant(PASSWORD, name, "Dr A"))


def test_an_invitation_gives_what_it_says_and_its_own_name(service, chief):
    link = service.link_for(chief, "m.sali", Grant("operator", "north"))
    begun = begin(service, link, Applicant(PASSWORD, "other", "Other"))
    finish(service, begun)
    account = service.read(find_account, "m.sali")
    assert account.title == "Dr m.sali"
    assert service.read(grants_of, account.id) == (Grant("operator", "north"),)
    assert service.read(find_account, "other") is None


@pytest.mark.parametrize(
    "given",
    [("administrator", ""), ("operator", ""), ("operator", "south"), ("administrator", "north")],
)
def test_nobody_invites_to_more_than_they_have(service, chief, given):
    regional = service.invite(chief, "m.sali", "administrator", "north/mora")
    with pytest.raises(NotAllowedError, match="lack themselves"):
        service.link_for(regional, "x", Grant(*given))
    assert service.link_for(regional, "x", Grant("operator", "north/mora/cma"))


def test_inviting_needs_a_second_factor_given_just_now(service, chief):
    service.principal(chief)
    service.now_s += 400
    by = identify(service.realm, chief.token, service.now_s)
    with pytest.raises(StepUpNeededError):
        service.in_transaction(
            invite,
            by,
            ("x", "X"),
            [Grant("viewer", "")],
            catalogue=CATALOGUE,
            now_s=service.now_s,
            because="test",
        )


def test_recovery_at_the_machine_replaces_credentials_and_tells_all(service, chief):
    old = service.sign_in(chief)
    token = service.in_transaction(recover_on_machine, "a.ngono", MACHINE, service.now_s)
    assert identify(service.realm, old.session.text, service.now_s), "until the link is used"
    again = service.enter_by(token.text, "a.ngono", "five other words for today")
    assert identify(service.realm, old.session.text, service.now_s) is None
    with pytest.raises(SignInRefusedError):
        check_password_step(service.realm, "a.ngono", PASSWORD, HERE, service.now_s)
    begun = check_password_step(
        service.realm, "a.ngono", "five other words for today", HERE, service.now_s
    )
    service.now_s += STEP_S
    with pytest.raises(SignInRefusedError):
        second_step(
            service.realm, begun.token.text, service.code(chief.secret), HERE, service.now_s
        )
    assert again.secret != chief.secret
    told = service.read(announcements_after, 0, everything=True)
    assert "root made a link" in " ".join(one.text for one in told)
    assert "new password and second factor" in " ".join(one.text for one in told)


def test_recovery_needs_an_account_that_is_enabled(service, chief):
    with pytest.raises(NotAllowedError, match="no account 'nobody'"):
        service.in_transaction(recover_on_machine, "nobody", MACHINE, service.now_s)
