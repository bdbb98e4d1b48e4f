"""Devices of people: their keys, their files, and how a device is chosen among several.

A private key made here is in the file that is handed over and nowhere else.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from controller.keys.psk_sealing import PskVault
from controller.store.people_queries import DeviceKeys
from controller.store.people_records import PersonRecord
from inventory.addressing import people_capacity
from inventory.errors import AccessError
from inventory.model import DeviceName
from vpn.key_text import PublicKey
from vpn.model import Person, PersonDevice
from vpn.people import device_config
from vpn.people.terms import AccessTerms, terms_plain
from vpn.wireguard import keys
from vpn.wireguard.config import Config
from vpn.wireguard.key_backends import MakePair
from vpn.wireguard.keys import Secret


@dataclass(frozen=True, slots=True)
class DeviceFiles:
    """What goes to a device: one file for each gateway, of which it uses one at a time."""

    person: Person
    device: PersonDevice
    files: Mapping[DeviceName, Config]


@dataclass(frozen=True, slots=True)
class PendingDevice:
    """A device that is to be given access as soon as it has its files.

    way is to where its files lead, known who the person was when that began. former is the key that
    a device on record had until then, empty for another device.
    """

    handover: DeviceFiles
    keying: DeviceKeys
    way: str
    known: PersonRecord | None
    former: PublicKey = ""


Deliver: TypeAlias = Callable[[DeviceFiles], None]


@dataclass(frozen=True, slots=True)
class NewKeys:
    """The keys of a device: what is kept of them, and what only its files hold.

    private is None for a device that made its key itself.
    """

    kept: DeviceKeys
    private: Secret | None
    preshared: Mapping[DeviceName, Secret]

    def files(self, terms: AccessTerms, person: Person, device: PersonDevice) -> DeviceFiles:
        """Return the files of a device that has these keys."""
        return device_files(terms, person, device, self.preshared, self.private)


class DeviceSecrets:
    """Makes keys of devices, and seals their preshared keys, which alone are kept."""

    def __init__(self, vault: PskVault, pair: MakePair) -> None:
        self._vault = vault
        self._pair = pair

    def load_sealing_key(self) -> None:
        """Have the key that opens preshared keys. Raises CredentialError."""
        self._vault.ready()

    def make_keys(self, terms: AccessTerms, public_key: PublicKey | None) -> NewKeys:
        """Make the keys of a device, all but the pair of one that brings a public key."""
        private, public = (None, keys.parse_public(public_key)) if public_key else self._pair()
        preshared = {gateway.device: keys.generate_preshared() for gateway in terms.gateways}
        boxes = {name: self._vault.seal(one, public, name) for name, one in preshared.items()}
        return NewKeys(DeviceKeys(public, boxes), private, preshared)

    def make_sealed(self, key: PublicKey, gateway: DeviceName) -> bytes:
        """Make a preshared key of a device and a gateway, and return it sealed."""
        return self._vault.seal(keys.generate_preshared(), key, gateway)

    def open_sealed(self, device: PersonDevice, gateway: DeviceName, box: bytes | None) -> Secret:
        """Return the preshared key of a device and a gateway. Raises AccessError without one."""
        if box is None:
            raise AccessError(
                f"{device.person}'s {device.name} has no preshared key with {gateway}; "
                f"rotate it with 'sanaga vpn person rotate {device.person}'"
            )
        return self._vault.open(box, device.public_key, gateway)


def one_of(entry: PersonRecord, device: str | None) -> PersonDevice:
    """Return the named device of a person, or the only one. Raises AccessError."""
    found = [one for one in entry.in_use if device in {None, one.name}]
    if len(found) == 1:
        return found[0]
    names = ", ".join(one.name for one in entry.in_use)
    if not names:
        raise AccessError(f"{entry.person.name} has no device in use")
    if device is None:
        raise AccessError(f"{entry.person.name} has several devices, {names}; name one: --device")
    raise AccessError(f"{entry.person.name} has no device called {device!r}; in use: {names}")


def device_files(
    terms: AccessTerms,
    person: Person,
    device: PersonDevice,
    preshared: Mapping[DeviceName, Secret],
    private: Secret | None,
) -> DeviceFiles:
    """Return the files of a device, one for each gateway."""
    files = {
        gateway.device: device_config.device_config(
            terms, device, gateway, preshared[gateway.device], private
        )
        for gateway in terms.gateways
    }
    return DeviceFiles(person, device, files)


def check_room(terms: AccessTerms, number: int) -> None:
    """Raise AccessError when there are not so many addresses for people's devices."""
    most = people_capacity(terms.plan)
    if number > most:
        raise AccessError(
            f"all {most:,} addresses of people's devices were given; widen ipv4_people in the "
            "network's addressing and say 'sanaga vpn apply --dir DIR'"
        )


def way_of(terms: AccessTerms) -> str:
    """Return a digest of what devices' files depend on: the gateways and the address plan."""
    plain = terms_plain(terms)
    text = json.dumps([plain["gateways"], plain["plan"]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
