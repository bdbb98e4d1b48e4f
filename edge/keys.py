"""The device's own WireGuard key pair: X25519 (RFC 7748), made here and never sent anywhere.

The file holds the private key as `wg genkey` writes it: 32 octets in base64 and a line feed.
"""

import base64
import binascii
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from inventory.errors import EdgeError

KEY_OCTETS: Final = 32


def ensure(path: Path) -> bytes:
    """Return the private key in a file, made first when there is none.

    Of several that make it at once, one wins, and all return the winner's. Raises EdgeError.
    """
    with suppress(FileNotFoundError):
        return read(path)
    from cryptography.hazmat.primitives.asymmetric import x25519  # noqa: PLC0415 - the daemon reads only

    try:
        _store(path, x25519.X25519PrivateKey.generate().private_bytes_raw())
    except OSError as error:
        raise EdgeError(
            f"{path}: cannot store the private key: {error.strerror}; "
            "the folder must exist and be writable"
        ) from error
    return read(path)


def read(path: Path) -> bytes:
    """Return the private key in a file.

    Raises FileNotFoundError when there is none, EdgeError when it is no key, cannot be read, or
    others than its owner may read it.
    """
    try:
        text, mode = path.read_bytes(), path.stat().st_mode
    except FileNotFoundError:
        raise
    except OSError as error:
        raise EdgeError(f"{path}: cannot read the private key: {error.strerror}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise EdgeError(f"{path}: others may read this private key; 'chmod 600 {path}'")
    return _decoded(text, path)


def public_text(private_key: bytes) -> str:
    """Return the public key of a private one, in base64 as WireGuard writes keys."""
    from cryptography.hazmat.primitives.asymmetric import x25519  # noqa: PLC0415 - the daemon reads only

    public = x25519.X25519PrivateKey.from_private_bytes(private_key).public_key()
    return base64.b64encode(public.public_bytes_raw()).decode("ascii")


def _decoded(text: bytes, path: Path) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_OCTETS:
        raise EdgeError(
            f"{path}: this is no WireGuard private key (32 octets in base64); restore it from a "
            "backup, or remove it and enrol this device anew"
        )
    return key


def _store(path: Path, key: bytes) -> None:
    # Linked into place, so that the file is whole or absent and never takes another's place.
    draft = path.with_name(f".{path.name}-{uuid4().hex}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(key) + b"\n")
            file.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
