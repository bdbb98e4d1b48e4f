"""Who opens a page: who is not signed in is led to the sign-in, and every fault is a page."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import quote

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from accounts.errors import AccountsError
from controller.account_routes.problems import account_problem
from controller.api.context import Viewer, viewer
from controller.api.origin import changes_something
from controller.api.problems import STATUS, ProblemError
from controller.web.rendering import Page, render
from inventory.errors import SanagaError

SIGN_IN: Final = "/sign-in"
STEP_UP: Final = "/step-up"
HOME: Final = "/"
Reader: TypeAlias = Annotated[Viewer, Depends(viewer, scope="function")]
# What the API's functions refuse with, and a page may say in its own place: see fault_text().
REFUSALS: Final = (ProblemError, AccountsError, SanagaError)


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
            except REFUSALS as error:
                return fault_page(request, as_problem(error))
            except RequestValidationError as error:
                words = "; ".join(str(fault["msg"]) for fault in error.errors())
                return fault_page(request, ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, words))

        return shown


def fault_page(request: Request, error: ProblemError) -> Response:
    """Return a page that says what is wrong; to who is not signed in, the way to the sign-in.

    A part of a page, which a script asks for, is refused as it is: the page says so itself. What
    needs the second factor again leads there; a form is then sent once more, as it was.
    """
    if "step_up" in error.more:
        return _to_step_up(request)
    if error.status is HTTPStatus.UNAUTHORIZED:
        if "part" in request.query_params:
            return Response(status_code=HTTPStatus.UNAUTHORIZED)
        return see_other(f"{SIGN_IN}?next={quote(_way_back(request), safe='')}")
    values = {"status": error.status, "detail": error.detail}
    return render(request, Page("fault.html.j2", "", error.status), values)


def as_problem(error: Exception) -> ProblemError:
    """Return what the API's functions refuse with as the problem that is told."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, AccountsError):
        return account_problem(error)
    found = (code for kind, code in STATUS.items() if isinstance(error, kind))
    return ProblemError(next(found, HTTPStatus.CONFLICT), str(error))


def fault_text(error: Exception) -> str:
    """Return what is wrong, to be said on the page of the form; raises what leads to another page.

    Those are: a missing sign-in, and a second factor that must be given again.
    """
    problem = as_problem(error)
    if "step_up" in problem.more or problem.status is HTTPStatus.UNAUTHORIZED:
        raise problem
    return problem.detail


def step_up_address(place: str) -> str:
    """Return where the second factor is given again before a page of ours."""
    return f"{STEP_UP}?next={quote(place, safe='')}"


def see_other(place: str) -> Response:
    """Lead a browser to another page."""
    return RedirectResponse(place, HTTPStatus.SEE_OTHER)


def _to_step_up(request: Request) -> Response:
    """Lead to the second factor, and from there to the page or the form of a request."""
    if "part" in request.query_params:
        return Response(status_code=HTTPStatus.FORBIDDEN)
    place = f"{request.url.path}?{request.url.query}".rstrip("?")
    if changes_something(request):
        # The browser sends the form along (RFC 9110, section 15.4.8).
        return RedirectResponse(step_up_address(place), HTTPStatus.TEMPORARY_REDIRECT)
    return see_other(step_up_address(place))


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
