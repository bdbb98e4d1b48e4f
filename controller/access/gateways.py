"""Rosters at gateways: each gateway gets all of its roster, signed, with the next serial.

A gateway is asked for its serial before the record is read, so that whoever is refused for a serial
that another administrator used meanwhile reads a record that holds what the other did, and tries
again.
"""

from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controller.access.registrar import GatewayRoster, Registrar, gateway_of
from controller.clock import Clock, SystemClock, persisted
from controller.drivers.protocol import ConnectEdge, EdgeDriver
from controller.environment import environment
from controller.keys.revocation_signing import publish
from controller.keys.signing import signing_key
from controller.store.roster_loads import RosterStatus
from controller.transport.fanout import for_each_device
from edge.signed import roster_envelope
from inventory import credentials
from inventory.errors import CredentialError, DeviceError, RejectedError, SanagaError
from inventory.model import Device, DeviceName, Platform, Role
from vpn.model import PersonDevice
from vpn.people import device_config
from vpn.people.roster import SignedRoster
from vpn.people.terms import AccessTerms

_ATTEMPTS: Final = 3
_CONNECT_S: Final = 5.0
_SILENCE_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class RosterPushed:
    """What a gateway goes by now: a state of the record, and how many devices it lets in.

    calling are the addresses that were in a consultation just before; left_out are devices with
    a key of the gateway's own.
    """

    state: int
    devices: int
    calling: tuple[str, ...] = ()
    left_out: tuple[PersonDevice, ...] = ()


Outcome: TypeAlias = RosterPushed | SanagaError


@dataclass(frozen=True, slots=True)
class RosterLag:
    """Which roster a gateway uses: of when it is, and how many changes it is behind.

    at is None if the gateway never had one.
    """

    at: str | None
    behind: int


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """How it stands with a gateway, by what it says itself if it is reached.

    told is when it was given a roster last, there how many devices are connected, octets what it
    sent and received; fault is why it is not reached, or what it refused.
    """

    gateway: DeviceName
    reached: bool
    told: str | None
    behind: int
    devices: int
    there: int | None
    octets: tuple[int, int] | None
    fault: str | None


@dataclass(frozen=True, slots=True)
class InterruptedCalls:
    """Devices in a consultation that ends with their access, as far as gateways say.

    silent are the gateways that did not say who is in a consultation.
    """

    devices: tuple[PersonDevice, ...] = ()
    silent: tuple[DeviceName, ...] = ()


class Gateways:
    """The gateways of people under some terms, those that hold unless others are named."""

    def __init__(
        self,
        registrar: Registrar,
        state_dir: Path,
        connect: ConnectEdge | None = None,
        terms: AccessTerms | None = None,
    ) -> None:
        self._registrar = registrar
        self._state_dir = state_dir
        self._terms = terms or registrar.accepted()
        self._connect = connect or connector(self._terms, state_dir)

    def push_rosters(
        self, names: Iterable[DeviceName], *, there: bool = False
    ) -> Generator[tuple[DeviceName, Outcome], None, None]:
        """Yield every gateway as soon as it goes by the record, or why it does not.

        Both are noted; with there, outcomes say who was in a consultation just before. Raises
        AccessError and CredentialError before any gateway is asked.
        """
        self._registrar.load_sealing_key()
        publish(self._registrar.store, self._state_dir)
        told = partial(self._push_one, self._registrar.roster, there=there)
        for name, outcome in self._each(tuple(names), told):
            if isinstance(outcome, RosterPushed):
                self._registrar.store.loads.loaded(name, outcome.state, outcome.devices)
            else:
                self._registrar.store.loads.failed(name, str(outcome))
            yield name, outcome

    def push_until(
        self,
        names: Iterable[DeviceName],
        report: Callable[[DeviceName, Outcome], None],
        *,
        within_s: float,
        clock: Clock,
        there: bool = False,
    ) -> tuple[DeviceName, ...]:
        """Push rosters, again to gateways that were not reached, and return those that are left.

        report is called with every outcome of every attempt; there is as in push_rosters().
        """

        def push(names: Sequence[DeviceName]) -> Generator[tuple[DeviceName, Outcome], None, None]:
            for name, outcome in self.push_rosters(names, there=there):
                report(name, outcome)
                yield name, outcome

        _, left = persisted(
            names,
            push,
            lambda _, outcome: isinstance(outcome, RosterPushed),
            within_s=within_s,
            clock=clock,
        )
        return tuple(left)

    def clear(
        self, names: Iterable[DeviceName]
    ) -> Generator[tuple[DeviceName, Outcome], None, None]:
        """Yield every gateway as soon as it lets nobody in any more, or why it still does."""
        yield from self._each(tuple(names), partial(self._push_one, self._nobody, there=False))

    def _nobody(self, name: DeviceName) -> GatewayRoster:
        roster = device_config.build_roster(self._terms, gateway_of(self._terms, name), ())
        return GatewayRoster(replace(roster, openings=()), (), self._registrar.store.last())

    def _each(
        self,
        names: tuple[DeviceName, ...],
        work: Callable[[DeviceName, EdgeDriver, Ed25519PrivateKey], RosterPushed],
    ) -> Generator[tuple[DeviceName, Outcome], None, None]:
        key = signing_key(self._state_dir)

        def worked(name: DeviceName) -> RosterPushed:
            driver = self._connect(name)
            try:
                return work(name, driver, key)
            finally:
                driver.close()

        yield from for_each_device(names, worked)

    def status(
        self, names: Iterable[DeviceName], *, who: bool = False
    ) -> Generator[tuple[DeviceName, Mapping[str, Any] | SanagaError], None, None]:
        """Yield what every gateway says of itself, or why it says nothing.

        With who, it says who ever dialled it.
        """

        def asked(name: DeviceName) -> Mapping[str, Any]:
            driver = self._connect(name)
            try:
                return driver.dialled() if who else driver.people(there=True)
            finally:
                driver.close()

        yield from for_each_device(tuple(names), asked)

    def _push_one(
        self,
        charged: Callable[[DeviceName], GatewayRoster],
        name: DeviceName,
        driver: EdgeDriver,
        key: Ed25519PrivateKey,
        *,
        there: bool,
    ) -> RosterPushed:
        """Have a gateway go by what it is charged with."""
        for attempt in reversed(range(_ATTEMPTS)):
            before = driver.people(there=there)
            serial, gateway_roster = int(before["serial"]) + 1, charged(name)
            preshared = tuple(secret.octets for secret in gateway_roster.preshared)
            signed = SignedRoster(
                serial,
                SystemClock().instant(),
                gateway_roster.state,
                gateway_roster.roster,
                preshared,
            )
            try:
                driver.admit(
                    roster_envelope.sign_roster(
                        signed, key, gateway_of(self._terms, name).public_key
                    )
                )
                break
            except RejectedError:
                overtaken = int(driver.people()["serial"]) >= serial
                if not (overtaken and attempt):
                    raise
        calling = tuple(map(str, before.get("calling", ())))
        admitted = len(gateway_roster.roster.devices)
        return RosterPushed(gateway_roster.state, admitted, calling, gateway_roster.left_out)


