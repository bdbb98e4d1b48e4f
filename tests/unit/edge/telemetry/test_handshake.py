"""Both ends of the telemetry link know each other, and nobody else passes for either."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge.telemetry import handshake
from edge.telemetry.handshake import LinkRefusedError, Session
from vpn import key_text

NOW = datetime(2026, 11, 30, tzinfo=UTC)
CONTROLLER = Ed25519PrivateKey.from_private_bytes(b"c" * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
EDGE = b"e" * 32
EDGE_PUBLIC = key_text.public_text(EDGE)
SECRET = b"x" * 32


def der_of(leaf):
    made = x509.load_pem_x509_certificate(leaf.certificate)
    return made.public_bytes(serialization.Encoding.DER)


DER = der_of(handshake.issue_leaf(CONTROLLER, NOW))


def check(der, now=NOW):
    return handshake.check_leaf(der, CONTROLLER.public_key(), now)


SESSION = Session("kolofata-e1", check(DER), b"n" * 32)


def challenge(session=SESSION, key=EDGE_PUBLIC, controller=CONTROLLER):
    return handshake.seal_challenge(session, key, SECRET, controller, NOW)


def opened(message, session=SESSION, keys=(EDGE,)):
    return handshake.open_challenge(message, session, CONTROLLER.public_key(), keys)


def test_an_edge_and_its_controller_agree():
    session = handshake.read_hello(handshake.hello(SESSION, [1]), SESSION.leaf)
    assert session == SESSION
    secret = opened(challenge(session))
    given = handshake.proof(secret, SESSION, "a" * 16)
    message = handshake.proof_message(given, "a" * 16, 8, 3)
    assert handshake.holds(message, SECRET, session)


def test_a_leaf_that_another_controller_issued_is_refused():
    with pytest.raises(LinkRefusedError, match="has not issued"):
        check(der_of(handshake.issue_leaf(STRANGER, NOW)))


def test_another_certificate_of_the_controllers_key_is_no_leaf_of_the_link():
    name = x509.Name([])
    other = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(X25519PrivateKey.generate().public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(CONTROLLER, None)
    )
    with pytest.raises(LinkRefusedError, match="not one of this link"):
        check(other.public_bytes(serialization.Encoding.DER))


@pytest.mark.parametrize("octets", [b"", b"\x30\x03\x02\x01\x01", os.urandom(200)])
def test_what_is_no_certificate_is_refused(octets):
    with pytest.raises(LinkRefusedError):
        check(octets)


def test_an_expired_leaf_is_refused_by_a_clock_that_is_right_and_taken_by_one_that_is_not():
    with pytest.raises(LinkRefusedError, match="renews it"):
        check(DER, NOW + timedelta(days=91))
    assert check(DER, None) == SESSION.leaf


@pytest.mark.parametrize(
    ("message", "what"),
    [
        (challenge(controller=STRANGER), "has not signed"),
        ({}, "has not signed"),
        ({"challenge": "text"}, "has not signed"),
        (challenge(replace(SESSION, device="mora-e1")), "another device"),
        (challenge(replace(SESSION, nonce=b"o" * 32)), "another device or connection"),
        (challenge(replace(SESSION, leaf=b"l" * 32)), "another device or connection"),
        (challenge(key=key_text.public_text(b"f" * 32)), "pin this device's key"),
    ],
)
def test_a_challenge_that_is_not_of_this_session_is_refused(message, what):
    with pytest.raises(LinkRefusedError, match=what):
        opened(message)


def test_any_key_that_the_device_ever_made_opens_a_challenge():
    assert opened(challenge(), keys=(b"f" * 32, EDGE)) == SECRET


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"proof": "?", "spool": "a"},
        {"proof": None, "spool": 4},
        handshake.proof_message(handshake.proof(b"y" * 32, SESSION, "a"), "a", 1, None),
        handshake.proof_message(handshake.proof(SECRET, SESSION, "b"), "a", 1, None),
    ],
)
def test_whoever_did_not_open_the_secret_proves_nothing(message):
    assert not handshake.holds(message, SECRET, SESSION)


@pytest.mark.parametrize(
    "message", [{}, {"hello": 2}, {"hello": 1, "device": "", "nonce": ""}, {"hello": 1}]
)
def test_a_hello_that_makes_no_sense_is_refused(message):
    with pytest.raises(LinkRefusedError):
        handshake.read_hello(message, SESSION.leaf)


@pytest.mark.parametrize(
    "message", [{}, {"welcome": 3}, {"welcome": {}}, {"welcome": {"acknowledged": "many"}}]
)
def test_a_welcome_that_makes_no_sense_is_refused(message):
    with pytest.raises(LinkRefusedError):
        handshake.read_welcome(message)


def test_a_leaf_shows_no_private_key():
    assert "PRIVATE" not in repr(handshake.issue_leaf(CONTROLLER, NOW))
