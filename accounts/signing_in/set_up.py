"""Set-up of an account by a one-time link: password and second factor, or nothing at all.

An account never exists, and a link is not used up, before the second factor has proved to work.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import Connection, Row, delete, insert, select, update

from accounts.announcements import announce
from accounts.audit import Actor, append, instant_text
from accounts.audit_table import Lock, hold
from accounts.directory import (
    account_name,
    account_of,
    check_person,
    create_account,
    find_account,
    new_handle,
    sign_out_everywhere,
)
from accounts.errors import SignInRefusedError, TakenError
from accounts.factors.passkeys import (
    NewPasskey,
    creation_options,
    random_challenge,
    store_passkey,
    verify_creation,
)
from accounts.factors.passwords import check_password
from accounts.factors.recovery_codes import new_codes
from accounts.factors.throttle import Visitor
from accounts.factors.totp import app_address, new_secret, secret_text, step_of, store_secret
from accounts.opaque_tokens import OpaqueToken, TokenKind, new_token, stored_hash
from accounts.realm import Realm
from accounts.schema import accounts, browsers, passwords, set_ups
from accounts.signing_in.links import Link, Purpose, link_of, use_link, working_link
from accounts.signing_in.second_factors import (
    PasskeyAnswer,
    RecoveryCode,
    TotpCode,
    remove_credentials,
)
from accounts.signing_in.sessions import open_session
from database.engine import reading

_MOST_ATTEMPTS: Final = 5
_REFUSED: Final = "the code or passkey was not accepted; try again"
_OVER: Final = "this set-up is over; open the link again"
# A second factor as it is set up: the step of an app's code, or a passkey.
NewFactor: TypeAlias = int | NewPasskey
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Applicant:
    """What a person chooses; name and title count only where the link leaves them open."""

    password: str = field(repr=False)
    name: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class SetUp:
    """What is shown once to set up an authenticator app, or to make a passkey instead."""

    token: OpaqueToken
    secret: str = field(repr=False)
    app_address: str = field(repr=False)
    passkey_options: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Entered:
    """The way in: tokens of the session and of the browser, and recovery codes if there are new."""

    session: OpaqueToken
    session_id: str
    browser: OpaqueToken
    recovery_codes: tuple[str, ...] = field(default=(), repr=False)
    recovery_codes_left: int = 0


def begin_set_up(realm: Realm, link_text: str, applicant: Applicant, now_s: float) -> SetUp:
    """Take a link, a name and a password, and return what the second factor needs.

    Raises SignInRefusedError for the link, NotAllowedError for the name, PasswordError.
    """
    with reading(realm.engine) as connection:
        link = working_link(connection, realm.catalogue, link_text, now_s)
        name = link.name or account_name(applicant.name)
        title = link.title or applicant.title
        check_person(name, title)
        if link.account_id is None and find_account(connection, name):
            raise TakenError(f"there is an account {name!r} already; choose another name")
        handle = _handle(connection, link.account_id)
    check_password(applicant.password, name, title)
    made = realm.passwords.hash(applicant.password)
    row = {"link_id": link.id, "account_id": link.account_id, "name": name, "title": title}
    return store_set_up(realm, {**row, "password_hash": made, "handle": handle}, now_s)


def finish_set_up(
    realm: Realm, text: str, proof: TotpCode | PasskeyAnswer, visitor: Visitor, now_s: float
) -> Entered:
    """Take the second factor, and sign the person in. Raises SignInRefusedError."""

    def finish(connection: Connection, row: Row[Any], factor: NewFactor) -> Entered:
        if row.link_id is None:
            raise SignInRefusedError(_OVER)
        hold(connection, Lock.ADMINISTRATORS)
        link = link_of(connection, realm.catalogue, row.link_id, now_s)
        use_link(connection, link.id, now_s)
        account = _settle(connection, realm, link, row, now_s)
        store_factor(connection, realm, account, row, factor, now_s)
        return enter(connection, realm, account, visitor, now_s, new_codes(connection, account))

    return with_new_factor(realm, text, proof, now_s, finish)


def enter(  # noqa: PLR0913, PLR0917 - who enters from where, when and with what
    connection: Connection,
    realm: Realm,
    account: int,
    visitor: Visitor,
    now_s: float,
    codes: tuple[str, ...] = (),
) -> Entered:
    """Open a session within the caller's transaction, and remember the browser."""
    session, number = open_session(connection, realm, account, visitor, now_s)
    browser = new_token(TokenKind.BROWSER)
    row = {"token_hash": browser.hash, "account_id": account}
    shown = browsers.c.token_hash == stored_hash(TokenKind.BROWSER, visitor.browser)
    connection.execute(delete(browsers).where(shown | (browsers.c.expires_s <= now_s)))
    connection.execute(insert(browsers).values(**row, expires_s=now_s + realm.times.browser_s))
    mine = update(accounts).where(accounts.c.id == account)
    connection.execute(mine.values(signed_in_s=now_s))
    return Entered(session, number, browser, codes, len(codes))


