"""The private keys of a device: the one of its enrolment, and those that it made to move to.

    key        of the enrolment: what people's files and rosters know this device by
    keys/      one file for each further key, by the beginning of its public key's SHA-256, sealed
               with the first
    next_key   the public key of the one that was made last

All of them were made here and never leave. A key is kept for good, so that no policy, however old,
names one that is lost.
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge import files, keys
from edge.dataplane.wireguard import PublicKey
from edge.identity import DO_WITHOUT, KEY, WIREGUARD_PY
from edge.rest import Rest
from inventory.errors import EdgeError

if TYPE_CHECKING:
    from vpn.keys import Secret

KEYS: Final = "keys"
NEXT: Final = "next_key"


def ring(folder: Path) -> Mapping[PublicKey, bytes]:
    """Return every private key of a folder by its public one. Raises EdgeError."""
    try:
        own = keys.read(folder / KEY)
        further = sorted((folder / KEYS).iterdir()) if (folder / KEYS).is_dir() else []
        private = [own, *(_opened(path, own) for path in further)]
    except OSError as error:
        raise EdgeError(f"{folder}: cannot read the keys: {error}") from error
    return {keys.public_text(one): one for one in private}


def upcoming(folder: Path, current: PublicKey) -> PublicKey:
    """Return the key that a device can move to from its current one, made first if need be.

    Asked again, it is the same until the device has moved. Raises EdgeError, ExtraError, OSError.
    """
    known = ring(folder)
    pending = _pending(folder)
    if pending in known and pending not in {current, _first(folder)}:
        return pending
    (folder / KEYS).mkdir(mode=0o700, exist_ok=True)
    private, public = made_pair(folder)
    name = sha256(public.encode()).hexdigest()[:16]
    box = Rest(keys.read(folder / KEY)).sealed(private.octets, KEYS)
    files.create(folder / KEYS / name, f"{box}\n".encode())
    # Only now is it spoken of: whoever is killed before leaves a key that nobody knows.
    files.replace(folder / NEXT, f"{public}\n")
    return public


def made_pair(folder: Path) -> "tuple[Secret, PublicKey]":
    """Make a private key and its public one by what a folder's device has chosen.

    Raises ExtraError when that is not installed.
    """
    from vpn.keymakers import KeyMaker, maker  # noqa: PLC0415 - rarely needed

    chosen = (folder / WIREGUARD_PY).exists()
    return maker(KeyMaker.WIREGUARD_PY if chosen else KeyMaker.CRYPTOGRAPHY, DO_WITHOUT)()


def _opened(path: Path, own: bytes) -> bytes:
    """Return a further private key. Raises EdgeError."""
    text = keys.private_text(path)
    try:
        # Those of before boxes are plain.
        return keys.key_octets(text) or Rest(own).opened(text, KEYS)
    except ValueError as error:
        raise EdgeError(
            f"{path}: {error}; restore {KEY} from a backup, or remove this file"
        ) from error


def _first(folder: Path) -> PublicKey:
    return keys.public_text(keys.read(folder / KEY))


def _pending(folder: Path) -> PublicKey:
    try:
        return (folder / NEXT).read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""
