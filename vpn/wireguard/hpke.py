"""Hybrid public-key encryption to a device's WireGuard key (HPKE, RFC 9180)."""

import base64
from collections.abc import Iterable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from inventory.errors import PolicyRefusedError

_SUITE: Final = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)


def hpke_seal(secrets: bytes, to: str, about: bytes) -> str:
    """Return secrets for the device of a public key in base64; about says what they are."""
    public = X25519PublicKey.from_public_bytes(base64.b64decode(to))
    return base64.b64encode(_SUITE.encrypt(secrets, public, about)).decode("ascii")


def hpke_open(sealed_text: str, private_keys: Iterable[bytes], about: bytes, file: str) -> bytes:
    """Return what is sealed to one of some private keys, 32 octets each.

    Raises PolicyRefusedError, naming file, and ValueError.
    """
    octets = base64.b64decode(sealed_text, validate=True)
    for private in private_keys:
        try:
            return _SUITE.decrypt(octets, X25519PrivateKey.from_private_bytes(private), about)
        except InvalidTag:
            continue
    raise PolicyRefusedError(
        f"{file}: the preshared keys are sealed to another device's key; pin this device's key "
        "in edge_keys and say 'sanaga vpn apply'"
    )
