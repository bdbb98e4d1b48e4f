"""What is asked of the store of people's tables and written into them, and what is refused."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, delete, func, insert, select

from controller.store.database import Database
from controller.store.people_records import Registered, registered, said
from controller.store.revoked_keys import refuse_withdrawn
from controller.store.schema import (
    device_keys,
    people,
    person_devices,
    preshared_keys,
    unfiled_devices,
)
from controller.store.site_keys import refuse_edges
from database.rows import execute_many, upsert
from inventory.errors import AccessError
from inventory.model import DeviceName
from vpn.key_text import PublicKey
from vpn.model import Person, PersonDevice, PersonName

_OTHERS: Final = device_keys.alias()
# The key that a device has, or had last.
_NEWEST: Final = (
    select(_OTHERS.c.public_key)
    .where(_OTHERS.c.device == person_devices.c.number)
    .order_by(_OTHERS.c.revoked.is_not(None), _OTHERS.c.revoked.desc())
    .limit(1)
    .correlate(person_devices)
    .scalar_subquery()
)
DEVICES: Final[Select[Any]] = (
    select(person_devices, device_keys.c.public_key, device_keys.c.since)
    .select_from(person_devices)
    .join(
        device_keys,
        (device_keys.c.device == person_devices.c.number) & (device_keys.c.public_key == _NEWEST),
    )
    .order_by(person_devices.c.number)
)


def owner_of(key: PublicKey) -> Select[Any]:
    """Return the query for the device that has or had a key, with when the key was revoked."""
    device, own = person_devices.c, device_keys.c
    wanted = select(
        device.number, device.person, device.name, own.public_key, own.since, own.revoked
    )
    joined = device_keys.join(person_devices, own.device == device.number)
    return wanted.select_from(joined).where(own.public_key == key)


def without(db: Connection, gateway: DeviceName) -> list[PublicKey]:
    """Return the keys in use that have no preshared key with a gateway."""
    theirs = select(preshared_keys.c.public_key).where(preshared_keys.c.gateway == gateway)
    wanted = select(device_keys.c.public_key).where(
        device_keys.c.revoked.is_(None), device_keys.c.public_key.not_in(theirs)
    )
    return list(db.execute(wanted.order_by(device_keys.c.public_key)).scalars())


def keep(db: Connection, boxes: Iterable[tuple[PublicKey, DeviceName, bytes]]) -> None:
    """Keep sealed preshared keys within a transaction."""
    rows = ({"public_key": key, "gateway": name, "sealed": box} for key, name, box in boxes)
    execute_many(db, insert(preshared_keys), rows)


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """A device's public key, and its sealed preshared keys by gateway."""

    public_key: PublicKey
    boxes: Mapping[DeviceName, bytes]


def pairs(keying: DeviceKeys) -> Iterator[tuple[PublicKey, DeviceName, bytes]]:
    """Return the rows of a device's preshared keys."""
    return ((keying.public_key, gateway, box) for gateway, box in keying.boxes.items())


def told(device: PersonDevice) -> dict[str, object]:
    """Return what the audit chain says of a device."""
    return {"device": device.name, "number": device.number, "public_key": device.public_key}


def refuse_known(db: Connection, key: PublicKey) -> None:
    """Raise AccessError when a key is or was anybody's, or an edge's."""
    if row := db.execute(owner_of(key)).first():
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


def write_person(db: Connection, person: Person, *, added: str = "") -> None:
    """Write what is known of somebody within a transaction; added is when access began."""
    made = upsert(db, people).values(name=person.name, added=added, **said(person))
    kept = func.coalesce(func.nullif(made.excluded.added, ""), people.c.added)
    changed = {**said(person), "revoked": None, "added": kept}
    db.execute(made.on_conflict_do_update(index_elements=[people.c.name], set_=changed))


class UnfiledDevices:
    """Devices on record whose file was not yet written when they came there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, device: PersonDevice, file: str) -> None:
        """Note where the file of a device is to be; the device goes on record together with it."""
        with self._database.write() as db:
            made = upsert(db, unfiled_devices).values(device=device.number, file=file)
            number = [unfiled_devices.c.device]
            db.execute(made.on_conflict_do_update(index_elements=number, set_={"file": file}))

    def clear(self, devices: Iterable[PersonDevice]) -> None:
        """Note that devices have their files."""
        numbers = [device.number for device in devices]
        if numbers:
            with self._database.write() as db:
                for number in numbers:
                    db.execute(delete(unfiled_devices).where(unfiled_devices.c.device == number))

    def all(self) -> tuple[tuple[PersonDevice, str], ...]:
        """Return the devices in use of which no file is known, and where it is to be."""
        files = {row.device: row.file for row in self._database.read(select(unfiled_devices))}
        unfiled = person_devices.c.number.in_(select(unfiled_devices.c.device))
        wanted = DEVICES.where(person_devices.c.revoked.is_(None), unfiled)
        found = (registered(row).device for row in self._database.read(wanted))
        return tuple((device, files[device.number]) for device in found if device.number in files)
