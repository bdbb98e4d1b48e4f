"""Keys that were withdrawn, numbered in the order in which that happened."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, insert, select, union_all, update

from controller.store.database import Database
from controller.store.schema import revoked_keys
from database.rows import AnyRow, next_number
from inventory.errors import AccessError
from inventory.model import DeviceName
from vpn.key_text import PublicKey

# What a list for edges may have of people; they remember those of earlier lists.
MOST_OF_PEOPLE: Final = 15_000


@dataclass(frozen=True, slots=True)
class RevokedKey:
    """A key that opens nothing any more; site is the edge whose key it was, None for people's."""

    serial: int
    public_key: PublicKey
    at: str
    site: DeviceName | None


class Revoked:
    """The record of a state folder."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self) -> RevokedKey | None:
        """Return the key that was withdrawn last, if any was."""
        newest = select(revoked_keys).order_by(revoked_keys.c.serial.desc()).limit(1)
        return next(map(_withdrawn, self._database.read(newest)), None)

    def serial(self) -> int:
        """Return the number of the key that was withdrawn last, 0 before the first."""
        newest = self.newest()
        return newest.serial if newest else 0

    def renumber(self, above: int, listed: Iterable[PublicKey]) -> None:
        """Give what a list lacks, or this record does, numbers above a serial.

        That is needed after the record was put back from a backup.
        """
        known = dict.fromkeys(listed)
        with self._database.write() as db:
            column = revoked_keys.c
            rows = db.execute(select(column.public_key).order_by(column.serial)).all()
            have = dict.fromkeys(row.public_key for row in rows)
            lost = [key for key in known if key not in have]
            fresh = [key for key in have if key not in known] or [*have][-1:]
            for key in lost:
                withdraw(db, key, "")
            # Above those that were just added, too, so that no two have one number meanwhile.
            first = max(above + 1, next_number(db, column.serial))
            for serial, key in enumerate((*lost, *fresh), first):
                moved = update(revoked_keys).where(column.public_key == key)
                db.execute(moved.values(serial=serial))

    def keys(self) -> tuple[PublicKey, ...]:
        """Return all keys of sites, and the latest of people's, oldest first."""
        column = revoked_keys.c
        wanted = select(column.serial, column.public_key)
        of_people = wanted.where(column.site.is_(None)).order_by(column.serial.desc())
        latest = of_people.limit(MOST_OF_PEOPLE).subquery()
        both = union_all(wanted.where(column.site.is_not(None)), select(latest)).subquery()
        rows = self._database.read(select(both).order_by(both.c.serial))
        return tuple(row.public_key for row in rows)

    def find(self, key: PublicKey) -> RevokedKey | None:
        """Return what is known of a key, if it was withdrawn."""
        rows = self._database.read(select(revoked_keys).where(revoked_keys.c.public_key == key))
        return next((_withdrawn(row) for row in rows), None)

    def sites(self) -> frozenset[DeviceName]:
        """Return the edges of which a key was withdrawn."""
        site = revoked_keys.c.site
        rows = self._database.read(select(site).where(site.is_not(None)).distinct())
        return frozenset(row.site for row in rows)

    def of_site(self, device: DeviceName) -> tuple[RevokedKey, ...]:
        """Return the keys of an edge that were withdrawn."""
        wanted = select(revoked_keys).where(revoked_keys.c.site == device)
        return tuple(map(_withdrawn, self._database.read(wanted.order_by(revoked_keys.c.serial))))


def withdraw(db: Connection, key: PublicKey, at: str, site: DeviceName | None = None) -> None:
    """Note within a transaction that a key opens nothing any more; once is enough."""
    known = select(revoked_keys.c.serial).where(revoked_keys.c.public_key == key)
    if db.execute(known).first() is None:
        serial = next_number(db, revoked_keys.c.serial)
        db.execute(insert(revoked_keys).values(serial=serial, public_key=key, at=at, site=site))


def _withdrawn(row: AnyRow) -> RevokedKey:
    return RevokedKey(row.serial, row.public_key, row.at, row.site)


def refuse_withdrawn(db: Connection, key: PublicKey) -> None:
    """Raise AccessError when a key was withdrawn."""
    known = select(revoked_keys).where(revoked_keys.c.public_key == key)
    if row := db.execute(known).first():
        raise AccessError(refusal(_withdrawn(row)))


def refusal(found: RevokedKey) -> str:
    """Return why a key that was withdrawn is not taken."""
    whose = f" of {found.site}" if found.site else ""
    when = f" on {found.at[:10]}" if found.at else ""
    return f"this key{whose} was revoked{when} and stays so; make a new pair"
