"""Sign-in in two steps: a password opens a half-made sign-in, a second factor the session.

The half-made sign-in is a row and a token of another kind; no session is opened by it.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from accounts.audit import Actor, append, instant_text
from accounts.directory import account_name, account_of
from accounts.errors import SignInRefusedError, WaitError
from accounts.factors.passkeys import new_challenge, passkeys_of, request_options
from accounts.factors.passwords import Verified
from accounts.factors.recovery_codes import codes_left
from accounts.factors.throttle import (
    Counter,
    Visitor,
    factor_counters,
    failures_of,
    forgive,
    known_browser,
    password_counters,
    take_attempt,
    touch,
)
from accounts.opaque_tokens import OpaqueToken, TokenKind, new_token, stored_hash
from accounts.realm import Realm
from accounts.schema import accounts, passwords, pending, sessions
from accounts.signing_in.second_factors import Factor, Proof, factors_of, prove
from accounts.signing_in.sessions import remove_ended, sign_out
from accounts.signing_in.set_up import Entered, enter

_REFUSED: Final = "name or password is wrong"
_OVER: Final = "this sign-in is over; begin with your password again"
_FEWEST_NOTED: Final = 4


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """A sign-in that waits for the second factor, and which the account can give."""

    token: OpaqueToken
    factors: frozenset[Factor]
    passkey_options: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Standing:
    """What was found before the password was checked."""

    account: Row[Any] | None
    counters: tuple[Counter, ...]
    known: str | None


def check_password_step(  # noqa: PLR0913, PLR0917 - what was typed where and when
    realm: Realm, name: str, password: str, visitor: Visitor, now_s: float, old_session: str = ""
) -> PendingSignIn:
    """Take a name and a password; a session that the browser shows ends.

    Whether the account exists, is disabled or has another password is not told, nor seen from the
    time that it takes. Raises SignInRefusedError and WaitError.
    """
    standing = _count_attempt(realm, account_name(name), visitor, now_s)
    # Outside of any transaction: this takes long.
    stored = standing.account.hash if standing.account else None
    checked = realm.passwords.verify(stored, password)
    row = standing.account
    if row is None or not checked.right or row.disabled_s is not None:
        _note_refusal(realm, standing, now_s)
        raise SignInRefusedError(_REFUSED)
    sign_out(realm, old_session)
    with realm.engine.begin() as connection:
        forgive(connection, standing.counters)
        _rehash(connection, row, checked)
        return _begin(connection, realm, row.id, standing.known, now_s)


def second_step(
    realm: Realm, pending_text: str, proof: Proof, visitor: Visitor, now_s: float
) -> Entered:
    """Take the second factor of a half-made sign-in, and open the session.

    Raises SignInRefusedError and WaitError.
    """
    row = _count_factor(realm, pending_text, now_s)
    counters = factor_counters(row.account_id, row.browser_hash)
    try:
        with realm.engine.begin() as connection:
            _end_pending(connection, row)
            purpose = _purpose(row.token_hash)
            kind = prove(connection, realm, row.account_id, proof, purpose=purpose, now_s=now_s)
            forgive(connection, counters)
            return _finish(connection, realm, row.account_id, kind, visitor, now_s)
    except SignInRefusedError:
        note_refused_factor(realm, row.account_id, now_s)
        raise


def note_refused_factor(realm: Realm, account: int, now_s: float) -> None:
    """Record a wrong second factor; whoever gives one has the password, or an open session."""
    with realm.engine.begin() as connection:
        name = account_of(connection, account).name
        at = instant_text(now_s)
        append(connection, Actor(name, "sign-in"), at, "sign-in.factor-refused", name)


def count_factor_attempt(
    connection: Connection, account: int, known: str | None, now_s: float
) -> float:
    """Count an attempt at a second factor; return for how many seconds it is refused."""
    return take_attempt(connection, factor_counters(account, known), now_s)


def _count_attempt(realm: Realm, name: str, visitor: Visitor, now_s: float) -> _Standing:
    wanted: Any = (
        select(accounts.c.id, accounts.c.name, accounts.c.disabled_s, passwords.c.hash)
        .join(passwords, passwords.c.account_id == accounts.c.id)
        .where(accounts.c.name == name)
    )
    with realm.engine.begin() as connection:
        row: Row[Any] | None = connection.execute(wanted).one_or_none()
        known = known_browser(connection, row.id if row else None, visitor, now_s)
        counters = password_counters(name, visitor, known)
        wait_s = take_attempt(connection, counters, now_s)
    if wait_s > 0:
        raise WaitError(wait_s)
    return _Standing(row, counters, known)


def _note_refusal(realm: Realm, standing: _Standing, now_s: float) -> None:
    """Record refusals of an account that exists: the fourth, the eighth, and so on.

    For one that does not, as much is written elsewhere, so that both take as long.
    """
    counter = standing.counters[-1]
    with realm.engine.begin() as connection:
        failures = failures_of(connection, counter)
        if failures < _FEWEST_NOTED or failures & (failures - 1):
            return
        if standing.account is None:
            touch(connection, counter)
        else:
            name, details = standing.account.name, {"failures": failures}
            actor, at = Actor("nobody", "sign-in"), instant_text(now_s)
            append(connection, actor, at, "sign-in.refused", name, details)


def _rehash(connection: Connection, row: Row[Any], checked: Verified) -> None:
    if checked.rehash:
        mine = (passwords.c.account_id == row.id) & (passwords.c.hash == row.hash)
        connection.execute(update(passwords).where(mine).values(hash=checked.rehash))


def _begin(
    connection: Connection, realm: Realm, account: int, known: str | None, now_s: float
) -> PendingSignIn:
    token = new_token(TokenKind.PENDING)
    connection.execute(delete(pending).where(pending.c.expires_s <= now_s))
    row = {"token_hash": token.hash, "account_id": account, "browser_hash": known}
    connection.execute(insert(pending).values(**row, expires_s=now_s + realm.times.pending_s))
    options = passkey_request(connection, realm, account, _purpose(token.hash), now_s)
    return PendingSignIn(token, factors_of(connection, account), options)


def passkey_request(
    connection: Connection, realm: Realm, account: int, purpose: str, now_s: float
) -> str:
    """Return what a browser needs to answer with a passkey; empty if the account has none."""
    known = passkeys_of(connection, account)
    if not known:
        return ""
    challenge = new_challenge(connection, account, purpose, now_s)
    return request_options(realm.party, challenge, known)


def _count_factor(realm: Realm, pending_text: str, now_s: float) -> Row[Any]:
    made = stored_hash(TokenKind.PENDING, pending_text)
    wanted = select(pending).where(pending.c.token_hash == made, pending.c.expires_s > now_s)
    with realm.engine.begin() as connection:
        row = connection.execute(wanted).one_or_none() if made else None
        if row is None:
            raise SignInRefusedError(_OVER)
        wait_s = count_factor_attempt(connection, row.account_id, row.browser_hash, now_s)
    if wait_s > 0:
        raise WaitError(wait_s)
    return row


def _end_pending(connection: Connection, row: Row[Any]) -> None:
    """Use a half-made sign-in up; of two at once, one succeeds."""
    once = delete(pending).where(pending.c.token_hash == row.token_hash)
    if connection.execute(once).rowcount != 1:
        raise SignInRefusedError(_OVER)


def _finish(  # noqa: PLR0913, PLR0917 - who enters, by what, from where and when
    connection: Connection,
    realm: Realm,
    account: int,
    kind: Factor,
    visitor: Visitor,
    now_s: float,
) -> Entered:
    found = account_of(connection, account)
    if found.disabled_s is not None:
        raise SignInRefusedError(_OVER)
    remove_ended(connection, realm.times, now_s)
    entered = enter(connection, realm, account, visitor, now_s)
    # A code from paper opens a session, and does nothing dangerous.
    stepped_up_s = None if kind is Factor.RECOVERY_CODE else now_s
    mine = update(sessions).where(sessions.c.id == entered.session_id)
    connection.execute(mine.values(stepped_up_s=stepped_up_s))
    details = {"factor": kind.value, "session": entered.session_id, "address": visitor.address}
    at = instant_text(now_s)
    append(connection, Actor(found.name, "sign-in"), at, "sign-in", found.name, details)
    left = codes_left(connection, account)
    return Entered(entered.session, entered.session_id, entered.browser, (), left)


def _purpose(token_hash: str) -> str:
    return f"sign-in {token_hash}"
