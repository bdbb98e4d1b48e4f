"""Routes of administration: accounts that one manages, their roles and scopes, invitations."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter
from pydantic import Field

from accounts.announcements import Announcement, announcements_after
from accounts.directory import (
    grants_of,
    list_accounts,
    require_managed,
    set_enabled,
    set_grants,
)
from accounts.roles import EVERYWHERE, Account, Grant, allows
from accounts.signing_in.links import LASTS_S, Purpose, invite
from accounts.signing_in.own_account import credentials_of
from controller.account_routes.bodies import BecauseText, Body, GrantList, ShortText
from controller.account_routes.caller import AnyCaller, Caller
from controller.account_routes.scopes import require_places
from controller.account_routes.sessions import IdPath
from controller.account_routes.set_up_page import link_address
from controller.account_routes.shown import account_json
from controller.api.instants import rfc3339
from controller.api.paging import PageParameters, page_of
from controller.api.rights import Access, needs
from controller.roles import CATALOGUE, Right, Role
from database.engine import reading

router: Final = APIRouter()
_MANAGING: Final = needs(Right.MANAGE_ACCOUNTS)
_DONE: Final = HTTPStatus.NO_CONTENT


class InvitationBody(Body):
    """Somebody who is to have an account, and with which roles within which scopes."""

    name: ShortText
    title: ShortText
    grants: GrantList = Field(min_length=1)
    because: BecauseText = ""


class GrantsBody(Body):
    """The roles that an account is to have in the place of all that it has."""

    grants: GrantList
    because: BecauseText = ""


class EnabledBody(Body):
    """Whether an account can sign in; a disabled one is signed out everywhere at once."""

    enabled: bool
    because: BecauseText = ""


@router.get("/roles", openapi_extra=needs(Access.SIGNED_IN))
def list_roles(_caller: AnyCaller) -> dict[str, Any]:
    """List the roles, with the rights of each."""
    rights = CATALOGUE.rights
    return {"items": [{"role": one.value, "rights": sorted(rights[one])} for one in Role]}


@router.get("/accounts", openapi_extra=_MANAGING)
def list_managed(caller: AnyCaller, pages: PageParameters) -> dict[str, Any]:
    """List the accounts that one manages, by name; others are not even counted."""
    with reading(caller.realm.engine) as connection:
        found = list_accounts(connection, caller.by, caller.realm.catalogue)
    return page_of(found, lambda one: one[0].name, pages).json(lambda one: account_json(*one))


@router.get("/accounts/{id}", openapi_extra=_MANAGING)
def read_account(id: IdPath, caller: AnyCaller) -> dict[str, Any]:  # noqa: A002
    """Return an account that one manages, by its name."""
    with reading(caller.realm.engine) as connection:
        account = require_managed(connection, caller.by, id, caller.realm.catalogue)
        held, factors = grants_of(connection, account.id), credentials_of(connection, account.id)
    given = {
        "totp": factors.app,
        "passkeys": len(factors.passkeys),
        "recovery_codes_left": factors.recovery_codes_left,
    }
    return account_json(account, held) | {"factors": given}


@router.post("/invitations", status_code=HTTPStatus.CREATED, openapi_extra=_MANAGING)
def invite_person(asked: InvitationBody, caller: AnyCaller) -> dict[str, Any]:
    """Invite a person; the answer alone shows the link to hand over."""
    given = _grants(asked.grants, caller)
    catalogue, now_s = caller.realm.catalogue, caller.now_s
    person = (asked.name, asked.title)
    with caller.realm.engine.begin() as connection:
        made = invite(
            connection,
            caller.by,
            person,
            given,
            catalogue=catalogue,
            now_s=now_s,
            because=asked.because,
        )
    address = link_address(caller.realm.party, made)
    expires_s = now_s + LASTS_S[Purpose.INVITATION]
    return {"link": address, "code": made.text, "expires_at": rfc3339(expires_s)}


@router.put("/accounts/{id}/grants", status_code=_DONE, openapi_extra=_MANAGING)
def give_roles(id: IdPath, asked: GrantsBody, caller: AnyCaller) -> None:  # noqa: A002
    """Give an account these roles in the place of all that it has."""
    given, name = _grants(asked.grants, caller), _managed(id, caller).name
    with caller.realm.engine.begin() as connection:
        set_grants(
            connection,
            caller.by,
            name,
            given,
            catalogue=caller.realm.catalogue,
            now_s=caller.now_s,
            because=asked.because,
        )


@router.put("/accounts/{id}/enabled", status_code=_DONE, openapi_extra=_MANAGING)
def enable(id: IdPath, asked: EnabledBody, caller: AnyCaller) -> None:  # noqa: A002
    """Let an account sign in again, or sign it out everywhere and let it in no more."""
    name = _managed(id, caller).name
    with caller.realm.engine.begin() as connection:
        set_enabled(
            connection,
            caller.by,
            name,
            enabled=asked.enabled,
            catalogue=caller.realm.catalogue,
            now_s=caller.now_s,
            because=asked.because,
        )


@router.get("/announcements", openapi_extra=needs(Access.SIGNED_IN))
def list_announcements(caller: AnyCaller, pages: PageParameters) -> dict[str, Any]:
    """List what was announced to oneself; to an administrator of everything, all of it."""
    everything = allows(caller.by, Right.MANAGE_ACCOUNTS, EVERYWHERE)
    own = caller.by.account.id
    with reading(caller.realm.engine) as connection:
        found = announcements_after(connection, 0, account=own, everything=everything)
    return page_of(found, lambda one: one.id, pages).json(_announcement_json)


def _managed(name: str, caller: Caller) -> Account:
    """Return an account that the caller manages. Raises NotThereError as if there were none."""
    with reading(caller.realm.engine) as connection:
        return require_managed(connection, caller.by, name, caller.realm.catalogue)


def _grants(asked: GrantList, caller: Caller) -> tuple[Grant, ...]:
    given = tuple(one.grant() for one in asked)
    require_places(given, caller)
    return given


def _announcement_json(one: Announcement) -> dict[str, Any]:
    return {"id": one.id, "at": rfc3339(one.at_s), "text": one.text}
