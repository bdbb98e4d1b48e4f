"""People, gateways and terms of the VPN at a running controller, asked over its API.

Private keys of devices are made on this side, where files are written; they are never sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from controller.access.devices import DeviceFiles
from controller.access.gateways import InterruptedCalls
from controller.access.person_json import parse_listed
from controller.access.rosters import Report, RosterWish
from controller.operations.following import ask, follow, from_here
from controller.store.audit import Actor
from controller.store.people_records import PersonRecord, nobody
from controller.transport.api_client import ApiClient, ApiError, segment
from controller.vpn_control.adapters import CALLS, DEVICE, PERSON, ROSTERS, files_of
from controller.vpn_control.model import Dialling, Handing, OwnerFound, Rows
from controller.vpn_control.terms import Report as TermsReport
from controller.vpn_control.terms import TermsShown, TermsWish
from inventory.errors import AccessError, IntentError, NoControllerError, SanagaError
from inventory.model import DeviceName
from vpn.key_text import PublicKey
from vpn.model import Address, Person, PersonDevice, PersonName
from vpn.people.terms import AccessTerms, read_terms
from vpn.wireguard.key_backends import MakePair
from vpn.wireguard.keys import Secret

_NOT_THERE: Final = 404
_DIALLING: Final = TypeAdapter(Dialling)
_SHOWN: Final = TypeAdapter(TermsShown)


@dataclass(frozen=True, slots=True)
class PeopleThere:
    """The record of people of a controller that runs; pair makes the keys of devices."""

    client: ApiClient
    pair: MakePair

    def find(self, name: PersonName) -> PersonRecord | None:
        """Return somebody by name, if there is or was anybody."""
        found = self.client.all("/vpn/people", state="all", name=name)
        return parse_listed(found[0]) if found else None

    def entry(self, name: PersonName) -> PersonRecord:
        """Return somebody by name."""
        if (found := self.find(name)) is None:
            raise self._nobody(name)
        return found

    def detail(self, name: PersonName) -> Mapping[str, Any]:
        """Return all that is known of a person."""
        with self._of(name):
            found: Mapping[str, Any] = self.client.get(_person(name))
        return found

    def owner(self, sought: Address | PublicKey) -> OwnerFound:
        """Return the device that has or had an address or a key."""
        found = ask(self.client, "POST", "/vpn/owners", {"sought": str(sought)})
        return OwnerFound(found["person"], found["until"])

    def add(
        self, person: Person, device: str, act: Actor, handing: Handing, key: PublicKey | None
    ) -> DeviceFiles:
        """Give a person access with a device, which goes on record once its file is written."""
        private, public = (None, key) if key else self.pair()
        body = {"person": PERSON.dump_python(person, mode="json"), "device": device}
        path = f"{_person(person.name)}/devices"
        return self._entered(path, {**body, "public_key": public}, private, act, handing)

    def rotate(
        self,
        name: PersonName,
        device: str | None,
        act: Actor,
        handing: Handing,
        key: PublicKey | None,
    ) -> DeviceFiles:
        """Give a device another key, which counts once its file is written."""
        private, public = (None, key) if key else self.pair()
        body = {"device": device, "public_key": public}
        with self._of(name):
            return self._entered(f"{_person(name)}/rotation", body, private, act, handing)

    def export(self, name: PersonName, device: str | None, act: Actor) -> DeviceFiles:
        """Return a device's files but for its private key."""
        body = {"device": device, "because": act.because}
        with self._of(name):
            return files_of(ask(self.client, "POST", f"{_person(name)}/export", body), None)

    def revoke(
        self,
        name: PersonName,
        device: str | None,
        act: Actor,
        cutting: Sequence[DeviceName],
    ) -> tuple[PersonDevice, ...]:
        """Withdraw a device, or all of somebody's."""
        body = {
            "device": device,
            "because": act.because,
            "cutting": list(cutting),
            "tell": False,
        }
        with self._of(name):
            gone = ask(self.client, "POST", f"{_person(name)}/revoke", body)
        return tuple(map(DEVICE.validate_python, gone["devices"]))

    def change(self, person: Person, act: Actor) -> None:
        """Let somebody be of another title, role, site, licence or last day."""
        body = {"person": PERSON.dump_python(person, mode="json"), "because": act.because}
        with self._of(person.name):
            ask(self.client, "PUT", _person(person.name), body)

    def invite(self, person: Person, device: str) -> "InvitedThere":
        """Return what lets a device in that is elsewhere."""
        body = {"person": PERSON.dump_python(person, mode="json"), "device": device}
        path = f"{_person(person.name)}/devices"
        known = str(ask(self.client, "POST", path, body)["known"])
        return InvitedThere(self.client, path, {**body, "known": known}, person.name)

    def refused(self, person: Person, device: str, refused: str, act: Actor) -> None:
        """Note that a device which came was not let in."""
        body = {"device": device, "site": person.site, "refused": refused}
        path = f"{_person(person.name)}/refusals"
        ask(self.client, "POST", path, {**body, "because": act.because})

    def _entered(
        self,
        path: str,
        body: Mapping[str, Any],
        private: Secret | None,
        act: Actor,
        handing: Handing,
    ) -> DeviceFiles:
        """Have files made, hand them over, and then let their device be on record."""
        prepared = ask(self.client, "POST", path, body)
        made = files_of(prepared, private)
        handing.deliver(made)
        entry = {"pending": prepared["pending"], "because": act.because}
        try:
            ask(self.client, "POST", f"{_person(made.person.name)}/entry", entry)
        except NoControllerError as error:
            name = made.person.name
            raise NoControllerError(
                f"{error}; whether {name}'s {made.device.name} is on record is not known: "
                f"'sanaga vpn person show {name}' tells; if it is not, remove its file"
            ) from error
        except SanagaError:
            handing.withdraw()
            raise
        return made

    @contextmanager
    def _of(self, name: PersonName) -> Iterator[None]:
        """Say of a person who is not there what a verb without a service says."""
        try:
            yield
        except ApiError as error:
            if error.status != _NOT_THERE:
                raise
            raise self._nobody(name) from None

    def _nobody(self, name: PersonName) -> AccessError:
        known = self.client.all("/vpn/people", state="all")
        return nobody(name, [one["name"] for one in known])


