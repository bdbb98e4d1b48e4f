"""Who has access over the VPN, with which devices and keys, and how that came about.

Public keys and sealed preshared keys are kept, private keys never. A key that was revoked is
remembered for good, so that it cannot come back.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeAlias

from controller.clock import Clock, SystemClock
from controller.store import audit
from controller.store import people_queries as tables
from controller.store.audit import Actor, AuditEntry
from controller.store.database import Database, DatabaseKind
from controller.store.people_queries import DeviceKeys
from controller.store.people_records import (
    PersonRecord,
    Registered,
    entry_of,
    person_of,
    refuse_another,
    registered,
    said,
)
from controller.store.people_schema import MIGRATIONS
from controller.store.revoked_keys import Revoked, withdraw
from controller.store.roster_loads import RosterStatusStore
from controller.store.site_keys import SiteKeys, edge_with
from inventory.errors import AccessError
from inventory.model import DeviceName
from inventory.names import nearest_names
from vpn.key_text import PublicKey
from vpn.model import Person, PersonDevice, PersonName
from vpn.people import terms as people_terms
from vpn.people.terms import AccessTerms

FILE: Final = "people.sqlite"
KIND: Final = DatabaseKind(
    application_id=0x5A4E5650,
    migrations=MIGRATIONS,
    error=AccessError,
    when_damaged="put back a copy together with the sealing key of the same backup; gateways go on "
    "with what they were told last",
)

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
        return cls(Database.open(folder / FILE, KIND), clock or SystemClock())

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
        rows = self._database.read("SELECT body FROM terms")
        return _terms(rows[0]["body"]) if rows else None

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
            db.execute("INSERT OR REPLACE INTO terms (one, body) VALUES (1, ?)", (text,))
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
            db.execute(
                "INSERT INTO sqlite_sequence (name, seq) SELECT 'devices', 0"
                " WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'devices')"
            )
            (number,) = db.execute(
                "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'devices' RETURNING seq"
            ).fetchone()
        return int(number)

    def numbered(self) -> int:
        """Return the highest number that any device was given."""
        rows = self._database.read("SELECT seq FROM sqlite_sequence WHERE name = 'devices'")
        return int(rows[0]["seq"]) if rows else 0

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
        db: sqlite3.Connection,
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
            found = db.execute(
                "SELECT 1 FROM keys WHERE public_key = ? AND revoked IS NULL", (device.public_key,)
            ).fetchone()
            if found is None:
                raise tables.overtaken(device)
            tables.refuse_known(db, made.public_key)
            # A key that is an edge's as well goes on being the edge's.
            self._retire(db, device, spare_edges=True)
            db.execute("DELETE FROM unfiled WHERE device = ?", (device.number,))
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
                revoked = db.execute(
                    "UPDATE devices SET revoked = ? WHERE number = ? AND revoked IS NULL",
                    (self._now(), device.number),
                ).rowcount
                if not revoked:
                    raise tables.overtaken(device)
                self._retire(db, device)
                self._trace(db, act, "device.revoke", name, **tables.told(device))
            left = db.execute(
                "SELECT 1 FROM devices WHERE person = ? AND revoked IS NULL", (name,)
            ).fetchone()
            if left is None and not keep:
                db.execute("UPDATE people SET revoked = ? WHERE name = ?", (self._now(), name))
                self._trace(db, act, "person.revoke", name)

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
        people = self._database.read("SELECT * FROM people ORDER BY name")
        devices: dict[PersonName, list[Registered]] = {}
        for row in self._database.read(tables.DEVICES.format(where="")):
            devices.setdefault(row["person"], []).append(registered(row))
        return tuple(entry_of(row, devices.get(row["name"], ())) for row in people)

    def entry(self, name: PersonName) -> PersonRecord:
        """Return somebody by name. Raises AccessError when there is nobody of that name."""
        if (found := self.find(name)) is None:
            people = self._database.read("SELECT name FROM people")
            near = nearest_names(name, (row["name"] for row in people))
            advice = f"did you mean {near}?" if near else "see 'sanaga vpn person list'"
            raise AccessError(f"nobody is called {name!r}; {advice}")
        return found

    def find(self, name: PersonName) -> PersonRecord | None:
        """Return somebody by name, if there is or was anybody."""
        rows = self._database.read("SELECT * FROM people WHERE name = ?", name)
        devices = self._database.read(tables.DEVICES.format(where="WHERE d.person = ?"), name)
        return entry_of(rows[0], map(registered, devices)) if rows else None

    def owner(self, key: PublicKey) -> Registered | None:
        """Return whose key a key is or was, with when it was revoked."""
        rows = self._database.read(tables.OWNER, key)
        return registered(rows[0]) if rows else None

    def numbered_device(self, number: int) -> Registered | None:
        """Return the device that has or had a number."""
        rows = self._database.read(tables.DEVICES.format(where="WHERE d.number = ?"), number)
        return registered(rows[0]) if rows else None

    def box(self, key: PublicKey, gateway: DeviceName) -> bytes | None:
        """Return the sealed preshared key of a device's key and a gateway, if there is one."""
        rows = self._database.read(
            "SELECT sealed FROM preshared WHERE public_key = ? AND gateway = ?", key, gateway
        )
        return rows[0]["sealed"] if rows else None

    def boxes(self, gateway: DeviceName) -> Mapping[PublicKey, bytes]:
        """Return the sealed preshared keys of a gateway by the keys of devices."""
        rows = self._database.read(
            "SELECT public_key, sealed FROM preshared WHERE gateway = ?", gateway
        )
        return {row["public_key"]: row["sealed"] for row in rows}

    def last(self) -> int:
        """Return the number of the audit trail's last entry, 0 when there is none."""
        (row,) = self._database.read("SELECT coalesce(max(serial), 0) AS serial FROM audit")
        return int(row["serial"])

    def trail(self, subject: str = "") -> tuple[AuditEntry, ...]:
        """Return the audit trail, oldest first; of one subject, if one is named."""
        if subject:
            query = "SELECT * FROM audit WHERE subject = ? ORDER BY serial"
            return audit.read(self._database.read(query, subject))
        return audit.read(self._database.read("SELECT * FROM audit ORDER BY serial"))

    def _admit(self, db: sqlite3.Connection, person: Person, act: Actor) -> None:
        row = db.execute("SELECT * FROM people WHERE name = ?", (person.name,)).fetchone()
        if row is not None and row["revoked"] is None:
            refuse_another(person_of(row), person)
            return
        tables.write_person(db, person, added=self._now())
        what = "person.return" if row else "person.add"
        self._trace(db, act, what, person.name, **said(person))

    def _register(self, db: sqlite3.Connection, wanted: PersonDevice, act: Actor) -> PersonDevice:
        """Return a device that is new, with the number that it gets unless it has one."""
        tables.refuse_known(db, wanted.public_key)
        person, name = wanted.person, wanted.name
        taken = db.execute(
            "SELECT 1 FROM devices WHERE person = ? AND name = ? AND revoked IS NULL",
            (person, name),
        ).fetchone()
        if taken:
            raise AccessError(tables.taken_name(person, name))
        row = db.execute(
            "INSERT INTO devices (number, person, name) VALUES (nullif(?, 0), ?, ?)"
            " RETURNING number",
            (wanted.number, person, name),
        ).fetchone()
        made = replace(wanted, number=row["number"])
        self._keyed(db, made)
        self._trace(db, act, "device.add", person, **tables.told(made))
        return made

    def _keyed(self, db: sqlite3.Connection, device: PersonDevice) -> None:
        db.execute(
            "INSERT INTO keys (public_key, device, since) VALUES (?, ?, ?)",
            (device.public_key, device.number, self._now()),
        )

    def _retire(
        self, db: sqlite3.Connection, device: PersonDevice, *, spare_edges: bool = False
    ) -> None:
        """Revoke a device's key, and forget the preshared keys that went with it."""
        rows = db.execute(
            "UPDATE keys SET revoked = ? WHERE device = ? AND revoked IS NULL RETURNING public_key",
            (self._now(), device.number),
        ).fetchall()
        db.executemany("DELETE FROM preshared WHERE public_key = ?", map(tuple, rows))
        for (key,) in rows:
            edge = edge_with(db, key)
            if not (edge and spare_edges):
                withdraw(db, key, self._now(), edge)

    def _trace(
        self, db: sqlite3.Connection, act: Actor, what: str, subject: str, **details: object
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
