"""The device's own WireGuard key pair: X25519 (RFC 7748), made here and never sent anywhere.

The file holds the private key as `wg genkey` writes it: 32 octets in base64 and a line feed.
"""

import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from edge.storage import atomic
from inventory.errors import EdgeError
from vpn.key_text import key_octets

if TYPE_CHECKING:
    from vpn.wireguard.key_backends import MakePair


def ensure_private_key(path: Path, pair: "MakePair") -> bytes:
    """Return the private key in a file, made first if there is no file.

    Of several that make it at once, one wins, and all return the winner's. Raises EdgeError, and
    what pair raises.
    """
    with suppress(FileNotFoundError):
        return read_private_key(path)
    private, _ = pair()
    try:
        atomic.create(path, f"{private.reveal()}\n".encode())
    except OSError as error:
        raise EdgeError(
            f"{path}: cannot store the private key: {error.strerror}; "
            "the folder must exist and be writable"
        ) from error
    return read_private_key(path)


def read_private_key(path: Path) -> bytes:
    """Return the private key in a file.

    Raises FileNotFoundError if there is no file, EdgeError if it is not a key, cannot be read, or
    others than its owner may read it.
    """
    try:
        key = key_octets(private_text(path))
    except FileNotFoundError as error:
        if path.is_symlink():
            raise _leads_nowhere(path) from error
        raise
    if key is None:
        raise EdgeError(
            f"{path}: this is no WireGuard private key (32 octets in base64); restore it from a "
            "backup, or remove it and enrol this device again"
        )
    return key


def _leads_nowhere(path: Path) -> EdgeError:
    return EdgeError(
        f"{path}: leads to {path.readlink()}, which is not there; if systemd hands this key over, "
        "start the edge's service. If the key is lost, enrol this device again: remove this link "
        f"first, and with it what that key has sealed: all files in {path.parent / 'keys'}, and "
        f"{path.parent / 'preshared.json'}"
    )


def private_text(path: Path) -> str:
    """Return what a file holds that is for its owner alone.

    Raises FileNotFoundError when there is none, EdgeError when it cannot be read, or others than
    its owner may read it.
    """
    try:
        text, mode = path.read_bytes(), path.stat().st_mode
    except FileNotFoundError:
        raise
    except OSError as error:
        raise EdgeError(
            f"{path}: cannot read the private key: {error.strerror}; it is to be a file of root's"
        ) from error
    if stat.S_IMODE(mode) & 0o077:
        raise EdgeError(f"{path}: others may read this private key; 'chmod 600 {path}'")
    return text.decode("ascii", "replace").strip()
