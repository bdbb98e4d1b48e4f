"""Random tokens of which only a hash is stored; a token of one kind is never taken for another."""

import re
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Final

_RANDOM_OCTETS: Final = 32
# 32 octets in base64url without padding.
_FORM: Final = re.compile(r"sanaga_([a-z]+)_[A-Za-z0-9_-]{43}", re.ASCII)

_ID: Final = re.compile(r"[0-9a-f]{16}", re.ASCII)


class TokenKind(StrEnum):
    """What a token is for; it stands in the token itself, so that scanners find lost ones."""

    PENDING = "pending"
    SESSION = "session"
    BROWSER = "browser"
    MACHINE = "machine"
    LINK = "link"
    SET_UP = "setup"


@dataclass(frozen=True, slots=True)
class OpaqueToken:
    """A token to hand out once; its text is neither printed nor logged by accident."""

    kind: TokenKind
    text: str = field(repr=False)

    @property
    def hash(self) -> str:
        """Return what is stored of it."""
        return sha256(self.text.encode()).hexdigest()


def new_token(kind: TokenKind) -> OpaqueToken:
    """Return a token of 256 random bits."""
    return OpaqueToken(kind, f"sanaga_{kind}_{secrets.token_urlsafe(_RANDOM_OCTETS)}")


def stored_hash(kind: TokenKind, text: str) -> str | None:
    """Return the hash under which a token of a kind is stored; None if it is not of that kind."""
    found = _FORM.fullmatch(text)
    return OpaqueToken(kind, text).hash if found and found[1] == kind else None


def known_id(text: str) -> str:
    """Return an id that somebody names; empty if it cannot be one."""
    return text if _ID.fullmatch(text) else ""


def new_id() -> str:
    """Return a random name for something that people list and revoke; it opens nothing."""
    return secrets.token_hex(8)
