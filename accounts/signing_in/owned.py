"""What an account owns, such as its sessions and tokens: who may list it, and who may end it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, select

from accounts.directory import account_name, grants_of, manages
from accounts.errors import NotThereError
from accounts.opaque_tokens import known_id
from accounts.roles import Origin, Principal, RoleCatalogue
from accounts.schema import accounts


@dataclass(frozen=True, slots=True)
class Owned:
    """A kind of things that accounts own: its table, and what a person calls one."""

    table: Table
    noun: str

    def rows(self, connection: Connection, by: Principal, name: str | None) -> Sequence[Row[Any]]:
        """Return those of an account, the caller's own unless it is named; the newest first."""
        wanted = (
            select(self.table, accounts.c.name.label("account"))
            .join(accounts, accounts.c.id == self.table.c.account_id)
            .where(accounts.c.name == (by.account.name if name is None else account_name(name)))
            .order_by(self.table.c.created_s.desc())
        )
        return connection.execute(wanted).all()

    def end(
        self, connection: Connection, by: Principal, number: str, catalogue: RoleCatalogue
    ) -> int:
        """Delete one by its id and return whose it was.

        Raises NotThereError when there is none, or none that the caller may end.
        """
        wanted = select(self.table.c.account_id).where(self.table.c.id == known_id(number))
        owner: int | None = connection.execute(wanted).scalar_one_or_none()
        if owner is None or not may_end(connection, by, owner, catalogue):
            what = f"there is no such {self.noun}, or your roles do not cover it"
            raise NotThereError(what)
        connection.execute(delete(self.table).where(self.table.c.id == number))
        return owner


def may_end(connection: Connection, by: Principal, owner: int, catalogue: RoleCatalogue) -> bool:
    """Return whether somebody may see and end what an account owns."""
    if by.origin is Origin.WALL:
        return False
    own = owner == by.account.id and by.origin is Origin.SESSION
    return own or manages(by, grants_of(connection, owner), catalogue)
