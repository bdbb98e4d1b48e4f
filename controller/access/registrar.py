"""Giving people access over the VPN and withdrawing it: keys, files and record in one step each."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from controller.access.devices import (
    Deliver,
    DeviceFiles,
    DeviceSecrets,
    PendingDevice,
    check_room,
    device_files,
    one_of,
    way_of,
)
from controller.clock import Clock, SystemClock
from controller.keys.psk_sealing import PskVault
from controller.store.audit import Actor
from controller.store.people import People
from controller.store.people_queries import taken_name
from controller.store.people_records import PersonRecord, Registered, refuse_another
from inventory.addressing import people_number
from inventory.errors import AccessError, UnknownNameError
from inventory.model import DeviceName
from vpn.grants.coverage import covers_way, ways_opened
from vpn.key_text import PublicKey
from vpn.model import Address, Gateway, GroupName, Person, PersonDevice, PersonName
from vpn.people import device_config
from vpn.people import terms as people_terms
from vpn.people.roster import Roster
from vpn.people.terms import AccessTerms
from vpn.wireguard import keys
from vpn.wireguard.key_backends import MakePair
from vpn.wireguard.keys import Secret


@dataclass(frozen=True, slots=True)
class AccessDiff:
    """Who gains by other terms, in groups or in what they reach, and who loses."""

    gaining: tuple[PersonName, ...]
    losing: tuple[PersonName, ...]


@dataclass(frozen=True, slots=True)
class GatewayRoster:
    """The roster of a gateway, and the preshared keys of the roster's devices in their order.

    state is the number of the last entry about access in the audit chain of which this knows.
    Devices that are left out have a key of the gateway's own, with which it could let nobody in.
    """

    roster: Roster
    preshared: tuple[Secret, ...]
    state: int
    left_out: tuple[PersonDevice, ...] = ()


NO_TERMS: Final = (
    "no access policy was accepted yet; write groups and gateways into the intent and say "
    "'sanaga vpn apply --dir DIR'"
)


class Registrar:
    """The register of people with access: who has it, who had it, and under which terms."""

    def __init__(self, store: People, secrets: DeviceSecrets, clock: Clock) -> None:
        self.store = store
        self._secrets = secrets
        self._clock = clock

    @classmethod
    def open(
        cls, state_dir: Path, clock: Clock | None = None, pair: MakePair = keys.generate_pair
    ) -> "Registrar":
        """Open the register of a state folder; pair makes the keys of devices that bring none.

        The key that seals their preshared keys is read when it is first needed, which raises
        CredentialError. Raises AccessError.
        """
        clock = clock or SystemClock()
        secrets = DeviceSecrets(PskVault(state_dir), pair)
        return cls(People.open(state_dir, clock=clock), secrets, clock)

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def load_sealing_key(self) -> None:
        """Have the key that opens preshared keys. Raises CredentialError."""
        self._secrets.load_sealing_key()

    def terms(self) -> AccessTerms:
        """Return the terms that hold. Raises AccessError when there are none, or no gateways."""
        terms = self.accepted()
        if not terms.gateways:
            raise AccessError(
                f"{terms.network} has no gateway that people could dial; write one in the section "
                "gateways and say 'sanaga vpn apply --dir DIR'"
            )
        return terms

    def accepted(self) -> AccessTerms:
        """Return the terms that hold, with or without gateways. Raises AccessError without any."""
        terms = self.store.terms()
        if terms is None:
            raise AccessError(NO_TERMS)
        return terms

    def accept(
        self,
        terms: AccessTerms,
        act: Actor,
        edge_keys: Mapping[PublicKey, DeviceName] = MappingProxyType({}),
    ) -> int:
        """Let other terms hold; return how many preshared keys that took.

        edge_keys are those of all edges. Raises AccessError when a device of a person has one.
        """
        self.store.site_keys.remember(edge_keys)
        return self.store.accept(terms, act, self._secrets.make_sealed)

    def diff(self, terms: AccessTerms) -> AccessDiff:
        """Return who would reach more or less under other terms."""
        before = self.store.terms() or terms
        people = [entry.person for entry in self.store.entries() if entry.in_use]
        pairs = {p.name: (_groups(before, p), _groups(terms, p)) for p in people}
        less = {p for p in set(pairs.values()) if not _covers(terms, p[1], before, p[0])}
        more = {p for p in set(pairs.values()) if not _covers(before, p[0], terms, p[1])}
        return AccessDiff(
            tuple(name for name, pair in pairs.items() if pair in more),
            tuple(name for name, pair in pairs.items() if pair in less),
        )

    def add(
        self,
        person: Person,
        device: str,
        act: Actor,
        deliver: Deliver,
        public_key: PublicKey | None = None,
    ) -> DeviceFiles:
        """Give a person access with a device, whose key is made here unless it brings one.

        Nothing is kept unless deliver returns. Raises AccessError with everything that speaks
        against it.
        """
        terms = self.terms()
        self._admissible(person)
        fresh = self._secrets.make_keys(terms, public_key)
        made: list[DeviceFiles] = []

        def hand(numbered: PersonDevice) -> None:
            check_room(terms, numbered.number)
            made.append(fresh.files(terms, person, numbered))
            deliver(made[0])

        self.store.add(person, device, fresh.kept, act, hand)
        return made[0]

    def admissible(self, person: Person, device: str) -> PersonRecord | None:
        """Return what is known of a person. Raises AccessError when add() would."""
        terms = self.terms()
        self._admissible(person)
        known = self.store.find(person.name)
        if known and not known.revoked:
            refuse_another(known.person, person)
            if device in {one.name for one in known.in_use}:
                raise AccessError(taken_name(person.name, device))
        check_room(terms, self.store.numbered() + 1)
        return known

    def prepare(
        self, known: PersonRecord | None, person: Person, device: str, public_key: PublicKey
    ) -> PendingDevice:
        """Return the files of a device that is elsewhere, of which nothing is on record yet.

        known is what admissible() returned. Raises AccessError.
        """
        terms = self.terms()
        fresh = self._secrets.make_keys(terms, public_key)
        number, key = self.store.reserve(), fresh.kept.public_key
        check_room(terms, number)
        handover = fresh.files(terms, person, PersonDevice(person.name, device, number, key))
        return PendingDevice(handover, fresh.kept, way_of(terms), known)

    def prepare_rotation(
        self, name: PersonName, device: str | None, public_key: PublicKey
    ) -> PendingDevice:
        """Return the files of a device with another key, of which nothing is on record yet."""
        terms, entry = self.terms(), self.store.entry(name)
        chosen, fresh = one_of(entry, device), self._secrets.make_keys(terms, public_key)
        self.store.refuse_known(fresh.kept.public_key)
        renewed = replace(chosen, public_key=fresh.kept.public_key)
        handover = fresh.files(terms, entry.person, renewed)
        return PendingDevice(handover, fresh.kept, way_of(terms), entry, chosen.public_key)

    def commit_device(self, prepared: PendingDevice, act: Actor) -> None:
        """Give access to a device that has its files, or another key to one on record.

        Raises AccessError when others have changed the person's access meanwhile.
        """
        made, keying = prepared.handover, prepared.keying
        with self.store.together():
            if way_of(self.terms()) != prepared.way:
                raise AccessError("the file that it has leads to former gateways; begin again")
            if prepared.former:
                before = replace(made.device, public_key=prepared.former)
                self.store.rotate(before, keying, act, lambda _: None)
                return
            self._admissible(made.person)
            self.store.enter(prepared.known, made.person, made.device, keying, act)

    def rotate(
        self,
        name: PersonName,
        device: str | None,
        act: Actor,
        deliver: Deliver,
        public_key: PublicKey | None = None,
    ) -> DeviceFiles:
        """Give a device another key; the old one opens nothing from then on."""
        terms, entry = self.terms(), self.store.entry(name)
        fresh = self._secrets.make_keys(terms, public_key)
        made: list[DeviceFiles] = []

        def hand(renewed: PersonDevice) -> None:
            made.append(fresh.files(terms, entry.person, renewed))
            deliver(made[0])

        self.store.rotate(one_of(entry, device), fresh.kept, act, hand)
        return made[0]

    def export(self, name: PersonName, device: str | None, act: Actor) -> DeviceFiles:
        """Return a device's files but for its private key, which is not known here."""
        terms, entry = self.terms(), self.store.entry(name)
        chosen = one_of(entry, device)
        preshared = {
            g.device: self._secrets.open_sealed(
                chosen, g.device, self.store.box(chosen.public_key, g.device)
            )
            for g in terms.gateways
        }
        self.store.exported(chosen, act)
        return device_files(terms, entry.person, chosen, preshared, None)

    def revoke(
        self,
        name: PersonName,
        device: str | None,
        act: Actor,
        *,
        keep: bool = False,
        cutting: Collection[DeviceName] = (),
    ) -> tuple[PersonDevice, ...]:
        """Withdraw a device, or without a name all of somebody's; return which that were.

        With keep, a person who is left without any goes on being known, and may get another. A
        device with the key of an edge is only withdrawn if the edge is named in cutting. Raises
        AccessError.
        """
        entry = self.store.entry(name)
        if entry.revoked:
            raise AccessError(f"{name} has no access any more, since {entry.revoked[:10]}")
        chosen = entry.in_use if device is None else (one_of(entry, device),)
        if against := list(self._cut_edges(chosen, cutting)):
            raise AccessError("\n".join(against))
        self.store.revoke(name, chosen, act, keep=keep)
        return chosen

    def _cut_edges(
        self, devices: Iterable[PersonDevice], named: Collection[DeviceName]
    ) -> Iterator[str]:
        """Yield which edges would be cut with devices that have their keys, unless named."""
        gateways = {gateway.device for gateway in self.accepted().gateways}
        for one in devices:
            if (edge := self.store.site_keys.owner(one.public_key)) and edge not in named:
                hub = ", a gateway, and with it everybody who dials it" if edge in gateways else ""
                yield (
                    f"{one.person}'s {one.name} has the key of the edge {edge}: revoking it cuts "
                    f"all tunnels of {edge}{hub}, for good; give the device another key with "
                    f"'sanaga vpn person rotate {one.person} --device {one.name}', which leaves "
                    f"the edge alone, or say --cutting {edge} as well"
                )

    def change(self, person: Person, act: Actor) -> None:
        """Let somebody be of another title, role, site, licence or last day."""
        self._admissible(person)
        self.store.change(person, act)

    def objections(self, terms: AccessTerms, person: Person) -> tuple[str, ...]:
        """Return everything that speaks against giving a person access under some terms."""
        return tuple(people_terms.reasons_to_refuse(terms, person, self._clock.instant().date()))

    def members(self) -> tuple[PersonRecord, ...]:
        """Return who has access today."""
        today = self._clock.instant().date()
        return tuple(e for e in self.store.entries() if e.in_use and not e.person.expired(today))

    def roster(self, name: DeviceName) -> GatewayRoster:
        """Return the roster of a gateway as of today, devices by their numbers.

        Raises UnknownNameError when there is no gateway of that name, and AccessError.
        """
        terms, chosen, state = self.terms(), self.gateway(name), self.store.last()
        every = [(one, entry.person) for entry in self.members() for one in entry.in_use]
        every.sort(key=lambda pair: pair[0].number)
        owners = self.store.site_keys.all()
        known = [pair for pair in every if owners.get(pair[0].public_key) != name]
        boxes = self.store.boxes(name)
        return GatewayRoster(
            device_config.build_roster(
                terms,
                chosen,
                (device_config.admit_device(terms, who, one, chosen) for one, who in known),
            ),
            tuple(
                self._secrets.open_sealed(one, name, boxes.get(one.public_key)) for one, _ in known
            ),
            state,
            tuple(one for one, _ in every if owners.get(one.public_key) == name),
        )

    def device_of(self, sought: Address | PublicKey) -> Registered:
        """Return the device that has or had an address or a key; no other one ever gets either.

        Addresses are those of the terms that hold. Raises AccessError for nobody's.
        """
        if isinstance(sought, str):
            owner = self.store.owner(sought)
            number = owner and owner.device.number
        else:
            terms = self.terms()
            found = (people_number(terms.plan, g.number, sought) for g in terms.gateways)
            number = next(filter(None, found), None)
        device = self.store.numbered_device(number) if number else None
        if device is None:
            raise self.nobodys(sought)
        return device

    def nobodys(self, sought: Address | PublicKey) -> AccessError:
        """Return what to say of an address or a key that nobody has or had."""
        hint = "'sanaga vpn site list' has keys of sites"
        if not isinstance(sought, str):
            hint = device_config.describe_people_blocks(self.terms())
        return AccessError(f"no person's device has or had {sought}; {hint}")

    def gateway(self, name: DeviceName) -> Gateway:
        """Return a gateway by name. Raises UnknownNameError."""
        return gateway_of(self.terms(), name)

    def _admissible(self, person: Person) -> None:
        if against := self.objections(self.accepted(), person):
            raise AccessError(f"{person.name}: " + "\n".join(against))


def _groups(terms: AccessTerms, person: Person) -> frozenset[GroupName]:
    """Return the groups by which a person reaches anything; without a gateway nobody does."""
    groups = terms.groups_of(person) if terms.gateways else ()
    return frozenset(group.name for group in groups)


def _covers(
    wider: AccessTerms,
    groups: frozenset[GroupName],
    narrower: AccessTerms,
    others: frozenset[GroupName],
) -> bool:
    """Return whether members of some groups reach all that those of others do elsewhere."""
    open_here = (one for one in wider.openings if one.group in groups)
    open_there = (one for one in narrower.openings if one.group in others)
    return groups >= others and covers_way(ways_opened(open_here), ways_opened(open_there))


def gateway_of(terms: AccessTerms, name: DeviceName) -> Gateway:
    """Return a gateway by name. Raises UnknownNameError."""
    known = {one.device: one for one in terms.gateways}
    if name not in known:
        raise UnknownNameError(people_terms.unknown_name("gateway", name, known))
    return known[name]
