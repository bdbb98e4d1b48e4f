"""Who sends a request: this machine's owner over the local socket, a person, or a token."""

import os
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from fastapi import Request

from accounts.opaque_tokens import TokenKind
from accounts.realm import Realm
from accounts.roles import EVERYWHERE, Account, Grant, Origin, Principal
from accounts.signing_in.machine_tokens import identify_token
from accounts.signing_in.sessions import identify_session
from controller.account_routes.cookies import Cookies
from controller.api.origin import require_own_page
from controller.api.problems import ProblemError
from controller.api.protocol import LOCAL_PEER
from controller.roles import CATALOGUE, LOCAL_ACCOUNT_ID, Role
from controller.service.known_callers import KnownCallers
from controller.transport.api_client import PERSON

_BEARER: Final = "bearer "
_LONGEST_PERSON: Final = 100


class Authentication:
    """Finds who sends a request; local_name is who owns the state folder."""

    def __init__(
        self, realm: Realm, cookies: Cookies, now: Callable[[], float], local_name: str
    ) -> None:
        self._origins, self._cookies = realm.party.origins, cookies
        self._now, self._local_name = now, local_name
        self._tokens = KnownCallers(realm, identify_token)
        self._sessions = KnownCallers(realm, identify_session)

    def forget(self) -> None:
        """Find everybody anew, as something was changed."""
        self._tokens.forget()
        self._sessions.forget()

    def __call__(self, request: Request) -> Principal:
        """Return who asks. Raises ProblemError: 401 where nobody is known, 403 for another's page.

        Who sends a token is that token and nobody else, whatever the browser adds.
        """
        given = request.headers.get("authorization", "")
        if given.lower().startswith(_BEARER):
            found = self._tokens.find(given[len(_BEARER) :].strip(), self._now())
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
        name = _person(request) or self._local_name
        account = Account(LOCAL_ACCOUNT_ID, name, "command line of this machine")
        powers = CATALOGUE.powers(grants)
        return Principal(account, grants, powers, Origin.TOKEN, "local socket")

    def _session(self, request: Request) -> Principal | None:
        """Return who has the session of a cookie; a change must come from our own page, too."""
        given = self._cookies.read(request, TokenKind.SESSION)
        found = self._sessions.find(given, self._now()) if given else None
        if found is not None:
            require_own_page(request, self._origins)
        return found


def _person(request: Request) -> str:
    """Return who is at work at this machine, as they say themselves; nothing if it makes no sense.

    Whoever may speak over the local socket could write any name into the records themselves.
    """
    said = unquote(request.headers.get(PERSON, ""))
    return said if len(said) <= _LONGEST_PERSON and said.isprintable() else ""
