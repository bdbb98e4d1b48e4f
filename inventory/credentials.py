"""Credential references, resolved at the last moment: env:NAME, file:PATH, sealed:PATH#KEY.

A sealed file holds named secrets in one envelope: JSON with the parameters of scrypt (RFC 7914)
and a ChaCha20-Poly1305 box (RFC 8439) whose key comes from a passphrase. No message and no repr
ever holds a secret.
"""

import base64
import binascii
import json
import os
import stat
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from inventory.errors import CredentialError

PASSPHRASE: Final = "SANAGA_PASSPHRASE"  # noqa: S105 - the name of a variable
SET_PASSPHRASE: Final = f"IFS= read -rs {PASSPHRASE}; export {PASSPHRASE}"
_FORMAT: Final = "sanaga-sealed-1"
_MAX_BYTES: Final = 1024 * 1024
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_BLOCK: Final = 8
# 128 MB of memory and about 0.4 s for each guess of the passphrase.
WORK: Final = 2**17
# What sealed files of before have.
_MIN_WORK: Final = 2**15
_MAX_WORK: Final = 2**20
_DERIVING: Final = Lock()
_FORMS: Final = "'env:NAME', 'file:PATH' or 'sealed:PATH#KEY'"


def resolve_secret(reference: str, *, base: Path, environment: Mapping[str, str]) -> str:
    """Return the secret that a reference means; paths are relative to base.

    A file's last line break is not part of its secret. Raises CredentialError.
    """
    kind, _, rest = reference.partition(":")
    if kind == "env" and rest:
        return _from_environment(rest, environment)
    if kind == "file" and rest:
        return _from_file(base / rest)
    if kind == "sealed" and rest.count("#") == 1:
        path, _, key = rest.partition("#")
        return _from_sealed(base / path, key, environment)
    # The text may be a secret written by mistake, so it is not repeated.
    raise CredentialError(f"this is no credential reference; write {_FORMS}")


def seal_secrets(
    secrets: Mapping[str, str], passphrase: str, path: Path, *, work: int = WORK
) -> None:
    """Write secrets by key into a sealed file that only its owner may read.

    Raises CredentialError.
    """
    _write_private(path, seal_text(secrets, passphrase, work=work))


def seal_text(secrets: Mapping[str, str], passphrase: str, *, work: int = WORK) -> str:
    """Return secrets by key as a sealed file has them. Raises CredentialError."""
    if not passphrase:
        raise CredentialError(f"a sealed file needs a passphrase; set {PASSPHRASE}")
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    plain = json.dumps(dict(secrets)).encode()
    box = _cipher(normalize_passphrase(passphrase), salt, work).encrypt(nonce, plain, _header(work))
    envelope = {"format": _FORMAT, "work": work}
    parts = {"salt": salt, "nonce": nonce, "box": box}
    envelope |= {name: base64.b64encode(part).decode() for name, part in parts.items()}
    return json.dumps(envelope, indent=2) + "\n"


def normalize_passphrase(passphrase: str) -> str:
    """Return a passphrase as every keyboard gives it, composed (Unicode's NFC).

    Raises CredentialError when a part of it is no text.
    """
    # What is not UTF-8 in the environment comes as surrogates; the message does not repeat it.
    if any("\ud800" <= character <= "\udfff" for character in passphrase):
        raise CredentialError(
            f"the passphrase has octets that are not UTF-8; set {PASSPHRASE} again in a terminal "
            f"that writes UTF-8: '{SET_PASSPHRASE}'"
        )
    return unicodedata.normalize("NFC", passphrase)


def unseal_text(path: Path, passphrase: str) -> Mapping[str, str]:
    """Return all secrets of a sealed file by key.

    Raises CredentialError.
    """
    return unseal(path, _read(path, private=False), passphrase)


def unseal(path: Path, text: str, passphrase: str) -> Mapping[str, str]:
    """Return all secrets by key of a text as seal_text() writes it; path is where it stands.

    Raises CredentialError.
    """
    return _opened(path, _envelope(path, text), passphrase)


@dataclass(frozen=True, slots=True)
class _Envelope:
    """A sealed file taken apart."""

    work: int
    salt: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    box: bytes = field(repr=False)


