"""Announcements: what administrators, and whom it concerns, are told of changes to accounts."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from accounts.audit import storable
from accounts.schema import announcements


@dataclass(frozen=True, slots=True)
class Announcement:
    """A sentence for every administrator, and for the account that it concerns."""

    id: int
    at_s: float
    account_id: int | None
    text: str


def announce(connection: Connection, now_s: float, text: str, account: int | None = None) -> None:
    """Add an announcement within the caller's transaction."""
    connection.execute(
        insert(announcements).values(at_s=now_s, account_id=account, text=storable(text))
    )


def announcements_after(
    connection: Connection, last: int, *, account: int | None = None, everything: bool = False
) -> tuple[Announcement, ...]:
    """Return the announcements behind an id: those of an account, or all for administrators."""
    wanted = select(announcements).where(announcements.c.id > last).order_by(announcements.c.id)
    if not everything:
        wanted = wanted.where(announcements.c.account_id == account)
    return tuple(Announcement(*row) for row in connection.execute(wanted))
