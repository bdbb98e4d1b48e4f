"""Approvals: another person approves what was shown, and nothing else is done with it."""

import pytest
from sqlalchemy import delete

from accounts.approvals import (
    LASTS_S,
    ApprovalWish,
    approval_options,
    approve,
    digest_of,
    open_requests,
    request_approval,
    use_approval,
)
from accounts.directory import set_enabled, set_grants
from accounts.errors import NotAllowedError, SecondPersonError, SignInRefusedError
from accounts.factors.totp import STEP_S
from accounts.roles import Grant
from accounts.schema import approvals
from accounts.signing_in.own_account import begin_factor, finish_factor
from accounts.signing_in.second_factors import PasskeyAnswer, RecoveryCode, TotpCode
from tests.rigs.accounts.authenticator import Authenticator
from tests.rigs.accounts.service import CATALOGUE, MACHINE, at_once, refusals

DIGEST = digest_of({"plan": "drain a circuit", "base": "as it is"})
PLACES = frozenset({"north/mora", "north/kolofata"})


@pytest.fixture
def author(service, chief):
    return service.invite(chief, "author", "engineer")


@pytest.fixture
def other(service, chief):
    return service.invite(chief, "other", "engineer", "north")


def number_of(service, person):
    return service.principal(person).account.id


def requested(service, author, *, places=PLACES, authors=frozenset()):
    wish = ApprovalWish(DIGEST, "drain a circuit", "approve", places, frozenset(authors))
    return service.in_transaction(request_approval, service.principal(author), wish, service.now_s)


def give(service, by, number, *, shown=DIGEST, proof=None):
    principal = service.principal(by)
    service.now_s += STEP_S
    right = proof or service.code(by.secret)
    return approve(service.realm, principal, number, shown=shown, proof=right, now_s=service.now_s)


def use(service, number, *, digest=DIGEST, places=PLACES, authors=()):
    return service.in_transaction(
        use_approval,
        number,
        digest=digest,
        places=places,
        authors=authors,
        catalogue=CATALOGUE,
        actor=MACHINE,
        now_s=service.now_s,
    )


def test_what_another_person_approved_is_done_once(service, author, other):
    number = requested(service, author)
    with pytest.raises(SecondPersonError, match="must approve this first"):
        use(service, number)
    give(service, other, number)
    use(service, number)
    with pytest.raises(SecondPersonError, match="used already"):
        use(service, number)


def test_an_approval_is_used_once_even_at_once(service, author, other):
    number = requested(service, author)
    give(service, other, number)
    answers = at_once(*[lambda: use(service, number)] * 4)
    assert len(refusals(answers)) == 3


def test_neither_the_author_nor_an_administrator_who_asked_approves(service, author, chief):
    for person in (author, chief):
        with pytest.raises(SecondPersonError, match="wrote or changed"):
            give(service, person, requested(service, person))


def test_whoever_changed_it_does_not_approve_it(service, author, other):
    number = requested(service, author, authors={number_of(service, other)})
    with pytest.raises(SecondPersonError, match="wrote or changed"):
        give(service, other, number)


def test_whoever_changes_it_after_approving_spoils_the_approval(service, author, other):
    number = requested(service, author)
    give(service, other, number)
    with pytest.raises(SecondPersonError, match="approved this and changed it"):
        use(service, number, authors=[number_of(service, other)])


def test_what_was_shown_is_what_is_approved(service, author, other):
    number = requested(service, author)
    with pytest.raises(SecondPersonError, match="load it again"):
        give(service, other, number, shown=digest_of({"plan": "another"}))


@pytest.mark.parametrize("part", ["plan", "base"])
def test_what_is_done_is_what_was_approved(service, author, other, part):
    number = requested(service, author)
    give(service, other, number)
    now = {"plan": "drain a circuit", "base": "as it is", part: "other"}
    with pytest.raises(SecondPersonError, match="no longer what was approved"):
        use(service, number, digest=digest_of(now))


def test_the_approvers_scope_covers_every_place_then(service, author, other):
    number = requested(service, author, places=PLACES | {"south/kribi"})
    with pytest.raises(NotAllowedError, match="no such request"):
        give(service, other, number)
    assert service.read(open_requests, service.principal(other), service.now_s) == ()


