"""Tokens of programs: some of the maker's rights, for a limited time, shown once."""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import DBAPIError

from accounts.audit import append, instant_text
from accounts.directory import account_of, grants_of
from accounts.errors import NotAllowedError, UnfitError
from accounts.opaque_tokens import OpaqueToken, TokenKind, new_id, new_token, stored_hash
from accounts.realm import Realm
from accounts.roles import (
    Grant,
    Origin,
    Power,
    Principal,
    RoleCatalogue,
    exceeds,
    narrowed,
    require_step_up,
)
from accounts.schema import machine_tokens
from accounts.signing_in.owned import Owned, may_end
from database.engine import reading

LONGEST_S: Final = 366 * 24 * 3600.0
_NOTED_EVERY_S: Final = 60.0
_LONGEST_TITLE: Final = 80
_OWNED: Final = Owned(machine_tokens, "token")


@dataclass(frozen=True, slots=True)
class TokenWish:
    """What a token is to be good for; without rights, for all that its grants give."""

    title: str
    grants: tuple[Grant, ...]
    lasts_s: float
    rights: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class MachineToken:
    """A token as people list it; times are seconds since 1970."""

    id: str
    account: str
    title: str
    grants: tuple[Grant, ...]
    rights: frozenset[str] | None
    created_s: float
    expires_s: float
    used_s: float | None


def make_token(
    realm: Realm, by: Principal, wish: TokenWish, *, now_s: float, because: str
) -> tuple[OpaqueToken, str]:
    """Make a token; return it, which is seen this once, and its id.

    Raises NotAllowedError when it would hold what the maker lacks, and StepUpNeededError.
    """
    require_step_up(by, now_s)
    given = _checked(wish, by, realm.catalogue)
    token, number = new_token(TokenKind.MACHINE), new_id()
    row = {"id": number, "token_hash": token.hash, "account_id": by.account.id}
    row |= {"title": wish.title, "grants": _packed(given), "created_s": now_s}
    row |= {"rights": None if wish.rights is None else json.dumps(sorted(wish.rights))}
    with realm.engine.begin() as connection:
        connection.execute(insert(machine_tokens).values(**row, expires_s=now_s + wish.lasts_s))
        details = {"grants": [[grant.role, grant.scope] for grant in given], "title": wish.title}
        at = instant_text(now_s)
        append(connection, by.actor(because), at, "token.make", f"token {number}", details)
    return token, number


def identify_token(realm: Realm, text: str, now_s: float) -> Principal | None:
    """Return who a token stands for, with no more than its maker still has; None if for nobody."""
    made = stored_hash(TokenKind.MACHINE, text)
    if made is None:
        return None
    wanted = select(machine_tokens).where(machine_tokens.c.token_hash == made)
    with reading(realm.engine) as connection:
        row = connection.execute(wanted).one_or_none()
        if row is None or now_s >= row.expires_s:
            return None
        found = _principal(connection, row, realm.catalogue)
    if found and (row.used_s is None or now_s - row.used_s >= _NOTED_EVERY_S):
        mine = update(machine_tokens).where(machine_tokens.c.id == row.id)
        # A full disk shuts nobody out.
        with suppress(DBAPIError), realm.engine.begin() as connection:
            connection.execute(mine.values(used_s=now_s))
    return found


def list_tokens(
    connection: Connection, by: Principal, catalogue: RoleCatalogue, name: str | None = None
) -> tuple[MachineToken, ...]:
    """Return the tokens of an account, one's own unless it is named, the newest first."""
    rows = _OWNED.rows(connection, by, name)
    if rows and not may_end(connection, by, rows[0].account_id, catalogue):
        return ()
    return tuple(map(_listed, rows))


def revoke_token(realm: Realm, by: Principal, number: str, *, now_s: float, because: str) -> None:
    """Revoke a token, one's own or one of an account that one may manage.

    Raises NotAllowedError when there is none, or none that the caller may revoke.
    """
    with realm.engine.begin() as connection:
        _OWNED.end(connection, by, number, realm.catalogue)
        at = instant_text(now_s)
        append(connection, by.actor(because), at, "token.revoke", f"token {number}")


def _checked(wish: TokenWish, by: Principal, catalogue: RoleCatalogue) -> tuple[Grant, ...]:
    given = catalogue.checked(wish.grants)
    if not given:
        raise UnfitError("a token needs at least one role")
    if not 0 < wish.lasts_s <= LONGEST_S:
        raise UnfitError("a token lasts at most 366 days")
    if not wish.title.strip() or len(wish.title) > _LONGEST_TITLE or not wish.title.isprintable():
        raise UnfitError(f"a token's title is one line of at most {_LONGEST_TITLE} characters")
    if exceeds(_powers(given, wish.rights, catalogue), by):
        raise NotAllowedError("a token cannot hold a right or a scope that its maker lacks")
    return given


def _powers(
    given: Iterable[Grant], rights: frozenset[str] | None, catalogue: RoleCatalogue
) -> tuple[Power, ...]:
    powers = catalogue.powers(given)
    if rights is None:
        return powers
    return tuple(Power(power.rights & rights, power.scope) for power in powers)


def _principal(connection: Connection, row: Row[Any], catalogue: RoleCatalogue) -> Principal | None:
    account = account_of(connection, row.account_id)
    if account.disabled_s is not None:
        return None
    given = _unpacked(row.grants)
    owned = catalogue.powers(grants_of(connection, account.id))
    powers = narrowed(_powers(given, _rights(row), catalogue), owned)
    return Principal(account, given, powers, Origin.TOKEN, row.id)


def _listed(row: Row[Any]) -> MachineToken:
    times = (row.created_s, row.expires_s, row.used_s)
    return MachineToken(row.id, row.account, row.title, _unpacked(row.grants), _rights(row), *times)


def _rights(row: Row[Any]) -> frozenset[str] | None:
    return None if row.rights is None else frozenset(json.loads(row.rights))


def _packed(given: Iterable[Grant]) -> str:
    return json.dumps([[grant.role, grant.scope] for grant in given])


def _unpacked(text: str) -> tuple[Grant, ...]:
    return tuple(Grant(role, scope) for role, scope in json.loads(text))
