"""Secrets at rest: sealed with a key that follows from the device's own (RFC 5869, RFC 8439).

So the device's key is the one secret to protect on an edge, and where systemd hands that over from
a TPM, the disk alone opens nothing.
"""

import base64
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_PURPOSE: Final = b"sanaga edge at rest 1"
_NONCE: Final = 12


class AtRestCipher:
    """Seals and opens what lies on the disk of the device of a private key, 32 octets."""

    def __init__(self, private_key: bytes) -> None:
        derived = HKDF(SHA256(), 32, salt=None, info=_PURPOSE).derive(private_key)
        self._cipher = ChaCha20Poly1305(derived)

    def sealed(self, octets: bytes, about: str) -> str:
        """Return a box in base64 that opens for the same about alone."""
        nonce = os.urandom(_NONCE)
        box = nonce + self._cipher.encrypt(nonce, octets, about.encode())
        return base64.b64encode(box).decode("ascii")

    def opened(self, box: str, about: str) -> bytes:
        """Return what a box holds. Raises ValueError when it does not open."""
        try:
            octets = base64.b64decode(box, validate=True)
            return self._cipher.decrypt(octets[:_NONCE], octets[_NONCE:], about.encode())
        except (InvalidTag, ValueError) as error:
            raise ValueError("this was sealed with another device's key, or changed") from error
