"""What people change of their own account: password, second factors, recovery codes."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from accounts.announcements import announce
from accounts.audit import append, instant_text, storable
from accounts.audit_table import Lock, hold
from accounts.directory import keeping_administrator, sign_out_everywhere
from accounts.errors import NotThereError, SignInRefusedError, TakenError
from accounts.factors.passwords import check_password
from accounts.factors.recovery_codes import codes_left, new_codes
from accounts.realm import Realm
from accounts.roles import Principal, require_step_up
from accounts.schema import accounts, passkeys, passwords, totp
from accounts.signing_in.second_factors import Factor, PasskeyAnswer, TotpCode, factors_of
from accounts.signing_in.set_up import (
    NewFactor,
    SetUp,
    store_factor,
    store_set_up,
    with_new_factor,
)
from database.engine import reading


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey as its owner lists it; times are seconds since 1970."""

    id: str
    title: str
    created_s: float
    used_s: float | None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an account can sign in with beside its password."""

    app: bool
    passkeys: tuple[Passkey, ...]
    recovery_codes_left: int


def credentials_of(connection: Connection, account: int) -> Credentials:
    """Return the second factors of an account."""
    columns = (passkeys.c.credential_id, passkeys.c.title, passkeys.c.created_s, passkeys.c.used_s)
    wanted: Any = select(*columns).where(passkeys.c.account_id == account)
    found = connection.execute(wanted.order_by(passkeys.c.created_s))
    return Credentials(
        app=Factor.TOTP in factors_of(connection, account),
        passkeys=tuple(Passkey(*row) for row in found),
        recovery_codes_left=codes_left(connection, account),
    )


def change_password(realm: Realm, by: Principal, old: str, new: str, now_s: float) -> None:
    """Set another password; every other session of the account ends.

    Raises StepUpNeededError, SignInRefusedError for the old one, PasswordError for the new one.
    """
    require_step_up(by, now_s)
    check_password(new, by.account.name, by.account.title)
    mine = passwords.c.account_id == by.account.id
    with reading(realm.engine) as connection:
        stored = connection.execute(select(passwords.c.hash).where(mine)).scalar_one_or_none()
    if not realm.passwords.verify(stored, old).right:
        raise SignInRefusedError("the old password is wrong")
    made = realm.passwords.hash(new)
    with realm.engine.begin() as connection:
        # Of two at once, one succeeds.
        guarded = update(passwords).where(mine, passwords.c.hash == stored)
        if connection.execute(guarded.values(hash=made, changed_s=now_s)).rowcount != 1:
            raise SignInRefusedError("the password was changed elsewhere just now")
        _note(connection, by, "account.password", now_s)


def begin_factor(realm: Realm, by: Principal, now_s: float) -> SetUp:
    """Return what an app, in the place of any other, or a further passkey needs.

    Raises StepUpNeededError.
    """
    require_step_up(by, now_s)
    account = by.account
    wanted = select(accounts.c.handle).where(accounts.c.id == account.id)
    with reading(realm.engine) as connection:
        handle = connection.execute(wanted).scalar_one()
    row = {"link_id": None, "account_id": account.id, "name": account.name, "handle": handle}
    return store_set_up(realm, {**row, "title": account.title, "password_hash": None}, now_s)


def finish_factor(
    realm: Realm, by: Principal, text: str, proof: TotpCode | PasskeyAnswer, now_s: float
) -> None:
    """Store a second factor that proved to work. Raises SignInRefusedError."""

    def finish(connection: Connection, row: Row[Any], factor: NewFactor) -> None:
        if row.link_id is not None or row.account_id != by.account.id:
            raise SignInRefusedError("this set-up is over; begin it again")
        store_factor(connection, realm, by.account.id, row, factor, now_s)
        _note(connection, by, "account.factor-add", now_s)

    with_new_factor(realm, text, proof, now_s, finish)


def remove_factor(
    realm: Realm, by: Principal, kind: Factor, now_s: float, passkey: str = ""
) -> None:
    """Remove the app, or a passkey by its id, as long as another second factor is left.

    Raises StepUpNeededError and NotAllowedError.
    """
    require_step_up(by, now_s)
    account = by.account.id
    table, mine = (
        (totp, totp.c.account_id == account)
        if kind is Factor.TOTP
        else (
            passkeys,
            (passkeys.c.account_id == account) & (passkeys.c.credential_id == storable(passkey)),
        )
    )
    with realm.engine.begin() as connection:
        hold(connection, Lock.ADMINISTRATORS)
        with keeping_administrator(connection, realm.catalogue):
            if connection.execute(delete(table).where(mine)).rowcount != 1:
                raise NotThereError("the account has no such second factor")
            if not factors_of(connection, account):
                raise TakenError("this is the only second factor; set up another one first")
        _note(connection, by, "account.factor-remove", now_s)


def renew_recovery_codes(realm: Realm, by: Principal, now_s: float) -> tuple[str, ...]:
    """Make recovery codes in the place of all earlier ones. Raises StepUpNeededError."""
    require_step_up(by, now_s)
    with realm.engine.begin() as connection:
        append(
            connection,
            by.actor("own account"),
            instant_text(now_s),
            "account.recovery-codes",
            by.account.name,
        )
        return new_codes(connection, by.account.id)


def _note(connection: Connection, by: Principal, what: str, now_s: float) -> None:
    """Record a change of credentials, tell of it, and end every other session."""
    account = by.account
    sign_out_everywhere(connection, account.id, but=by.credential)
    append(connection, by.actor("own account"), instant_text(now_s), what, account.name)
    text = f"{account.name} changed a password or second factor ({what.partition('.')[2]})"
    announce(connection, now_s, text, account.id)
