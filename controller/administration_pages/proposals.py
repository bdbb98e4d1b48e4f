"""The page of proposals: what one administrator alone may not do, and who agrees or objects."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from controller.account_routes.accounts import list_announcements
from controller.account_routes.caller import AnyCaller, Caller
from controller.account_routes.proposals import act, agree, dispute, list_open
from controller.administration_pages.accounts import ALL, NamePath
from controller.api.paging import LONGEST_PAGE, PageRequest
from controller.api.rights import needs
from controller.roles import Right
from controller.web.forms import Form
from controller.web.rendering import Page, render
from controller.web.visitor import REFUSALS, PageRoute, Reader, fault_text, see_other

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
PROPOSALS: Final = "/administration/proposals"
_MANAGING: Final = needs(Right.MANAGE_ACCOUNTS)
_NEWEST: Final = 20


@router.get(PROPOSALS, openapi_extra=_MANAGING)
def show_proposals(request: Request, reader: Reader, caller: AnyCaller) -> Response:
    """List open proposals, and what was announced lately."""
    return _shown(request, reader, caller)


@router.post(f"{PROPOSALS}/{{number}}", openapi_extra=_MANAGING)
def act_on_proposal(
    request: Request, number: NamePath, reader: Reader, caller: AnyCaller, form: Form
) -> Response:
    """Agree, object, or carry out; of a reset, the link is shown once."""
    try:
        link = _act(number, caller, form.get("kind", ""))
    except REFUSALS as error:
        return _shown(request, reader, caller, fault=fault_text(error))
    return _shown(request, reader, caller, link=link) if link else see_other(PROPOSALS)


def _act(number: str, caller: Caller, kind: str) -> str:
    if kind == "outcome":
        return act(number, caller)["link"] or ""
    (agree if kind == "second" else dispute)(number, caller)
    return ""


def _shown(
    request: Request, reader: Reader, caller: Caller, *, fault: str = "", link: str = ""
) -> Response:
    values = {
        "proposals": list_open(caller, ALL)["items"],
        "announced": [*_announced(caller)][-_NEWEST:][::-1],
        "me": caller.by.account.name,
        "fault": fault,
        "link": link,
        "tab": "proposals",
    }
    status = HTTPStatus.CONFLICT if fault else HTTPStatus.OK
    return render(request, Page("proposals.html.j2", "administration", status), values, reader)


def _announced(caller: Caller) -> Iterator[dict[str, Any]]:
    """Yield all that was announced to the caller, oldest first."""
    cursor = None
    while True:
        page = list_announcements(caller, PageRequest(cursor, LONGEST_PAGE))
        yield from page["items"]
        cursor = page["next"]
        if cursor is None:
            return
