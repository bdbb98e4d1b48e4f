"""Sessions of people and of wall screens; each use checks account, grants and time."""

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from accounts.audit import append, instant_text
from accounts.directory import account_of, grants_of
from accounts.factors.throttle import Visitor
from accounts.opaque_tokens import OpaqueToken, TokenKind, new_id, new_token, stored_hash
from accounts.realm import Realm, Times
from accounts.roles import Origin, Power, Principal, RoleCatalogue, narrowed
from accounts.schema import sessions
from accounts.signing_in.owned import Owned, may_end
from database.engine import reading

_LONGEST_AGENT: Final = 200
_OWNED: Final = Owned(sessions, "session")


class SessionKind(StrEnum):
    """Whose session it is."""

    PERSON = "person"
    WALL = "wall"


@dataclass(frozen=True, slots=True)
class Session:
    """A session as people list it; times are seconds since 1970."""

    id: str
    account: str
    kind: SessionKind
    view: str
    scope: str
    address: str
    agent: str
    created_s: float
    seen_s: float


def open_session(
    connection: Connection, realm: Realm, account: int, visitor: Visitor, now_s: float
) -> tuple[OpaqueToken, str]:
    """Open a person's session within the caller's transaction; return its token and id."""
    values = {"account_id": account, "kind": SessionKind.PERSON.value, "scope": "", "view": ""}
    values |= {"address": visitor.address, "expires_s": now_s + realm.times.session_s}
    return _store(connection, {**values, "agent": visitor.agent}, now_s)


def open_wall(connection: Connection, row: Row[Any], visitor: Visitor, now_s: float) -> OpaqueToken:
    """Open the session of a wall whose code was typed, within the caller's transaction.

    It lasts while the screen asks at least once a day and the account that wanted it is enabled.
    """
    values = {"id": row.id, "account_id": row.account_id, "kind": SessionKind.WALL.value}
    values |= {"scope": row.scope, "view": row.view, "title": row.title, "expires_s": None}
    values |= {"address": visitor.address, "agent": visitor.agent}
    return _store(connection, values, now_s)[0]


def identify_session(realm: Realm, text: str, now_s: float) -> Principal | None:
    """Return who a session's token stands for; None if it is not, or no longer, a session's."""
    made = stored_hash(TokenKind.SESSION, text)
    if made is None:
        return None
    wanted = select(sessions).where(sessions.c.token_hash == made)
    with reading(realm.engine) as connection:
        row = connection.execute(wanted).one_or_none()
        if row is None or not _alive(row, realm.times, now_s):
            return None
        found = _principal(connection, row, realm.catalogue)
    if found and now_s - row.seen_s >= realm.times.noted_every_s:
        # A full disk signs nobody out.
        with suppress(DBAPIError):
            note_use(realm, row.id, now_s)
    return found


def note_use(realm: Realm, number: str, now_s: float) -> None:
    """Note that a session is in use, so that it does not end for idleness."""
    later = update(sessions).where(sessions.c.id == number, sessions.c.seen_s < now_s)
    with realm.engine.begin() as connection:
        connection.execute(later.values(seen_s=now_s))


def list_sessions(
    connection: Connection, by: Principal, realm: Realm, now_s: float, name: str | None = None
) -> tuple[Session, ...]:
    """Return the open sessions of an account, one's own unless it is named; the newest first.

    For another's that one may not manage the list is empty, as if there were no such account.
    """
    found = _OWNED.rows(connection, by, name)
    rows = [row for row in found if _alive(row, realm.times, now_s)]
    if rows and not may_end(connection, by, rows[0].account_id, realm.catalogue):
        return ()
    return tuple(map(_session, rows))


def end_session(realm: Realm, by: Principal, number: str, *, now_s: float, because: str) -> None:
    """End a session, one's own or one of an account that one may manage.

    Raises NotAllowedError when there is none, or none that the caller may end.
    """
    with realm.engine.begin() as connection:
        owner = _OWNED.end(connection, by, number, realm.catalogue)
        name = account_of(connection, owner).name
        append(connection, by.actor(because), instant_text(now_s), "session.end", name)


def sign_out(realm: Realm, text: str) -> None:
    """End the session of a token, if it is one."""
    if made := stored_hash(TokenKind.SESSION, text):
        with realm.engine.begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.token_hash == made))


def renew_token(
    connection: Connection, number: str, now_s: float, *, stepped_up: bool
) -> OpaqueToken | None:
    """Give a session another token within the caller's transaction; the old one opens nothing.

    None if the session has ended meanwhile.
    """
    token = new_token(TokenKind.SESSION)
    values: dict[str, object] = {"token_hash": token.hash, "seen_s": now_s}
    if stepped_up:
        values["stepped_up_s"] = now_s
    changed = update(sessions).where(sessions.c.id == number).values(values)
    return token if connection.execute(changed).rowcount == 1 else None


def remove_ended(connection: Connection, times: Times, now_s: float) -> None:
    """Remove sessions that ended by themselves."""
    kinds = (
        (SessionKind.PERSON, times.session_idle_s),
        (SessionKind.WALL, times.wall_idle_s),
    )
    for kind, idle_s in kinds:
        mine = sessions.c.kind == kind.value
        connection.execute(delete(sessions).where(mine, sessions.c.seen_s < now_s - idle_s))
    connection.execute(delete(sessions).where(sessions.c.expires_s <= now_s))


def _store(connection: Connection, values: dict[str, Any], now_s: float) -> tuple[OpaqueToken, str]:
    token, number = new_token(TokenKind.SESSION), values.get("id") or new_id()
    for name in ("agent", "address"):
        values[name] = "".join(filter(str.isprintable, values[name]))[:_LONGEST_AGENT]
    values |= {"id": number, "token_hash": token.hash, "created_s": now_s, "seen_s": now_s}
    connection.execute(insert(sessions).values(values))
    return token, number


def _alive(row: Row[Any], times: Times, now_s: float) -> bool:
    idle_s = times.wall_idle_s if row.kind == SessionKind.WALL else times.session_idle_s
    # After a clock was set back, a session of its future would idle for ever.
    idle = abs(now_s - row.seen_s) >= idle_s
    return not idle and (row.expires_s is None or now_s < row.expires_s)


def _principal(connection: Connection, row: Row[Any], catalogue: RoleCatalogue) -> Principal | None:
    account = account_of(connection, row.account_id)
    if account.disabled_s is not None:
        return None
    held = grants_of(connection, account.id)
    powers = catalogue.powers(held)
    if row.kind == SessionKind.PERSON:
        return Principal(account, held, powers, Origin.SESSION, row.id, row.stepped_up_s)
    right, _, view = row.view.partition(" ")
    seen = narrowed([Power(frozenset({right}), row.scope)], powers)
    return Principal(account, (), seen, Origin.WALL, row.id, view=view)


def _session(row: Row[Any]) -> Session:
    view = row.view.partition(" ")[2]
    kept = (row.address, row.agent, row.created_s, row.seen_s)
    return Session(row.id, row.account, SessionKind(row.kind), view, row.scope, *kept)
