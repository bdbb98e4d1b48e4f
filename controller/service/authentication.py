"""Who sends a request: this machine's owner over the local socket, a person, or a token."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from fastapi import Request

from accounts.roles import EVERYWHERE, Account, Grant, Origin, Principal
from controller.api.problems import ProblemError
from controller.api.protocol import LOCAL_PEER
from controller.roles import CATALOGUE, LOCAL_ACCOUNT_ID, Role

COOKIE: Final = "__Host-sanaga"
_BEARER: Final = "bearer "


@dataclass(frozen=True, slots=True)
class Authentication:
    """Finds who sends a request; by_token and by_session return None for what is not valid."""

    by_token: Callable[[str], Principal | None]
    by_session: Callable[[str], Principal | None]
    local_name: str

    def __call__(self, request: Request) -> Principal:
        """Return who asks. Raises ProblemError (401) where nobody is known."""
        found = self._local(request) or self._token(request) or self._session(request)
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

    def _token(self, request: Request) -> Principal | None:
        given = request.headers.get("authorization", "")
        if not given.lower().startswith(_BEARER):
            return None
        return self.by_token(given[len(_BEARER) :].strip())

    def _session(self, request: Request) -> Principal | None:
        given = request.cookies.get(COOKIE)
        return self.by_session(given) if given else None
