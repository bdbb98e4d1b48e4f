"""The key with which this controller signs the policies of edges (Ed25519, RFC 8032).

It is made on first use and lies in the state folder, for its owner alone. Edges trust its public
half; who loses it enrols every edge anew.
"""

import base64
import os
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from inventory.errors import CredentialError

FILE: Final = "signing_key"


def signing_key(state_dir: Path) -> Ed25519PrivateKey:
    """Return the controller's key, made first where there is none. Raises CredentialError."""
    file = state_dir / FILE
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return _read(file)
        _make(file)
        return _read(file)
    except OSError as error:
        raise CredentialError(
            f"{file}: the signing key cannot be read or made: {error.strerror}; run this as its "
            "owner, or name another folder with SANAGA_STATE_DIR"
        ) from error


def public_text(key: Ed25519PrivateKey) -> str:
    """Return the public half as edges are given it: 32 octets in base64."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode("ascii")


def _read(file: Path) -> Ed25519PrivateKey:
    data = file.read_bytes()
    if file.stat().st_mode & 0o077:
        raise CredentialError(f"{file}: others may read this private key; 'chmod 600 {file}'")
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


def _make(file: Path) -> None:
    """Link a new key into place, so that it is whole or absent; of several makers one wins."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    # mkstemp makes it for its owner alone.
    descriptor, name = mkstemp(prefix=f".{file.name}.", dir=file.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(pem)
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            file.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
