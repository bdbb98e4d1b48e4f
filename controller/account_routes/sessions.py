"""Routes of sessions and of programs' tokens: listed, made and revoked."""

from http import HTTPStatus
from typing import Annotated, Any, Final, TypeAlias

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from accounts.opaque_tokens import TokenKind
from accounts.signing_in.machine_tokens import (
    MachineToken,
    TokenWish,
    list_tokens,
    make_token,
    revoke_token,
)
from accounts.signing_in.sessions import Session, end_session, list_sessions
from controller.account_routes.bodies import BecauseText, Body, GrantList, ShortText
from controller.account_routes.caller import AnyCaller, Caller
from controller.account_routes.scopes import require_places
from controller.account_routes.shown import grants_json
from controller.api.instants import rfc3339
from controller.api.paging import PageParameters, page_of
from controller.api.rights import Access, needs
from controller.roles import Right
from database.engine import reading

router: Final = APIRouter()
_OWN: Final = needs(Access.SIGNED_IN)
_DAY_S: Final = 86_400.0
# Sorts the newest first; no time is later.
_LAST_S: Final = 10.0**11
AccountParameter: TypeAlias = Annotated[
    str | None,
    Query(max_length=200, description="an account that you manage; your own if left out"),
]
IdPath: TypeAlias = Annotated[str, Path(max_length=100)]
BecauseParameter: TypeAlias = Annotated[BecauseText, Query(description="why, for the audit chain")]


class TokenBody(Body):
    """A token to make; without rights it holds all that its grants give."""

    title: ShortText
    grants: GrantList
    rights: list[Right] | None = Field(None, max_length=len(Right))
    days: float = Field(gt=0, le=366)
    because: BecauseText = ""


@router.get("/sessions", openapi_extra=_OWN)
def list_open_sessions(
    caller: AnyCaller, pages: PageParameters, account: AccountParameter = None
) -> dict[str, Any]:
    """List open sessions, the newest first."""
    with reading(caller.realm.engine) as connection:
        found = list_sessions(connection, caller.by, caller.realm, caller.now_s, account)
    page = page_of(sorted(found, key=_by_age), _by_age, pages)
    return page.json(lambda one: _session_json(one, caller))


@router.delete("/sessions/{id}", status_code=HTTPStatus.NO_CONTENT, openapi_extra=_OWN)
def revoke_session(
    id: IdPath,  # noqa: A002
    caller: AnyCaller,
    response: Response,
    because: BecauseParameter = "",
) -> None:
    """End a session, one's own or one of an account that one manages."""
    end_session(caller.realm, caller.by, id, now_s=caller.now_s, because=because)
    if id == caller.by.credential:
        caller.cookies.take_back(response, TokenKind.SESSION)


@router.get("/tokens", openapi_extra=_OWN)
def list_made_tokens(
    caller: AnyCaller, pages: PageParameters, account: AccountParameter = None
) -> dict[str, Any]:
    """List tokens of programs, the newest first."""
    with reading(caller.realm.engine) as connection:
        found = list_tokens(connection, caller.by, caller.realm.catalogue, account)
    return page_of(sorted(found, key=_by_age), _by_age, pages).json(_token_json)


@router.post("/tokens", status_code=HTTPStatus.CREATED, openapi_extra=_OWN)
def make(asked: TokenBody, caller: AnyCaller) -> dict[str, Any]:
    """Make a token; the answer alone shows its secret."""
    given = tuple(one.grant() for one in asked.grants)
    rights = None if asked.rights is None else frozenset(one.value for one in asked.rights)
    wish = TokenWish(asked.title, given, asked.days * _DAY_S, rights)
    require_places(given, caller)
    realm, now_s = caller.realm, caller.now_s
    token, number = make_token(realm, caller.by, wish, now_s=now_s, because=asked.because)
    return {"id": number, "token": token.text, "expires_at": rfc3339(now_s + wish.lasts_s)}


@router.delete("/tokens/{id}", status_code=HTTPStatus.NO_CONTENT, openapi_extra=_OWN)
def revoke(id: IdPath, caller: AnyCaller, because: BecauseParameter = "") -> None:  # noqa: A002
    """Revoke a token, one's own or one of an account that one manages."""
    revoke_token(caller.realm, caller.by, id, now_s=caller.now_s, because=because)


def _by_age(one: Session | MachineToken) -> str:
    return f"{_LAST_S - one.created_s:016.3f} {one.id}"


def _session_json(one: Session, caller: Caller) -> dict[str, Any]:
    return {
        "id": one.id,
        "account": one.account,
        "kind": one.kind.value,
        "view": one.view,
        "scope": one.scope,
        "address": one.address,
        "agent": one.agent,
        "opened_at": rfc3339(one.created_s),
        "seen_at": rfc3339(one.seen_s),
        "this_one": one.id == caller.by.credential,
    }


def _token_json(one: MachineToken) -> dict[str, Any]:
    return {
        "id": one.id,
        "account": one.account,
        "title": one.title,
        "grants": grants_json(one.grants),
        "rights": None if one.rights is None else sorted(one.rights),
        "made_at": rfc3339(one.created_s),
        "expires_at": rfc3339(one.expires_s),
        "used_at": rfc3339(one.used_s),
    }