@dataclass(slots=True)
class InvitedThere:
    """A device that is to come, at a controller that runs; body is what it is told of it."""

    client: ApiClient
    path: str
    body: Mapping[str, Any]
    name: PersonName
    _pending: str = ""

    def files(self, key: PublicKey) -> DeviceFiles:
        """Return the files of the device that came."""
        prepared = ask(self.client, "POST", self.path, {**self.body, "public_key": key})
        self._pending = str(prepared["pending"])
        return files_of(prepared, None)

    def enter(self, act: Actor) -> None:
        """Put the device on record, which has its files."""
        entry = {"pending": self._pending, "because": act.because}
        ask(self.client, "POST", f"{_person(self.name)}/entry", entry)


@dataclass(frozen=True, slots=True)
class GatewaysThere:
    """The gateways that people dial, of a controller that runs."""

    client: ApiClient

    def dialling(self) -> Dialling:
        """Return the gateways under the terms that hold."""
        return _DIALLING.validate_python(ask(self.client, "GET", "/vpn/dialling"))

    def terms(self) -> AccessTerms:
        """Return the terms that hold; those of a controller elsewhere do not leave its machine."""
        return read_terms(ask(self.client, "GET", "/machine/access-terms"))

    def push(self, wish: RosterWish, report: Report) -> tuple[DeviceName, ...]:
        """Push rosters, report each outcome, and return the gateways that are left."""
        body = ROSTERS.dump_python(wish, mode="json")
        return tuple(follow(self.client, "/vpn/rosters", body, report)["left"])

    def interrupted(self, gone: Sequence[PersonDevice]) -> InterruptedCalls:
        """Return which running consultations end with some devices' access."""
        devices = [DEVICE.dump_python(one, mode="json") for one in gone]
        found = self._read({"what": "calls", "devices": devices})
        return CALLS.validate_python(found)

    def status(self) -> Rows:
        """Return how it stands with every gateway."""
        return self._rows("status")

    def sessions(self) -> Rows:
        """Return the sessions of people, and which gateways are silent."""
        return self._rows("sessions")

    def peers(self, gateway: DeviceName, act: Actor) -> tuple[str, int]:
        """Return a gateway's peers with their preshared keys, and how many."""
        body = {"because": act.because}
        found = ask(self.client, "POST", f"/vpn/gateways/{segment(gateway)}/peers", body)
        return str(found["peers"]), int(found["devices"])

    def rules(self, gateway: DeviceName, interface: str) -> str:
        """Return a gateway's packet filter, for an interface of its."""
        body = {"interface": interface}
        return str(ask(self.client, "POST", f"/vpn/gateways/{segment(gateway)}/rules", body)["nft"])

    def _rows(self, what: str) -> Rows:
        found = self._read({"what": what})
        return Rows(tuple(found["rows"]), tuple(found["faults"]))

    def _read(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return follow(self.client, "/vpn/gateway-readings", body, lambda _: None)


@dataclass(frozen=True, slots=True)
class TermsThere:
    """The terms that hold at a controller that runs; one elsewhere has a folder of its own."""

    client: ApiClient

    def plan(self, folder: Path) -> TermsShown:
        """Return what a folder would change."""
        with seen_from(folder):
            found = ask(self.client, "POST", "/vpn/terms-plans", self._place(folder))
        return _SHOWN.validate_python(found)

    def accept(self, folder: Path, wish: TermsWish, act: Actor, report: TermsReport) -> None:
        """Let the terms of a folder hold, and have former gateways let nobody in any more."""
        body = {"digest": wish.digest, "later": wish.later, "because": act.because}
        with seen_from(folder):
            follow(self.client, "/vpn/terms", {**self._place(folder), **body}, report)

    def _place(self, folder: Path) -> dict[str, Any]:
        return {"folder": str(folder.absolute()) if self.client.local else None}


@contextmanager
def seen_from(folder: Path) -> Iterator[None]:
    """Let faults of documents name their files as seen from the current folder."""
    try:
        yield
    except IntentError as error:
        raise IntentError(from_here(fault, folder) for fault in error.faults) from error


def _person(name: PersonName) -> str:
    return f"/vpn/people/{segment(name)}"
