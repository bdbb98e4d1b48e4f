"""Routes of approvals: what waits for a second person, and approving it by a second factor."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from pydantic import Field

from accounts.approvals import Approval, approval_options, approve, open_requests, refuse
from controller.account_routes.bodies import BecauseText, Body, FactorBody
from controller.account_routes.caller import AnyCaller
from controller.api.instants import rfc3339
from controller.api.paging import PageParameters, page_of
from controller.api.rights import needs
from controller.roles import Right
from database.engine import reading

router: Final = APIRouter(prefix="/approvals")
NumberPath = Annotated[str, Path(pattern=r"^[\w-]{1,100}$")]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_APPROVING: Final = needs(Right.APPROVE)


class ShownBody(Body):
    """The digest of what was shown."""

    digest: Digest


class ApproveBody(FactorBody):
    """The digest of what was shown, and a second factor, which is used up."""

    digest: Digest


class RefuseBody(ShownBody):
    """The digest of what was shown, and why it is refused."""

    because: BecauseText = Field(min_length=1)


@router.get("", openapi_extra=_APPROVING)
def list_requests(caller: AnyCaller, pages: PageParameters) -> dict[str, Any]:
    """List what waits for a second person, of what one may approve."""
    with reading(caller.realm.engine) as connection:
        found = open_requests(connection, caller.by, caller.now_s)
    waiting = sorted((one for one in found if one.approved_by is None), key=_id)
    return page_of(waiting, _id, pages).json(_shown)


@router.post("/{number}/passkey-options", openapi_extra=_APPROVING)
def passkey_options(number: NumberPath, asked: ShownBody, caller: AnyCaller) -> dict[str, str]:
    """Return what a browser needs to approve with a passkey; empty if the account has none."""
    found = approval_options(caller.realm, caller.by, number, asked.digest, caller.now_s)
    return {"options": found}


@router.post("/{number}/approve", status_code=HTTPStatus.NO_CONTENT, openapi_extra=_APPROVING)
def give_approval(number: NumberPath, asked: ApproveBody, caller: AnyCaller) -> None:
    """Approve what was shown; whoever wrote it, or asked, cannot."""
    proof, now_s = asked.proof(), caller.now_s
    approve(caller.realm, caller.by, number, shown=asked.digest, proof=proof, now_s=now_s)


@router.post("/{number}/refuse", status_code=HTTPStatus.NO_CONTENT, openapi_extra=_APPROVING)
def give_refusal(number: NumberPath, asked: RefuseBody, caller: AnyCaller) -> None:
    """Refuse what was shown, and say why; whoever wrote it, or asked, cannot."""
    digest, because, now_s = asked.digest, asked.because, caller.now_s
    with caller.realm.engine.begin() as connection:
        refuse(connection, caller.by, number, shown=digest, because=because, now_s=now_s)


def _id(one: Approval) -> str:
    return one.id


def _shown(one: Approval) -> dict[str, Any]:
    return {
        "id": one.id,
        "digest": one.wish.digest,
        "summary": one.wish.summary,
        "asked_at": rfc3339(one.created_s),
        "expires_at": rfc3339(one.expires_s),
    }
