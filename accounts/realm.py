"""What sign-in needs of its host: a database, roles, a name for passkeys, a sealing key, times."""

from dataclasses import dataclass

from sqlalchemy import Engine

from accounts.factors.passkeys import RelyingParty, check_relying_party
from accounts.factors.passwords import PasswordHashing
from accounts.factors.totp import SealingKey
from accounts.roles import RoleCatalogue
from accounts.schema import open_accounts
from database.engine import reading

_MINUTE_S = 60.0
_HOUR_S = 60 * _MINUTE_S
_DAY_S = 24 * _HOUR_S


@dataclass(frozen=True, slots=True)
class Times:
    """How long things last, in seconds."""

    session_idle_s: float = 2 * _HOUR_S
    session_s: float = 12 * _HOUR_S
    wall_idle_s: float = _DAY_S
    pending_s: float = 10 * _MINUTE_S
    set_up_s: float = 15 * _MINUTE_S
    browser_s: float = 180 * _DAY_S
    # A session that is used is noted at most this often.
    noted_every_s: float = _MINUTE_S


@dataclass(frozen=True, slots=True)
class Realm:
    """One service in which people sign in."""

    engine: Engine
    catalogue: RoleCatalogue
    party: RelyingParty
    sealing_key: SealingKey
    passwords: PasswordHashing
    times: Times = Times()


def open_realm(realm: Realm) -> Realm:
    """Bring the tables to their newest version and check that passkeys still work.

    Raises RelyingPartyError when they were made under another name.
    """
    open_accounts(realm.engine)
    with reading(realm.engine) as connection:
        check_relying_party(connection, realm.party)
    return realm
