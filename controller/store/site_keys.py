"""Keys that edges and gateways have or had, so that nobody's device ever gets one of them."""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Final

from controller.store.database import Database
from inventory.errors import AccessError
from inventory.model import DeviceName
from vpn.key_text import PublicKey

_MIXED_UP: Final = (
    "SELECT s.device AS edge, d.person, d.name FROM site_keys s"
    " JOIN keys k ON k.public_key = s.public_key AND k.revoked IS NULL"
    " JOIN devices d ON d.number = k.device"
)


class SiteKeys:
    """The record of a state folder; it learns of keys as they are accepted, applied or pinned."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remember(self, keys: Mapping[PublicKey, DeviceName]) -> None:
        """Note whose keys are; it does no harm to say so again.

        Raises AccessError when a device of a person has one of them, which is noted all the same.
        """
        known = self.all()
        fresh = [(key, name) for key, name in keys.items() if known.get(key) != name]
        if fresh:
            with self._database.write() as db:
                db.executemany("INSERT OR REPLACE INTO site_keys VALUES (?, ?)", fresh)
        if against := self.mixed_up(keys.values()):
            raise AccessError("\n".join(against))

    def all(self) -> Mapping[PublicKey, DeviceName]:
        """Return whose every known key is."""
        rows = self._database.read("SELECT public_key, device FROM site_keys")
        return {row["public_key"]: row["device"] for row in rows}

    def owner(self, key: PublicKey) -> DeviceName | None:
        """Return which edge has or had a key, if one is known to."""
        rows = self._database.read("SELECT device FROM site_keys WHERE public_key = ?", key)
        return rows[0]["device"] if rows else None

    def mixed_up(self, names: Iterable[DeviceName]) -> tuple[str, ...]:
        """Return, for some edges, which devices in use have a key of theirs, and what to do."""
        wanted = frozenset(names)
        return tuple(
            f"{row['edge']}: its key is also that of {row['person']}'s {row['name']}; give that "
            f"device another with 'sanaga vpn person rotate {row['person']}', which leaves "
            f"{row['edge']} alone"
            for row in self._database.read(_MIXED_UP)
            if row["edge"] in wanted
        )


def edge_with(db: sqlite3.Connection, key: PublicKey) -> DeviceName | None:
    """Return which edge has or had a key, within a transaction."""
    row = db.execute("SELECT device FROM site_keys WHERE public_key = ?", (key,)).fetchone()
    return row["device"] if row else None


def refuse_edges(db: sqlite3.Connection, key: PublicKey) -> None:
    """Raise AccessError when a key is that of an edge."""
    if name := edge_with(db, key):
        raise AccessError(of_edge(name))


def of_edge(name: DeviceName) -> str:
    """Return why a key of an edge is not taken."""
    return f"this key is that of the edge {name}; every device has a pair of its own"
