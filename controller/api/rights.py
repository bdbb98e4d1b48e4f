"""What each route needs, stated in the OpenAPI document and required before anything else is done.

A right that somebody has at no place at all refuses the request; at which places it is had is the
matter of the route. A route that states nothing refuses everybody. A screen on a wall is answered
by the routes alone that state its view.
"""

from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request

from accounts.roles import Origin, Principal
from controller.api.problems import ProblemError
from controller.roles import Right

# Member of an operation in the OpenAPI document.
NEEDS: Final = "x-needs"
VIEWS: Final = "x-views"
# The one view of walls that there is.
OVERVIEW: Final = "overview"


class Access(StrEnum):
    """What a route needs where it needs no right."""

    ANYBODY = "nothing"
    SIGNED_IN = "to be signed in"


def needs(what: Right | Access, *views: str) -> dict[str, Any]:
    """Return what a route gives FastAPI as openapi_extra, to say what it needs.

    views are those of walls that ask it, too.
    """
    return {NEEDS: what.value, **({VIEWS: [*views]} if views else {})}


def require_stated(request: Request, principal: Principal) -> None:
    """Raise ProblemError (403) unless somebody has, somewhere, what the route needs."""
    route = request.scope.get("route")
    extra = getattr(route, "openapi_extra", None) or {}
    stated = extra.get(NEEDS)
    if principal.origin is Origin.WALL and principal.view not in extra.get(VIEWS, ()):
        raise ProblemError(HTTPStatus.FORBIDDEN, "a wall shows its own view and nothing else")
    if stated in set(Access):
        return
    if not any(stated in power.rights for power in principal.powers):
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            f"your roles do not cover this anywhere, for it needs the right '{stated}'; ask an "
            "administrator for it",
        )
