"""Routes to come in and go out: sign-in in two steps, set-up by a one-time link, sign-out."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Response

from accounts.errors import SignInRefusedError
from accounts.opaque_tokens import TokenKind
from accounts.roles import Origin
from accounts.signing_in.sessions import end_session
from accounts.signing_in.set_up import Applicant, begin_set_up, finish_set_up
from accounts.signing_in.sign_in import check_password_step, second_step
from controller.account_routes.bodies import (
    Body,
    FactorBody,
    NewFactorBody,
    PasswordText,
    ShortText,
    TokenText,
)
from controller.account_routes.caller import AnyCaller, AnyGuest
from controller.account_routes.problems import not_accepted
from controller.account_routes.shown import let_in, options_json, set_up_json
from controller.api.rights import Access, needs

router: Final = APIRouter()
_FOR_ANYBODY: Final = needs(Access.ANYBODY)


class PasswordBody(Body):
    """What a person types first."""

    name: ShortText
    password: PasswordText


class SetUpBody(Body):
    """A link's code, and what the person chooses; a name counts where the link leaves it open."""

    link: TokenText
    password: PasswordText
    name: ShortText = ""
    title: ShortText = ""


class SetUpFactorBody(NewFactorBody):
    """The set-up's token, and proof that the second factor works."""

    token: TokenText


@router.post("/sign-in", openapi_extra=_FOR_ANYBODY)
def begin_sign_in(asked: PasswordBody, guest: AnyGuest, response: Response) -> dict[str, Any]:
    """Take a name and a password, and say which second factors can follow."""
    old = guest.cookie(TokenKind.SESSION)
    typed = (asked.name, asked.password)
    try:
        begun = check_password_step(guest.realm, *typed, guest.visitor, guest.now_s, old)
    except SignInRefusedError as error:
        raise not_accepted(error) from error
    guest.cookies.give(response, begun.token, guest.realm.times.pending_s)
    return {
        "factors": sorted(one.value for one in begun.factors),
        "passkey": options_json(begun.passkey_options),
    }


@router.post("/sign-in/factor", openapi_extra=_FOR_ANYBODY)
def finish_sign_in(asked: FactorBody, guest: AnyGuest, response: Response) -> dict[str, Any]:
    """Take the second factor, and open the session."""
    pending = guest.cookie(TokenKind.PENDING)
    try:
        entered = second_step(guest.realm, pending, asked.proof(), guest.visitor, guest.now_s)
    except SignInRefusedError as error:
        raise not_accepted(error) from error
    return let_in(guest, response, entered)


@router.post("/sign-out", status_code=HTTPStatus.NO_CONTENT, openapi_extra=needs(Access.SIGNED_IN))
def leave(caller: AnyCaller, response: Response) -> None:
    """End the session that sends this; a token is not ended by it."""
    if caller.by.origin is Origin.TOKEN:
        return
    number = caller.by.credential
    end_session(caller.realm, caller.by, number, now_s=caller.now_s, because="sign-out")
    caller.cookies.take_back(response, TokenKind.SESSION)


@router.post("/set-up", openapi_extra=_FOR_ANYBODY)
def begin(asked: SetUpBody, guest: AnyGuest) -> dict[str, Any]:
    """Take a one-time link, and return what an app or a passkey needs."""
    applicant = Applicant(asked.password, asked.name, asked.title)
    try:
        return set_up_json(begin_set_up(guest.realm, asked.link, applicant, guest.now_s))
    except SignInRefusedError as error:
        raise not_accepted(error) from error


@router.post("/set-up/factor", openapi_extra=_FOR_ANYBODY)
def finish(asked: SetUpFactorBody, guest: AnyGuest, response: Response) -> dict[str, Any]:
    """Take the second factor of a set-up, make the account, and open its first session."""
    proof = asked.proof()
    try:
        entered = finish_set_up(guest.realm, asked.token, proof, guest.visitor, guest.now_s)
    except SignInRefusedError as error:
        raise not_accepted(error) from error
    return let_in(guest, response, entered)
