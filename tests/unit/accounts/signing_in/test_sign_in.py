"""Sign-in in two steps: what opens a session, and all that does not."""

from dataclasses import replace

import pytest
from argon2 import PasswordHasher
from sqlalchemy import event, select

from accounts.audit import read_entries
from accounts.audit_table import metadata
from accounts.directory import set_enabled
from accounts.errors import SignInRefusedError, WaitError
from accounts.factors.passwords import ArgonParameters, PasswordHashing
from accounts.factors.throttle import Visitor
from accounts.factors.totp import STEP_S
from accounts.schema import browsers, passwords, sessions
from accounts.signing_in.own_account import begin_factor, finish_factor
from accounts.signing_in.second_factors import PasskeyAnswer, RecoveryCode, TotpCode
from accounts.signing_in.sessions import list_sessions, sign_out
from accounts.signing_in.sign_in import check_password_step, second_step
from accounts.signing_in.step_up import identify
from tests.rigs.accounts.authenticator import Authenticator
from tests.rigs.accounts.service import CATALOGUE, HERE, PASSWORD, at_once, refusals


def first_step(service, person, password=PASSWORD, visitor=None, **more):
    service.now_s += STEP_S
    place = visitor or person.visitor
    return check_password_step(service.realm, person.name, password, place, service.now_s, **more)


def second(service, begun, proof, visitor=HERE):
    return second_step(service.realm, begun.token.text, proof, visitor, service.now_s)


def test_password_and_code_open_a_session(service, chief):
    entered = service.sign_in(chief)
    found = identify(service.realm, entered.session.text, service.now_s)
    assert found
    assert (found.account.name, found.stepped_up_s) == ("a.ngono", service.now_s)
    assert entered.recovery_codes_left == 10


def test_a_password_alone_opens_nothing(service, chief):
    begun = first_step(service, chief)
    assert identify(service.realm, begun.token.text, service.now_s) is None
    disguised = begun.token.text.replace("pending", "session")
    assert identify(service.realm, disguised, service.now_s) is None


def test_a_half_made_sign_in_is_over_once_it_is_used(service, chief):
    begun = first_step(service, chief)
    second(service, begun, service.code(chief.secret))
    service.now_s += STEP_S
    with pytest.raises(SignInRefusedError, match="begin with your password"):
        second(service, begun, service.code(chief.secret))


def test_a_half_made_sign_in_ends_by_itself(service, chief):
    begun = first_step(service, chief)
    service.now_s += service.realm.times.pending_s
    with pytest.raises(SignInRefusedError, match="begin with your password"):
        second(service, begun, service.code(chief.secret))


def test_an_older_session_of_the_browser_ends_with_a_new_sign_in(service, chief):
    old = service.sign_in(chief).session.text
    first_step(service, chief, old_session=old)
    assert identify(service.realm, old, service.now_s) is None


def test_every_step_has_another_token(service, chief):
    begun = first_step(service, chief)
    entered = second(service, begun, service.code(chief.secret))
    texts = {begun.token.text, entered.session.text, entered.browser.text, chief.token}
    assert len(texts) == 4


@pytest.mark.parametrize("name", ["a.ngono", "nobody", "", "a" * 10_000, "x\x00y"])
def test_a_refusal_does_not_say_whether_the_account_exists(service, chief, name):
    with pytest.raises(SignInRefusedError, match=r"^name or password is wrong$"):
        check_password_step(service.realm, name, "not the password", HERE, service.now_s)


def test_an_unknown_account_costs_as_many_hashes_as_a_known_one(service, chief, monkeypatch):
    counted: list[str] = []
    verify = PasswordHasher.verify

    def counting(self, stored, password):
        counted.append(stored)
        return verify(self, stored, password)

    monkeypatch.setattr(PasswordHasher, "verify", counting)
    for name in ("a.ngono", "nobody"):
        with pytest.raises(SignInRefusedError):
            check_password_step(service.realm, name, "not the password", HERE, service.now_s)
    assert len(counted) == 2


