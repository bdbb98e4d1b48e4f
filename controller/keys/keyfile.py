"""Keys that the controller makes for itself on first use, for its owner alone.

Sealed with a passphrase (NAME.sealed), they are no use to who has the disk or a backup of it.
"""

import base64
import binascii
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from os.path import lexists
from pathlib import Path
from typing import Final

from controller.environment import environment
from edge.storage import atomic
from inventory.credentials import PASSPHRASE, SET_PASSPHRASE, WORK, seal_text, unseal_text
from inventory.errors import CredentialError

SIGNING: Final = "signing_key"
NAMES: Final = (SIGNING, "sealing_key", "pair_key")
_SUFFIX: Final = ".sealed"
_LOCK: Final = "keys.lock"
# What every box called its key before each called it by its file's name.
_FORMER_ENTRY: Final = "key"


def ensured(file: Path, make: Callable[[], bytes], what: str) -> bytes:
    """Return what a key file holds, made first where there is none.

    Where other keys are sealed, so is the new one. Raises CredentialError, naming what the key is,
    when it cannot be read, made or opened, or when others may read it.
    """
    try:
        with _alone(file.parent):
            if sealed_names(file.parent):
                return _opened(file, what, make)
            with suppress(FileNotFoundError):
                return _read(file)
            atomic.create(file, make())
            return _read(file)
    except OSError as error:
        raise CredentialError(
            f"{file}: the {what} cannot be read or made: {error.strerror}; run this as its "
            "owner, or name another folder with SANAGA_STATE_DIR"
        ) from error


def sealed_file(file: Path) -> Path:
    """Return where a key file is once it is sealed."""
    return file.with_name(file.name + _SUFFIX)


def sealed_names(state_dir: Path) -> tuple[str, ...]:
    """Return which keys of a state folder are sealed."""
    return tuple(name for name in NAMES if lexists(sealed_file(state_dir / name)))


def seal_keys(
    state_dir: Path, passphrase: str, make_signing: Callable[[], bytes], *, work: int = WORK
) -> tuple[str, ...]:
    """Seal the plain keys of a state folder with a passphrase and return their names.

    Where no key is sealed yet a signing key is among them, made if there is none. A plain file
    goes when its sealed one was seen to open. Raises CredentialError, also when another
    passphrase sealed some of them before, and OSError.
    """
    with _alone(state_dir):
        _remove_drafts(state_dir)
        _check(state_dir, passphrase)
        keys = _plain(state_dir)
        if sealed_names(state_dir):
            _require_signing(state_dir)
        elif SIGNING not in keys:
            keys = {SIGNING: make_signing(), **keys}
        for name, octets in keys.items():
            _seal(state_dir / name, octets, passphrase, work)
    return tuple(keys)


def open_keys(state_dir: Path, passphrase: str) -> tuple[str, ...]:
    """Let the sealed keys of a state folder be plain files again and return their names.

    Raises CredentialError and OSError.
    """
    with _alone(state_dir):
        _remove_drafts(state_dir)
        names = sealed_names(state_dir)
        keys = {name: _unsealed(state_dir / name, passphrase) for name in names}
        for name, octets in keys.items():
            atomic.create(state_dir / name, octets)
            _require_same(state_dir / name, octets)
        for name in names:
            atomic.remove(sealed_file(state_dir / name))
    return names


@contextmanager
def _alone(state_dir: Path) -> Iterator[None]:
    """Hold a folder's keys: who takes the plain files away must not meet who takes the sealed."""
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = state_dir / _LOCK
    lock = _locked(file)
    try:
        yield
    finally:
        # One that is left is in nobody's way.
        with suppress(OSError):
            file.unlink()
        os.close(lock)


