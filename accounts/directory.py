"""Accounts and their grants: who exists, who may change whom, and the last administrator."""

import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, exists, insert, select, update

from accounts.audit import append, instant_text
from accounts.audit_table import Lock, hold
from accounts.errors import (
    LastAdministratorError,
    NotAllowedError,
    NotThereError,
    SecondPersonError,
    TakenError,
    UnfitError,
)
from accounts.roles import (
    EVERYWHERE,
    Account,
    Grant,
    Principal,
    RoleCatalogue,
    allows,
    exceeds,
    require_step_up,
)
from accounts.schema import (
    accounts,
    browsers,
    grants,
    machine_tokens,
    passkeys,
    passwords,
    pending,
    sessions,
    totp,
    wall_codes,
)

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._@-]{0,61}[a-z0-9])?", re.ASCII)
_LONGEST_TITLE: Final = 80
_LONGEST_TYPED: Final = 200
_HANDLE_OCTETS: Final = 32
_UNKNOWN: Final = "not found, or your roles do not cover it"


def account_name(typed: str) -> str:
    """Return the one form of a name that is typed; empty if it cannot be a name."""
    name = unicodedata.normalize("NFKC", typed[:_LONGEST_TYPED]).strip().casefold()
    return name if _NAME.fullmatch(name) else ""


def check_person(name: str, title: str) -> None:
    """Raise NotAllowedError if an account cannot have this name or title."""
    if not _NAME.fullmatch(name):
        raise UnfitError(
            "a name is lower-case letters, digits, '.', '_', '@' and '-', at most 63, such as "
            "a.ngono"
        )
    if not title.strip() or len(title) > _LONGEST_TITLE or not title.isprintable():
        raise UnfitError(f"a title is one line of at most {_LONGEST_TITLE} characters")


def find_account(connection: Connection, name: str) -> Account | None:
    """Return the account of a name, disabled or not."""
    wanted = _account_columns().where(accounts.c.name == account_name(name))
    row = connection.execute(wanted).one_or_none()
    return _account(row) if row else None


def account_of(connection: Connection, number: int) -> Account:
    """Return the account of an id that exists."""
    return _account(connection.execute(_account_columns().where(accounts.c.id == number)).one())


def list_accounts(
    connection: Connection, by: Principal, catalogue: RoleCatalogue
) -> tuple[tuple[Account, tuple[Grant, ...]], ...]:
    """Return the accounts that somebody may manage, by name; others are not even counted."""
    found = [
        (account, grants_of(connection, account.id))
        for account in map(_account, connection.execute(_account_columns().order_by("name")))
    ]
    return tuple(one for one in found if manages(by, one[1], catalogue))


def grants_of(connection: Connection, account: int) -> tuple[Grant, ...]:
    """Return the grants of an account, sorted."""
    wanted = select(grants.c.role, grants.c.scope).where(grants.c.account_id == account)
    return tuple(sorted(Grant(row.role, row.scope) for row in connection.execute(wanted)))


def manages(by: Principal, held: Iterable[Grant], catalogue: RoleCatalogue) -> bool:
    """Return whether somebody may manage an account that has these grants.

    Nobody manages, or hands on, a right that they lack themselves.
    """
    found = tuple(held)
    right = catalogue.manage_accounts
    if not found:
        return any(right in power.rights for power in by.powers)
    covered = all(allows(by, right, grant.scope) for grant in found)
    return covered and not exceeds(catalogue.powers(found), by)


def require_managed(
    connection: Connection, by: Principal, name: str, catalogue: RoleCatalogue
) -> Account:
    """Return an account that somebody may manage. Raises NotAllowedError as if there were none."""
    account = find_account(connection, name)
    if account is None or not manages(by, grants_of(connection, account.id), catalogue):
        raise NotThereError(_UNKNOWN)
    return account


def create_account(
    connection: Connection,
    person: tuple[str, str, bytes],
    given: Iterable[Grant],
    now_s: float,
) -> int:
    """Add the account of a name, a title and a handle, and return its id.

    Raises NotAllowedError when the name is taken or cannot be one.
    """
    name, title, handle = person
    check_person(name, title)
    if find_account(connection, name):
        raise TakenError(f"there is an account {name!r} already; choose another name")
    values = {"name": name, "title": title, "handle": handle, "created_s": now_s}
    made = connection.execute(insert(accounts).values(values).returning(accounts.c.id))
    number = int(made.scalar_one())
    _store_grants(connection, number, given)
    return number


def new_handle() -> bytes:
    """Return what passkeys call an account."""
    return secrets.token_bytes(_HANDLE_OCTETS)


def set_grants(  # noqa: PLR0913 - who changes whom to what, when and why
    connection: Connection,
    by: Principal,
    name: str,
    wanted: Iterable[Grant],
    *,
    catalogue: RoleCatalogue,
    now_s: float,
    because: str,
) -> None:
    """Give an account these grants in the place of all that it has.

    Raises NotAllowedError, StepUpNeededError, LastAdministratorError, and SecondPersonError when
    an administrator would lose that role by another's decision alone.
    """
    require_step_up(by, now_s)
    hold(connection, Lock.ADMINISTRATORS)
    account = require_managed(connection, by, name, catalogue)
    before, after = grants_of(connection, account.id), catalogue.checked(wanted)
    if after and not manages(by, after, catalogue):
        raise NotAllowedError("nobody gives a role or a scope that they lack themselves")
    lost = {grant for grant in before if grant.role == catalogue.administrator} - set(after)
    if lost and account.id != by.account.id:
        raise SecondPersonError(
            f"{account.name} is an administrator; propose this, so that another administrator "
            "agrees or a day passes"
        )
    replace_grants(connection, account, after, catalogue)
    details = {"before": _words(before), "after": _words(after)}
    append(connection, by.actor(because), instant_text(now_s), "account.grants", name, details)


