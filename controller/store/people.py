"""Who has access over the VPN, with which devices and keys, and how that came about.

Public keys and sealed preshared keys are kept, private keys never. A key that was revoked is
remembered for good, so that it cannot come back.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import Connection, delete, insert, select, update

from controller.clock import Clock, SystemClock
from controller.store import audit
from controller.store import people_queries as tables
from controller.store.audit import Actor, AuditEntry
from controller.store.database import Database
from controller.store.people_queries import DeviceKeys
from controller.store.people_records import (
    PersonRecord,
    Registered,
    entry_of,
    nobody,
    person_of,
    refuse_another,
    registered,
    said,
)
from controller.store.revoked_keys import Revoked, withdraw
from controller.store.roster_loads import RosterStatusStore
from controller.store.schema import (
    access_terms,
    device_keys,
    device_numbers,
    people,
    person_devices,
    preshared_keys,
)
from controller.store.site_keys import SiteKeys, edge_with
from database.rows import upsert
from inventory.errors import AccessError
from inventory.model import DeviceName
from vpn.key_text import PublicKey
from vpn.model import Person, PersonDevice, PersonName
from vpn.people import terms as people_terms
from vpn.people.terms import AccessTerms

Deliver: TypeAlias = Callable[[PersonDevice], None]


class People:
    """The store of people in a state folder; safe for use by several threads and processes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.loads = RosterStatusStore(database, clock)
        self.revoked = Revoked(database)
        self.site_keys = SiteKeys(database)
        self.unfiled = tables.UnfiledDevices(database)

    @classmethod
    def open(cls, folder: Path, *, clock: Clock | None = None) -> "People":
        """Open the store of a state folder and bring it to the current version.

        Raises AccessError when it is damaged, foreign, newer than this program or not ours to
        write.
        """
        return cls(Database.open(folder, AccessError), clock or SystemClock())

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def together(self) -> AbstractContextManager[object]:
        """Let what is done in a block be on the disk at its end, and not one by one.

        What fails within it is taken back alone.
        """
        return self._database.write()

    def terms(self) -> AccessTerms | None:
        """Return the terms that were accepted last; None before the first."""
        rows = self._database.read(select(access_terms.c.body))
        return _terms(rows[0].body) if rows else None

    def accept(
        self,
        terms: AccessTerms,
        act: Actor,
        sealed: Callable[[PublicKey, DeviceName], bytes],
    ) -> int:
        """Take other terms, and seal a preshared key for every device and gateway that has none.

        Returns how many keys that were.
        """
        text = json.dumps(people_terms.terms_plain(terms), ensure_ascii=False)
        with self._database.write() as db:
            made = upsert(db, access_terms).values(one=1, body=text)
            one = [access_terms.c.one]
            db.execute(made.on_conflict_do_update(index_elements=one, set_={"body": text}))
            fresh = [
                (key, gateway.device, sealed(key, gateway.device))
                for gateway in terms.gateways
                for key in tables.without(db, gateway.device)
            ]
            tables.keep(db, fresh)
            self.site_keys.remember({one.public_key: one.device for one in terms.gateways})
            names = [gateway.device for gateway in terms.gateways]
            self._trace(db, act, "terms.accept", terms.network, gateways=names)
        return len(fresh)

    def add(
        self, person: Person, device: str, keying: DeviceKeys, act: Actor, deliver: Deliver
    ) -> PersonDevice:
        """Give a person access with a device; a person who has access gets another device.

        deliver is called before anything is kept, and keeps it from being kept by raising. Raises
        AccessError when the person is known as somebody else, or the device or key is in use or
        was revoked.
        """
        with self._database.write() as db:
            wanted = PersonDevice(person.name, device, 0, keying.public_key)
            made = self._added(db, person, wanted, keying, act)
            deliver(made)
        return made

    def reserve(self) -> int:
        """Return the number of a device to come, which no other device ever gets."""
        with self._database.write() as db:
            number = self.numbered() + 1
            self._number_given(db, number)
        return number

    def refuse_known(self, key: PublicKey) -> None:
        """Raise AccessError when a key is or was anybody's, or an edge's."""
        with self._database.write() as db:
            tables.refuse_known(db, key)

    def numbered(self) -> int:
        """Return the highest number that any device was given."""
        rows = self._database.read(select(device_numbers.c.last))
        return int(rows[0].last) if rows else 0

    def _number_given(self, db: Connection, number: int) -> None:
        made = upsert(db, device_numbers).values(one=1, last=number)
        above = made.excluded.last > device_numbers.c.last
        db.execute(
            made.on_conflict_do_update(
                index_elements=[device_numbers.c.one], set_={"last": number}, where=above
            )
        )

    def enter(
        self,
        known: PersonRecord | None,
        person: Person,
        device: PersonDevice,
        keying: DeviceKeys,
        act: Actor,
    ) -> None:
        """Give a person access with a device whose number was reserved.

        known is who the person was when that began: whatever others did to their access since
        stands. Raises AccessError, and as add() does.
        """
        with self._database.write() as db:
            if _terms_of(self.find(person.name)) != _terms_of(known):
                raise tables.overtaken(device)
            self._added(db, person, device, keying, act)

    def _added(
        self,
        db: Connection,
        person: Person,
        wanted: PersonDevice,
        keying: DeviceKeys,
        act: Actor,
    ) -> PersonDevice:
        self._admit(db, person, act)
        made = self._register(db, wanted, act)
        tables.keep(db, tables.pairs(keying))
        return made

    def rotate(
        self, device: PersonDevice, keying: DeviceKeys, act: Actor, deliver: Deliver
    ) -> PersonDevice:
        """Let another key take the place of a device's. Raises as add() does."""
        made = replace(device, public_key=keying.public_key)
        with self._database.write() as db:
            in_use = select(device_keys.c.device).where(
                device_keys.c.public_key == device.public_key, device_keys.c.revoked.is_(None)
            )
            if db.execute(in_use).first() is None:
                raise tables.overtaken(device)
            tables.refuse_known(db, made.public_key)
            # A key that is an edge's as well goes on being the edge's.
            self._retire(db, device, spare_edges=True)
            self.unfiled.clear([device])
            self._keyed(db, made)
            tables.keep(db, tables.pairs(keying))
            told = {**tables.told(made), "instead_of": device.public_key}
            self._trace(db, act, "device.rotate", device.person, **told)
            deliver(made)
        return made

    def revoke(
        self, name: PersonName, devices: Iterable[PersonDevice], act: Actor, *, keep: bool = False
    ) -> None:
        """Withdraw devices; a person who is left without any has no access any more.

        With keep, such a person goes on being known, and may get another device.
        """
        with self._database.write() as db:
            for device in devices:
                own = person_devices.c
                in_use = (own.number == device.number) & own.revoked.is_(None)
                done = update(person_devices).where(in_use).values(revoked=self._now())
                if not db.execute(done).rowcount:
                    raise tables.overtaken(device)
                self._retire(db, device)
                self._trace(db, act, "device.revoke", name, **tables.told(device))
            if not keep and not self._has_device(db, name):
                gone = update(people).where(people.c.name == name)
                db.execute(gone.values(revoked=self._now()))
                self._trace(db, act, "person.revoke", name)

    def _has_device(self, db: Connection, name: PersonName, device: str | None = None) -> bool:
        """Return whether a person has a device in use, of some name if one is given."""
        own = person_devices.c
        wanted = select(own.number).where(own.person == name, own.revoked.is_(None))
        if device is not None:
            wanted = wanted.where(own.name == device)
        return db.execute(wanted).first() is not None

    def change(self, person: Person, act: Actor) -> None:
        """Let somebody be of another role, site, licence or last day.

        Raises AccessError when they have no access.
        """
        with self._database.write() as db:
            entry = self.entry(person.name)
            if entry.revoked:
                raise AccessError(
                    f"{person.name} has no access any more; give it again with "
                    f"'sanaga vpn person add {person.name}'"
                )
            before = entry.person
            tables.write_person(db, person)
            details = {
                field: value
                for field, value in said(person).items()
                if value != said(before)[field]
            }
            self._trace(db, act, "person.change", person.name, **details)

    def exported(self, device: PersonDevice, act: Actor) -> None:
        """Note that somebody took out a device's file, which holds its preshared key."""
        with self._database.write() as db:
            self._trace(db, act, "device.export", device.person, **tables.told(device))

    def told(self, gateway: DeviceName, devices: int, act: Actor) -> None:
        """Note that somebody took out what a gateway is told, which holds preshared keys."""
        self.noted("gateway.export", gateway, act, devices=devices)

    def revoke_site(self, device: DeviceName, keys: Iterable[PublicKey], act: Actor) -> None:
        """Withdraw keys of an edge for good."""
        with self._database.write() as db:
            for key in keys:
                withdraw(db, key, self._now(), device)
            self._trace(db, act, "site.revoke", device, keys=list(keys))

    def noted(self, what: str, subject: str, act: Actor, **details: object) -> None:
        """Note what was done to something else than people, such as a site's keys."""
        with self._database.write() as db:
            self._trace(db, act, what, subject, **details)

    def entries(self) -> tuple[PersonRecord, ...]:
        """Return everybody who ever had access, by name."""
        everybody = self._database.read(select(people).order_by(people.c.name))
        devices: dict[PersonName, list[Registered]] = {}
        for row in self._database.read(tables.DEVICES):
            devices.setdefault(row.person, []).append(registered(row))
        return tuple(entry_of(row, devices.get(row.name, ())) for row in everybody)

    def entry(self, name: PersonName) -> PersonRecord:
        """Return somebody by name. Raises AccessError when there is nobody of that name."""
        if (found := self.find(name)) is None:
            names = self._database.read(select(people.c.name))
            raise nobody(name, [row.name for row in names])
        return found

    def find(self, name: PersonName) -> PersonRecord | None:
        """Return somebody by name, if there is or was anybody."""
        rows = self._database.read(select(people).where(people.c.name == name))
        devices = self._database.read(tables.DEVICES.where(person_devices.c.person == name))
        return entry_of(rows[0], map(registered, devices)) if rows else None

    def owner(self, key: PublicKey) -> Registered | None:
        """Return whose key a key is or was, with when it was revoked."""
        rows = self._database.read(tables.owner_of(key))
        return registered(rows[0]) if rows else None

    def numbered_device(self, number: int) -> Registered | None:
        """Return the device that has or had a number."""
        rows = self._database.read(tables.DEVICES.where(person_devices.c.number == number))
        return registered(rows[0]) if rows else None

    def box(self, key: PublicKey, gateway: DeviceName) -> bytes | None:
        """Return the sealed preshared key of a device's key and a gateway, if there is one."""
        own = preshared_keys.c
        wanted = select(own.sealed).where(own.public_key == key, own.gateway == gateway)
        rows = self._database.read(wanted)
        return rows[0].sealed if rows else None

    def boxes(self, gateway: DeviceName) -> Mapping[PublicKey, bytes]:
        """Return the sealed preshared keys of a gateway by the keys of devices."""
        rows = self._database.read(
            select(preshared_keys).where(preshared_keys.c.gateway == gateway)
        )
        return {row.public_key: row.sealed for row in rows}

    def last(self) -> int:
        """Return the number of the audit chain's last entry about access, 0 when there is none."""
        (row,) = self._database.read(audit.newest())
        return int(row.number)

    def trail(self, subject: str = "") -> tuple[AuditEntry, ...]:
        """Return the audit chain, oldest first; of one subject, if one is named."""
        return audit.read(self._database.read(audit.entries(subject)))

    def _admit(self, db: Connection, person: Person, act: Actor) -> None:
        row = db.execute(select(people).where(people.c.name == person.name)).first()
        if row is not None and row.revoked is None:
            refuse_another(person_of(row), person)
            return
        tables.write_person(db, person, added=self._now())
        what = "person.return" if row else "person.add"
        self._trace(db, act, what, person.name, **said(person))

    def _register(self, db: Connection, wanted: PersonDevice, act: Actor) -> PersonDevice:
        """Return a device that is new, with the number that it gets unless it has one."""
        tables.refuse_known(db, wanted.public_key)
        person, name = wanted.person, wanted.name
        if self._has_device(db, person, name):
            raise AccessError(tables.taken_name(person, name))
        made = replace(wanted, number=wanted.number or self.numbered() + 1)
        self._number_given(db, made.number)
        db.execute(insert(person_devices).values(number=made.number, person=person, name=name))
        self._keyed(db, made)
        self._trace(db, act, "device.add", person, **tables.told(made))
        return made

    def _keyed(self, db: Connection, device: PersonDevice) -> None:
        row = {"public_key": device.public_key, "device": device.number, "since": self._now()}
        db.execute(insert(device_keys).values(row))

    def _retire(self, db: Connection, device: PersonDevice, *, spare_edges: bool = False) -> None:
        """Revoke a device's key, and forget the preshared keys that went with it."""
        own = device_keys.c
        in_use = (own.device == device.number) & own.revoked.is_(None)
        keys = list(db.execute(select(own.public_key).where(in_use)).scalars())
        db.execute(update(device_keys).where(in_use).values(revoked=self._now()))
        for key in keys:
            db.execute(delete(preshared_keys).where(preshared_keys.c.public_key == key))
            edge = edge_with(db, key)
            if not (edge and spare_edges):
                withdraw(db, key, self._now(), edge)

    def _trace(
        self, db: Connection, act: Actor, what: str, subject: str, **details: object
    ) -> None:
        audit.add(db, act, self._now(), what, subject, **details)

    def _now(self) -> str:
        return self._clock.instant().isoformat(timespec="seconds")


@lru_cache(maxsize=1)
def _terms(body: str) -> AccessTerms:
    return people_terms.read_terms(json.loads(body))


def _terms_of(entry: PersonRecord | None) -> tuple[Person, bool] | None:
    """Return who somebody is and whether they have access, whatever their devices."""
    return (entry.person, entry.revoked is not None) if entry else None
