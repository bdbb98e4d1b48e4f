"""One-time codes of an authenticator app (TOTP, RFC 6238): six digits, 30 s, SHA-1."""

import base64
import hmac
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from struct import pack, unpack
from typing import Final
from urllib.parse import quote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from sqlalchemy import Connection, delete, insert, select, update

from accounts.schema import totp

STEP_S: Final = 30
# A code is taken one step early or late, for clocks that differ.
_DRIFT: Final = 1
_DIGITS: Final = 6
_SECRET_OCTETS: Final = 20
_NONCE: Final = 12


@dataclass(frozen=True, slots=True)
class SealingKey:
    """The key that seals secrets of authenticator apps in the database; 32 octets."""

    octets: bytes = field(repr=False)

    def seal(self, secret: bytes, handle: bytes) -> bytes:
        """Return a secret sealed for one account."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher().encrypt(nonce, secret, handle)

    def open(self, sealed: bytes, handle: bytes) -> bytes | None:
        """Return the secret; None if it was sealed for another account or with another key."""
        try:
            return self._cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], handle)
        except InvalidTag:
            return None

    def _cipher(self) -> ChaCha20Poly1305:
        # The host may use its key elsewhere too.
        return ChaCha20Poly1305(sha256(b"sanaga accounts totp" + self.octets).digest())


def new_secret() -> bytes:
    """Return a secret for an authenticator app."""
    return secrets.token_bytes(_SECRET_OCTETS)


def secret_text(secret: bytes) -> str:
    """Return a secret as people type it."""
    return base64.b32encode(secret).decode()


def app_address(secret: bytes, name: str, issuer: str) -> str:
    """Return the otpauth address that a QR code shows."""
    label = quote(f"{issuer}:{name}", safe="")
    return f"otpauth://totp/{label}?secret={secret_text(secret)}&issuer={quote(issuer, safe='')}"


def code_at(secret: bytes, step: int) -> str:
    """Return the code of a time step (RFC 4226)."""
    digest = hmac.digest(secret, pack(">Q", step), "sha1")
    offset = digest[-1] & 0xF
    number = unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**_DIGITS:0{_DIGITS}}"


def step_of(secret: bytes, code: str, now_s: float) -> int | None:
    """Return the newest time step that a code belongs to; None if it fits none near now."""
    typed = "".join(code.split())
    if len(typed) != _DIGITS or not (typed.isascii() and typed.isdecimal()):
        return None
    current = int(now_s // STEP_S)
    steps = [step for step in range(current - _DRIFT, current + _DRIFT + 1) if step >= 0]
    fits = [step for step in steps if hmac.compare_digest(code_at(secret, step), typed)]
    return max(fits, default=None)


def store_secret(
    connection: Connection, account: int, sealed: bytes, step: int, now_s: float
) -> None:
    """Store an app's secret in the place of any other; the code of the set-up counts as used."""
    connection.execute(delete(totp).where(totp.c.account_id == account))
    connection.execute(
        insert(totp).values(
            account_id=account, sealed_secret=sealed, last_step=step, created_s=now_s
        )
    )


def use_code(
    connection: Connection, key: SealingKey, owner: tuple[int, bytes], code: str, now_s: float
) -> bool:
    """Use a code up within the caller's transaction; owner is an account's id and handle.

    The update is guarded: of two at once with one code, one succeeds.
    """
    account, handle = owner
    wanted = select(totp.c.sealed_secret).where(totp.c.account_id == account)
    sealed = connection.execute(wanted).scalar_one_or_none()
    secret = key.open(sealed, handle) if sealed else None
    step = step_of(secret, code, now_s) if secret else None
    if step is None:
        return False
    guarded = update(totp).where(totp.c.account_id == account, totp.c.last_step < step)
    return connection.execute(guarded.values(last_step=step)).rowcount == 1
