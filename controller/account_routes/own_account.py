"""Routes of one's own account: who one is, the second factor again, password and factors."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Response

from accounts.roles import Origin
from accounts.signing_in.own_account import (
    begin_factor,
    change_password,
    credentials_of,
    finish_factor,
    remove_factor,
    renew_recovery_codes,
)
from accounts.signing_in.second_factors import Factor
from accounts.signing_in.step_up import step_up, step_up_options
from controller.account_routes.bodies import Body, FactorBody, PasswordText
from controller.account_routes.caller import AnyCaller
from controller.account_routes.shown import options_json, principal_json, set_up_json
from controller.account_routes.sign_in import SetUpFactorBody
from controller.api.instants import rfc3339
from controller.api.problems import ProblemError
from controller.api.rights import Access, needs
from database.engine import reading

router: Final = APIRouter(prefix="/account")
_OWN: Final = needs(Access.SIGNED_IN)
_DONE: Final = HTTPStatus.NO_CONTENT


class PasswordChange(Body):
    """The password that holds, and the one that is to hold."""

    old: PasswordText
    new: PasswordText


@router.get("", openapi_extra=_OWN)
def read_own(caller: AnyCaller) -> dict[str, Any]:
    """Return who asks, what they may do where, and for a person in a session the second factors."""
    if caller.by.origin is not Origin.SESSION:
        return principal_json(caller.by)
    with reading(caller.realm.engine) as connection:
        found = credentials_of(connection, caller.by.account.id)
    passkeys = [
        {
            "id": one.id,
            "title": one.title,
            "made_at": rfc3339(one.created_s),
            "used_at": rfc3339(one.used_s),
        }
        for one in found.passkeys
    ]
    factors = {"totp": found.app, "passkeys": passkeys}
    left = {"recovery_codes_left": found.recovery_codes_left}
    return principal_json(caller.by) | {"factors": factors} | left


@router.post("/step-up/options", openapi_extra=_OWN)
def read_step_up_options(caller: AnyCaller) -> dict[str, Any]:
    """Return what a browser needs to give the second factor again with a passkey."""
    _require_person(caller)
    return {"passkey": options_json(step_up_options(caller.realm, caller.by, caller.now_s))}


@router.post("/step-up", status_code=_DONE, openapi_extra=_OWN)
def give_factor_again(asked: FactorBody, caller: AnyCaller, response: Response) -> None:
    """Take the second factor again; dangerous acts are open for five minutes then."""
    token = step_up(caller.realm, caller.by, asked.proof(), caller.now_s)
    caller.cookies.give(response, token)


@router.put("/password", status_code=_DONE, openapi_extra=_OWN)
def set_password(asked: PasswordChange, caller: AnyCaller) -> None:
    """Set another password; every other session of the account ends."""
    change_password(caller.realm, caller.by, asked.old, asked.new, caller.now_s)


@router.post("/factors", openapi_extra=_OWN)
def begin_another_factor(caller: AnyCaller) -> dict[str, Any]:
    """Return what another app, or a further passkey, needs."""
    return set_up_json(begin_factor(caller.realm, caller.by, caller.now_s))


@router.post("/factors/finish", status_code=_DONE, openapi_extra=_OWN)
def finish_another_factor(asked: SetUpFactorBody, caller: AnyCaller) -> None:
    """Store a second factor that has proved to work; every other session of the account ends."""
    _require_person(caller)
    finish_factor(caller.realm, caller.by, asked.token, asked.proof(), caller.now_s)


@router.delete("/factors/totp", status_code=_DONE, openapi_extra=_OWN)
def remove_app(caller: AnyCaller) -> None:
    """Remove the app, as long as another second factor is left."""
    remove_factor(caller.realm, caller.by, Factor.TOTP, caller.now_s)


@router.delete("/factors/passkeys/{id}", status_code=_DONE, openapi_extra=_OWN)
def remove_passkey(id: Annotated[str, Path(max_length=2000)], caller: AnyCaller) -> None:  # noqa: A002
    """Remove a passkey, as long as another second factor is left."""
    remove_factor(caller.realm, caller.by, Factor.PASSKEY, caller.now_s, id)


@router.post("/recovery-codes", openapi_extra=_OWN)
def make_recovery_codes(caller: AnyCaller) -> dict[str, Any]:
    """Make recovery codes in the place of all earlier ones; they are shown this once."""
    codes = renew_recovery_codes(caller.realm, caller.by, caller.now_s)
    return {"recovery_codes": list(codes)}


def _require_person(caller: AnyCaller) -> None:
    if caller.by.origin is not Origin.SESSION:
        detail = "this needs a person who is signed in; a token cannot do it"
        raise ProblemError(HTTPStatus.FORBIDDEN, detail)
