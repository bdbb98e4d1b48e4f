"""The key with which this controller signs the policies of edges (Ed25519, RFC 8032).

It is made on first use and lies in the state folder, for its owner alone. Edges trust its public
half; who loses it enrols every edge again.
"""

import base64
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from controller.keys.keyfile import ensured
from inventory.errors import CredentialError

FILE: Final = "signing_key"
_BEAT: Final = b"sanaga beat\n"


def signing_key(state_dir: Path) -> Ed25519PrivateKey:
    """Return the controller's key, made first where there is none. Raises CredentialError."""
    file = state_dir / FILE
    return _loaded(file, ensured(file, generated, "signing key"))


def public_text(key: Ed25519PrivateKey) -> str:
    """Return the public half as edges are given it: 32 octets in base64."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode("ascii")


def sign_beat(key: Ed25519PrivateKey, body: bytes) -> str:
    """Return the signature of a sign of life, in base64; it covers its purpose and the body."""
    return base64.b64encode(key.sign(_BEAT + body)).decode("ascii")


def _loaded(file: Path, data: bytes) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise CredentialError(
            f"{file}: this is no Ed25519 private key; restore it from a backup, for edges trust no "
            "other"
        )
    return key


def generated() -> bytes:
    """Return another signing key, as PEM."""
    return Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
