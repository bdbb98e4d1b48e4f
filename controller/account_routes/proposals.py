"""Routes of proposals: what one administrator alone may not do to an account, at once."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter
from sqlalchemy import Connection

from accounts.directory import account_of
from accounts.proposals import (
    Proposal,
    ProposalKind,
    carry_out,
    object_to,
    open_proposals,
    propose,
    second,
)
from controller.account_routes.bodies import BecauseText, Body, ShortText
from controller.account_routes.caller import AnyCaller
from controller.account_routes.sessions import IdPath
from controller.account_routes.set_up_page import link_address
from controller.api.instants import rfc3339
from controller.api.paging import PageParameters, page_of
from controller.api.rights import Access, needs
from controller.roles import Right
from database.engine import reading

router: Final = APIRouter(prefix="/proposals")
_MANAGING: Final = needs(Right.MANAGE_ACCOUNTS)
# Whom a proposal concerns sees it and may object, whatever their roles.
_CONCERNED: Final = needs(Access.SIGNED_IN)
_DONE: Final = HTTPStatus.NO_CONTENT


class ProposalBody(Body):
    """What is to be done to somebody's account, and why."""

    account: ShortText
    kind: ProposalKind
    because: BecauseText


@router.get("", openapi_extra=_CONCERNED)
def list_open(caller: AnyCaller, pages: PageParameters) -> dict[str, Any]:
    """List open proposals about oneself, and about accounts that one manages."""
    realm, now_s = caller.realm, caller.now_s
    with reading(realm.engine) as connection:
        found = open_proposals(connection, caller.by, realm.catalogue, now_s)
        shown = {one.id: _shown(one, connection, now_s) for one in found}
    page = page_of(sorted(found, key=lambda one: one.id), lambda one: one.id, pages)
    return page.json(lambda one: shown[one.id])


@router.post("", status_code=HTTPStatus.CREATED, openapi_extra=_MANAGING)
def make(asked: ProposalBody, caller: AnyCaller) -> dict[str, Any]:
    """Propose a change of another's account; its subject and all administrators are told."""
    with caller.realm.engine.begin() as connection:
        number = propose(
            connection,
            caller.by,
            asked.account,
            asked.kind,
            catalogue=caller.realm.catalogue,
            now_s=caller.now_s,
            because=asked.because,
        )
    return {"id": number}


@router.post("/{id}/second", status_code=_DONE, openapi_extra=_MANAGING)
def agree(id: IdPath, caller: AnyCaller) -> None:  # noqa: A002
    """Agree to another's proposal."""
    with caller.realm.engine.begin() as connection:
        second(connection, caller.by, id, caller.realm.catalogue, caller.now_s)


@router.post("/{id}/objection", status_code=_DONE, openapi_extra=_CONCERNED)
def dispute(id: IdPath, caller: AnyCaller) -> None:  # noqa: A002
    """End a proposal, as its subject or as somebody who manages the account."""
    with caller.realm.engine.begin() as connection:
        object_to(connection, caller.by, id, caller.realm.catalogue, caller.now_s)


@router.post("/{id}/outcome", openapi_extra=_MANAGING)
def act(id: IdPath, caller: AnyCaller) -> dict[str, Any]:  # noqa: A002
    """Do what was proposed; of a reset, the answer alone shows the link to hand over."""
    with caller.realm.engine.begin() as connection:
        made = carry_out(connection, caller.by, id, caller.realm.catalogue, caller.now_s)
    return {"link": made and link_address(caller.realm.party, made)}


def _shown(one: Proposal, connection: Connection, now_s: float) -> dict[str, Any]:
    seconded = None if one.seconded_by is None else account_of(connection, one.seconded_by).name
    return {
        "id": one.id,
        "kind": one.kind.value,
        "account": one.subject.name,
        "proposed_by": account_of(connection, one.proposed_by).name,
        "proposed_at": rfc3339(one.proposed_s),
        "seconded_by": seconded,
        "because": one.because,
        "blocked": one.blocked(now_s),
    }
