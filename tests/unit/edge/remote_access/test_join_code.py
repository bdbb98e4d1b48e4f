"""Codes that are said over a telephone, and the words that are compared."""

import base64
import re
from contextlib import suppress
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.remote_access import join_code, sas
from edge.remote_access.join_code import Invitation
from vpn.model import Endpoint
from vpn.wireguard import keys

WHERE = Endpoint("vpn.example.cm", 51830)
CHANCES = st.integers(0, 2**90 - 1)


@given(CHANCES, st.sampled_from(["vpn.example.cm", "198.51.100.1", "2001:db8::7"]))
def test_a_code_leads_back_to_its_invitation_however_it_is_written(chance, host):
    invited = Invitation(Endpoint(host, 51830), chance)
    where, _, letters = invited.code.rpartition("/")
    written = [invited.code, f" {where}/{letters.lower()}", f"{where}/{letters.replace('-', ' ')}"]
    written.append(f"{where}/{letters.replace('0', 'o').replace('1', 'l')}")
    assert [join_code.parse_code(code) for code in written] == [invited] * 4


@given(CHANCES, st.integers(0, 19), st.integers(1, 31))
def test_one_wrong_letter_is_noticed_but_once_in_a_thousand_times(chance, place, step):
    code = Invitation(WHERE, chance).code
    where, _, letters = code.rpartition("/")
    plain = letters.replace("-", "")
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    other = alphabet[(alphabet.index(plain[place]) + step) % 32]
    slipped = f"{where}/{plain[:place]}{other}{plain[place + 1 :]}"
    with suppress(ValueError):
        # One in 1,024 slips is another code: of an invitation that nobody made.
        assert join_code.parse_code(slipped).chance != chance


def test_slips_are_noticed():
    code = Invitation(WHERE, 2**89 + 7).code
    swapped = code[:-2] + code[-1] + code[-2]
    assert swapped != code
    with pytest.raises(ValueError, match="compare it again"):
        join_code.parse_code(swapped)


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("", "HOST:PORT"),
        ("K7QF-2M9T-XW4D-8RHB-5NCG", "HOST:PORT"),
        ("vpn.example.cm/K7QF-2M9T-XW4D-8RHB-5NCG", "HOST:PORT"),
        ("vpn.example.cm:51830/K7QF-2M9T", "8 letters and digits stand behind '/', and not 20"),
        ("vpn.example.cm:51830/K7QF-2M9T-XW4D-8RHB-5NCU", "'U' is in no code"),
        ("vpn.example.cm:51830/K7QF-2M9T-XW4D-8RHB-5NC\x1b", "is in no code"),
    ],
)
def test_what_is_no_code_is_told(code, what):
    with pytest.raises(ValueError, match=re.escape(what)) as caught:
        join_code.parse_code(code)
    assert "2M9T" not in str(caught.value)
    assert str(caught.value).isprintable()


def test_an_invitation_shows_no_secret_and_its_keys_are_several():
    invited = join_code.new_invitation(WHERE)
    assert str(invited.chance) not in repr(invited)
    (own, public), (_, other) = keys.generate_pair(), keys.generate_pair()
    ends = [invited.end_key(own, other, b"x"), invited.end_key(own, other, b"y")]
    ends += [
        invited.end_key(own, public, b"x"),
        join_code.new_invitation(WHERE).end_key(own, other, b"x"),
    ]
    assert len({invited.name, invited.mailbox_key.hex(), *(key.hex() for key in ends)}) == 6
    assert join_code.new_invitation(WHERE) != invited


def test_both_ends_have_one_key_and_whoever_has_the_code_alone_has_another():
    invited = join_code.new_invitation(WHERE)
    (device, device_key), (registrar, desk_key), (thief, thief_key) = (
        keys.generate_pair() for _ in range(3)
    )
    shared = invited.end_key(device, desk_key, b"x")
    assert shared == invited.end_key(registrar, device_key, b"x")
    assert shared not in {invited.end_key(thief, key, b"x") for key in (device_key, desk_key)}
    assert invited.end_key(thief, desk_key, b"x") == invited.end_key(registrar, thief_key, b"x")
    with pytest.raises(ValueError, match="32 octets"):
        invited.end_key(device, "no key", b"x")
    with pytest.raises(ValueError, match="computing shared key"):
        invited.end_key(device, base64.b64encode(bytes(32)).decode(), b"x")


def test_what_was_committed_to_is_what_counts():
    key, chosen, other = (keys.generate_pair()[1] for _ in range(3))
    nonce = bytes(32)
    committed = join_code.commitment(key, nonce)
    digest = join_code.transcript(committed, chosen, key, nonce)
    assert digest != join_code.transcript(committed, other, key, nonce)
    for told in ((other, nonce), (key, bytes(31) + b"1")):
        with pytest.raises(ValueError, match="committed"):
            join_code.transcript(committed, chosen, *told)
    with pytest.raises(ValueError, match="octets"):
        join_code.transcript(committed, "ab", key, nonce)


def distance(one, other):
    """Return by how many letters two words differ (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        fresh = [i]
        for j, b in enumerate(other, 1):
            fresh.append(min(fresh[-1] + 1, row[j] + 1, row[j - 1] + (a != b)))
        row = fresh
    return row[-1]


def test_words_are_plain_and_no_two_are_much_alike():
    assert len(set(sas.WORDS)) == 256
    assert all(word.isascii() and word.isalpha() and word.islower() for word in sas.WORDS)
    close = [pair for pair in combinations(sas.WORDS, 2) if distance(*pair) < 3]
    assert close == []


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_words_tell_digests_apart(one, other):
    assert sas.same_words(sas.device_words(one), sas.device_words(one))
    assert sas.same_words(sas.device_words(one), sas.device_words(other)) == (one[:4] == other[:4])
    assert sas.same_words(sas.administrator_words(one), sas.administrator_words(other)) == (
        one[4:6] == other[4:6]
    )


def test_words_are_heard_in_spite_of_a_slip():
    said = sas.device_words(bytes([187, 246, 120, 0]))
    first, second, third, last = said.split()
    assert sas.same_words(f"{first.upper()}, {second[:-1]} {third}  {last}", said)
    assert not sas.same_words(f"{second} {first} {third} {last}", said)
    assert not sas.same_words(f"{first} {second} {third}", said)
    assert not sas.same_words("", said)
