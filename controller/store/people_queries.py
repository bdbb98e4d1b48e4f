"""What is asked of the store of people's tables and written into them, and what is refused."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from controller.store.database import Database
from controller.store.people_records import Registered, registered, said
from controller.store.revoked_keys import refuse_withdrawn
from controller.store.site_keys import refuse_edges
from inventory.errors import AccessError
from inventory.model import DeviceName
from vpn.key_text import PublicKey
from vpn.model import Person, PersonDevice, PersonName

DEVICES: Final = (
    "SELECT d.number, d.person, d.name, d.revoked, k.public_key, k.since FROM devices d"
    " JOIN keys k ON k.device = d.number AND k.public_key = ("
    "   SELECT public_key FROM keys WHERE device = d.number"
    "   ORDER BY revoked IS NOT NULL, revoked DESC LIMIT 1)"
    " {where} ORDER BY d.number"
)


OWNER: Final = (
    "SELECT d.number, d.person, d.name, k.public_key, k.since, k.revoked FROM keys k"
    " JOIN devices d ON d.number = k.device WHERE k.public_key = ?"
)


def without(db: sqlite3.Connection, gateway: DeviceName) -> list[PublicKey]:
    """Return the keys in use that have no preshared key with a gateway."""
    rows = db.execute(
        "SELECT public_key FROM keys WHERE revoked IS NULL AND public_key NOT IN"
        " (SELECT public_key FROM preshared WHERE gateway = ?)",
        (gateway,),
    )
    return [row["public_key"] for row in rows]


def keep(db: sqlite3.Connection, boxes: Iterable[tuple[PublicKey, DeviceName, bytes]]) -> None:
    """Keep sealed preshared keys within a transaction."""
    db.executemany("INSERT INTO preshared (public_key, gateway, sealed) VALUES (?, ?, ?)", boxes)


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """A device's public key, and its sealed preshared keys by gateway."""

    public_key: PublicKey
    boxes: Mapping[DeviceName, bytes]


def pairs(keying: DeviceKeys) -> Iterator[tuple[PublicKey, DeviceName, bytes]]:
    """Return the rows of a device's preshared keys."""
    return ((keying.public_key, gateway, box) for gateway, box in keying.boxes.items())


def told(device: PersonDevice) -> dict[str, object]:
    """Return what the trail says of a device."""
    return {"device": device.name, "number": device.number, "public_key": device.public_key}


def refuse_known(db: sqlite3.Connection, key: PublicKey) -> None:
    """Raise AccessError when a key is or was anybody's, or an edge's."""
    if row := db.execute(OWNER, (key,)).fetchone():
        raise AccessError(taken(registered(row)))
    refuse_withdrawn(db, key)
    refuse_edges(db, key)


def taken(owner: Registered) -> str:
    """Return why a key that is or was somebody's is not taken."""
    whose = f"{owner.device.person}'s {owner.device.name}"
    if owner.revoked:
        return (
            f"this key of {whose} was revoked on {owner.revoked[:10]} and stays so; make a new "
            "pair on the device"
        )
    return f"this key is that of {whose}; every device has a pair of its own"


def taken_name(person: PersonName, device: str) -> str:
    """Return why a person gets no second device of the same name."""
    return (
        f"{person} has a device called {device!r}; name another one with --device, or give "
        f"this one another key with 'sanaga vpn person rotate {person}'"
    )


def overtaken(device: PersonDevice) -> AccessError:
    """Return what to say of a device that is no longer what somebody saw."""
    return AccessError(
        f"{device.person}'s {device.name} was changed by somebody else meanwhile; see "
        f"'sanaga vpn person show {device.person}'"
    )


def write_person(db: sqlite3.Connection, person: Person, *, added: str = "") -> None:
    """Write what is known of somebody within a transaction; added is when access began."""
    db.execute(
        "INSERT INTO people (name, title, role, site, licence, licence_until, until, added)"
        " VALUES (:name, :title, :role, :site, :licence, :licence_until, :until, :added)"
        " ON CONFLICT (name) DO UPDATE SET title = :title, role = :role, site = :site,"
        " licence = :licence, licence_until = :licence_until, until = :until, revoked = NULL,"
        " added = coalesce(nullif(:added, ''), added)",
        {**said(person), "name": person.name, "added": added},
    )


class UnfiledDevices:
    """Devices on record whose file was not yet written when they came there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, device: PersonDevice, file: str) -> None:
        """Note where the file of a device is to be; the device goes on record together with it."""
        with self._database.write() as db:
            db.execute("INSERT OR REPLACE INTO unfiled VALUES (?, ?)", (device.number, file))

    def clear(self, devices: Iterable[PersonDevice]) -> None:
        """Note that devices have their files."""
        numbers = [(device.number,) for device in devices]
        if numbers:
            with self._database.write() as db:
                db.executemany("DELETE FROM unfiled WHERE device = ?", numbers)

    def all(self) -> tuple[tuple[PersonDevice, str], ...]:
        """Return the devices in use of which no file is known, and where it is to be."""
        rows = self._database.read(
            DEVICES.format(
                where="WHERE d.revoked IS NULL AND d.number IN (SELECT device FROM unfiled)"
            )
        )
        files = {row["device"]: row["file"] for row in self._database.read("SELECT * FROM unfiled")}
        found = (registered(row).device for row in rows)
        return tuple((device, files[device.number]) for device in found)
