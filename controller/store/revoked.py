"""Keys that were withdrawn, numbered in the order in which that happened."""

import sqlite3
from dataclasses import dataclass
from typing import Final

from controller.store.database import Database
from inventory.model import DeviceName
from vpn.keys import PublicKey

# What a list for edges may have of people; they remember those of earlier lists.
MOST_OF_PEOPLE: Final = 15_000


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A key that opens nothing any more; site is the edge whose key it was, None for people's."""

    serial: int
    public_key: PublicKey
    at: str
    site: DeviceName | None


class Revoked:
    """The record of a state folder."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def serial(self) -> int:
        """Return the number of the key that was withdrawn last, 0 before the first."""
        (row,) = self._database.read("SELECT max(serial) AS last FROM revoked")
        return int(row["last"] or 0)

    def keys(self) -> tuple[PublicKey, ...]:
        """Return all keys of sites, and the latest of people's, oldest first."""
        rows = self._database.read(
            "SELECT serial, public_key FROM revoked WHERE site IS NOT NULL UNION"
            " SELECT serial, public_key FROM (SELECT * FROM revoked WHERE site IS NULL"
            " ORDER BY serial DESC LIMIT ?) ORDER BY serial",
            MOST_OF_PEOPLE,
        )
        return tuple(row["public_key"] for row in rows)

    def find(self, key: PublicKey) -> Withdrawn | None:
        """Return what is known of a key, if it was withdrawn."""
        rows = self._database.read("SELECT * FROM revoked WHERE public_key = ?", key)
        return next((_withdrawn(row) for row in rows), None)

    def sites(self) -> frozenset[DeviceName]:
        """Return the edges of which a key was withdrawn."""
        rows = self._database.read("SELECT DISTINCT site FROM revoked WHERE site IS NOT NULL")
        return frozenset(row["site"] for row in rows)

    def of_site(self, device: DeviceName) -> tuple[Withdrawn, ...]:
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


def _withdrawn(row: sqlite3.Row) -> Withdrawn:
    return Withdrawn(row["serial"], row["public_key"], row["at"], row["site"])
