"""One-time links: for the first administrator, for invited people, and to begin again."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, insert, select, update

from accounts.announcements import announce
from accounts.audit import Actor, append, instant_text
from accounts.audit_table import Lock, hold
from accounts.directory import (
    check_person,
    find_account,
    manages,
    working_administrators,
)
from accounts.errors import NotAllowedError, SignInRefusedError, TakenError
from accounts.opaque_tokens import OpaqueToken, TokenKind, new_id, new_token, stored_hash
from accounts.roles import (
    EVERYWHERE,
    Account,
    Grant,
    Principal,
    RoleCatalogue,
    require_step_up,
)
from accounts.schema import links

_DAY_S: Final = 24 * 3600.0
_REFUSED: Final = "this link does not work (any more); ask for another one"


class Purpose(StrEnum):
    """What a link is for, which says how long it lasts too."""

    FIRST_ADMINISTRATOR = "first administrator"
    INVITATION = "invitation"
    RECOVERY = "recovery"


LASTS_S: Final = {
    Purpose.FIRST_ADMINISTRATOR: _DAY_S,
    Purpose.INVITATION: 3 * _DAY_S,
    Purpose.RECOVERY: _DAY_S,
}


@dataclass(frozen=True, slots=True)
class Link:
    """A link that works: for whom, and what the account gets."""

    id: str
    purpose: Purpose
    account_id: int | None
    name: str
    title: str
    grants: tuple[Grant, ...]


def first_administrator_link(
    connection: Connection, catalogue: RoleCatalogue, actor: Actor, now_s: float
) -> OpaqueToken:
    """Make the link for the first administrator, in the place of an earlier one.

    Raises NotAllowedError as soon as there is an administrator.
    """
    hold(connection, Lock.ADMINISTRATORS)
    if working_administrators(connection, catalogue):
        raise NotAllowedError(
            "there is an administrator already, who invites others; for one who cannot sign in "
            "any more: 'sanaga account recover NAME'"
        )
    given = (Grant(catalogue.administrator, EVERYWHERE),)
    void_links(connection, Purpose.FIRST_ADMINISTRATOR, None, now_s)
    made = Link(new_id(), Purpose.FIRST_ADMINISTRATOR, None, "", "", given)
    return _store(connection, made, actor, now_s)


def invite(  # noqa: PLR0913 - who invites whom, as what, when and why
    connection: Connection,
    by: Principal,
    person: tuple[str, str],
    given: Iterable[Grant],
    *,
    catalogue: RoleCatalogue,
    now_s: float,
    because: str,
) -> OpaqueToken:
    """Make a link with which a person (a name and a title) makes an account with these grants.

    Raises NotAllowedError and StepUpNeededError.
    """
    require_step_up(by, now_s)
    name, title = person
    check_person(name, title)
    found = catalogue.checked(given)
    if not found or not manages(by, found, catalogue):
        raise NotAllowedError("nobody gives a role or a scope that they lack themselves")
    if find_account(connection, name):
        raise TakenError(f"there is an account {name!r} already; choose another name")
    made = Link(new_id(), Purpose.INVITATION, None, name, title, found)
    return _store(connection, made, by.actor(because), now_s)


def recovery_link(
    connection: Connection, account: Account, actor: Actor, now_s: float
) -> OpaqueToken:
    """Make a link with which somebody sets another password and second factor; all are told.

    Until it is used, the account stays as it is.
    """
    void_links(connection, Purpose.RECOVERY, account.id, now_s)
    text = f"{actor.who} made a link that sets a new password and second factor of {account.name}"
    announce(connection, now_s, text, account.id)
    made = Link(new_id(), Purpose.RECOVERY, account.id, account.name, account.title, ())
    return _store(connection, made, actor, now_s)


def recover_on_machine(
    connection: Connection, name: str, actor: Actor, now_s: float
) -> OpaqueToken:
    """Make a recovery link at the machine itself, for an account that exists and is enabled.

    Raises NotAllowedError.
    """
    account = find_account(connection, name)
    if account is None:
        raise NotAllowedError(f"there is no account {name!r}")
    if account.disabled_s is not None:
        raise NotAllowedError(f"{name!r} is disabled; an administrator can enable it again")
    return recovery_link(connection, account, actor, now_s)


def working_link(connection: Connection, catalogue: RoleCatalogue, text: str, now_s: float) -> Link:
    """Return a link that is neither used, expired nor void. Raises SignInRefusedError."""
    made = stored_hash(TokenKind.LINK, text)
    wanted = select(links).where(links.c.token_hash == made)
    row = connection.execute(wanted).one_or_none() if made else None
    if row is None:
        raise SignInRefusedError(_REFUSED)
    return link_of(connection, catalogue, row.id, now_s)


def link_of(connection: Connection, catalogue: RoleCatalogue, number: str, now_s: float) -> Link:
    """Return the link of an id if it works. Raises SignInRefusedError."""
    row = connection.execute(select(links).where(links.c.id == number)).one()
    purpose = Purpose(row.purpose)
    first = purpose is Purpose.FIRST_ADMINISTRATOR
    late = row.used_s is not None or now_s >= row.expires_s
    if late or (first and working_administrators(connection, catalogue)):
        raise SignInRefusedError(_REFUSED)
    given = tuple(Grant(role, scope) for role, scope in json.loads(row.grants))
    return Link(row.id, purpose, row.account_id, row.name, row.title, given)


def use_link(connection: Connection, number: str, now_s: float) -> None:
    """Use a link up within the caller's transaction; of two at once, one succeeds.

    Raises SignInRefusedError.
    """
    once = update(links).where(links.c.id == number, links.c.used_s.is_(None))
    if connection.execute(once.values(used_s=now_s)).rowcount != 1:
        raise SignInRefusedError(_REFUSED)


def void_links(connection: Connection, purpose: Purpose, account: int | None, now_s: float) -> None:
    """Make the unused links of a purpose, and of an account, useless."""
    mine = (links.c.purpose == purpose.value) & links.c.used_s.is_(None)
    mine &= links.c.account_id.is_(None) if account is None else links.c.account_id == account
    connection.execute(update(links).where(mine).values(expires_s=now_s))


def _store(connection: Connection, made: Link, actor: Actor, now_s: float) -> OpaqueToken:
    token = new_token(TokenKind.LINK)
    row: dict[str, object] = {"id": made.id, "token_hash": token.hash}
    row |= {"purpose": made.purpose.value}
    row |= {"account_id": made.account_id, "name": made.name, "title": made.title}
    row |= {"grants": json.dumps([[str(one.role), one.scope] for one in made.grants])}
    row |= {"made_by": actor.who, "created_s": now_s}
    connection.execute(insert(links).values(**row, expires_s=now_s + LASTS_S[made.purpose]))
    details = {"purpose": made.purpose.value, "grants": json.loads(str(row["grants"]))}
    subject = made.name or made.purpose.value
    append(connection, actor, instant_text(now_s), "link.make", subject, details)
    return token
