"""Requests that a page of another site makes a browser send (cross-site request forgery).

Browsers name the page's origin with every request that changes something (Origin of RFC 6454), and
no page can say another one. Programs send no Origin, and no cookies.
"""

from collections.abc import Collection
from http import HTTPStatus
from typing import Final

from fastapi import Request

from controller.api.problems import ProblemError

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def changes_something(request: Request) -> bool:
    """Return whether a request is of a method that may change something."""
    return request.method not in _READING


def is_foreign(request: Request, origins: Collection[str]) -> bool:
    """Return whether a page that is none of ours sends a change."""
    origin = request.headers.get("origin")
    return changes_something(request) and origin is not None and origin not in origins


def require_own_page(request: Request, origins: Collection[str]) -> None:
    """Raise ProblemError (403) for a change that a cookie vouches for, and not our own page."""
    if changes_something(request) and request.headers.get("origin") not in origins:
        raise foreign_page(origins)


def foreign_page(origins: Collection[str]) -> ProblemError:
    """Return the answer to a change that another site's page sends."""
    detail = f"a change with a cookie comes from our own page; open {' or '.join(sorted(origins))}"
    return ProblemError(HTTPStatus.FORBIDDEN, detail)
