"""What the routes of accounts are given of a request: the realm, the time, who asks from where."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from fastapi import Depends, Request

from accounts.factors.throttle import Visitor
from accounts.opaque_tokens import TokenKind
from accounts.realm import Realm
from accounts.roles import Principal
from controller.account_routes.cookies import Cookies
from controller.api.context import ApiContext, signed_in
from controller.api.places import Places


@dataclass(frozen=True, slots=True)
class Guest:
    """A request of somebody who need not be signed in."""

    realm: Realm
    cookies: Cookies
    visitor: Visitor
    now_s: float
    request: Request

    def cookie(self, kind: TokenKind) -> str:
        """Return the token of a kind that the browser sent; empty if none."""
        return self.cookies.read(self.request, kind)


@dataclass(frozen=True, slots=True)
class Caller(Guest):
    """A request of somebody who is known."""

    by: Principal
    places: Places


def guest(request: Request) -> Guest:
    """Return what is known of a request before anybody has signed in."""
    return Guest(*_parts(request))


def caller(request: Request) -> Caller:
    """Return who asks; raises ProblemError for who is not signed in, or lacks the route's right."""
    context: ApiContext = request.app.state.context
    return Caller(*_parts(request), signed_in(request), context.places)


def _parts(request: Request) -> tuple[Realm, Cookies, Visitor, float, Request]:
    realm: Realm = request.app.state.realm
    cookies: Cookies = request.app.state.cookies
    address = request.client.host if request.client else ""
    browser = cookies.read(request, TokenKind.BROWSER)
    visitor = Visitor(address, browser, request.headers.get("user-agent", ""))
    return realm, cookies, visitor, request.app.state.context.now(), request


AnyGuest: TypeAlias = Annotated[Guest, Depends(guest, scope="function")]
AnyCaller: TypeAlias = Annotated[Caller, Depends(caller, scope="function")]
