"""Accounts, grants and set-ups as the API shows them."""

import json
from collections.abc import Iterable
from typing import Any

from fastapi import Response

from accounts.opaque_tokens import TokenKind
from accounts.roles import STEP_UP_S, Account, Grant, Principal, scopes_of
from accounts.signing_in.set_up import Entered, SetUp
from controller.account_routes.caller import Guest
from controller.api.instants import rfc3339
from controller.roles import Right


def grants_json(given: Iterable[Grant]) -> list[dict[str, str]]:
    """Return grants as the API takes them, too."""
    return [{"role": str(one.role), "scope": one.scope} for one in given]


def account_json(account: Account, held: Iterable[Grant]) -> dict[str, Any]:
    """Return an account as others who manage it see it."""
    return {
        "name": account.name,
        "title": account.title,
        "enabled": account.disabled_s is None,
        "disabled_at": rfc3339(account.disabled_s),
        "grants": grants_json(held),
    }


def principal_json(by: Principal) -> dict[str, Any]:
    """Return who asks, with each right and the fewest scopes within which it is had."""
    until_s = None if by.stepped_up_s is None else by.stepped_up_s + STEP_UP_S
    return account_json(by.account, by.grants) | {
        "known_by": by.origin.value,
        "rights": {one.value: found for one in Right if (found := scopes_of(by, one))},
        "stepped_up_until": rfc3339(until_s),
    }


def set_up_json(made: SetUp) -> dict[str, Any]:
    """Return what is shown once to set up a second factor."""
    return {
        "token": made.token.text,
        "secret": made.secret,
        "app_address": made.app_address,
        "passkey": json.loads(made.passkey_options),
    }


def options_json(options: str) -> Any:
    """Return what a browser needs to answer with a passkey; null if the account has none."""
    return json.loads(options) if options else None


def let_in(guest: Guest, response: Response, entered: Entered) -> dict[str, Any]:
    """Give the browser its cookies, and return what a person is shown who is in now."""
    cookies = guest.cookies
    cookies.take_back(response, TokenKind.PENDING)
    cookies.give(response, entered.session)
    cookies.give(response, entered.browser, guest.realm.times.browser_s)
    return {
        "session": entered.session_id,
        "recovery_codes": list(entered.recovery_codes),
        "recovery_codes_left": entered.recovery_codes_left,
    }
