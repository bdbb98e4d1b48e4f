"""Sealing what the controller keeps: preshared keys are no use to who has the database alone.

The key lies in the state folder, for its owner alone; whoever loses it rotates every device. A box
vouches for what it is about (ChaCha20-Poly1305, RFC 8439), so one cannot be put in another's place.
"""

import os
from functools import cached_property
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from controller.keys.keyfile import ensured
from inventory.errors import CredentialError
from vpn.key_text import PublicKey
from vpn.wireguard.keys import OCTETS, Secret

FILE: Final = "sealing_key"
_FORMAT: Final = "sanaga-preshared-1"
_NONCE: Final = 12


def sealing_key(state_dir: Path) -> bytes:
    """Return the key of a state folder, made first where there is none. Raises CredentialError."""
    return _sealing_key(state_dir / FILE)


class PskVault:
    """Seals and opens preshared keys with the key of a state folder.

    The key is read, or made where there is none, when it is first needed: who only reads the
    record needs no passphrase.
    """

    def __init__(self, state_dir: Path) -> None:
        self._file = state_dir / FILE

    def ready(self) -> None:
        """Have the key, so that nothing stops half way for want of it. Raises CredentialError."""
        _ = self._cipher

    def seal(self, secret: Secret, device: PublicKey, gateway: str) -> bytes:
        """Return a box with the preshared key of a device and a gateway. Raises CredentialError."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, secret.octets, _about(device, gateway))

    def open(self, box: bytes, device: PublicKey, gateway: str) -> Secret:
        """Return what a box of the same device and gateway holds. Raises CredentialError."""
        try:
            opened = self._cipher.decrypt(box[:_NONCE], box[_NONCE:], _about(device, gateway))
        except (InvalidTag, ValueError):
            raise CredentialError(
                f"{self._file}: does not open the preshared key of {device} at {gateway}; restore "
                "the key and the database of one backup, or rotate the device"
            ) from None
        return Secret(opened)

    def seal_octets(self, octets: bytes, purpose: str) -> bytes:
        """Return a box with octets for a purpose. Raises CredentialError."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, octets, _other(purpose))

    def open_octets(self, box: bytes, purpose: str) -> bytes:
        """Return what a box for a purpose holds. Raises ValueError, CredentialError."""
        try:
            return self._cipher.decrypt(box[:_NONCE], box[_NONCE:], _other(purpose))
        except InvalidTag:
            raise ValueError("the box was not sealed here, or for something else") from None

    @cached_property
    def _cipher(self) -> ChaCha20Poly1305:
        return ChaCha20Poly1305(_sealing_key(self._file))


def _about(device: PublicKey, gateway: str) -> bytes:
    return "\0".join((_FORMAT, device, gateway)).encode()


def _other(purpose: str) -> bytes:
    return f"sanaga-octets-1\0{purpose}".encode()


def _sealing_key(file: Path) -> bytes:
    key = ensured(file, ChaCha20Poly1305.generate_key, "sealing key")
    if len(key) != OCTETS:
        raise CredentialError(
            f"{file}: this is no sealing key; restore it from a backup, or move it away "
            "and rotate every device"
        )
    return key