def _locked(file: Path) -> int:
    """Return a lock on a file, which is opened for writing because NFS locks no other."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        lock = os.open(file, flags, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Who held it before took the file away, so others may hold one of the same name.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock), file.lstat()):
                    return lock
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)


def _remove_drafts(state_dir: Path) -> None:
    """Remove what a kill left of keys in the making; it may be the key in clear."""
    for name in NAMES:
        for pattern in (f".{name}-*", f".{name}{_SUFFIX}-*"):
            for draft in state_dir.glob(pattern):
                atomic.remove(draft)


def _plain(state_dir: Path) -> dict[str, bytes]:
    """Return the keys that are plain files. Raises CredentialError when one is also elsewhere."""
    found = [name for name in NAMES if lexists(state_dir / name)]
    return {name: _only(state_dir / name) for name in found}


def _opened(file: Path, what: str, make: Callable[[], bytes]) -> bytes:
    phrase, box = environment().get(PASSPHRASE, ""), sealed_file(file)
    if file.name == SIGNING:
        _require_signing(file.parent)
    if not phrase:
        raise CredentialError(
            f"{box}: the {what} is sealed; its passphrase belongs into {PASSPHRASE}: "
            f"'{SET_PASSPHRASE}'"
        )
    if not lexists(box):
        _check(file.parent, phrase)
        _seal(file, _only(file) if lexists(file) else make(), phrase, WORK)
    elif lexists(file):
        _remove_plain(file, phrase)
    return _unsealed(file, phrase)


def _check(state_dir: Path, passphrase: str) -> None:
    """Raise CredentialError unless a passphrase opens everything that is sealed."""
    for name in sealed_names(state_dir):
        _unsealed(state_dir / name, passphrase)


def _seal(file: Path, octets: bytes, passphrase: str, work: int) -> None:
    """Seal a key, unless it is sealed already, and let its plain file go."""
    if not lexists(sealed_file(file)):
        entry = {file.name: base64.b64encode(octets).decode("ascii")}
        atomic.create(sealed_file(file), seal_text(entry, passphrase, work=work).encode())
    if lexists(file):
        _remove_plain(file, passphrase)


def _remove_plain(file: Path, passphrase: str) -> None:
    _remove_drafts(file.parent)
    _require_nowhere_else(file)
    _require_same(file, _unsealed(file, passphrase))
    atomic.remove(file)


def _require_same(file: Path, octets: bytes) -> None:
    if _read(file) != octets:
        raise CredentialError(
            f"{file}: another key than {sealed_file(file).name} holds; move the one away that is "
            "not this controller's"
        )


def _only(file: Path) -> bytes:
    _require_nowhere_else(file)
    return _read(file)


def _require_nowhere_else(file: Path) -> None:
    """Raise CredentialError when a plain key would stay in clear after its file has gone."""
    if file.is_symlink():
        raise CredentialError(
            f"{file}: this is a symbolic link to {file.readlink()}, where the key would stay in "
            "clear; put that file here in the link's place, then say this again"
        )
    if (names := file.stat().st_nlink) > 1:
        raise CredentialError(
            f"{file}: this file has {names} names (hard links), and the key would stay in clear "
            f"under the others; 'find / -xdev -samefile {file}' lists them, remove them first"
        )


def _require_signing(state_dir: Path) -> None:
    """Raise CredentialError when a folder with sealed keys lacks the one that it always has."""
    file = state_dir / SIGNING
    if lexists(file) or lexists(sealed_file(file)):
        return
    raise CredentialError(
        f"{sealed_file(file)}: this file is missing beside other sealed keys; restore it from the "
        "backup, for edges trust no other key; where there is none, 'sanaga inventory seal-keys "
        "--open' lets another be made, and every edge is enrolled again"
    )


def _unsealed(file: Path, passphrase: str) -> bytes:
    box = sealed_file(file)
    found = box.stat()
    return _unsealed_once(box, passphrase, (found.st_ino, found.st_mtime_ns))


@cache
def _unsealed_once(box: Path, passphrase: str, _stamp: tuple[int, int]) -> bytes:
    """Return what a file holds; opening it takes a part of a second on purpose."""
    held = unseal_text(box, passphrase)
    name = box.name.removesuffix(_SUFFIX)
    if name not in held and (others := set(NAMES).intersection(held)):
        raise CredentialError(
            f"{box}: this holds the {others.pop()}, not the {name}; the files were swapped, so "
            "give each its own name again, or restore them from a backup"
        )
    try:
        return base64.b64decode(held[name if name in held else _FORMER_ENTRY], validate=True)
    except (KeyError, binascii.Error):
        raise CredentialError(f"{box}: this holds no key of the controller") from None


def _read(file: Path) -> bytes:
    data = file.read_bytes()
    if file.stat().st_mode & 0o077:
        raise CredentialError(f"{file}: others may read this private key; 'chmod 600 {file}'")
    return data
