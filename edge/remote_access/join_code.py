"""Invitations to join from the field: the one-time code, and the keys that follow from it.

A code is ENDPOINT/XXXX-XXXX-XXXX-XXXX-XXXX: where a gateway listens, and 90 bits of chance with ten
that tell a slip of the tongue, in Crockford's base 32, which has no letters that look alike.
"""

import hmac
import os
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from inventory.free_text import quoted
from vpn.key_text import PublicKey
from vpn.model import Endpoint
from vpn.wireguard import endpoint, keys
from vpn.wireguard.keys import Secret

LASTS_S: Final = 600
NONCE: Final = 32
_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ALIKE: Final = str.maketrans("OIL", "011", "- ")
_LONG: Final = 20
_GROUP: Final = 4
_CHANCE_BITS: Final = 90
_CHECK_BITS: Final = 10


@dataclass(frozen=True, slots=True)
class Invitation:
    """Where a device asks, and the number of 90 bits by which it is known there."""

    where: Endpoint
    chance: int = field(repr=False)

    @property
    def code(self) -> str:
        """Return the code, to be said or shown to the person invited and to nobody else."""
        number = self.chance << _CHECK_BITS | _check(self.chance)
        letters = [_LETTERS[number >> 5 * place & 31] for place in reversed(range(_LONG))]
        groups = ("".join(letters[at : at + _GROUP]) for at in range(0, _LONG, _GROUP))
        return f"{self.where}/{'-'.join(groups)}"

    @property
    def name(self) -> str:
        """Return the name under which it is answered, which gives nothing of the code away."""
        return self._derived(b"name")[:8].hex()

    @property
    def mailbox_key(self) -> bytes:
        """Return the key by which a gateway knows the messages of both ends."""
        return self._derived(b"mailbox")

    def end_key(self, own: Secret, other: PublicKey, transcript: bytes) -> bytes:
        """Return the key that only the two ends have whose words were compared.

        Who has the code alone lacks it, and so does who stands in between without it. Raises
        ValueError if the other end's key is not one.
        """
        return hmac.digest(
            self._derived(b"ends"), keys.shared_secret(own, other) + transcript, "sha256"
        )

    def _derived(self, what: bytes) -> bytes:
        chance = self.chance.to_bytes(_CHANCE_BITS // 8 + 1, "big")
        return hmac.digest(chance, b"sanaga invitation\n" + what, "sha256")


def new_invitation(where: Endpoint) -> Invitation:
    """Return a new invitation, by the kernel's generator."""
    return Invitation(where, int.from_bytes(os.urandom(12), "big") >> 96 - _CHANCE_BITS)


def parse_code(code: str) -> Invitation:
    """Return the invitation of a code, in whatever case and with whatever spaces.

    Raises ValueError, which says what to look at and never repeats the code.
    """
    where, _, letters = code.strip().rpartition("/")
    try:
        place = endpoint.parse_endpoint(where)
    except ValueError:
        raise ValueError(
            "a code is HOST:PORT/XXXX-XXXX-XXXX-XXXX-XXXX; ask for the part that is missing"
        ) from None
    plain = letters.upper().translate(_ALIKE)
    if strange := sorted(set(plain) - set(_LETTERS)):
        raise ValueError(f"{quoted(strange[0])} is in no code; listen again")
    if len(plain) != _LONG:
        raise ValueError(f"{len(plain)} letters and digits stand behind '/', and not {_LONG}")
    number = 0
    for letter in plain:
        number = number << 5 | _LETTERS.index(letter)
    chance, check = number >> _CHECK_BITS, number & (1 << _CHECK_BITS) - 1
    if check != _check(chance):
        raise ValueError("a letter or digit is not the one that was said; compare it again")
    return Invitation(place, chance)


def commitment(key: PublicKey, nonce: bytes) -> str:
    """Return what binds a device to its key before it knows what the other end chooses."""
    return sha256(b"sanaga commitment\n" + key.encode() + nonce).hexdigest()


def transcript(committed: str, chosen: PublicKey, key: PublicKey, nonce: bytes) -> bytes:
    """Return the digest of all that both ends said until the device's key was known.

    chosen is the controller's key for this once. Raises ValueError when what the device committed
    to is something else.
    """
    if committed != commitment(key, nonce):
        raise ValueError("the key is not the one that the device had committed to")
    parts = (b"sanaga joining\n", bytes.fromhex(committed), nonce)
    return sha256(b"".join(parts) + keys.parse_public(chosen).encode() + key.encode()).digest()


def _check(chance: int) -> int:
    digest = sha256(b"sanaga code\n" + chance.to_bytes(12, "big")).digest()
    return int.from_bytes(digest[:2], "big") >> 16 - _CHECK_BITS
