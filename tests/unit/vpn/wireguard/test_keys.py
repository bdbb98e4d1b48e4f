"""Keys are WireGuard's own, and show themselves to nobody who does not ask."""

import base64
import subprocess

import pytest

from vpn.wireguard import keys

SMALL_ORDER = [
    bytes(32),
    bytes([1]) + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
]


def test_a_public_key_is_what_wg_makes_of_the_private_one():
    private = keys.generate_private()
    said = subprocess.run(
        ["wg", "pubkey"], input=private.reveal(), capture_output=True, text=True, check=True
    )
    assert keys.public_of(private) == said.stdout.strip()


def test_keys_made_by_wg_are_read():
    for verb in ("genkey", "genpsk"):
        said = subprocess.run(["wg", verb], capture_output=True, text=True, check=True)
        assert keys.parse_secret(said.stdout.strip()).reveal() == said.stdout.strip()


def test_no_two_keys_are_alike():
    assert (
        len(
            {keys.generate_private().octets for _ in range(50)} | {keys.generate_preshared().octets}
        )
        == 51
    )


def test_a_secret_is_in_no_text_that_was_not_asked_for():
    private = keys.generate_private()
    for text in (repr(private), str(private), f"{private}", repr([private]), repr((private,))):
        assert private.reveal() not in text
        assert private.octets.hex() not in text
        assert repr(private.octets)[2:-1] not in text


@pytest.mark.parametrize(
    "text",
    ["", "x", "A" * 44, "A" * 42 + "=", "A" * 43 + "=\n", " " + "A" * 43 + "=", "é" * 44, "A" * 64],
)
def test_what_is_no_key_is_refused_without_repeating_it(text):
    for read in (keys.parse_secret, keys.parse_public):
        with pytest.raises(ValueError, match="32 octets in base64") as refused:
            read(text)
        assert not text or text not in str(refused.value)


@pytest.mark.parametrize("octets", SMALL_ORDER, ids=lambda octets: octets.hex()[:8])
def test_a_public_key_that_protects_nothing_is_refused(octets):
    with pytest.raises(ValueError, match="small order"):
        keys.parse_public(base64.b64encode(octets).decode())


def test_a_public_key_of_an_ordinary_pair_is_taken():
    public = keys.public_of(keys.generate_private())
    assert keys.parse_public(public) == public
