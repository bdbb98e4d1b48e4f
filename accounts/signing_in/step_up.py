"""Second factor given again for a dangerous act; and who a credential of any kind stands for."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from accounts.audit import append, instant_text
from accounts.errors import NotAllowedError, SignInRefusedError, WaitError
from accounts.factors.throttle import factor_counters, forgive
from accounts.opaque_tokens import OpaqueToken
from accounts.realm import Realm
from accounts.roles import Origin, Principal
from accounts.signing_in.machine_tokens import identify_token
from accounts.signing_in.second_factors import Proof, RecoveryCode, prove
from accounts.signing_in.sessions import identify_session, renew_token
from accounts.signing_in.sign_in import count_factor_attempt, note_refused_factor, passkey_request

Result = TypeVar("Result")


def identify(realm: Realm, text: str, now_s: float) -> Principal | None:
    """Return who a session's or a program's token stands for; None if for nobody."""
    return identify_session(realm, text, now_s) or identify_token(realm, text, now_s)


def step_up(realm: Realm, by: Principal, proof: Proof, now_s: float) -> OpaqueToken:
    """Take a second factor again; the session's token is another one from then on.

    Raises SignInRefusedError, WaitError, and NotAllowedError for a token or a wall.
    """

    def renew(connection: Connection) -> OpaqueToken:
        token = renew_token(connection, by.credential, now_s, stepped_up=True)
        if token is None:
            raise SignInRefusedError("this session has ended; sign in again")
        name, at = by.account.name, instant_text(now_s)
        append(connection, by.actor("second factor again"), at, "session.step-up", name)
        return token

    return with_factor(realm, by, proof, purpose=_purpose(by), now_s=now_s, act=renew)


def step_up_options(realm: Realm, by: Principal, now_s: float) -> str:
    """Return what a browser needs to step up with a passkey; empty if the account has none."""
    return act_options(realm, by, _purpose(by), now_s)


def act_options(realm: Realm, by: Principal, purpose: str, now_s: float) -> str:
    """Return what a browser needs to confirm one act with a passkey; empty if there is none."""
    with realm.engine.begin() as connection:
        return passkey_request(connection, realm, by.account.id, purpose, now_s)


def with_factor(  # noqa: PLR0913 - who proves what for which act
    realm: Realm,
    by: Principal,
    proof: Proof,
    *,
    purpose: str,
    now_s: float,
    act: Callable[[Connection], Result],
) -> Result:
    """Do an act in the transaction that uses a second factor up.

    Raises SignInRefusedError, WaitError, NotAllowedError, and what the act raises.
    """
    if by.origin is not Origin.SESSION:
        raise NotAllowedError("this needs a person who is signed in; a token cannot do it")
    if isinstance(proof, RecoveryCode):
        raise SignInRefusedError("a recovery code only signs in; use your app or passkey")
    account = by.account.id
    with realm.engine.begin() as connection:
        # An open session is as good as a known browser.
        wait_s = count_factor_attempt(connection, account, by.credential, now_s)
    if wait_s > 0:
        raise WaitError(wait_s)
    try:
        with realm.engine.begin() as connection:
            prove(connection, realm, account, proof, purpose=purpose, now_s=now_s)
            forgive(connection, factor_counters(account, by.credential))
            return act(connection)
    except SignInRefusedError:
        note_refused_factor(realm, account, now_s)
        raise


def _purpose(by: Principal) -> str:
    return f"step-up {by.credential}"
