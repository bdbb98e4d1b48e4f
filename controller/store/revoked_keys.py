"""Keys that were withdrawn, numbered in the order in which that happened."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from controller.store.database import Database
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
        rows = self._database.read("SELECT * FROM revoked ORDER BY serial DESC LIMIT 1")
        return next(map(_withdrawn, rows), None)

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
            rows = db.execute("SELECT public_key FROM revoked ORDER BY serial").fetchall()
            have = dict.fromkeys(row["public_key"] for row in rows)
            lost = [key for key in known if key not in have]
            fresh = [key for key in have if key not in known] or [*have][-1:]
            for key in lost:
                withdraw(db, key, "")
            for serial, key in enumerate((*lost, *fresh), above + 1):
                db.execute("UPDATE revoked SET serial = ? WHERE public_key = ?", (serial, key))
            db.execute(
                "UPDATE sqlite_sequence SET seq = (SELECT max(serial) FROM revoked)"
                " WHERE name = 'revoked'"
            )

    def keys(self) -> tuple[PublicKey, ...]:
        """Return all keys of sites, and the latest of people's, oldest first."""
        rows = self._database.read(
            "SELECT serial, public_key FROM revoked WHERE site IS NOT NULL UNION"
            " SELECT serial, public_key FROM (SELECT * FROM revoked WHERE site IS NULL"
            " ORDER BY serial DESC LIMIT ?) ORDER BY serial",
            MOST_OF_PEOPLE,
        )
        return tuple(row["public_key"] for row in rows)

    def find(self, key: PublicKey) -> RevokedKey | None:
        """Return what is known of a key, if it was withdrawn."""
        rows = self._database.read("SELECT * FROM revoked WHERE public_key = ?", key)
        return next((_withdrawn(row) for row in rows), None)

    def sites(self) -> frozenset[DeviceName]:
        """Return the edges of which a key was withdrawn."""
        rows = self._database.read("SELECT DISTINCT site FROM revoked WHERE site IS NOT NULL")
        return frozenset(row["site"] for row in rows)

    def of_site(self, device: DeviceName) -> tuple[RevokedKey, ...]:
        """Return the keys of an edge that were withdrawn."""
        rows = self._database.read("SELECT * FROM revoked WHERE site = ? ORDER BY serial", device)
        return tuple(map(_withdrawn, rows))


def withdraw(
    db: sqlite3.Connection, key: PublicKey, at: str, site: DeviceName | None = None
) -> None:
    """Note within a transaction that a key opens nothing any more; once is enough."""
    db.execute(
        "INSERT OR IGNORE INTO revoked (public_key, at, site) VALUES (?, ?, ?)", (key, at, site)
    )


def _withdrawn(row: sqlite3.Row) -> RevokedKey:
    return RevokedKey(row["serial"], row["public_key"], row["at"], row["site"])


def refuse_withdrawn(db: sqlite3.Connection, key: PublicKey) -> None:
    """Raise AccessError when a key was withdrawn."""
    if row := db.execute("SELECT * FROM revoked WHERE public_key = ?", (key,)).fetchone():
        raise AccessError(refusal(_withdrawn(row)))


def refusal(found: RevokedKey) -> str:
    """Return why a key that was withdrawn is not taken."""
    whose = f" of {found.site}" if found.site else ""
    when = f" on {found.at[:10]}" if found.at else ""
    return f"this key{whose} was revoked{when} and stays so; make a new pair"
