"""The page to which a one-time link leads: a password, then an authenticator app; no framework."""

import io
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final
from urllib.parse import parse_qsl

import segno
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from accounts.errors import AccountsError, PasswordError, SignInRefusedError
from accounts.factors.passkeys import RelyingParty
from accounts.opaque_tokens import OpaqueToken
from accounts.signing_in.second_factors import TotpCode
from accounts.signing_in.set_up import Applicant, begin_set_up, finish_set_up
from controller.account_routes.caller import Guest, guest
from controller.account_routes.problems import account_problem
from controller.account_routes.shown import let_in

router: Final = APIRouter(include_in_schema=False)
PATH: Final = "/set-up"
_TEMPLATES: Final = Path(__file__).parents[1] / "templates"
_MOST_FIELDS: Final = 10
_LONGEST_FIELD: Final = 500
_APP: Final = "otpauth://totp/"


@dataclass(frozen=True, slots=True)
class _Page:
    """What is shown: a step of the set-up, and the status with which it is sent."""

    step: str
    status: HTTPStatus = HTTPStatus.OK
    fault: str = ""


def link_address(party: RelyingParty, link: OpaqueToken) -> str:
    """Return the web address of a one-time link; what stands behind '#' never leaves a browser."""
    return f"{party.origins[0]}{PATH}#{link.text}"


@router.get(PATH)
def show_form(request: Request) -> Response:
    """Return the form that takes a link, a name and a password."""
    return _rendered(guest(request), _Page("begin"), {})


@router.post(PATH)
async def take_password(request: Request) -> Response:
    """Take the first form, and show what an authenticator app needs."""
    return await run_in_threadpool(_begun, guest(request), await _fields(request))


@router.post(f"{PATH}/factor")
async def take_factor(request: Request) -> Response:
    """Take the app's code, make the account, and show the recovery codes."""
    return await run_in_threadpool(_finished, guest(request), await _fields(request))


def _begun(visitor: Guest, given: dict[str, str]) -> Response:
    applicant = Applicant(given.get("password", ""), given.get("name", ""), given.get("title", ""))
    try:
        if given.get("again", "") != applicant.password:
            raise PasswordError("the two passwords differ; type the same one twice")
        made = begin_set_up(visitor.realm, given.get("link", ""), applicant, visitor.now_s)
    except AccountsError as error:
        return _rendered(visitor, _refused("begin", error), given)
    shown = {"token": made.token.text, "secret": made.secret, "app_address": made.app_address}
    return _rendered(visitor, _Page("factor"), shown)


def _finished(visitor: Guest, given: dict[str, str]) -> Response:
    code, token = TotpCode(given.get("totp", "")), given.get("token", "")
    try:
        entered = finish_set_up(visitor.realm, token, code, visitor.visitor, visitor.now_s)
    except AccountsError as error:
        return _rendered(visitor, _refused("factor", error), given)
    response = Response()
    shown = let_in(visitor, response, entered)
    page = _rendered(visitor, _Page("done"), {}, tuple(shown["recovery_codes"]))
    page.raw_headers += [one for one in response.raw_headers if one[0] == b"set-cookie"]
    return page


def _refused(step: str, error: AccountsError) -> _Page:
    """Return the same step with what is wrong; a set-up that is over begins again."""
    refused = isinstance(error, SignInRefusedError)
    status = HTTPStatus.UNAUTHORIZED if refused else account_problem(error).status
    text = str(error)
    return _Page(step, status, f"{text[:1].upper()}{text[1:]}.")


def _rendered(
    visitor: Guest, page: _Page, given: dict[str, str], codes: tuple[str, ...] = ()
) -> Response:
    nonce, address = token_urlsafe(16), given.get("app_address", "")
    text = _template().render(
        nonce=nonce,
        title=visitor.realm.party.title,
        step=page.step,
        fault=page.fault,
        codes=codes,
        link=given.get("link", ""),
        name=given.get("name", ""),
        person=given.get("title", ""),
        token=given.get("token", ""),
        secret=given.get("secret", ""),
        app_address=address,
        picture=qr_picture(address),
    )
    return Response(text, page.status, _headers(nonce), "text/html; charset=utf-8")


def qr_picture(address: str) -> Markup:
    """Return the QR code of an app's address as SVG, which holds nothing of the text itself."""
    if not address.startswith(_APP):
        return Markup("")
    drawn = io.BytesIO()
    segno.make(address, error="m").save(
        drawn, kind="svg", xmldecl=False, svgns=True, scale=4, border=0, omitsize=True
    )
    return Markup(drawn.getvalue().decode())  # noqa: S704 - drawn by us, of squares alone


def _headers(nonce: str) -> dict[str, str]:
    own = f"'nonce-{nonce}'"
    policy = (
        f"default-src 'none'; style-src {own}; script-src {own}; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    # Without a referrer at all, browsers would not name the origin of the form either.
    return {"Content-Security-Policy": policy, "Referrer-Policy": "same-origin"}


async def _fields(request: Request) -> dict[str, str]:
    """Return the fields of a form (application/x-www-form-urlencoded)."""
    try:
        text = (await request.body()).decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "this is no form of ours") from error
    return {name: value.replace("\0", "")[:_LONGEST_FIELD] for name, value in pairs}


@cache
def _template() -> Template:
    made: Any = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    template: Template = made.get_template("set_up.html.j2")
    return template
