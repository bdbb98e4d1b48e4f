"""Passkeys: bound to one name, to the person's presence, to one challenge, and not copied."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.errors import RelyingPartyError, SignInRefusedError
from accounts.factors.passkeys import (
    RelyingParty,
    check_relying_party,
    creation_options,
    new_challenge,
    passkeys_of,
    random_challenge,
    request_options,
    store_passkey,
    use_passkey,
    verify_creation,
)
from tests.rigs.accounts.authenticator import Authenticator
from tests.rigs.accounts.service import PARTY, at_once

PERSON = (b"h" * 32, "a.ngono", "Dr A. Ngono")


def made(key, party=PARTY):
    challenge = random_challenge()
    return verify_creation(
        party, challenge, key.make(creation_options(party, PERSON, challenge, ()))
    )


@pytest.fixture
def account(service, chief):
    return service.principal(chief).account.id


@pytest.fixture
def key(service, account):
    found = Authenticator()
    service.in_transaction(store_passkey, account, made(found), PARTY, service.now_s)
    return found


def asked(service, account, purpose="test"):
    challenge = service.in_transaction(new_challenge, account, purpose, service.now_s)
    return request_options(PARTY, challenge, service.read(passkeys_of, account))


def used(service, account, answer, purpose="test"):
    return service.in_transaction(use_passkey, PARTY, (account, purpose), answer, service.now_s)


def test_a_passkey_answers_a_challenge_once(service, account, key):
    answer = key.answer(asked(service, account))
    assert used(service, account, answer)
    assert not used(service, account, answer)


def test_an_answer_is_used_once_even_at_once(service, account, key):
    answer = key.answer(asked(service, account))
    answers = at_once(*[lambda: used(service, account, answer)] * 4)
    assert answers.count(True) == 1


def test_a_person_must_have_been_verified(service, account, key):
    key.verified = False
    assert not used(service, account, key.answer(asked(service, account)))
    with pytest.raises(SignInRefusedError):
        made(Authenticator(verified=False))


@pytest.mark.parametrize("origin", ["https://noc.example.org.evil.com", "http://noc.example.org"])
def test_the_page_that_asks_must_be_ours(service, account, key, origin):
    key.origin = origin
    assert not used(service, account, key.answer(asked(service, account)))
    with pytest.raises(SignInRefusedError):
        made(Authenticator(origin=origin))


def test_an_answer_for_another_name_is_refused(service, account, key):
    answer = key.answer(asked(service, account), name="example.org")
    assert not used(service, account, answer)


def test_a_counter_that_falls_or_stays_is_refused(service, account, key):
    assert used(service, account, key.answer(asked(service, account)))
    key.count -= 1
    assert not used(service, account, key.answer(asked(service, account)))


def test_a_passkey_that_does_not_count_is_taken_and_its_answers_only_once(service, account):
    key = Authenticator(counts=False)
    service.in_transaction(store_passkey, account, made(key), PARTY, service.now_s)
    answer = key.answer(asked(service, account))
    assert used(service, account, answer)
    asked(service, account)
    assert not used(service, account, answer)


def test_an_answer_for_another_purpose_is_refused(service, account, key):
    asked(service, account, "other")
    assert not used(service, account, key.answer(asked(service, account)), "other")


def test_a_challenge_is_answered_within_five_minutes(service, account, key):
    answer = key.answer(asked(service, account))
    service.now_s += 300
    assert not used(service, account, answer)


def test_a_passkey_of_another_account_is_refused(service, chief, account, key):
    other = service.principal(service.invite(chief, "m.sali", "viewer")).account.id
    assert not used(service, other, key.answer(asked(service, other)))


def test_a_passkey_belongs_to_one_account(service, chief, account, key):
    other = service.principal(service.invite(chief, "m.sali", "viewer")).account.id
    with pytest.raises(SignInRefusedError, match="known already"):
        service.in_transaction(store_passkey, other, made(key), PARTY, service.now_s)


def test_options_ask_for_verification_and_name_known_keys(service, account, key):
    options = json.loads(asked(service, account))
    assert options["userVerification"] == "required"
    assert [one["id"] for one in options["allowCredentials"]] == list(
        service.read(passkeys_of, account)
    )
    made_options = json.loads(creation_options(PARTY, PERSON, b"c" * 32, ()))
    assert made_options["authenticatorSelection"]["userVerification"] == "required"
    assert made_options["attestation"] == "none"


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_answer_is_an_error_of_ours(service, account, key, data):
    right = json.loads(key.answer(asked(service, account)))
    junk = st.one_of(st.none(), st.text(), st.integers(), st.lists(st.text()), st.booleans())
    part = data.draw(st.sampled_from([*right, *right["response"]]))
    target = right if part in right else right["response"]
    target[part] = data.draw(junk)
    text = data.draw(st.sampled_from([json.dumps(right), json.dumps(right)[:-5], "[]", "", "null"]))
    result = used(service, account, text)
    assert result in {True, False}
    assert not result or part in {"clientExtensionResults", "authenticatorAttachment"}
    with pytest.raises(SignInRefusedError):
        verify_creation(PARTY, b"c" * 32, text)


@pytest.mark.parametrize("number", ["", "\0", "é", "a b", "a" * 1500, "\ud800"])
def test_an_id_that_cannot_be_one_is_refused(service, account, key, number):
    answer = json.loads(key.answer(asked(service, account)))
    assert not used(service, account, json.dumps({**answer, "id": number, "rawId": number}))


def test_an_answer_too_long_to_be_one_is_refused(service, account, key):
    answer = json.loads(key.answer(asked(service, account)))
    answer["padding"] = "x" * 70_000
    assert not used(service, account, json.dumps(answer))


@pytest.mark.parametrize("name", ["192.0.2.7", "127.0.0.1", "[2001:db8::1]", "::1"])
def test_an_address_is_refused_with_an_explanation(name):
    with pytest.raises(RelyingPartyError, match="browsers make passkeys only for names"):
        RelyingParty(name, "NOC", (f"https://{name}",))


@pytest.mark.parametrize("name", ["", "NOC.example.org", "a b", "https://noc", "noc..org", "a_b"])
def test_what_is_no_host_name_is_refused(name):
    with pytest.raises(RelyingPartyError, match="is not a host name"):
        RelyingParty(name, "NOC", ("https://noc.example.org",))


@pytest.mark.parametrize("origin", [
    "http://noc.example.org", "https://noc.example.org/", "https://example.org", "noc.example.org",
    "https://evilnoc.example.org", "ftp://noc.example.org", "https://noc.example.org.evil.com",
])  # fmt: skip
def test_an_origin_that_does_not_belong_to_the_name_is_refused(origin):
    with pytest.raises(RelyingPartyError):
        RelyingParty("noc.example.org", "NOC", (origin,))


@pytest.mark.parametrize("origin", ["http://localhost:8080", "https://localhost"])
def test_localhost_needs_no_tls(origin):
    party = RelyingParty("localhost", "NOC", (origin,))
    assert made(Authenticator(origin=origin), party)


def test_a_service_needs_an_origin():
    with pytest.raises(RelyingPartyError, match="web address"):
        RelyingParty("noc.example.org", "NOC", ())


def test_the_name_cannot_change_once_there_are_passkeys(service, account, key):
    service.read(check_relying_party, PARTY)
    other = RelyingParty("noc.example.com", "NOC", ("https://noc.example.com",))
    with pytest.raises(RelyingPartyError, match=r"made under the name 'noc\.example\.org'"):
        service.read(check_relying_party, other)
