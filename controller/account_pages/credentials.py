"""The pages on which people change their password, and add an app or a passkey."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from accounts.errors import PasswordError
from accounts.roles import require_step_up
from controller.account_pages.account import ACCOUNT
from controller.account_routes.caller import AnyCaller
from controller.account_routes.own_account import (
    PasswordChange,
    begin_another_factor,
    finish_another_factor,
    set_password,
)
from controller.account_routes.set_up_page import qr_picture
from controller.account_routes.sign_in import SetUpFactorBody
from controller.api.rights import Access, needs
from controller.web.acting import FAULTS, said_of
from controller.web.forms import Form
from controller.web.rendering import Page, render
from controller.web.visitor import PageRoute, Reader, see_other

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
PASSWORD: Final = f"{ACCOUNT}/password"
FACTOR: Final = f"{ACCOUNT}/factor"
_OWN: Final = needs(Access.SIGNED_IN)
# What a new factor's form keeps for another try.
_KEPT: Final = ("token", "secret", "app_address", "options")


@router.get(PASSWORD, openapi_extra=_OWN)
def show_password(request: Request, reader: Reader, caller: AnyCaller) -> Response:
    """Ask for the old and the new password, after the second factor."""
    require_step_up(caller.by, caller.now_s)
    return render(request, Page("password.html.j2", "account"), {"fault": ""}, reader)


@router.post(PASSWORD, openapi_extra=_OWN)
def take_password(request: Request, reader: Reader, caller: AnyCaller, form: Form) -> Response:
    """Set another password; every other session ends."""
    try:
        if form.get("new") != form.get("again"):
            raise PasswordError("the two new passwords differ; type the same one twice")
        set_password(PasswordChange(old=form.get("old", ""), new=form.get("new", "")), caller)
    except FAULTS as error:
        page = Page("password.html.j2", "account", HTTPStatus.UNPROCESSABLE_ENTITY)
        return render(request, page, {"fault": said_of(error)}, reader)
    return see_other(ACCOUNT)


@router.get(FACTOR, openapi_extra=_OWN)
def show_factor(request: Request, reader: Reader, caller: AnyCaller) -> Response:
    """Show what an app or a passkey needs, after the second factor."""
    made = begin_another_factor(caller)
    return _shown(request, reader, {**made, "options": json.dumps(made["passkey"])})


@router.post(FACTOR, openapi_extra=_OWN)
def take_factor(request: Request, reader: Reader, caller: AnyCaller, form: Form) -> Response:
    """Store the second factor that has proved to work; every other session ends."""
    try:
        proof = _proof(form)
        asked = SetUpFactorBody.model_validate({"token": form.get("token", ""), **proof})
        finish_another_factor(asked, caller)
    except FAULTS as error:
        return _shown(request, reader, form, said_of(error))
    return see_other(ACCOUNT)


def _proof(form: Mapping[str, str]) -> dict[str, Any]:
    if not form.get("passkey"):
        return {"totp": form.get("code", "").strip()}
    try:
        return {"passkey": json.loads(form["passkey"])}
    except ValueError:
        return {"passkey": {}}


def _shown(request: Request, reader: Reader, given: Mapping[str, str], fault: str = "") -> Response:
    kept = {name: given.get(name, "") for name in _KEPT}
    values = {**kept, "picture": qr_picture(kept["app_address"]), "fault": fault}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if fault else HTTPStatus.OK
    return render(request, Page("factor.html.j2", "account", status), values, reader)