def store_set_up(realm: Realm, row: dict[str, Any], now_s: float) -> SetUp:
    """Store a set-up that waits for its second factor, and return what that needs."""
    token, secret, challenge = new_token(TokenKind.SET_UP), new_secret(), random_challenge()
    sealed = realm.sealing_key.seal(secret, row["handle"])
    kept: dict[str, Any] = {"token_hash": token.hash, "sealed_secret": sealed, "attempts": 0}
    kept |= {"challenge": challenge, "expires_s": now_s + realm.times.set_up_s}
    with realm.engine.begin() as connection:
        connection.execute(delete(set_ups).where(set_ups.c.expires_s <= now_s))
        connection.execute(insert(set_ups).values({**row, **kept}))
    person = (row["handle"], row["name"], row["title"])
    options = creation_options(realm.party, person, challenge, ())
    address = app_address(secret, row["name"], realm.party.title)
    return SetUp(token, secret_text(secret), address, options)


def with_new_factor(
    realm: Realm,
    text: str,
    proof: TotpCode | PasskeyAnswer,
    now_s: float,
    finish: Callable[[Connection, Row[Any], NewFactor], Result],
) -> Result:
    """Run finish in one transaction with a second factor that proved to work.

    Raises SignInRefusedError; after five wrong ones the set-up is over.
    """
    made = stored_hash(TokenKind.SET_UP, text)
    mine = set_ups.c.token_hash == made
    with realm.engine.begin() as connection:
        row = connection.execute(select(set_ups).where(mine)).one_or_none() if made else None
        if row is None or now_s >= row.expires_s or row.attempts >= _MOST_ATTEMPTS:
            raise SignInRefusedError(_OVER)
        factor = _proved(realm, row, proof, now_s)
        if factor is not None:
            # Of two at once, the guarded removal lets one through.
            if connection.execute(delete(set_ups).where(mine)).rowcount != 1:
                raise SignInRefusedError(_OVER)
            return finish(connection, row, factor)
        counted = update(set_ups).where(mine).values(attempts=set_ups.c.attempts + 1)
        connection.execute(counted)
    raise SignInRefusedError(_REFUSED)


def store_factor(  # noqa: PLR0913, PLR0917 - a factor, whose, and of which set-up
    connection: Connection,
    realm: Realm,
    account: int,
    row: Row[Any],
    factor: NewFactor,
    now_s: float,
) -> None:
    """Store a second factor that proved to work, within the caller's transaction."""
    if isinstance(factor, NewPasskey):
        store_passkey(connection, account, factor, realm.party, now_s)
    else:
        store_secret(connection, account, row.sealed_secret, factor, now_s)


def _proved(
    realm: Realm, row: Row[Any], proof: TotpCode | PasskeyAnswer | RecoveryCode, now_s: float
) -> NewFactor | None:
    if isinstance(proof, TotpCode):
        secret = realm.sealing_key.open(row.sealed_secret, row.handle)
        return step_of(secret, proof.code, now_s) if secret else None
    if isinstance(proof, PasskeyAnswer):
        try:
            return verify_creation(realm.party, row.challenge, proof.answer)
        except SignInRefusedError:
            return None
    return None


def _settle(connection: Connection, realm: Realm, link: Link, row: Row[Any], now_s: float) -> int:
    """Make the account of a link, or take its old credentials away, and return its id."""
    at = instant_text(now_s)
    if link.purpose is not Purpose.RECOVERY or link.account_id is None:
        person = (row.name, row.title, row.handle)
        account = create_account(connection, person, link.grants, now_s)
        actor = Actor(row.name, f"{link.purpose} link")
        append(connection, actor, at, "account.create", row.name, {"link": link.id})
        announce(connection, now_s, f"{row.name} ({row.title}) has an account now", account)
    else:
        account = link.account_id
        found = account_of(connection, account)
        if found.disabled_s is not None:
            raise SignInRefusedError("this account is disabled; ask an administrator")
        remove_credentials(connection, account)
        sign_out_everywhere(connection, account)
        actor = Actor(found.name, f"{link.purpose} link")
        append(connection, actor, at, "account.recover", found.name, {"link": link.id})
        announce(connection, now_s, f"{found.name} has a new password and second factor", account)
    connection.execute(
        insert(passwords).values(account_id=account, hash=row.password_hash, changed_s=now_s)
    )
    return account


def _handle(connection: Connection, account: int | None) -> bytes:
    if account is None:
        return new_handle()
    wanted = select(accounts.c.handle).where(accounts.c.id == account)
    return bytes(connection.execute(wanted).scalar_one())
