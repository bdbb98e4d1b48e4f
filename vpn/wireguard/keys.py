"""WireGuard's keys as values: X25519 key pairs (RFC 7748) and preshared keys.

A secret shows itself in no repr and no message; whoever writes it out asks for it by name.
"""

import base64
import binascii
import os
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from vpn.key_text import PublicKey

OCTETS: Final = 32
# 32 octets in base64 (RFC 4648, section 4).
LETTERS: Final = 44
_PROBE: Final = X25519PrivateKey.from_private_bytes(b"\x40" * OCTETS)


@dataclass(frozen=True, slots=True)
class Secret:
    """32 octets that nobody may see by accident: a private or a preshared key."""

    octets: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what is no key. Raises ValueError, without the octets."""
        if len(self.octets) != OCTETS:
            raise ValueError("a key has 32 octets")

    def reveal(self) -> str:
        """Return the key as WireGuard's files write it, for such a file and nothing else."""
        return base64.b64encode(self.octets).decode("ascii")


def generate_private() -> Secret:
    """Return a new private key."""
    return Secret(X25519PrivateKey.generate().private_bytes_raw())


def generate_pair() -> tuple[Secret, PublicKey]:
    """Return a new private key and its public one, in half the time of making one by one."""
    private = X25519PrivateKey.generate()
    return Secret(private.private_bytes_raw()), _text(private.public_key())


def generate_preshared() -> Secret:
    """Return a new preshared key, from the kernel's generator as `wg genpsk` takes it."""
    return Secret(os.urandom(OCTETS))


def public_of(private: Secret) -> PublicKey:
    """Return the public key of a private one, in base64."""
    return _text(X25519PrivateKey.from_private_bytes(private.octets).public_key())


def shared_secret(private: Secret, key: PublicKey) -> bytes:
    """Return the 32 octets that only both owners of two keys can compute (RFC 7748, section 6.1).

    Raises ValueError when this is not a public key, or one of small order.
    """
    other = X25519PublicKey.from_public_bytes(_decoded(key))
    return X25519PrivateKey.from_private_bytes(private.octets).exchange(other)


def _text(key: X25519PublicKey) -> PublicKey:
    return base64.b64encode(key.public_bytes_raw()).decode("ascii")


def parse_secret(text: str) -> Secret:
    """Return the secret that a text writes. Raises ValueError, which never repeats the text."""
    return Secret(_decoded(text))


def parse_public(text: str) -> PublicKey:
    """Return a public key as it is always written.

    Raises ValueError when it is no key, or one with which every secret would be zero (RFC 7748,
    section 6.1), so that whoever knows it reads everything.
    """
    octets = _decoded(text)
    try:
        _PROBE.exchange(X25519PublicKey.from_public_bytes(octets))
    except ValueError:
        raise ValueError("this public key has a small order and protects nothing") from None
    return base64.b64encode(octets).decode("ascii")


def _decoded(text: str) -> bytes:
    try:
        octets = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        octets = b""
    if len(octets) != OCTETS or len(text) != LETTERS:
        raise ValueError("a key is 32 octets in base64, 43 letters and '='")
    return octets
