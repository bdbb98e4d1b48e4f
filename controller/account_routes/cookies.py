"""Cookies of browsers that sign in: no script reads them, and no other host sets them."""

from dataclasses import dataclass
from typing import Final

from fastapi import Request, Response

from accounts.opaque_tokens import OpaqueToken, TokenKind

# Browsers take such a cookie from this very host alone, over TLS.
_HOST: Final = "__Host-"


@dataclass(frozen=True, slots=True)
class Cookies:
    """How cookies are named and set; secure where people reach the service over TLS."""

    secure: bool

    def name(self, kind: TokenKind) -> str:
        """Return the name of the cookie for a kind of token."""
        return f"{_HOST if self.secure else ''}sanaga-{kind}"

    def read(self, request: Request, kind: TokenKind) -> str:
        """Return what a browser sent; empty if nothing."""
        return request.cookies.get(self.name(kind), "")

    def give(self, response: Response, token: OpaqueToken, lasts_s: float | None = None) -> None:
        """Let a browser keep a token, until it is closed unless a time is told."""
        response.set_cookie(
            self.name(token.kind),
            token.text,
            max_age=None if lasts_s is None else int(lasts_s),
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )

    def take_back(self, response: Response, kind: TokenKind) -> None:
        """Let a browser forget a token."""
        response.delete_cookie(
            self.name(kind), path="/", secure=self.secure, httponly=True, samesite="lax"
        )
