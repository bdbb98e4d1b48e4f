"""One-time codes: those of RFC 6238, taken once, near their time, for one account."""

import pytest

from accounts.factors.totp import (
    STEP_S,
    SealingKey,
    app_address,
    code_at,
    new_secret,
    secret_text,
    step_of,
)

SECRET = b"12345678901234567890"
NOW_S = 1_800_000_000.0
HERE = int(NOW_S // STEP_S)


@pytest.mark.parametrize(
    ("at_s", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_rfc(at_s, code):
    assert code_at(SECRET, at_s // STEP_S) == code
    assert step_of(SECRET, code, at_s) == at_s // STEP_S


@pytest.mark.parametrize(
    ("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_a_code_is_taken_one_step_early_or_late(steps, taken):
    found = step_of(SECRET, code_at(SECRET, HERE + steps), NOW_S)
    assert found == (HERE + steps if taken else None)


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "１２３４５６", "-12345", "1" * 9999]
)
def test_what_is_no_code_is_refused(code):
    assert step_of(SECRET, code, NOW_S) is None


def test_spaces_in_a_code_do_not_matter():
    code = code_at(SECRET, HERE)
    assert step_of(SECRET, f" {code[:3]} {code[3:]} ", NOW_S) == HERE


def test_a_clock_at_1970_takes_codes_of_its_time():
    assert step_of(SECRET, code_at(SECRET, 0), 5.0) == 0


def test_a_sealed_secret_opens_for_its_account_and_key_alone():
    key, secret = SealingKey(bytes(32)), new_secret()
    sealed = key.seal(secret, b"one")
    assert key.open(sealed, b"one") == secret
    assert key.open(sealed, b"two") is None
    assert SealingKey(b"x" * 32).open(sealed, b"one") is None
    assert key.open(sealed[:-1] + b"x", b"one") is None
    assert secret not in sealed
    assert "\\x00" not in repr(key)


def test_the_address_for_the_app_is_quoted():
    address = app_address(SECRET, "a@b.ngono", "NOC & clinic")
    assert address == (
        f"otpauth://totp/NOC%20%26%20clinic%3Aa%40b.ngono?secret={secret_text(SECRET)}"
        "&issuer=NOC%20%26%20clinic"
    )
