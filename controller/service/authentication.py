"""Who sends a request: this machine's owner over the local socket, a person, or a token."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from fastapi import Request

from accounts.opaque_tokens import TokenKind
from accounts.realm import Realm
from accounts.roles import EVERYWHERE, Account, Grant, Origin, Principal
from accounts.signing_in.machine_tokens import identify_token
from accounts.signing_in.sessions import identify_session
from controller.api.cookies import Cookies
from controller.api.origin import require_own_page
from controller.api.problems import ProblemError
from controller.api.protocol import LOCAL_PEER
from controller.roles import CATALOGUE, LOCAL_ACCOUNT_ID, Role

_BEARER: Final = "bearer "


@dataclass(frozen=True, slots=True)
class Authentication:
    """Finds who sends a request; local_name is who owns the state folder."""

    realm: Realm
    cookies: Cookies
    now: Callable[[], float]
    local_name: str

    def __call__(self, request: Request) -> Principal:
        """Return who asks. Raises ProblemError: 401 where nobody is known, 403 for another's page.

        Who sends a token is that token and nobody else, whatever the browser adds.
        """
        given = request.headers.get("authorization", "")
        if given.lower().startswith(_BEARER):
            found = identify_token(self.realm, given[len(_BEARER) :].strip(), self.now())
        else:
            found = self._local(request) or self._session(request)
        if found is None:
            raise ProblemError(
                HTTPStatus.UNAUTHORIZED,
                "sign in, or send a token as 'Authorization: Bearer TOKEN'",
                headers={"WWW-Authenticate": 'Bearer realm="sanaga"'},
            )
        return found

    def _local(self, request: Request) -> Principal | None:
        """Return this controller's owner or root at the other end of the local socket."""
        peer = request.scope.get("extensions", {}).get(LOCAL_PEER)
        if peer is None or peer["uid"] not in {os.geteuid(), 0}:
            return None
        grants = (Grant(Role.ADMINISTRATOR, EVERYWHERE),)
        account = Account(LOCAL_ACCOUNT_ID, self.local_name, "command line of this machine")
        powers = CATALOGUE.powers(grants)
        return Principal(account, grants, powers, Origin.TOKEN, "local socket")

    def _session(self, request: Request) -> Principal | None:
        """Return who has the session of a cookie; a change must come from our own page, too."""
        given = self.cookies.read(request, TokenKind.SESSION)
        found = identify_session(self.realm, given, self.now()) if given else None
        if found is not None:
            require_own_page(request, self.realm.party.origins)
        return found
