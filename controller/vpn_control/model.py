"""What verbs ask for people and gateways of the VPN, whoever carries it out, as values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from controller.access.devices import Deliver, DeviceFiles
from controller.access.gateways import InterruptedCalls
from controller.access.rosters import Report, RosterWish
from controller.store.audit import Actor
from controller.store.people_records import PersonRecord
from inventory.errors import AccessError, UnknownNameError
from inventory.model import DeviceName
from vpn.key_text import PublicKey
from vpn.model import Address, Person, PersonDevice, PersonName
from vpn.people.terms import AccessTerms, unknown_name

if TYPE_CHECKING:
    from controller.vpn_control.lists import ListAccess
    from controller.vpn_control.terms import TermsAccess

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dialling:
    """Where people dial: the network and its gateways; by_hand have no management address."""

    network: str
    gateways: tuple[DeviceName, ...]
    by_hand: tuple[DeviceName, ...]

    @property
    def reached(self) -> tuple[DeviceName, ...]:
        """Return the gateways with a management address."""
        return tuple(name for name in self.gateways if name not in self.by_hand)

    def chosen(self, name: DeviceName | None) -> DeviceName:
        """Return a gateway by name, the first without one.

        Raises UnknownNameError, AccessError when there is no gateway.
        """
        if not self.gateways:
            raise AccessError(
                f"{self.network} has no gateway that people could dial; write one in the section "
                "gateways and say 'sanaga vpn apply --dir DIR'"
            )
        if name is not None and name not in self.gateways:
            known = dict.fromkeys(self.gateways)
            raise UnknownNameError(unknown_name("gateway", name, known))
        return name or self.gateways[0]


@dataclass(frozen=True, slots=True)
class Handing:
    """How a device's files are handed over, and taken back when the device is not on record."""

    deliver: Deliver
    withdraw: Callable[[], None]


@dataclass(frozen=True, slots=True)
class OwnerFound:
    """Whose device has or had an address or a key, in a person's words.

    until is when the key was revoked, if the device has another one now.
    """

    person: Row
    until: str | None


@dataclass(frozen=True, slots=True)
class Rows:
    """A table, and what is to be said beside it."""

    rows: tuple[Row, ...]
    faults: tuple[str, ...] = ()


class PeopleAccess(Protocol):
    """The record of people with access. Everything raises AccessError."""

    def find(self, name: PersonName) -> PersonRecord | None:
        """Return somebody by name, if there is or was anybody."""

    def entry(self, name: PersonName) -> PersonRecord:
        """Return somebody by name."""

    def detail(self, name: PersonName) -> Mapping[str, Any]:
        """Return all that is known of a person, as JSON has it."""

    def owner(self, sought: Address | PublicKey) -> OwnerFound:
        """Return the device that has or had an address or a key."""

    def add(
        self, person: Person, device: str, act: Actor, handing: Handing, key: PublicKey | None
    ) -> DeviceFiles:
        """Give a person access with a device, whose key is made here unless it brings one."""

    def rotate(
        self,
        name: PersonName,
        device: str | None,
        act: Actor,
        handing: Handing,
        key: PublicKey | None,
    ) -> DeviceFiles:
        """Give a device another key; the old one opens nothing from then on."""

    def export(self, name: PersonName, device: str | None, act: Actor) -> DeviceFiles:
        """Return a device's files but for its private key."""

    def revoke(
        self,
        name: PersonName,
        device: str | None,
        act: Actor,
        cutting: Sequence[DeviceName],
    ) -> tuple[PersonDevice, ...]:
        """Withdraw a device, or all of somebody's; return which that were."""

    def change(self, person: Person, act: Actor) -> None:
        """Let somebody be of another title, role, site, licence or last day."""

    def invite(self, person: Person, device: str) -> "Invited":
        """Return what lets a device in that is elsewhere, if its person may have it."""

    def refused(self, person: Person, device: str, refused: str, act: Actor) -> None:
        """Note that a device which came was not let in."""


class Invited(Protocol):
    """A device that is to come; whatever others change of its person meanwhile stands."""

    def files(self, key: PublicKey) -> DeviceFiles:
        """Return the files of the device that came."""

    def enter(self, act: Actor) -> None:
        """Put the device on record, which has its files."""


class GatewayAccess(Protocol):
    """The gateways that people dial."""

    def dialling(self) -> Dialling:
        """Return the gateways under the terms that hold. Raises AccessError without terms."""

    def terms(self) -> AccessTerms:
        """Return the terms that hold, with how gateways are reached from this machine."""

    def push(self, wish: RosterWish, report: Report) -> tuple[DeviceName, ...]:
        """Push rosters, report each outcome, and return the gateways that are left."""

    def interrupted(self, gone: Sequence[PersonDevice]) -> InterruptedCalls:
        """Return which running consultations end with some devices' access."""

    def status(self) -> Rows:
        """Return how it stands with every gateway."""

    def sessions(self) -> Rows:
        """Return the sessions of people, and which gateways are silent."""

    def peers(self, gateway: DeviceName, act: Actor) -> tuple[str, int]:
        """Return a gateway's peers as WireGuard reads them, with preshared keys, and how many."""

    def rules(self, gateway: DeviceName, interface: str) -> str:
        """Return a gateway's packet filter, for an interface of its."""


@dataclass(frozen=True, slots=True)
class VpnAccess:
    """All of it, here or at a controller that runs; what few verbs need is opened for them."""

    people: PeopleAccess
    gateways: GatewayAccess
    open_terms: "Callable[[], TermsAccess]"
    open_lists: "Callable[[], ListAccess]"
