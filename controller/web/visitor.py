"""Who opens a page: who is not signed in is led to the sign-in, and every fault is a page."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import quote

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from controller.api.context import Viewer, viewer
from controller.api.problems import ProblemError
from controller.web.rendering import Page, render

SIGN_IN: Final = "/sign-in"
HOME: Final = "/"
Reader: TypeAlias = Annotated[Viewer, Depends(viewer, scope="function")]


class PageRoute(APIRoute):
    """A route of which every fault is shown as a page."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Return what answers a request."""
        answer = super().get_route_handler()

        async def shown(request: Request) -> Response:
            # Before anything is read: what happens from now on may be missing on the page.
            request.state.position = request.app.state.context.ring.newest
            try:
                return await answer(request)
            except ProblemError as error:
                return fault_page(request, error)
            except RequestValidationError as error:
                words = "; ".join(str(fault["msg"]) for fault in error.errors())
                return fault_page(request, ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, words))

        return shown


def fault_page(request: Request, error: ProblemError) -> Response:
    """Return a page that says what is wrong; to who is not signed in, the way to the sign-in.

    A part of a page, which a script asks for, is refused as it is: the page says so itself.
    """
    if error.status is HTTPStatus.UNAUTHORIZED:
        if "part" in request.query_params:
            return Response(status_code=HTTPStatus.UNAUTHORIZED)
        return see_other(f"{SIGN_IN}?next={quote(_way_back(request), safe='')}")
    values = {"status": error.status, "detail": error.detail}
    return render(request, Page("fault.html.j2", "", error.status), values)


def see_other(place: str) -> Response:
    """Lead a browser to another page."""
    return RedirectResponse(place, HTTPStatus.SEE_OTHER)


def _way_back(request: Request) -> str:
    if request.method != "GET":
        return HOME
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def own_page(place: str) -> str:
    """Return a place of ours that a link names; whatever leads elsewhere becomes the overview.

    Browsers take a second slash or a backslash for the beginning of another host.
    """
    ours = place.startswith("/") and not place.startswith(("//", "/\\"))
    return place if ours and place.isprintable() and "\\" not in place else HOME
