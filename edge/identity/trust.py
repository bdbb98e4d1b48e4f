"""The controller that an edge trusts: the public half of the Ed25519 key that signs for it."""

import base64
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from edge.identity.device import CONTROLLER
from inventory.errors import EdgeError
from vpn.key_text import key_octets


def trusted_key(folder: Path) -> Ed25519PublicKey:
    """Return the key of the controller that a folder trusts. Raises EdgeError."""
    file = folder / CONTROLLER
    try:
        return controller_key(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise EdgeError(f"{file}: cannot be read: {error}; enrol this device again") from error


def controller_key(text: str, file: str) -> Ed25519PublicKey:
    """Return an Ed25519 public key written in base64 or PEM. Raises EdgeError."""
    found = _pem(text) if text.lstrip().startswith("-----BEGIN") else _raw(text)
    if found is None:
        raise EdgeError(
            f"{file}: this is no Ed25519 public key; give the controller's, 44 characters of "
            "base64 or a PEM file"
        )
    return found


def _raw(text: str) -> Ed25519PublicKey | None:
    octets = key_octets(text.strip())
    return Ed25519PublicKey.from_public_bytes(octets) if octets else None


def _pem(text: str) -> Ed25519PublicKey | None:
    try:
        found = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return found if isinstance(found, Ed25519PublicKey) else None


def controller_key_text(key: Ed25519PublicKey) -> str:
    """Return a key as an edge's folder keeps it."""
    return base64.b64encode(key.public_bytes_raw()).decode("ascii")
