"""Walls: screens that show one view of one scope, paired by a code that is typed there once.

A code is short, works once and for minutes. What it opens is a session that sees and changes
nothing beyond its view and scope.
"""

import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select

from accounts.audit import Actor, append, instant_text
from accounts.directory import account_of
from accounts.errors import SignInRefusedError, UnfitError, WaitError
from accounts.factors.throttle import Visitor, forgive, take_attempt, wall_counters
from accounts.opaque_tokens import OpaqueToken, known_id, new_id
from accounts.realm import Realm
from accounts.roles import Principal, check_scope, require, require_step_up
from accounts.schema import accounts, sessions, wall_codes
from accounts.signing_in.owned import Owned, may_end
from accounts.signing_in.sessions import SessionKind, open_wall

LASTS_S: Final = 600.0
# Without letters and digits that look alike from afar.
_LETTERS: Final = "ABCDEFGHJKLMNPQRTUVWXY346789"
_LENGTH: Final = 8
_LONGEST_TITLE: Final = 80
_REFUSED: Final = "this code does not work (any more); make another one, and type it within minutes"
_OWNED: Final = (Owned(wall_codes, "wall"), Owned(sessions, "wall"))


@dataclass(frozen=True, slots=True)
class WallWish:
    """What a wall is to be called and to show: a view, a scope, the right to look, a language."""

    title: str
    view: str
    scope: str
    right: str
    language: str


@dataclass(frozen=True, slots=True)
class WallCode:
    """A code to type at the screen; expires_s is in seconds since 1970."""

    id: str
    text: str = field(repr=False)
    expires_s: float


@dataclass(frozen=True, slots=True)
class PairedWall:
    """What a screen gets for its code."""

    token: OpaqueToken
    language: str


@dataclass(frozen=True, slots=True)
class Wall:
    """A wall as people list it; one whose code waits was never seen. Times: seconds since 1970."""

    id: str
    account: str
    title: str
    view: str
    scope: str
    address: str
    made_s: float
    seen_s: float | None
    code_until_s: float | None


def make_wall_code(
    realm: Realm, by: Principal, wish: WallWish, *, now_s: float, because: str
) -> WallCode:
    """Make the code that pairs a screen with a view.

    Raises NotThereError for a scope that the caller lacks, UnfitError and StepUpNeededError.
    """
    require_step_up(by, now_s)
    check_scope(wish.scope)
    require(by, wish.right, wish.scope)
    if not wish.title.strip() or len(wish.title) > _LONGEST_TITLE or not wish.title.isprintable():
        raise UnfitError(f"a wall has a name: one line of at most {_LONGEST_TITLE} characters")
    made = WallCode(new_id(), _new_code(), now_s + LASTS_S)
    row = {"id": made.id, "code_hash": _hash(made.text), "account_id": by.account.id}
    row |= {"title": wish.title, "view": f"{wish.right} {wish.view}", "scope": wish.scope}
    row |= {"language": wish.language, "created_s": now_s, "expires_s": made.expires_s}
    with realm.engine.begin() as connection:
        connection.execute(delete(wall_codes).where(wall_codes.c.expires_s <= now_s))
        connection.execute(insert(wall_codes).values(**row))
        details = {"title": wish.title, "view": wish.view, "scope": wish.scope}
        at = instant_text(now_s)
        append(connection, by.actor(because), at, "wall.make", f"wall {made.id}", details)
    return made


def pair_wall(realm: Realm, typed: str, visitor: Visitor, now_s: float) -> PairedWall:
    """Take the code that was typed at a screen, and open its session.

    Raises SignInRefusedError and WaitError.
    """
    counters = wall_counters(visitor)
    with realm.engine.begin() as connection:
        wait_s = take_attempt(connection, counters, now_s)
    if wait_s > 0:
        raise WaitError(wait_s)
    with realm.engine.begin() as connection:
        row = _use_code(connection, typed, now_s)
        forgive(connection, counters)
        token = open_wall(connection, row, visitor, now_s)
        actor = Actor(f"{account_of(connection, row.account_id).name} by wall {row.id}", "pairing")
        details = {"title": row.title, "address": visitor.address}
        at = instant_text(now_s)
        append(connection, actor, at, "wall.pair", f"wall {row.id}", details)
    return PairedWall(token, row.language)


def list_walls(
    connection: Connection, by: Principal, realm: Realm, now_s: float
) -> tuple[Wall, ...]:
    """Return one's own walls and those of accounts that one manages, the newest first."""
    found = [*_paired(connection, realm, now_s), *_waiting(connection, now_s)]
    seen: dict[int, bool] = {}
    for row, _ in found:
        owner = row.account_id
        seen[owner] = seen.get(owner) or may_end(connection, by, owner, realm.catalogue)
    mine = [wall for row, wall in found if seen[row.account_id]]
    return tuple(sorted(mine, key=lambda one: (-one.made_s, one.id)))


def end_wall(realm: Realm, by: Principal, number: str, *, now_s: float, because: str) -> None:
    """End a wall, or take back its code: one's own, or of an account that one may manage.

    Raises NotThereError.
    """
    with realm.engine.begin() as connection:
        waiting = connection.execute(
            select(wall_codes.c.id).where(wall_codes.c.id == known_id(number))
        ).first()
        owned = _OWNED[0] if waiting else _OWNED[1]
        owned.end(connection, by, number, realm.catalogue)
        append(connection, by.actor(because), instant_text(now_s), "wall.end", f"wall {number}")


def _use_code(connection: Connection, typed: str, now_s: float) -> Row[Any]:
    """Return what a code stands for, and use it up; of two at once, one succeeds."""
    mine = wall_codes.c.code_hash == _hash(typed)
    row = connection.execute(select(wall_codes).where(mine)).one_or_none()
    if row is None or connection.execute(delete(wall_codes).where(mine)).rowcount != 1:
        raise SignInRefusedError(_REFUSED)
    if now_s >= row.expires_s or account_of(connection, row.account_id).disabled_s is not None:
        raise SignInRefusedError(_REFUSED)
    return row


def _paired(connection: Connection, realm: Realm, now_s: float) -> list[tuple[Row[Any], Wall]]:
    wanted = _with_owner(sessions).where(
        sessions.c.kind == SessionKind.WALL.value,
        sessions.c.seen_s > now_s - realm.times.wall_idle_s,
    )
    return [
        (row, Wall(*_common(row), row.address, row.created_s, row.seen_s, None))
        for row in connection.execute(wanted)
    ]


def _waiting(connection: Connection, now_s: float) -> list[tuple[Row[Any], Wall]]:
    wanted = _with_owner(wall_codes).where(wall_codes.c.expires_s > now_s)
    return [
        (row, Wall(*_common(row), "", row.created_s, None, row.expires_s))
        for row in connection.execute(wanted)
    ]


def _with_owner(table: Any) -> Any:
    wanted = select(table, accounts.c.name.label("account"))
    return wanted.join(accounts, accounts.c.id == table.c.account_id)


def _common(row: Row[Any]) -> tuple[str, str, str, str, str]:
    return row.id, row.account, row.title or "", row.view.partition(" ")[2], row.scope


def _new_code() -> str:
    found = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    return f"{found[:4]}-{found[4:]}"


def _hash(code: str) -> str:
    # Typed at a screen: case, spaces and dashes do not matter.
    typed = "".join(one for one in code.upper() if one.isalnum())
    return sha256(f"wall:{typed}".encode()).hexdigest()
