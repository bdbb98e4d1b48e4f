"""Second factors of an account: which it has, and whether one was given."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from sqlalchemy import Connection, delete, select

from accounts.errors import SignInRefusedError
from accounts.factors.passkeys import passkeys_of, use_passkey
from accounts.factors.recovery_codes import use_recovery_code
from accounts.factors.totp import use_code
from accounts.realm import Realm
from accounts.schema import accounts, passkeys, passwords, recovery_codes, totp


class Factor(StrEnum):
    """A kind of second factor."""

    TOTP = "totp"
    PASSKEY = "passkey"
    RECOVERY_CODE = "recovery code"


@dataclass(frozen=True, slots=True)
class TotpCode:
    """A code of an authenticator app."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PasskeyAnswer:
    """What a browser answers, as JSON."""

    answer: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RecoveryCode:
    """A code from the list that was shown at set-up."""

    code: str = field(repr=False)


Proof: TypeAlias = TotpCode | PasskeyAnswer | RecoveryCode


def prove(  # noqa: PLR0913 - a proof, whose and what for
    connection: Connection, realm: Realm, account: int, proof: Proof, *, purpose: str, now_s: float
) -> Factor:
    """Use a second factor up within the caller's transaction, and return its kind.

    Raises SignInRefusedError; the caller has counted the attempt in a transaction before.
    """
    match proof:
        case TotpCode(code):
            owner = (account, _handle(connection, account))
            kind = Factor.TOTP
            right = use_code(connection, realm.sealing_key, owner, code, now_s)
        case PasskeyAnswer(answer):
            kind = Factor.PASSKEY
            right = use_passkey(connection, realm.party, (account, purpose), answer, now_s)
        case RecoveryCode(code):
            kind = Factor.RECOVERY_CODE
            right = use_recovery_code(connection, account, code)
    if not right:
        raise SignInRefusedError("the second factor was not accepted; a code works only once")
    return kind


def factors_of(connection: Connection, account: int) -> frozenset[Factor]:
    """Return which second factors an account can give, recovery codes aside."""
    app = connection.execute(select(totp.c.account_id).where(totp.c.account_id == account)).first()
    found = {Factor.TOTP} if app else set()
    return frozenset(found | ({Factor.PASSKEY} if passkeys_of(connection, account) else set()))


def remove_credentials(connection: Connection, account: int) -> None:
    """Remove the password and every second factor of an account."""
    for table in (passwords, totp, passkeys, recovery_codes):
        connection.execute(delete(table).where(table.c.account_id == account))


def _handle(connection: Connection, account: int) -> bytes:
    wanted = select(accounts.c.handle).where(accounts.c.id == account)
    return bytes(connection.execute(wanted).scalar_one())
