"""Telling gateways whom to let in: each gets all of it, signed, with the next serial.

A gateway is asked for its serial before the record is read, so that whoever is refused for a serial
that another administrator used meanwhile reads a record that holds what the other did, and tries
again.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controller.access.registrar import GatewayRoster, Registrar, gateway_of
from controller.clock import SystemClock
from controller.drivers.protocol import GatewayDriver
from controller.environment import environment
from controller.keys.revocation_signing import publish
from controller.keys.signing import signing_key
from controller.transport.fanout import for_each_device
from edge.signed import roster_envelope
from inventory import credentials
from inventory.errors import CredentialError, DeviceError, RejectedError, SanagaError
from inventory.model import Device, DeviceName, Platform, Role
from vpn.people import device_config
from vpn.people.roster import SignedRoster
from vpn.people.terms import AccessTerms

_ATTEMPTS: Final = 3
_CONNECT_S: Final = 5.0
_SILENCE_S: Final = 20.0


Connect: TypeAlias = Callable[[DeviceName], GatewayDriver]


@dataclass(frozen=True, slots=True)
class RosterPushed:
    """What a gateway goes by now: a state of the record, and how many devices it lets in.

    calling are the addresses that were in a consultation just before.
    """

    state: int
    devices: int
    calling: tuple[str, ...] = ()


class Gateways:
    """The gateways of people, as a desk with a state folder knows them, or knew them."""

    def __init__(
        self,
        registrar: Registrar,
        state_dir: Path,
        connect: Connect | None = None,
        terms: AccessTerms | None = None,
    ) -> None:
        self._registrar = registrar
        self._state_dir = state_dir
        self._terms = terms or registrar.terms()
        self._connect = connect or connector(self._terms, state_dir)

    def push_rosters(
        self, names: Iterable[DeviceName], *, there: bool = False
    ) -> Generator[tuple[DeviceName, RosterPushed | SanagaError], None, None]:
        """Yield every gateway as soon as it goes by the record, or why it does not.

        Both are noted; with there, who was in a consultation just before is told. Raises
        AccessError and CredentialError before anything is told to anybody.
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

    def clear(
        self, names: Iterable[DeviceName]
    ) -> Generator[tuple[DeviceName, RosterPushed | SanagaError], None, None]:
        """Yield every gateway as soon as it lets nobody in any more, or why it still does."""
        yield from self._each(tuple(names), partial(self._push_one, self._nobody, there=False))

    def _nobody(self, name: DeviceName) -> GatewayRoster:
        roster = device_config.roster(self._terms, gateway_of(self._terms, name), ())
        return GatewayRoster(replace(roster, openings=()), (), self._registrar.store.last())

    def _each(
        self,
        names: tuple[DeviceName, ...],
        work: Callable[[DeviceName, GatewayDriver, Ed25519PrivateKey], RosterPushed],
    ) -> Generator[tuple[DeviceName, RosterPushed | SanagaError], None, None]:
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

        With who, everybody who ever dialled it is told.
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
        driver: GatewayDriver,
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
        return RosterPushed(gateway_roster.state, len(gateway_roster.roster.devices), calling)


def connector(terms: AccessTerms, state_dir: Path) -> Connect:
    """Return what makes the driver of a gateway, which connects on first use."""
    from controller.drivers.linux import LinuxDriver  # noqa: PLC0415 - slow to load, often in vain
    from controller.transport.ssh_door import SshTimeouts  # noqa: PLC0415

    def connect(name: DeviceName) -> GatewayDriver:
        door = terms.doors.get(name)
        if door is None:
            raise DeviceError(name, "has no management address in the intent; load it by hand")
        try:
            secret = credentials.resolve(door.credential, base=Path(), environment=environment())
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
