"""Short messages cut into parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.channels.gsm7 import GSM7, UCS2, sms_parts, sms_room
from controller.notices.texts import fit_sms

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_MORE = {20: "^", 40: "{", 41: "}", 47: "\\", 60: "[", 61: "~", 62: "]", 64: "|", 101: "€"}


def decoded(coding, octets):
    """Read a part as a telephone does."""
    if coding == UCS2:
        return octets.decode("utf-16-be")
    text, rest = "", list(octets)
    while rest:
        code = rest.pop(0)
        text += _MORE[rest.pop(0)] if code == 0x1B else _BASIC[code]
    return text


@pytest.mark.parametrize(
    ("text", "coding", "parts"),
    [
        ("a" * 160, GSM7, 1),
        ("a" * 161, GSM7, 2),
        ("a" * 306, GSM7, 2),
        ("a" * 307, GSM7, 3),
        ("€" * 80, GSM7, 1),
        ("€" * 81, GSM7, 2),
        ("ê" * 70, UCS2, 1),
        ("ê" * 71, UCS2, 2),
        ("😀" * 35, UCS2, 1),
        ("`", UCS2, 1),
        ("§", GSM7, 1),
        ("", GSM7, 1),
    ],
)
def test_alphabet_and_number_of_parts(text, coding, parts):
    made = sms_parts(text, 7)
    assert (made.coding, len(made.parts)) == (coding, parts)


@given(st.text(st.sampled_from(_BASIC.replace("\x1b", "") + "€[]{}~^|\\ê😀ɓ"), max_size=900))
def test_parts_put_together_are_the_text_and_none_is_too_long(text):
    made = sms_parts(text, 300)
    bodies = [part[6:] if made.has_header else part for part in made.parts]
    assert "".join(decoded(made.coding, body) for body in bodies) == text
    assert all(len(part) <= 160 for part in made.parts)


@given(st.text(max_size=700))
def test_what_a_notice_says_fits_two_parts_and_says_what_it_left_out(text):
    short = fit_sms(text, "(+{number} characters)")
    assert len(sms_parts(short, 1).parts) <= 2
    assert short == text or f"(+{len(text) - short.rindex(' (+')} characters)" in short


def test_room_is_never_promised_for_three_parts():
    assert sms_room("a" * 306) == 0
    assert sms_room("a" * 307) < 0


def test_a_text_that_nobody_would_read_is_refused():
    with pytest.raises(ValueError, match="255"):
        sms_parts("a" * 40_000, 1)
