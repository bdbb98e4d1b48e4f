"""Keys that the controller makes for itself on first use, for its owner alone."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from edge import files
from inventory.errors import CredentialError


def ensured(file: Path, make: Callable[[], bytes], what: str) -> bytes:
    """Return what a key file holds, made first where there is none.

    Raises CredentialError, naming what the key is, when it cannot be read or made, or when others
    may read it.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return _read(file)
        files.create(file, make())
        return _read(file)
    except OSError as error:
        raise CredentialError(
            f"{file}: the {what} cannot be read or made: {error.strerror}; run this as its "
            "owner, or name another folder with SANAGA_STATE_DIR"
        ) from error


def _read(file: Path) -> bytes:
    data = file.read_bytes()
    if file.stat().st_mode & 0o077:
        raise CredentialError(f"{file}: others may read this private key; 'chmod 600 {file}'")
    return data
