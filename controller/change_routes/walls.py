"""Routes of walls: screens that show one view of one scope, each paired by a code and revocable."""

from http import HTTPStatus
from typing import Any, Final, Literal

from fastapi import APIRouter
from pydantic import Field

from accounts.errors import NotAllowedError
from accounts.roles import Grant, allows
from accounts.signing_in.walls import Wall, WallWish, end_wall, list_walls, make_wall_code
from controller.account_routes.bodies import BecauseText, Body, ShortText
from controller.account_routes.caller import AnyCaller
from controller.account_routes.scopes import require_places
from controller.account_routes.sessions import BecauseParameter, IdPath
from controller.api.instants import rfc3339
from controller.api.paging import PageParameters, page_of
from controller.api.rights import OVERVIEW, Access, needs
from controller.incidents.sentences import Language
from controller.roles import Right, Role
from database.engine import reading

router: Final = APIRouter(prefix="/walls")


class WallBody(Body):
    """A screen on a wall: its name, what it shows of which places, and in which language."""

    title: ShortText
    view: Literal["overview"] = OVERVIEW
    scope: ShortText = Field("", description="path of a place; empty is everything")
    language: Language = Language.FRENCH
    because: BecauseText = ""


@router.get("", openapi_extra=needs(Access.SIGNED_IN))
def list_own_walls(caller: AnyCaller, pages: PageParameters) -> dict[str, Any]:
    """List one's own walls, and those of people that one manages; the newest first."""
    with reading(caller.realm.engine) as connection:
        found = list_walls(connection, caller.by, caller.realm, caller.now_s)
    return page_of(found, _by_age, pages).json(_wall_json)


@router.post("", status_code=HTTPStatus.CREATED, openapi_extra=needs(Right.HANDLE_INCIDENTS))
def make_wall(asked: WallBody, caller: AnyCaller) -> dict[str, Any]:
    """Make a wall; the answer alone shows the code, which is typed at the screen within minutes."""
    require_places((Grant(Role.VIEWER, asked.scope),), caller)
    if not allows(caller.by, Right.HANDLE_INCIDENTS, asked.scope):
        raise NotAllowedError("your roles do not let you make a wall for this scope; choose less")
    wish = WallWish(asked.title, asked.view, asked.scope, Right.LOOK, asked.language.value)
    made = make_wall_code(caller.realm, caller.by, wish, now_s=caller.now_s, because=asked.because)
    return {"id": made.id, "code": made.text, "expires_at": rfc3339(made.expires_s)}


@router.delete("/{id}", status_code=HTTPStatus.NO_CONTENT, openapi_extra=needs(Access.SIGNED_IN))
def revoke_wall(id: IdPath, caller: AnyCaller, because: BecauseParameter = "") -> None:  # noqa: A002
    """End a wall or take back its code: one's own, or of somebody that one manages."""
    end_wall(caller.realm, caller.by, id, now_s=caller.now_s, because=because)


def _by_age(one: Wall) -> str:
    return f"{10.0**11 - one.made_s:016.3f} {one.id}"


def _wall_json(one: Wall) -> dict[str, Any]:
    return {
        "id": one.id,
        "account": one.account,
        "title": one.title,
        "view": one.view,
        "scope": one.scope,
        "address": one.address,
        "made_at": rfc3339(one.made_s),
        "seen_at": rfc3339(one.seen_s),
        "code_until": rfc3339(one.code_until_s),
    }
