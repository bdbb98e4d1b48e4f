"""A stream of octets sealed with a passphrase, of any length.

The file begins with the envelope of sealed credentials, which holds a data key. Blocks follow, each
a ChaCha20-Poly1305 box (RFC 8439) whose nonce is its number and whether it is the last, so that
none can be changed, moved or left out unnoticed.
"""

import os
from contextlib import suppress
from io import RawIOBase
from pathlib import Path
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from inventory import credentials
from inventory.errors import BackupError

_FORMAT: Final = b"sanaga-backup-1\n"
_KEY: Final = "data_key"
_BLOCK: Final = 1 << 20
_TAG: Final = 16
_LENGTH: Final = 4
_LONGEST_HEADER: Final = 1 << 16


class SealingStream(RawIOBase):
    """Seals what is written into a file; closing it writes the last block."""

    def __init__(self, file: BinaryIO, passphrase: str, *, work: int = credentials.WORK) -> None:
        key = ChaCha20Poly1305.generate_key()
        header = credentials.seal_text({_KEY: key.hex()}, passphrase, work=work).encode()
        self._file, self._cipher = file, ChaCha20Poly1305(key)
        self._waiting = bytearray()
        self._number = 0
        file.write(_FORMAT + len(header).to_bytes(_LENGTH) + header)

    def writable(self) -> bool:
        """Return that this can be written to."""
        return True

    def write(self, data: object) -> int:
        """Seal some octets."""
        given = bytes(data)  # type: ignore[call-overload]
        self._waiting += given
        while len(self._waiting) > _BLOCK:
            self._seal(bytes(self._waiting[:_BLOCK]), last=False)
            del self._waiting[:_BLOCK]
        return len(given)

    def finish(self) -> None:
        """Write the last block; without it the file cannot be opened."""
        self._seal(bytes(self._waiting), last=True)

    def _seal(self, block: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last=last), block, _FORMAT))
        self._number += 1


class OpeningStream(RawIOBase):
    """Opens what was sealed, as it is read."""

    def __init__(self, file: BinaryIO, path: Path, passphrase: str) -> None:
        self._file, self._path = file, path
        self._number = 0
        self._ended = False
        self._ready = b""
        if file.read(len(_FORMAT)) != _FORMAT:
            raise BackupError(f"{path}: is no backup of sanaga")
        length = int.from_bytes(file.read(_LENGTH))
        header = file.read(min(length, _LONGEST_HEADER)).decode(errors="replace")
        key = credentials.unseal(path, header, passphrase).get(_KEY, "")
        self._next = file.read(_BLOCK + _TAG)
        self._cipher = ChaCha20Poly1305(bytes.fromhex(key))

    def readable(self) -> bool:
        """Return that this can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return some octets, none at the end. Raises BackupError when the file was changed."""
        while not self._ended and (size < 0 or len(self._ready) < size):
            self._ready += self._open_next()
        end = len(self._ready) if size < 0 else size
        given, self._ready = self._ready[:end], self._ready[end:]
        return given

    def _open_next(self) -> bytes:
        block, self._next = self._next, self._file.read(_BLOCK + _TAG)
        self._ended = not self._next
        with suppress(InvalidTag):
            opened = self._cipher.decrypt(_nonce(self._number, last=self._ended), block, _FORMAT)
            self._number += 1
            return opened
        raise BackupError(f"{self._path}: was changed or cut short; use another backup")


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11) + bytes([last])


def private_file(path: Path) -> BinaryIO:
    """Return a new file for its owner alone."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "wb")
