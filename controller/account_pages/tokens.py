"""The page of one's own tokens for programs: listed, made and shown once, withdrawn."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from controller.account_routes.caller import AnyCaller, Caller
from controller.account_routes.sessions import TokenBody, list_made_tokens, make, revoke
from controller.administration_pages.accounts import ALL
from controller.administration_pages.fields import (
    grant_rows,
    grants_of,
    role_names,
    scopes_seen,
    typed_rows,
)
from controller.api.rights import Access, needs
from controller.roles import Right
from controller.web.acting import FAULTS, said_of
from controller.web.forms import Form
from controller.web.rendering import Page, render
from controller.web.visitor import PageRoute, Reader, see_other

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
TOKENS: Final = "/account/tokens"
_OWN: Final = needs(Access.SIGNED_IN)


@router.get(TOKENS, openapi_extra=_OWN)
def show_tokens(request: Request, reader: Reader, caller: AnyCaller) -> Response:
    """List one's own tokens, and offer to make one."""
    return _shown(request, reader, caller, {})


@router.post(TOKENS, openapi_extra=_OWN)
def act_on_tokens(request: Request, reader: Reader, caller: AnyCaller, form: Form) -> Response:
    """Make a token and show it once, or withdraw one."""
    try:
        if form.get("kind") == "revoke":
            revoke(form.get("id", ""), caller, form.get("because", ""))
            return see_other(TOKENS)
        made = make(_wanted(form), caller)
    except FAULTS as error:
        return _shown(request, reader, caller, {"typed": form, "fault": said_of(error)})
    return _shown(request, reader, caller, {"made": made})


def _wanted(form: Mapping[str, str]) -> TokenBody:
    rights = [right.value for right in Right if f"right-{right.value}" in form]
    asked: dict[str, Any] = {"title": form.get("title", ""), "days": form.get("days", "")}
    asked |= {"because": form.get("because", ""), "rights": rights or None}
    return TokenBody.model_validate({**asked, "grants": grants_of(form)})


def _shown(request: Request, reader: Reader, caller: Caller, more: Mapping[str, Any]) -> Response:
    held = [{"role": one.role, "scope": one.scope} for one in caller.by.grants]
    typed = more.get("typed", {})
    values = {
        "tokens": list_made_tokens(caller, ALL)["items"],
        "rows": grant_rows(typed_rows(typed) or held, 0),
        "roles": role_names(),
        "scopes": scopes_seen(reader),
        "rights": [right.value for right in Right],
        "made": None,
        "fault": "",
        **more,
        "typed": typed,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if values["fault"] else HTTPStatus.OK
    return render(request, Page("tokens.html.j2", "account", status), values, reader)
