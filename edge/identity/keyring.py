"""The private keys of a device: the one of its enrolment, and those that it made to move to.

    key        of the enrolment: what people's files and rosters know this device by
    keys/      one file for each further key, by the beginning of its public key's SHA-256, sealed
               with the first
    next_key   the public key of the one that was made last, and of the one that it is to follow

All of them were made here and never leave. A key is kept for good, so that no policy, however old,
names one that is lost. A file that does not open keeps no other key from being used.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge.identity import private_key
from edge.identity.at_rest import AtRestCipher
from edge.identity.device import DO_WITHOUT, KEY, WIREGUARD_PY
from edge.storage import atomic
from inventory.errors import EdgeError
from vpn import key_text
from vpn.key_text import PublicKey

if TYPE_CHECKING:
    from vpn.wireguard.keys import Secret

KEYS: Final = "keys"
NEXT: Final = "next_key"
# What a process that makes or seals a further key leaves if it is killed.
_DRAFT: Final = re.compile(r"\.[0-9a-f]{16}(-[0-9a-f]{32}|\.new)")


@dataclass(frozen=True, slots=True)
class Ring:
    """The private keys that open, by their public ones; faults say why others do not."""

    private: Mapping[PublicKey, bytes] = field(repr=False)
    faults: tuple[str, ...] = ()


def private_keys(folder: Path) -> Mapping[PublicKey, bytes]:
    """Return every private key of a folder that opens, by its public one. Raises EdgeError."""
    return open_keys(folder).private


def open_keys(folder: Path) -> Ring:
    """Return the private keys of a folder, the first one first, and what is wrong with others.

    Raises EdgeError when the first does not open, since no other does then.
    """
    own = _own(folder)
    rest, private, faults = AtRestCipher(own), {key_text.public_text(own): own}, list[str]()
    try:
        further = [path for path in _entries(folder) if not path.name.startswith(".")]
    except OSError as error:
        return Ring(private, (_unread(folder, error),))
    for path in further:
        try:
            one = _private(path, rest)
        except EdgeError as error:
            faults.append(str(error))
        else:
            private[key_text.public_text(one)] = one
    return Ring(private, tuple(faults))


def learn_keys(folder: Path, known: dict[PublicKey, bytes]) -> None:
    """Add the private keys of a folder that open to those that are known.

    Raises EdgeError about those that do not.
    """
    found = open_keys(folder)
    known.update(found.private)
    if found.faults:
        raise EdgeError("; ".join(found.faults))


def tidy_keys(folder: Path) -> None:
    """Seal further keys that lie in clear, and remove what nobody finished making.

    Nobody else may make keys meanwhile. Raises EdgeError, OSError.
    """
    rest = AtRestCipher(_own(folder))
    for path in _entries(folder):
        if _DRAFT.fullmatch(path.name):
            atomic.remove(path)
        elif private := _in_clear(path):
            _seal(path, rest.sealed(private, KEYS))


def make_next_key(folder: Path, current: PublicKey) -> PublicKey:
    """Return the key that a device can move to from its current one, made first if need be.

    Asked again, it is the same until the device has moved. Raises EdgeError, ExtraError, OSError.
    """
    pending = _pending(folder, current)
    if pending in private_keys(folder):
        return pending
    (folder / KEYS).mkdir(mode=0o700, exist_ok=True)
    private, public = made_pair(folder)
    name = sha256(public.encode()).hexdigest()[:16]
    box = AtRestCipher(_own(folder)).sealed(private.octets, KEYS)
    atomic.create(folder / KEYS / name, f"{box}\n".encode())
    # Only now is it published: a process that is killed before leaves a key that nobody knows.
    atomic.replace(folder / NEXT, f"{public} {current}\n")
    return public


def made_pair(folder: Path) -> "tuple[Secret, PublicKey]":
    """Make a private key and its public one by what a folder's device has chosen.

    Raises ExtraError when that is not installed.
    """
    from vpn.wireguard.key_backends import KeyMaker, key_backend  # noqa: PLC0415 - rarely needed

    chosen = (folder / WIREGUARD_PY).exists()
    return key_backend(KeyMaker.WIREGUARD_PY if chosen else KeyMaker.CRYPTOGRAPHY, DO_WITHOUT)()


def _own(folder: Path) -> bytes:
    """Return the key of the enrolment. Raises EdgeError."""
    try:
        return private_key.read_private_key(folder / KEY)
    except FileNotFoundError as error:
        raise EdgeError(
            f"{folder / KEY}: not there; restore it from a backup, or enrol this device again"
        ) from error


def _entries(folder: Path) -> Sequence[Path]:
    """Return what lies where further keys do. Raises OSError."""
    try:
        return sorted((folder / KEYS).iterdir())
    except FileNotFoundError:
        return ()


def _unread(folder: Path, error: OSError) -> str:
    return f"{folder / KEYS}: {error.strerror}; further keys lie there, so see to the disk"


def _private(path: Path, rest: AtRestCipher) -> bytes:
    """Return a further private key. Raises EdgeError."""
    try:
        text = private_key.private_text(path)
        # Those of before boxes are plain.
        return key_text.key_octets(text) or rest.opened(text, KEYS)
    except FileNotFoundError as error:
        raise EdgeError(f"{path}: leads nowhere; remove it") from error
    except ValueError as error:
        raise EdgeError(
            f"{path}: {error}; if this device was enrolled again, or this file is not ours, "
            f"remove it; if not, restore it, or {KEY}, from a backup and restart the edge's service"
        ) from error


def _in_clear(path: Path) -> bytes | None:
    """Return a further private key that is not sealed."""
    try:
        return key_text.key_octets(private_key.private_text(path))
    except (EdgeError, OSError):
        # open_keys() reports what cannot be read.
        return None


def _seal(path: Path, box: str) -> None:
    try:
        atomic.replace(path, f"{box}\n")
    except OSError as error:
        raise EdgeError(
            f"{path}: lies in clear and cannot be sealed: {error.strerror}; make room, and start @@"
        ) from error


def _pending(folder: Path, current: PublicKey) -> PublicKey:
    """Return the key that was made to follow the current one; nothing when none was.

    One that was made to follow another may have been used: in an image of before a rotation.
    """
    try:
        text = (folder / NEXT).read_text(encoding="ascii")
    except (FileNotFoundError, UnicodeDecodeError):
        return ""
    public, _, former = text.strip().partition(" ")
    return public if former == current else ""
