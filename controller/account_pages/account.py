"""The page of one's own account: who one is, second factors, sessions, and what is proposed."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from controller.account_routes.caller import AnyCaller, Caller
from controller.account_routes.own_account import (
    make_recovery_codes,
    read_own,
    remove_app,
    remove_passkey,
)
from controller.account_routes.proposals import dispute, list_open
from controller.account_routes.sessions import list_open_sessions, revoke_session
from controller.administration_pages.accounts import ALL
from controller.api.rights import Access, needs
from controller.web.forms import Form
from controller.web.rendering import Page, render
from controller.web.visitor import REFUSALS, PageRoute, Reader, fault_text, see_other

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
ACCOUNT: Final = "/account"
_OWN: Final = needs(Access.SIGNED_IN)


@router.get(ACCOUNT, openapi_extra=_OWN)
def show_own(request: Request, reader: Reader, caller: AnyCaller) -> Response:
    """Show one's own account."""
    return _shown(request, reader, caller, {})


@router.post(ACCOUNT, openapi_extra=_OWN)
def act_on_own(request: Request, reader: Reader, caller: AnyCaller, form: Form) -> Response:
    """Do what a form asks for; recovery codes are shown once."""
    response = see_other(ACCOUNT)
    try:
        codes = _act(caller, form, response)
    except REFUSALS as error:
        return _shown(request, reader, caller, {"fault": fault_text(error)})
    return _shown(request, reader, caller, {"codes": codes}) if codes else response


def _act(caller: Caller, form: Mapping[str, str], response: Response) -> list[str]:
    number = form.get("id", "")
    match form.get("kind", ""):
        case "recovery-codes":
            return list(make_recovery_codes(caller)["recovery_codes"])
        case "end-session":
            revoke_session(number, caller, response, "own account")
        case "remove-app":
            remove_app(caller)
        case "remove-passkey":
            remove_passkey(number, caller)
        case "objection":
            dispute(number, caller)
    return []


def _shown(request: Request, reader: Reader, caller: Caller, more: Mapping[str, Any]) -> Response:
    own = read_own(caller)
    proposed = [one for one in list_open(caller, ALL)["items"] if one["account"] == own["name"]]
    values = {
        "own": {"factors": None, "recovery_codes_left": 0, **own},
        "sessions": list_open_sessions(caller, ALL)["items"],
        "proposals": proposed,
        "codes": [],
        "fault": "",
        **more,
    }
    status = HTTPStatus.CONFLICT if values["fault"] else HTTPStatus.OK
    return render(request, Page("account.html.j2", "account", status), values, reader)