def test_an_unknown_account_costs_as_many_writes_as_a_known_one(service, chief):
    counted: list[str] = []

    def count(_connection, _cursor, statement, *_):
        verb = statement.split(maxsplit=1)[0]
        counted.append("write" if verb in {"INSERT", "UPDATE"} else verb)

    event.listen(service.realm.engine, "before_cursor_execute", count)
    seen = {}
    for name in ("a.ngono", "nobody"):
        counted.clear()
        for number in range(4):
            place = Visitor(f"192.0.2.{number + 50}")
            with pytest.raises(SignInRefusedError):
                check_password_step(service.realm, name, "a wrong one", place, service.now_s)
        seen[name] = (counted.count("write"), counted.count("BEGIN"))
    assert seen["a.ngono"] == seen["nobody"]
    assert seen["nobody"][0] >= 13


def test_a_browser_is_remembered_once_however_often_it_signs_in(service, chief):
    for _ in range(3):
        entered = service.sign_in(chief)
        chief.visitor = replace(chief.visitor, browser=entered.browser.text)
    assert len(service.read(lambda c: c.execute(select(browsers)).all())) == 1


def test_a_disabled_account_is_refused_as_if_it_were_not_there(service, chief):
    other = service.invite(chief, "m.sali", "viewer")
    service.in_transaction(
        set_enabled,
        service.principal(chief),
        "m.sali",
        enabled=False,
        catalogue=CATALOGUE,
        now_s=service.now_s,
        because="left",
    )
    with pytest.raises(SignInRefusedError, match=r"^name or password is wrong$"):
        first_step(service, other)
    assert identify(service.realm, other.token, service.now_s) is None


def test_an_account_disabled_between_the_steps_does_not_enter(service, chief):
    other = service.invite(chief, "m.sali", "viewer")
    by = service.principal(chief)
    begun = first_step(service, other)
    service.in_transaction(
        set_enabled,
        by,
        "m.sali",
        enabled=False,
        catalogue=CATALOGUE,
        now_s=service.now_s,
        because="left",
    )
    with pytest.raises(SignInRefusedError):
        second(service, begun, service.code(other.secret))


def test_a_totp_code_opens_one_session_even_at_once(service, chief):
    begun = [first_step(service, chief) for _ in range(4)]
    code = service.code(chief.secret)
    answers = at_once(*(lambda one=one: second(service, one, code) for one in begun))
    assert len(refusals(answers)) == 3
    assert len(service.read(list_sessions, service.principal(chief), service.realm, service.now_s))


def test_the_code_of_the_set_up_counts_as_used(service):
    moment = service.now_s
    chief = service.first()
    service.now_s = moment
    code = service.code(chief.secret)
    begun = check_password_step(service.realm, chief.name, PASSWORD, HERE, service.now_s)
    with pytest.raises(SignInRefusedError, match="works only once"):
        second(service, begun, code)


def test_a_wrong_code_leaves_the_sign_in_open_for_the_right_one(service, chief):
    begun = first_step(service, chief)
    with pytest.raises(SignInRefusedError):
        second(service, begun, TotpCode("000000"))
    assert second(service, begun, service.code(chief.secret))


def test_codes_are_guessed_five_times_and_then_slowly(service, chief):
    for _ in range(6):
        begun = first_step(service, chief, visitor=HERE)
        with pytest.raises(SignInRefusedError):
            second(service, begun, TotpCode("000000"))
        service.now_s -= STEP_S
    begun = first_step(service, chief, visitor=HERE)
    service.now_s -= STEP_S
    with pytest.raises(WaitError):
        second(service, begun, service.code(chief.secret, 2))


def test_a_recovery_code_signs_in_once_and_does_nothing_dangerous(service, chief):
    begun = [first_step(service, chief) for _ in range(2)]
    entered = second(service, begun[0], RecoveryCode(chief.codes[0].upper()))
    assert entered.recovery_codes_left == 9
    found = identify(service.realm, entered.session.text, service.now_s)
    assert found
    assert found.stepped_up_s is None
    with pytest.raises(SignInRefusedError):
        second(service, begun[1], RecoveryCode(chief.codes[0]))


