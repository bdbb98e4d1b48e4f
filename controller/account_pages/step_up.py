"""The page that takes the second factor again, and then goes on where it was asked for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from accounts.errors import AccountsError
from accounts.signing_in.second_factors import PasskeyAnswer, TotpCode
from accounts.signing_in.step_up import step_up
from controller.account_routes.caller import AnyCaller, Caller
from controller.account_routes.own_account import read_own, read_step_up_options
from controller.account_routes.problems import account_problem
from controller.api.rights import Access, needs
from controller.web.forms import Form
from controller.web.rendering import Page, render
from controller.web.visitor import HOME, STEP_UP, PageRoute, Reader, own_page, see_other

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
_OWN: Final = needs(Access.SIGNED_IN)
# What this page's own form sends; all other fields are of the form that waits.
CODE: Final = "step-up-code"
PASSKEY: Final = "step-up-passkey"
NEXT: Final = "step-up-next"
# A form with a password is filled in again.
_NOT_KEPT: Final = frozenset({"password", "old", "new", "again"})
Next = Annotated[str, Query(alias="next", max_length=500)]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What waits for the second factor: a page, or a form with its fields."""

    place: str
    fields: Mapping[str, str] = field(default_factory=dict)


@router.get(STEP_UP, openapi_extra=_OWN)
def show_step_up(
    request: Request, reader: Reader, caller: AnyCaller, back: Next = HOME
) -> Response:
    """Ask for the second factor, before a page."""
    return _shown(request, reader, caller, _Waiting(own_page(back)))


@router.post(STEP_UP, openapi_extra=_OWN)
def take_factor(
    request: Request, reader: Reader, caller: AnyCaller, form: Form, back: Next = HOME
) -> Response:
    """Take the second factor and go on; a form that comes without one is asked for it."""
    waiting = _waiting(form, own_page(form.get(NEXT, back)))
    if CODE not in form and PASSKEY not in form:
        return _shown(request, reader, caller, waiting)
    proof = (
        PasskeyAnswer(form[PASSKEY]) if form.get(PASSKEY) else TotpCode(form.get(CODE, "").strip())
    )
    try:
        token = step_up(caller.realm, caller.by, proof, caller.now_s)
    except AccountsError as error:
        return _shown(request, reader, caller, waiting, error)
    response = _onward(waiting)
    caller.cookies.give(response, token)
    return response


def _waiting(form: Mapping[str, str], place: str) -> _Waiting:
    kept = {name: value for name, value in form.items() if name not in {CODE, PASSKEY, NEXT}}
    return _Waiting(place, {} if _NOT_KEPT & kept.keys() else kept)


def _onward(waiting: _Waiting) -> Response:
    """Lead to the page, or let the browser send the form that waited."""
    if waiting.fields:
        return RedirectResponse(waiting.place, HTTPStatus.TEMPORARY_REDIRECT)
    return see_other(waiting.place)


def _shown(
    request: Request,
    reader: Reader,
    caller: Caller,
    waiting: _Waiting,
    error: AccountsError | None = None,
) -> Response:
    problem = account_problem(error) if error else None
    asked = read_step_up_options(caller)["passkey"]
    values = {
        "waiting": waiting,
        "options": json.dumps(asked) if asked else "",
        "app": read_own(caller)["factors"]["totp"],
        "fault": problem.detail if problem else "",
    }
    status = problem.status if problem else HTTPStatus.OK
    return render(request, Page("step_up.html.j2", "account", status), values, reader)
