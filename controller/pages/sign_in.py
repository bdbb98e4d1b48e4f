"""The pages of sign-in: a name and a password, then a second factor; and the way out."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from accounts.errors import AccountsError, SignInRefusedError
from accounts.opaque_tokens import TokenKind
from accounts.signing_in.second_factors import PasskeyAnswer, Proof, RecoveryCode, TotpCode
from accounts.signing_in.sign_in import PendingSignIn, check_password_step, second_step
from controller.account_routes.caller import AnyCaller, AnyGuest
from controller.account_routes.problems import account_problem
from controller.account_routes.shown import let_in
from controller.account_routes.sign_in import leave
from controller.api.rights import Access, needs
from controller.web.forms import Form
from controller.web.language import keep_language
from controller.web.rendering import Page, render
from controller.web.visitor import HOME, SIGN_IN, PageRoute, own_page, see_other

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
_ANYBODY: Final = needs(Access.ANYBODY)
Next = Annotated[str, Query(alias="next", max_length=500)]


@dataclass(frozen=True, slots=True)
class _Step:
    """A step of the sign-in as it is shown."""

    name: str
    back: str
    typed: str = ""
    factors: tuple[str, ...] = ()
    options: str = ""
    fault: str = ""
    status: HTTPStatus = HTTPStatus.OK


@router.get(SIGN_IN, openapi_extra=_ANYBODY)
def show_sign_in(request: Request, back: Next = HOME) -> Response:
    """Show the form for a name and a password."""
    return _shown(request, _Step("password", own_page(back)))


@router.post(SIGN_IN, openapi_extra=_ANYBODY)
def take_password(request: Request, guest: AnyGuest, form: Form) -> Response:
    """Take a name and a password, and ask for the second factor."""
    back, name = own_page(form.get("next", HOME)), form.get("name", "")
    typed = (name, form.get("password", ""))
    old = guest.cookie(TokenKind.SESSION)
    try:
        begun = check_password_step(guest.realm, *typed, guest.visitor, guest.now_s, old)
    except AccountsError as error:
        return _shown(request, _refused(error, _Step("password", back, name)))
    response = _shown(request, _factor_step(begun, back))
    guest.cookies.give(response, begun.token, guest.realm.times.pending_s)
    return response


@router.post(f"{SIGN_IN}/factor", openapi_extra=_ANYBODY)
def take_factor(request: Request, guest: AnyGuest, form: Form) -> Response:
    """Take the second factor, and lead to the page that was asked for."""
    back = own_page(form.get("next", HOME))
    try:
        proof, pending = _proof(form), guest.cookie(TokenKind.PENDING)
        entered = second_step(guest.realm, pending, proof, guest.visitor, guest.now_s)
    except AccountsError as error:
        return _shown(request, _refused(error, _again(form, back)))
    response = see_other(back)
    let_in(guest, response, entered)
    return response


@router.post("/sign-out", openapi_extra=needs(Access.SIGNED_IN))
def sign_out(caller: AnyCaller) -> Response:
    """End the session, and show the sign-in."""
    response = see_other(SIGN_IN)
    leave(caller, response)
    return response


@router.get("/language/{language}", openapi_extra=_ANYBODY)
def choose_language(language: str, guest: AnyGuest, back: Next = HOME) -> Response:
    """Keep the language of the pages, and lead back."""
    response = see_other(own_page(back))
    keep_language(response, language, secure=guest.cookies.secure)
    return response


def _proof(form: dict[str, str]) -> Proof:
    code = form.get("code", "").strip()
    if form.get("passkey"):
        return PasskeyAnswer(form["passkey"])
    return RecoveryCode(code) if form.get("kind") == "recovery" else TotpCode(code)


def _factor_step(begun: PendingSignIn, back: str) -> _Step:
    factors = tuple(sorted(one.value for one in begun.factors))
    return _Step("factor", back, factors=factors, options=begun.passkey_options)


def _again(form: dict[str, str], back: str) -> _Step:
    """Return the step at which a second factor is asked for once more, as its form told it."""
    factors = tuple(form.get("factors", "").split())
    return _Step("factor", back, factors=factors, options=form.get("options", ""))


def _refused(error: AccountsError, step: _Step) -> _Step:
    refused = isinstance(error, SignInRefusedError)
    status = HTTPStatus.UNAUTHORIZED if refused else account_problem(error).status
    return _Step(step.name, step.back, step.typed, step.factors, step.options, str(error), status)


def _shown(request: Request, step: _Step) -> Response:
    values: dict[str, Any] = {"step": step, "options": _known_json(step.options)}
    return render(request, Page("sign_in.html.j2", "sign-in", step.status), values)


def _known_json(text: str) -> str:
    """Return JSON as it was, and nothing for what is none."""
    try:
        return json.dumps(json.loads(text)) if text else ""
    except ValueError:
        return ""