def _from_environment(name: str, environment: Mapping[str, str]) -> str:
    value = environment.get(name)
    if not value:
        raise CredentialError(f"env:{name}: the variable is not set; export {name} first")
    return value


def _from_file(path: Path) -> str:
    text = _read(path, private=True).removesuffix("\n").removesuffix("\r")
    if not text:
        raise CredentialError(f"{path}: the file is empty; write the secret into it")
    return text


def _from_sealed(path: Path, key: str, environment: Mapping[str, str]) -> str:
    """Return one secret of a sealed file."""
    envelope = _envelope(path, _read(path, private=False))
    passphrase = environment.get(PASSPHRASE)
    if not passphrase:
        raise CredentialError(f"{path}: set {PASSPHRASE} to open the sealed file")
    secrets = _opened(path, envelope, passphrase)
    if key not in secrets:
        known = ", ".join(sorted(secrets)) or "none"
        raise CredentialError(f"{path}: there is no key {key!r}; the keys are {known}")
    return secrets[key]


def _opened(path: Path, envelope: _Envelope, passphrase: str) -> Mapping[str, str]:
    # Files of before were sealed with what was typed, composed or not.
    for spelling in dict.fromkeys((normalize_passphrase(passphrase), passphrase)):
        cipher = _cipher(spelling, envelope.salt, envelope.work)
        with suppress(InvalidTag):
            plain = cipher.decrypt(envelope.nonce, envelope.box, _header(envelope.work))
            return {str(key): str(value) for key, value in json.loads(plain).items()}
    raise CredentialError(
        f"{path}: the passphrase is wrong, or the file was changed; check {PASSPHRASE}"
    )


def _envelope(path: Path, text: str) -> _Envelope:
    """Return the parts of a sealed file's text."""
    try:
        written = json.loads(text)
        work = _checked_work(written["format"], written["work"])
        salt, nonce, box = (
            base64.b64decode(written[name], validate=True) for name in ("salt", "nonce", "box")
        )
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error):
        raise CredentialError(f"{path}: this is no sealed file; write it again") from None
    if len(nonce) != _NONCE_BYTES or len(salt) != _SALT_BYTES:
        raise CredentialError(f"{path}: the sealed file is damaged; write it again")
    return _Envelope(work, salt, nonce, box)


def _checked_work(form: object, work: object) -> int:
    """Return the scrypt cost, a power of two between that of before and what memory allows."""
    if (
        form == _FORMAT
        and isinstance(work, int)
        and _MIN_WORK <= work <= _MAX_WORK
        and work & (work - 1) == 0
    ):
        return work
    raise ValueError(work)


def _cipher(passphrase: str, salt: bytes, work: int) -> ChaCha20Poly1305:
    # One at a time: the secrets of fifty devices that are spoken to at once may be in one file.
    with _DERIVING:
        return ChaCha20Poly1305(_derived(passphrase, salt, work))


@lru_cache(maxsize=16)
def _derived(passphrase: str, salt: bytes, work: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=work, r=_BLOCK, p=1).derive(passphrase.encode())


def _header(work: int) -> bytes:
    """Return what the box vouches for beside its content."""
    return f"{_FORMAT} {work}".encode()


def _read(path: Path, *, private: bool) -> str:
    """Return a regular file's text; a private one must be closed to group and others."""
    try:
        with os.fdopen(_open_regular(path), "rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if private and mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise CredentialError(
                    f"{path}: others may read this file (mode {stat.S_IMODE(mode):04o}); "
                    f"run 'chmod 600' on it"
                )
            data = stream.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a regular file"
        raise CredentialError(f"{path}: the file cannot be read: {reason}") from None
    return _decoded(path, data)


def _open_regular(path: Path) -> int:
    """Open without waiting for a pipe's other side, and refuse what is no regular file."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise ValueError(path)


def _decoded(path: Path, data: bytes) -> str:
    if len(data) > _MAX_BYTES:
        raise CredentialError(f"{path}: the file is larger than 1 MB; it holds no secret of ours")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise CredentialError(f"{path}: the file is not UTF-8 text") from None


def _write_private(path: Path, text: str) -> None:
    """Replace a file in one step; it is never readable by others, not even for a moment."""
    # edge.storage.atomic does the same with more care, but inventory imports no other room.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise CredentialError(f"{path}: the file cannot be written: {error.strerror}") from None