def reachable(terms: AccessTerms) -> tuple[tuple[DeviceName, ...], tuple[DeviceName, ...]]:
    """Return the gateways with a management address, and those that are loaded by hand."""
    names = [gateway.device for gateway in terms.gateways]
    return (
        tuple(name for name in names if name in terms.doors),
        tuple(name for name in names if name not in terms.doors),
    )


def roster_lag(registrar: Registrar, name: DeviceName) -> RosterLag:
    """Return how far the roster that a gateway uses is behind the record."""
    known = registrar.store.loads.all().get(name) or RosterStatus()
    return RosterLag(known.at, registrar.store.last() - known.state)


def gateway_status(registrar: Registrar, gateways: Gateways) -> tuple[GatewayStatus, ...]:
    """Return how it stands with every gateway."""
    terms, known, last = registrar.terms(), registrar.store.loads.all(), registrar.store.last()
    said = dict(gateways.status(reachable(terms)[0]))
    return tuple(
        _status(gateway.device, said.get(gateway.device), known.get(gateway.device), last)
        for gateway in terms.gateways
    )


def _status(
    name: DeviceName,
    said: Mapping[str, Any] | SanagaError | None,
    known: RosterStatus | None,
    last: int,
) -> GatewayStatus:
    known = known or RosterStatus()
    if said is None or isinstance(said, SanagaError):
        return GatewayStatus(
            gateway=name,
            reached=False,
            told=known.at,
            behind=last - known.state,
            devices=known.devices,
            there=None,
            octets=None,
            fault=str(said or "no management address"),
        )
    sessions = said.get("sessions") or {}
    octets = (sessions["sent_octets"], sessions["received_octets"]) if sessions else None
    return GatewayStatus(
        gateway=name,
        reached=True,
        told=known.at,
        behind=last - int(said["state"]),
        devices=said["devices"],
        there=sessions.get("alive"),
        octets=octets,
        fault=said["refused"] or None,
    )


def interrupted_calls(
    registrar: Registrar, gateways: Gateways, devices: Collection[PersonDevice]
) -> InterruptedCalls:
    """Return which running consultations end if some devices lose their access."""
    names, _ = reachable(registrar.accepted())
    if not names or not devices:
        return InterruptedCalls()
    said = dict(gateways.status(names))
    calling = {
        name: one.get("calling", ())
        for name, one in said.items()
        if not isinstance(one, SanagaError)
    }
    return InterruptedCalls(
        tuple(in_consultation(registrar, devices, calling)),
        tuple(name for name in names if name not in calling),
    )


def in_consultation(
    registrar: Registrar,
    devices: Iterable[PersonDevice],
    calling: Mapping[DeviceName, Sequence[str]],
) -> list[PersonDevice]:
    """Return the devices that are in a consultation, by what gateways say of addresses."""
    terms = registrar.terms()
    found = {(name, address) for name, said in calling.items() for address in said}
    return [
        device
        for device in devices
        for gateway in terms.gateways
        if gateway.device in calling
        and any(
            (gateway.device, str(address)) in found
            for address in device_config.device_addresses(terms.plan, device, gateway)
        )
    ]


def connector(terms: AccessTerms, state_dir: Path) -> ConnectEdge:
    """Return what makes the driver of a gateway, which connects on first use."""
    from controller.drivers.linux import LinuxDriver  # noqa: PLC0415 - slow to load, often in vain
    from controller.transport.ssh_door import SshTimeouts  # noqa: PLC0415

    def connect(name: DeviceName) -> EdgeDriver:
        door = terms.doors.get(name)
        if door is None:
            raise DeviceError(name, "has no management address in the intent; load it by hand")
        try:
            secret = credentials.resolve_secret(
                door.credential, base=Path(), environment=environment()
            )
        except CredentialError as error:
            raise DeviceError(name, str(error)) from error
        return LinuxDriver(
            Device(name, "", 1, Role.EDGE, Platform.LINUX, door),
            secret=secret,
            namespace=terms.namespace,
            state_dir=state_dir,
            patience=SshTimeouts(connect_s=_CONNECT_S, silence_s=_SILENCE_S),
        )

    return connect