def test_the_approvers_scope_covers_every_place_when_it_is_done(service, author, other, chief):
    number = requested(service, author)
    give(service, other, number)
    with pytest.raises(SecondPersonError, match="may not any more"):
        use(service, number, places=PLACES | {"south/kribi"})
    service.in_transaction(
        set_grants,
        service.principal(chief),
        other.name,
        [Grant("engineer", "north/mora")],
        catalogue=CATALOGUE,
        now_s=service.now_s,
        because="moved",
    )
    with pytest.raises(SecondPersonError, match="may not any more"):
        use(service, number)


def test_an_approver_who_left_spoils_the_approval(service, author, other, chief):
    number = requested(service, author)
    give(service, other, number)
    service.in_transaction(
        set_enabled,
        service.principal(chief),
        other.name,
        enabled=False,
        catalogue=CATALOGUE,
        now_s=service.now_s,
        because="left",
    )
    with pytest.raises(SecondPersonError, match="may not any more"):
        use(service, number)


def test_an_approval_expires(service, author, other):
    number = requested(service, author)
    give(service, other, number)
    service.now_s += LASTS_S
    with pytest.raises(SecondPersonError, match="too old"):
        use(service, number)
    with pytest.raises(NotAllowedError, match="this request is over"):
        give(service, other, number)


def test_a_code_that_signed_in_does_not_approve_too(service, author, other):
    number = requested(service, author)
    service.sign_in(other)
    principal, code = service.principal(other), service.code(other.secret)
    with pytest.raises(SignInRefusedError, match="works only once"):
        approve(service.realm, principal, number, shown=DIGEST, proof=code, now_s=service.now_s)


def test_one_code_approves_one_request(service, author, other):
    first, again = requested(service, author), requested(service, author)
    principal = service.principal(other)
    service.now_s += STEP_S
    code = service.code(other.secret)
    answers = at_once(
        *(
            lambda one=one: approve(
                service.realm, principal, one, shown=DIGEST, proof=code, now_s=service.now_s
            )
            for one in (first, again)
        )
    )
    assert len(refusals(answers)) == 1


@pytest.mark.parametrize("proof", [TotpCode("000000"), RecoveryCode("aaaa-bbbb-cccc-dddd")])
def test_without_a_second_factor_nothing_is_approved(service, author, other, proof):
    number = requested(service, author)
    with pytest.raises(SignInRefusedError):
        give(service, other, number, proof=proof)
    with pytest.raises(SecondPersonError, match="must approve"):
        use(service, number)


def test_a_passkey_approves_the_one_digest_it_was_asked_for(service, author, other):
    key, principal = Authenticator(), service.principal(other)
    begun = begin_factor(service.realm, principal, service.now_s)
    answer = PasskeyAnswer(key.make(begun.passkey_options))
    finish_factor(service.realm, principal, begun.token.text, answer, service.now_s)
    number, again = requested(service, author), requested(service, author)
    options = approval_options(service.realm, principal, number, DIGEST, service.now_s)
    for wrong in (again, number):
        shown = DIGEST if wrong == again else digest_of({"plan": "another"})
        with pytest.raises(SignInRefusedError):
            approve(
                service.realm,
                principal,
                wrong,
                shown=shown,
                proof=PasskeyAnswer(key.answer(options)),
                now_s=service.now_s,
            )
    approve(
        service.realm,
        principal,
        number,
        shown=DIGEST,
        proof=PasskeyAnswer(key.answer(options)),
        now_s=service.now_s,
    )
    use(service, number)


def test_a_request_that_is_gone_lets_nothing_through(service, author, other, engine):
    number = requested(service, author)
    give(service, other, number)
    with engine.begin() as connection:
        connection.execute(delete(approvals))
    with pytest.raises(SecondPersonError, match="must approve"):
        use(service, number)


def test_a_request_names_its_places(service, author):
    with pytest.raises(NotAllowedError, match="places"):
        requested(service, author, places=frozenset())


def test_the_digest_tells_names_and_texts_apart():
    texts = [{"a": "b"}, {"a": "", "b": ""}, {"b": "a"}, {"a": "b "}]
    assert len({digest_of(text) for text in texts}) == len(texts)