def replace_grants(
    connection: Connection, account: Account, after: Iterable[Grant], catalogue: RoleCatalogue
) -> None:
    """Replace grants within the caller's transaction, which holds Lock.ADMINISTRATORS.

    Raises LastAdministratorError.
    """
    with keeping_administrator(connection, catalogue):
        connection.execute(delete(grants).where(grants.c.account_id == account.id))
        _store_grants(connection, account.id, after)


def set_enabled(  # noqa: PLR0913 - who changes whom, when and why
    connection: Connection,
    by: Principal,
    name: str,
    *,
    enabled: bool,
    catalogue: RoleCatalogue,
    now_s: float,
    because: str,
) -> None:
    """Enable or disable an account; a disabled one is signed out everywhere at once.

    Raises what set_grants raises.
    """
    require_step_up(by, now_s)
    hold(connection, Lock.ADMINISTRATORS)
    account = require_managed(connection, by, name, catalogue)
    peer = is_administrator(connection, account, catalogue) and account.id != by.account.id
    if not enabled and peer:
        raise SecondPersonError(
            f"{account.name} is an administrator; propose this, so that another administrator "
            "agrees or a day passes"
        )
    switch(connection, account, enabled=enabled, catalogue=catalogue, now_s=now_s)
    what = "account.enable" if enabled else "account.disable"
    append(connection, by.actor(because), instant_text(now_s), what, account.name)


def switch(
    connection: Connection,
    account: Account,
    *,
    enabled: bool,
    catalogue: RoleCatalogue,
    now_s: float,
) -> None:
    """Enable or disable within the caller's transaction, which holds Lock.ADMINISTRATORS.

    Raises LastAdministratorError.
    """
    with keeping_administrator(connection, catalogue):
        mine = update(accounts).where(accounts.c.id == account.id)
        connection.execute(mine.values(disabled_s=None if enabled else now_s))
    if not enabled:
        sign_out_everywhere(connection, account.id)
        connection.execute(delete(machine_tokens).where(machine_tokens.c.account_id == account.id))


def sign_out_everywhere(connection: Connection, account: int, *, but: str | None = None) -> None:
    """End every session, half-made sign-in and known browser of an account; but is a session."""
    kept = (sessions.c.account_id == account) & (sessions.c.id != (but or ""))
    connection.execute(delete(sessions).where(kept))
    connection.execute(delete(pending).where(pending.c.account_id == account))
    connection.execute(delete(browsers).where(browsers.c.account_id == account))
    connection.execute(delete(wall_codes).where(wall_codes.c.account_id == account))


def is_administrator(connection: Connection, account: Account, catalogue: RoleCatalogue) -> bool:
    """Return whether an account holds the administrator's role, in any scope."""
    return any(grant.role == catalogue.administrator for grant in grants_of(connection, account.id))


def working_administrators(connection: Connection, catalogue: RoleCatalogue) -> tuple[Account, ...]:
    """Return who can sign in now and administer everything: enabled, with both factors."""
    secure = exists().where(totp.c.account_id == accounts.c.id) | exists().where(
        passkeys.c.account_id == accounts.c.id
    )
    wanted = (
        _account_columns()
        .join(grants, grants.c.account_id == accounts.c.id)
        .where(grants.c.role == str(catalogue.administrator), grants.c.scope == EVERYWHERE)
        .where(accounts.c.disabled_s.is_(None), secure)
        .where(exists().where(passwords.c.account_id == accounts.c.id))
    )
    return tuple(map(_account, connection.execute(wanted.order_by(accounts.c.name))))


@contextmanager
def keeping_administrator(connection: Connection, catalogue: RoleCatalogue) -> Iterator[None]:
    """Raise LastAdministratorError if the block leaves nobody who can administer.

    The caller holds Lock.ADMINISTRATORS, and its transaction is taken back.
    """
    before = working_administrators(connection, catalogue)
    yield
    if before and not working_administrators(connection, catalogue):
        raise LastAdministratorError


def _store_grants(connection: Connection, account: int, given: Iterable[Grant]) -> None:
    rows = [
        {"account_id": account, "role": str(grant.role), "scope": grant.scope} for grant in given
    ]
    if rows:
        connection.execute(insert(grants), rows)


def _account_columns() -> Any:
    return select(accounts.c.id, accounts.c.name, accounts.c.title, accounts.c.disabled_s)


def _account(row: Row[Any]) -> Account:
    return Account(row.id, row.name, row.title, row.disabled_s)


def _words(given: Iterable[Grant]) -> list[str]:
    return [f"{grant.role} of {grant.scope or 'everything'}" for grant in given]
