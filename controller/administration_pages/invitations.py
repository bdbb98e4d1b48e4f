"""The page on which somebody is invited; the link is shown once."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from accounts.roles import require_step_up
from controller.account_routes.accounts import InvitationBody, invite_person
from controller.account_routes.caller import AnyCaller
from controller.administration_pages.fields import (
    grant_rows,
    grants_of,
    role_names,
    scopes_seen,
    typed_rows,
)
from controller.api.rights import needs
from controller.roles import Right
from controller.web.acting import FAULTS, said_of
from controller.web.forms import Form
from controller.web.rendering import Page, render
from controller.web.visitor import PageRoute, Reader

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
INVITATION: Final = "/administration/invitation"
_MANAGING: Final = needs(Right.MANAGE_ACCOUNTS)


@router.get(INVITATION, openapi_extra=_MANAGING)
def show_invitation(request: Request, reader: Reader, caller: AnyCaller) -> Response:
    """Ask whom to invite as what; the second factor comes first, so that nothing is typed twice."""
    require_step_up(caller.by, caller.now_s)
    return _shown(request, reader, {"typed": {}, "fault": "", "made": None})


@router.post(INVITATION, openapi_extra=_MANAGING)
def take_invitation(request: Request, reader: Reader, caller: AnyCaller, form: Form) -> Response:
    """Invite somebody, and show the link to hand over."""
    try:
        asked = {name: form.get(name, "").strip() for name in ("name", "title", "because")}
        wanted = InvitationBody.model_validate({**asked, "grants": grants_of(form)})
        made = invite_person(wanted, caller)
    except FAULTS as error:
        return _shown(request, reader, {"typed": form, "fault": said_of(error), "made": None})
    return _shown(request, reader, {"typed": form, "fault": "", "made": made})


def _shown(request: Request, reader: Reader, values: dict[str, Any]) -> Response:
    more = {
        "rows": grant_rows(typed_rows(values["typed"]), 2),
        "roles": role_names(),
        "scopes": scopes_seen(reader),
        "tab": "accounts",
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if values["fault"] else HTTPStatus.OK
    page = Page("invitation.html.j2", "administration", status)
    return render(request, page, {**values, **more}, reader)
