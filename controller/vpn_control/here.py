"""People and gateways of the VPN, from the record in this machine's state folder."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from controller.access.devices import DeviceFiles, PendingDevice
from controller.access.gateways import (
    Gateways,
    InterruptedCalls,
    gateway_status,
    interrupted_calls,
    reachable,
)
from controller.access.people_sessions import PersonSession, people_sessions
from controller.access.person_json import person_detail
from controller.access.registrar import Registrar
from controller.access.rosters import Report, RosterWish, push_wished
from controller.clock import Clock, SystemClock
from controller.store.audit import Actor
from controller.store.people_records import PersonRecord
from controller.vpn_control.model import Dialling, Handing, OwnerFound, Row, Rows
from inventory.model import DeviceName
from vpn.grants import packet_filter
from vpn.key_text import PublicKey
from vpn.model import Address, Person, PersonDevice, PersonName
from vpn.people import device_config
from vpn.people.terms import AccessTerms
from vpn.wireguard import config as wireguard_config


@dataclass(frozen=True, slots=True)
class PeopleHere:
    """The record of people of a register that is open."""

    registrar: Registrar

    def find(self, name: PersonName) -> PersonRecord | None:
        """Return somebody by name, if there is or was anybody."""
        return self.registrar.store.find(name)

    def entry(self, name: PersonName) -> PersonRecord:
        """Return somebody by name."""
        return self.registrar.store.entry(name)

    def detail(self, name: PersonName) -> Mapping[str, Any]:
        """Return all that is known of a person."""
        return self._detail(self.entry(name), self.registrar.accepted())

    def owner(self, sought: Address | PublicKey) -> OwnerFound:
        """Return the device that has or had an address or a key."""
        store, found = self.registrar.store, self.registrar.device_of(sought)
        entry = replace(store.entry(found.device.person), devices=(found,))
        key = store.owner(sought) if isinstance(sought, str) else None
        former = key.revoked if key and not found.revoked else None
        return OwnerFound(self._detail(entry, self.registrar.accepted()), former)

    def add(
        self, person: Person, device: str, act: Actor, handing: Handing, key: PublicKey | None
    ) -> DeviceFiles:
        """Give a person access with a device."""
        try:
            return self.registrar.add(person, device, act, handing.deliver, key)
        except Exception:
            _withdraw(handing)
            raise

    def rotate(
        self,
        name: PersonName,
        device: str | None,
        act: Actor,
        handing: Handing,
        key: PublicKey | None,
    ) -> DeviceFiles:
        """Give a device another key."""
        try:
            return self.registrar.rotate(name, device, act, handing.deliver, key)
        except Exception:
            _withdraw(handing)
            raise

    def export(self, name: PersonName, device: str | None, act: Actor) -> DeviceFiles:
        """Return a device's files but for its private key."""
        return self.registrar.export(name, device, act)

    def revoke(
        self,
        name: PersonName,
        device: str | None,
        act: Actor,
        cutting: Sequence[DeviceName],
    ) -> tuple[PersonDevice, ...]:
        """Withdraw a device, or all of somebody's."""
        keep = device is not None
        return self.registrar.revoke(name, device, act, keep=keep, cutting=cutting)

    def change(self, person: Person, act: Actor) -> None:
        """Let somebody be of another title, role, site, licence or last day."""
        self.registrar.change(person, act)

    def invite(self, person: Person, device: str) -> "InvitedHere":
        """Return what lets a device in that is elsewhere."""
        return InvitedHere(
            self.registrar, person, device, self.registrar.admissible(person, device)
        )

    def refused(self, person: Person, device: str, refused: str, act: Actor) -> None:
        """Note that a device which came was not let in."""
        store = self.registrar.store
        store.noted("device.refuse", person.name, act, device=device, refused=refused)

    def _detail(self, entry: PersonRecord, terms: AccessTerms) -> Row:
        return person_detail(entry, terms, SystemClock().instant().date())


@dataclass(slots=True)
class InvitedHere:
    """A device that is to come, of a register that is open; known is who its person was then."""

    registrar: Registrar
    person: Person
    device: str
    known: PersonRecord | None
    _pending: PendingDevice | None = None

    def files(self, key: PublicKey) -> DeviceFiles:
        """Return the files of the device that came."""
        self._pending = self.registrar.prepare(self.known, self.person, self.device, key)
        return self._pending.handover

    def enter(self, act: Actor) -> None:
        """Put the device on record, which has its files."""
        if self._pending:
            self.registrar.commit_device(self._pending, act)


@dataclass(frozen=True, slots=True)
class GatewaysHere:
    """The gateways under the terms of a register that is open."""

    registrar: Registrar
    state_dir: Path
    clock: Clock = field(default_factory=SystemClock)

    def dialling(self) -> Dialling:
        """Return the gateways under the terms that hold."""
        return dialling_of(self.registrar.accepted())

    def terms(self) -> AccessTerms:
        """Return the terms that hold."""
        return self.registrar.terms()

    def push(self, wish: RosterWish, report: Report) -> tuple[DeviceName, ...]:
        """Push rosters, report each outcome, and return the gateways that are left."""
        names = tuple(self.registrar.gateway(name).device for name in wish.gateways)
        chosen = replace(wish, gateways=names)
        return push_wished(self.registrar, self._gateways(), chosen, report, self.clock)

    def interrupted(self, gone: Sequence[PersonDevice]) -> InterruptedCalls:
        """Return which running consultations end with some devices' access."""
        return interrupted_calls(self.registrar, self._gateways(), gone)

    def status(self) -> Rows:
        """Return how it stands with every gateway."""
        found = [asdict(one) for one in gateway_status(self.registrar, self._gateways())]
        return Rows(tuple(found), tuple(str(row["fault"]) for row in found if row["fault"]))

    def sessions(self) -> Rows:
        """Return the sessions of people, and which gateways are silent."""
        found = people_sessions(self.registrar, self._gateways())
        return Rows(tuple(map(_session, found.sessions)), found.faults)

    def peers(self, gateway: DeviceName, act: Actor) -> tuple[str, int]:
        """Return a gateway's peers with their preshared keys, which the trail notes, and how many.

        Raises UnknownNameError, AccessError, CredentialError.
        """
        found = self.registrar.roster(gateway)
        peers = device_config.roster_peers(found.roster, found.preshared)
        self.registrar.store.told(gateway, len(peers), act)
        return wireguard_config.render_peers(peers), len(peers)

    def rules(self, gateway: DeviceName, interface: str) -> str:
        """Return a gateway's packet filter. Raises AccessError for no name of an interface."""
        packet_filter.checked_interface(interface)
        roster = self.registrar.roster(gateway).roster
        return replace(roster, interface=interface).table()

    def _gateways(self) -> Gateways:
        return Gateways(self.registrar, self.state_dir)


def dialling_of(terms: AccessTerms) -> Dialling:
    """Return the gateways of terms."""
    names = tuple(gateway.device for gateway in terms.gateways)
    return Dialling(terms.network, names, reachable(terms)[1])


def _withdraw(handing: Handing) -> None:
    with suppress(OSError):
        handing.withdraw()


def _session(one: PersonSession) -> Row:
    return {
        "person": one.person,
        "device": one.device,
        "gateway": one.gateway,
        "from": one.endpoint,
        "handshake_age_s": one.traffic.handshake_age_s,
        "octets": one.traffic.octets,
        "consultation": one.consultation,
    }
