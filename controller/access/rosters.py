"""Pushing rosters to gateways as one act: what became of each gateway, as values that travel."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from controller.access.gateways import Gateways, Outcome, in_consultation, roster_lag
from controller.access.registrar import Registrar
from controller.clock import Clock
from controller.vpn_events import RosterOutcome
from inventory.errors import HostKeyError, SanagaError
from inventory.model import DeviceName
from vpn.model import PersonDevice

Report: TypeAlias = Callable[[RosterOutcome], None]


@dataclass(frozen=True, slots=True)
class RosterWish:
    """Which gateways are to have their roster, and for how long they are tried again, in seconds.

    gone are devices that have lost their access: which consultations this cuts is said.
    """

    gateways: tuple[DeviceName, ...]
    gone: tuple[PersonDevice, ...] = ()
    within_s: float = 0.0


def push_wished(
    registrar: Registrar, gateways: Gateways, wish: RosterWish, report: Report, clock: Clock
) -> tuple[DeviceName, ...]:
    """Push rosters, report what became of each attempt, and return the gateways that are left.

    Raises AccessError and CredentialError before any gateway is asked.
    """

    def told(name: DeviceName, outcome: Outcome) -> None:
        report(outcome_of(registrar, name, outcome, wish.gone))

    return gateways.push_until(
        wish.gateways, told, within_s=wish.within_s, clock=clock, there=bool(wish.gone)
    )


def clear_gateways(
    registrar: Registrar, former: Gateways, names: Sequence[DeviceName], report: Report
) -> None:
    """Have gateways of former terms let nobody in any more, and report what became of each."""
    for name, outcome in former.clear(names):
        report(outcome_of(registrar, name, outcome, (), cleared=True))


def outcome_of(
    registrar: Registrar,
    name: DeviceName,
    outcome: Outcome,
    gone: Sequence[PersonDevice],
    *,
    cleared: bool = False,
) -> RosterOutcome:
    """Return what became of a gateway."""
    if isinstance(outcome, SanagaError):
        lag = roster_lag(registrar, name)
        return RosterOutcome(
            name,
            None,
            fault=str(outcome),
            unpinned=isinstance(outcome, HostKeyError),
            at=lag.at,
            behind=lag.behind,
            cleared=cleared,
        )
    cut = in_consultation(registrar, gone, {name: outcome.calling}) if gone else []
    left_out = tuple(map(device_said, outcome.left_out))
    return RosterOutcome(
        name, outcome.devices, left_out, tuple(map(device_said, cut)), cleared=cleared
    )


def device_said(device: PersonDevice) -> str:
    """Return a device as sentences name it."""
    return f"{device.person}'s {device.name}"
