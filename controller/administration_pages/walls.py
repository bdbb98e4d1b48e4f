"""The pages of walls: made, listed and ended by people, and paired at the screen."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from accounts.errors import AccountsError, SignInRefusedError
from accounts.opaque_tokens import OpaqueToken
from accounts.signing_in.walls import pair_wall
from controller.account_routes.caller import AnyCaller, AnyGuest, Guest
from controller.account_routes.problems import account_problem
from controller.api.paging import LONGEST_PAGE, PageRequest
from controller.api.rights import Access, needs
from controller.change_routes.walls import WallBody, list_own_walls, make_wall, revoke_wall
from controller.incidents.sentences import Language
from controller.roles import Right
from controller.web.forms import Form
from controller.web.language import chosen_language, keep_language
from controller.web.rendering import Page, render
from controller.web.visitor import REFUSALS, PageRoute, Reader, fault_text, see_other

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
WALL: Final = "/wall"
WALLS: Final = "/administration/walls"
_OPERATING: Final = needs(Right.HANDLE_INCIDENTS)
_YEAR_S: Final = 365 * 86_400.0


@router.get(f"{WALL}/pair", openapi_extra=needs(Access.ANYBODY))
def show_pairing(request: Request) -> Response:
    """Ask the screen for its code."""
    return render(request, Page("wall_pair.html.j2", "wall"), {"fault": ""})


@router.post(f"{WALL}/pair", openapi_extra=needs(Access.ANYBODY))
def take_code(request: Request, guest: AnyGuest, form: Form) -> Response:
    """Take the code that was typed at the screen, and show the view."""
    try:
        paired = pair_wall(guest.realm, form.get("code", ""), guest.visitor, guest.now_s)
    except AccountsError as error:
        refused = isinstance(error, SignInRefusedError)
        status = HTTPStatus.UNAUTHORIZED if refused else account_problem(error).status
        return render(request, Page("wall_pair.html.j2", "wall", status), {"fault": str(error)})
    response = see_other(WALL)
    keep_session(response, guest, paired.token)
    keep_language(response, paired.language, secure=guest.cookies.secure)
    return response


@router.get(WALLS, openapi_extra=_OPERATING)
def show_walls(request: Request, reader: Reader, caller: AnyCaller) -> Response:
    """List walls, and offer to make one."""
    return _shown(request, reader, caller, {})


@router.post(WALLS, openapi_extra=_OPERATING)
def act_on_walls(request: Request, reader: Reader, caller: AnyCaller, form: Form) -> Response:
    """Make a wall and show its code, or end one."""
    try:
        if form.get("kind") == "end":
            revoke_wall(form.get("id", ""), caller, form.get("because", ""))
            return see_other(WALLS)
        made = make_wall(_wanted(form), caller)
    except (*REFUSALS, ValueError) as error:
        return _shown(request, reader, caller, {"typed": form, "fault": _said(error)})
    return _shown(request, reader, caller, {"made": {**made, "title": form.get("title", "")}})


def _wanted(form: Mapping[str, str]) -> WallBody:
    language = Language.FRENCH if form.get("language") == "fr" else Language.ENGLISH
    return WallBody(
        title=form.get("title", ""),
        scope=form.get("scope", "").strip(),
        language=language,
        because=form.get("because", ""),
    )


def _said(error: Exception) -> str:
    if isinstance(error, ValueError):
        return "write the name in one line, and choose a scope from the list"
    return fault_text(error)


def _shown(
    request: Request, reader: Reader, caller: AnyCaller, more: Mapping[str, Any]
) -> Response:
    places = reader.context.places.sites
    values = {
        "walls": list_own_walls(caller, PageRequest(None, LONGEST_PAGE)),
        "scopes": sorted(places[name] for name in reader.sites),
        "made": None,
        "typed": {"language": chosen_language(request).value},
        "fault": "",
        "tab": "walls",
        "pairing": f"{caller.realm.party.origins[0]}{WALL}/pair",
        **more,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if values["fault"] else HTTPStatus.OK
    return render(request, Page("walls.html.j2", "administration", status), values, reader)


def keep_session(response: Response, guest: Guest, token: OpaqueToken) -> None:
    """Let a screen keep its session when it is switched off and on again."""
    guest.cookies.give(response, token, _YEAR_S)
