"""Free text: one rule wherever it is written, and no key ever stands in it."""

import base64
import hashlib

import pytest

from inventory.free_text import (
    LONGEST_REASON,
    LONGEST_TITLE,
    holds_key,
    line_fault,
    without_keys,
)
from vpn.wireguard import keys

KEY = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
WIDE = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in KEY)


@pytest.mark.parametrize(
    "text",
    [
        *(
            KEY,
            KEY.rstrip("="),
            KEY[:-4],
            f"key {KEY}",
            f"PrivateKey={KEY}",
            f"({KEY})",
            f"'{KEY}'",
        ),
        base64.urlsafe_b64encode(bytes(range(100, 132))).decode(),
        base64.b64decode(KEY).hex(),
        base64.b64decode(KEY).hex().upper(),
        f"{KEY[:20]}\u200b{KEY[20:]}",
        WIDE,
    ],
)
def test_what_looks_like_a_key_is_seen_in_whatever_is_around_it(text):
    assert holds_key(text)
    assert KEY[:20] not in without_keys(text)


def test_every_key_that_is_made_is_seen():
    assert all(holds_key(f"x {keys.generate_private().reveal()}") for _ in range(300))


@pytest.mark.parametrize(
    "text",
    [
        "Dr Éliane Ngono, locum for three months",
        "see /srv/Shared/consultations/2026/yaounde/list-of-january.pdf",
        "the-room-for-consultations-of-the-hospital-of-yaounde-2",
        "host key SHA256:" + base64.b64encode(hashlib.sha256(b"x").digest()).decode().rstrip("="),
        "commit 6a91ea94f1d0c9e5a7b8c6d2e4f60718293a4b5c",
        "DIRECTIONDESRESSOURCESHUMAINESDUMINISTEREDELASANTE",
    ],
)
def test_what_people_write_is_no_key(text):
    assert not holds_key(text)
    assert without_keys(text) == text


@pytest.mark.parametrize("space", ["\u00a0", "\u202f", "\u3000", "\u00ad"])
def test_what_word_processors_write_is_plain_text(space):
    assert line_fault(f"Dr{space}Ngono", LONGEST_TITLE) is None


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the text is empty"),
        ("x" * 201, "the text has 201 characters"),
        ("a\nb", "the text holds the control character U+000A"),
        ("a\u202eb", "the text holds the control character U+202E"),
        ("a\udc80b", "the text holds the control character U+DC80"),
        (f"it was {KEY}", "the text holds what looks like a key"),
    ],
)
def test_what_is_wrong_with_a_line_is_said_without_the_line(text, what):
    fault = line_fault(text, LONGEST_REASON)
    assert fault is not None
    assert fault.what == what
    assert KEY not in fault.hint
