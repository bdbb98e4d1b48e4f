"""Keys that edges and gateways have or had, so that nobody's device ever gets one of them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Select, select

from controller.store.database import Database
from controller.store.schema import device_keys, person_devices, site_keys
from database.rows import upsert
from inventory.errors import AccessError
from inventory.model import DeviceName
from vpn.key_text import PublicKey

_MIXED_UP: Final = (
    select(site_keys.c.device.label("edge"), person_devices.c.person, person_devices.c.name)
    .select_from(site_keys)
    .join(device_keys, device_keys.c.public_key == site_keys.c.public_key)
    .join(person_devices, person_devices.c.number == device_keys.c.device)
    .where(device_keys.c.revoked.is_(None))
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
                for key, name in fresh:
                    made = upsert(db, site_keys).values(public_key=key, device=name)
                    key_of = [site_keys.c.public_key]
                    db.execute(
                        made.on_conflict_do_update(index_elements=key_of, set_={"device": name})
                    )
        if against := self.mixed_up(keys.values()):
            raise AccessError("\n".join(against))

    def all(self) -> Mapping[PublicKey, DeviceName]:
        """Return whose every known key is."""
        rows = self._database.read(select(site_keys))
        return {row.public_key: row.device for row in rows}

    def owner(self, key: PublicKey) -> DeviceName | None:
        """Return which edge has or had a key, if one is known to."""
        rows = self._database.read(_owner(key))
        return rows[0].device if rows else None

    def mixed_up(self, names: Iterable[DeviceName]) -> tuple[str, ...]:
        """Return, for some edges, which devices in use have a key of theirs, and what to do."""
        wanted = frozenset(names)
        return tuple(
            f"{row.edge}: its key is also that of {row.person}'s {row.name}; give that device "
            f"another with 'sanaga vpn person rotate {row.person}', which leaves {row.edge} alone"
            for row in self._database.read(_MIXED_UP)
            if row.edge in wanted
        )


def _owner(key: PublicKey) -> Select[Any]:
    return select(site_keys.c.device).where(site_keys.c.public_key == key)


def edge_with(db: Connection, key: PublicKey) -> DeviceName | None:
    """Return which edge has or had a key, within a transaction."""
    name: str | None = db.execute(_owner(key)).scalar()
    return name


def refuse_edges(db: Connection, key: PublicKey) -> None:
    """Raise AccessError when a key is that of an edge."""
    if name := edge_with(db, key):
        raise AccessError(of_edge(name))


def of_edge(name: DeviceName) -> str:
    """Return why a key of an edge is not taken."""
    return f"this key is that of the edge {name}; every device has a pair of its own"