def test_a_recovery_code_opens_one_session_even_at_once(service, chief):
    begun = [first_step(service, chief) for _ in range(4)]
    code = RecoveryCode(chief.codes[3])
    answers = at_once(*(lambda one=one: second(service, one, code) for one in begun))
    assert len(refusals(answers)) == 3


def test_a_recovery_code_of_another_account_is_refused(service, chief):
    other = service.invite(chief, "m.sali", "viewer")
    begun = first_step(service, chief)
    with pytest.raises(SignInRefusedError):
        second(service, begun, RecoveryCode(other.codes[0]))


@pytest.fixture
def key(service, chief):
    """Return a passkey of the administrator."""
    by, made = service.principal(chief), Authenticator()
    begun = begin_factor(service.realm, by, service.now_s)
    answer = PasskeyAnswer(made.make(begun.passkey_options))
    finish_factor(service.realm, by, begun.token.text, answer, service.now_s)
    return made


def test_a_passkey_opens_a_session_once_per_answer(service, chief, key):
    begun = first_step(service, chief)
    answer = PasskeyAnswer(key.answer(begun.passkey_options))
    assert second(service, begun, answer)
    again = first_step(service, chief)
    with pytest.raises(SignInRefusedError):
        second(service, again, answer)


def test_an_answer_to_the_challenge_of_another_sign_in_is_refused(service, chief, key):
    mine, other = (first_step(service, chief) for _ in range(2))
    with pytest.raises(SignInRefusedError):
        second(service, mine, PasskeyAnswer(key.answer(other.passkey_options)))
    assert second(service, other, PasskeyAnswer(key.answer(other.passkey_options)))


def test_tokens_and_passwords_are_not_stored_or_shown(service, chief):
    begun = first_step(service, chief)
    entered = second(service, begun, service.code(chief.secret))
    dump = "\n".join(map(str, service.read(_everything)))
    shown = repr((begun, entered, service.realm, chief.visitor, RecoveryCode(chief.codes[0])))
    for secret in (
        begun.token.text,
        entered.session.text,
        entered.browser.text,
        chief.codes[0],
        PASSWORD,
        str(chief.secret)[2:-1],
    ):
        assert secret not in dump
        assert secret not in shown


def _everything(connection):
    return [row for table in metadata.sorted_tables for row in connection.execute(select(table))]


def test_signing_out_ends_the_session_alone(service, chief):
    first, other = service.sign_in(chief), service.sign_in(chief)
    sign_out(service.realm, first.session.text)
    assert identify(service.realm, first.session.text, service.now_s) is None
    assert identify(service.realm, other.session.text, service.now_s)


def test_refused_attempts_are_recorded_by_powers_of_two(service, chief):
    service.now_s += 1000
    for number in range(4):
        place = Visitor(f"192.0.2.{number + 50}")
        with pytest.raises(SignInRefusedError):
            check_password_step(service.realm, "a.ngono", "a wrong one", place, service.now_s)
    found = [one for one in service.read(lambda c: list(read_entries(c))) if "refused" in one.what]
    assert [(one.what, dict(one.details)) for one in found] == [
        ("sign-in.refused", {"failures": 4})
    ]


def test_a_hash_of_other_costs_is_renewed_at_sign_in(service, chief, engine):
    def stored():
        return service.read(lambda c: c.execute(select(passwords.c.hash)).scalar_one())

    before = stored()
    dearer = PasswordHashing(ArgonParameters(memory_kib=128, passes=1))
    service.realm.passwords.close()
    service.realm = replace(service.realm, passwords=dearer)
    service.sign_in(chief)
    assert "m=64" in before
    assert "m=128" in stored()
    service.sign_in(chief)


def test_sessions_that_ended_are_removed_at_the_next_sign_in(service, chief):
    service.sign_in(chief)
    service.now_s += service.realm.times.session_s
    service.sign_in(chief)
    assert len(service.read(lambda c: c.execute(select(sessions)).all())) == 1
