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
from pathlib import Path
from typing import Final

from controller.environment import environment
from edge import files
from inventory.credentials import PASSPHRASE, sealed, unseal
from inventory.errors import CredentialError

NAMES: Final = ("signing_key", "sealing_key", "pair_key")
_SUFFIX: Final = ".sealed"
_ENTRY: Final = "key"


def ensured(file: Path, make: Callable[[], bytes], what: str) -> bytes:
    """Return what a key file holds, made first where there is none.

    Where other keys are sealed, so is the new one. Raises CredentialError, naming what the key is,
    when it cannot be read, made or opened, or when others may read it.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(file.parent):
            if _sealed_names(file.parent):
                return _opened(file, what, make)
            with suppress(FileNotFoundError):
                return _read(file)
            files.create(file, make())
            return _read(file)
    except OSError as error:
        raise CredentialError(
            f"{file}: the {what} cannot be read or made: {error.strerror}; run this as its "
            "owner, or name another folder with SANAGA_STATE_DIR"
        ) from error


def sealed_file(file: Path) -> Path:
    """Return where a key file is once it is sealed."""
    return file.with_name(file.name + _SUFFIX)


def seal_keys(state_dir: Path, passphrase: str) -> tuple[str, ...]:
    """Seal the plain keys of a state folder with a passphrase and return their names.

    A plain file goes when its sealed one was seen to open. Raises CredentialError, also when
    another passphrase sealed some of them before, and OSError.
    """
    with _alone(state_dir):
        _check(state_dir, passphrase)
        plain = tuple(name for name in NAMES if (state_dir / name).exists())
        for name in plain:
            _seal(state_dir / name, _read(state_dir / name), passphrase)
    return plain


def open_keys(state_dir: Path, passphrase: str) -> tuple[str, ...]:
    """Let the sealed keys of a state folder be plain files again and return their names.

    Raises CredentialError and OSError.
    """
    with _alone(state_dir):
        _check(state_dir, passphrase)
        names = _sealed_names(state_dir)
        for name in names:
            octets = _unsealed(state_dir / name, passphrase)
            files.create(state_dir / name, octets)
            _require_same(state_dir / name, octets)
        for name in names:
            files.remove(sealed_file(state_dir / name))
    return names


@contextmanager
def _alone(state_dir: Path) -> Iterator[None]:
    """Hold a folder's keys: who takes the plain files away must not meet who takes the sealed."""
    folder = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _sealed_names(state_dir: Path) -> tuple[str, ...]:
    return tuple(name for name in NAMES if sealed_file(state_dir / name).exists())


def _opened(file: Path, what: str, make: Callable[[], bytes]) -> bytes:
    phrase, box = environment().get(PASSPHRASE, ""), sealed_file(file)
    if not phrase:
        raise CredentialError(
            f"{box}: the {what} is sealed; its passphrase belongs into {PASSPHRASE}: "
            f"'read -rs {PASSPHRASE}; export {PASSPHRASE}'"
        )
    if not box.exists():
        _check(file.parent, phrase)
        _seal(file, _read(file) if file.exists() else make(), phrase)
    elif file.exists():
        _remove_plain(file, phrase)
    return _unsealed(file, phrase)


def _check(state_dir: Path, passphrase: str) -> None:
    """Raise CredentialError unless a passphrase opens everything that is sealed."""
    for name in _sealed_names(state_dir):
        _unsealed(state_dir / name, passphrase)


def _seal(file: Path, octets: bytes, passphrase: str) -> None:
    """Seal a key; of several that do so at once, one wins."""
    text = sealed({_ENTRY: base64.b64encode(octets).decode("ascii")}, passphrase)
    files.create(sealed_file(file), text.encode())
    if file.exists():
        _remove_plain(file, passphrase)


def _remove_plain(file: Path, passphrase: str) -> None:
    _require_same(file, _unsealed(file, passphrase))
    files.remove(file)


def _require_same(file: Path, octets: bytes) -> None:
    if _read(file) != octets:
        raise CredentialError(
            f"{file}: another key than {sealed_file(file).name} holds; move the one away that is "
            "not this controller's"
        )


def _unsealed(file: Path, passphrase: str) -> bytes:
    box = sealed_file(file)
    found = box.stat()
    return _unsealed_once(box, passphrase, (found.st_ino, found.st_mtime_ns))


@cache
def _unsealed_once(box: Path, passphrase: str, _stamp: tuple[int, int]) -> bytes:
    """Return what a file holds; opening it takes a tenth of a second on purpose."""
    try:
        return base64.b64decode(unseal(box, passphrase)[_ENTRY], validate=True)
    except (KeyError, binascii.Error):
        raise CredentialError(f"{box}: this holds no key of the controller") from None


def _read(file: Path) -> bytes:
    data = file.read_bytes()
    if file.stat().st_mode & 0o077:
        raise CredentialError(f"{file}: others may read this private key; 'chmod 600 {file}'")
    return data
