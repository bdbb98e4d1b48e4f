"""Sessions: how long they last, who ends them, and second factors given again."""

from dataclasses import replace

import pytest

from accounts.errors import NotAllowedError, SignInRefusedError, StepUpNeededError, WaitError
from accounts.factors.totp import STEP_S
from accounts.roles import STEP_UP_S, require_step_up
from accounts.signing_in.own_account import begin_factor, finish_factor
from accounts.signing_in.second_factors import PasskeyAnswer, RecoveryCode, TotpCode
from accounts.signing_in.sessions import end_session, list_sessions
from accounts.signing_in.step_up import identify, step_up, step_up_options
from tests.rigs.accounts.authenticator import Authenticator
from tests.rigs.accounts.service import at_once, refusals


def known(service, text):
    return identify(service.realm, text, service.now_s)


def listed(service, by, name=None):
    found = service.read(list_sessions, by, service.realm, service.now_s, name)
    return [one.id for one in found]


def test_an_idle_session_ends(service, chief):
    service.now_s += service.realm.times.session_idle_s - STEP_S - 1
    assert known(service, chief.token)
    service.now_s += service.realm.times.session_idle_s
    assert known(service, chief.token) is None


@pytest.mark.parametrize("by_s", [86_400.0, -86_400.0], ids=["forwards", "backwards"])
def test_a_session_ends_when_the_clock_is_set_by_a_day(service, chief, by_s):
    """After a clock was set back a session would otherwise stay open for a day unused."""
    service.now_s += by_s
    assert known(service, chief.token) is None


def test_a_clock_that_is_put_right_by_seconds_ends_no_session(service, chief):
    for by_s in (-5.0, 5.0, -60.0):
        service.now_s += by_s
        assert known(service, chief.token)


def test_a_session_that_is_used_ends_after_a_shift_all_the_same(service, chief):
    began_s = service.now_s - STEP_S
    while service.now_s + 3600 < began_s + service.realm.times.session_s:
        service.now_s += 3600
        assert known(service, chief.token)
    service.now_s = began_s + service.realm.times.session_s
    assert known(service, chief.token) is None


def test_use_is_noted_once_a_minute(service, chief):
    def seen():
        by = known(service, chief.token)
        (one,) = service.read(list_sessions, by, service.realm, service.now_s)
        return one.seen_s

    before = seen()
    service.now_s += 20
    assert seen() == before
    service.now_s += 60
    known(service, chief.token)
    assert seen() == service.now_s


def test_sessions_are_listed_and_ended_one_by_one(service, chief):
    other = service.sign_in(chief)
    by = service.principal(chief)
    assert len(listed(service, by)) == 2
    (old,) = [one for one in listed(service, by) if one != other.session_id]
    end_session(service.realm, by, old, now_s=service.now_s, because="lost laptop")
    assert listed(service, by) == [other.session_id]


def test_an_administrator_ends_sessions_of_others_and_a_viewer_does_not(service, chief):
    viewer = service.invite(chief, "m.sali", "viewer")
    by, mine = service.principal(viewer), service.principal(chief)
    target = listed(service, mine)[0]
    assert listed(service, by, chief.name) == []
    with pytest.raises(NotAllowedError, match="no such session"):
        end_session(service.realm, by, target, now_s=service.now_s, because="x")
    for number in ("0" * 16, "", "\0", "\ud800"):
        with pytest.raises(NotAllowedError, match="no such session"):
            end_session(service.realm, by, number, now_s=service.now_s, because="x")
    for other in listed(service, mine, viewer.name):
        end_session(service.realm, mine, other, now_s=service.now_s, because="left")
    assert known(service, viewer.token) is None


def test_a_second_factor_given_again_changes_the_token(service, chief):
    service.now_s += STEP_UP_S * 2
    by = known(service, chief.token)
    with pytest.raises(StepUpNeededError):
        require_step_up(by, service.now_s)
    token = step_up(service.realm, by, service.code(chief.secret), service.now_s)
    assert known(service, chief.token) is None
    require_step_up(known(service, token.text), service.now_s)
    service.now_s += STEP_UP_S + 1
    with pytest.raises(StepUpNeededError):
        require_step_up(known(service, token.text), service.now_s)


def test_one_code_steps_up_one_session(service, chief):
    sessions = [service.sign_in(chief).session.text for _ in range(3)]
    service.now_s += STEP_S
    code, people = service.code(chief.secret), [known(service, one) for one in sessions]
    answers = at_once(
        *(lambda by=by: step_up(service.realm, by, code, service.now_s) for by in people)
    )
    assert len(refusals(answers)) == 2


def test_codes_are_not_guessed_through_an_open_session(service, chief):
    by = service.principal(chief)
    for _ in range(6):
        with pytest.raises(SignInRefusedError):
            step_up(service.realm, by, TotpCode("000000"), service.now_s)
    service.now_s += 1
    with pytest.raises(WaitError):
        step_up(service.realm, by, service.code(chief.secret, 1), service.now_s)


def test_a_recovery_code_does_not_step_up_and_stays_unused(service, chief):
    by = service.principal(chief)
    with pytest.raises(SignInRefusedError, match="only signs in"):
        step_up(service.realm, by, RecoveryCode(chief.codes[0]), service.now_s)
    assert service.sign_in(chief).recovery_codes_left == 10


def test_a_passkey_steps_up_the_session_that_asked(service, chief):
    key, by = Authenticator(), service.principal(chief)
    begun = begin_factor(service.realm, by, service.now_s)
    made = PasskeyAnswer(key.make(begun.passkey_options))
    finish_factor(service.realm, by, begun.token.text, made, service.now_s)
    options = step_up_options(service.realm, by, service.now_s)
    other = known(service, service.sign_in(chief).session.text)
    with pytest.raises(SignInRefusedError):
        step_up(service.realm, other, PasskeyAnswer(key.answer(options)), service.now_s)
    assert step_up(service.realm, by, PasskeyAnswer(key.answer(options)), service.now_s)


def test_a_session_that_ended_meanwhile_does_not_step_up(service, chief):
    by = service.principal(chief)
    end_session(service.realm, by, by.credential, now_s=service.now_s, because="x")
    service.now_s += STEP_S
    with pytest.raises(SignInRefusedError, match="has ended"):
        step_up(service.realm, by, service.code(chief.secret), service.now_s)


def test_what_a_browser_calls_itself_is_cut_and_made_printable(service, chief):
    visitor = replace(chief.visitor, agent="\x1b[31m" + "x" * 500)
    service.sign_in(chief, visitor)
    by = service.principal(chief)
    agent = service.read(list_sessions, by, service.realm, service.now_s)[0].agent
    assert agent.isprintable()
    assert len(agent) == 200
