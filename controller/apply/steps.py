"""Single steps of an apply on single devices, each written down before it is taken."""

from collections.abc import Callable, Collection
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from math import ceil
from typing import Final, TypeVar

from controller.apply.session import ApplyContext, DeviceConnections
from controller.drivers.protocol import Driver
from controller.keys.signing import signing_key
from controller.model import Change, DeviceConfig, Plan
from controller.transport.fanout import for_each_device
from inventory.errors import (
    CredentialError,
    DeviceError,
    JournalError,
    RejectedError,
    SanagaError,
)
from inventory.model import DeviceName, Platform

OLD: Final = "as before"
NEW: Final = "as planned"
UNCONFIRMED: Final = "as planned, unconfirmed"
# Their devices take only what this controller signed.
SIGNED: Final = frozenset({Platform.LINUX})
Result = TypeVar("Result")


class UnexpectedConfigError(DeviceError):
    """A device runs neither what it ran before the apply nor what the plan gives it."""


@dataclass(frozen=True, slots=True)
class ApplyRun:
    """An apply under way; deadline is when (of clock.now()) the last timer has fired."""

    plan: Plan
    apply_id: int
    context: ApplyContext
    deadline: float
    lines: DeviceConnections = field(repr=False)

    def left_s(self) -> float:
        """Return how long the timers still run."""
        return self.deadline - self.context.clock.now()

    def changes(self, devices: Collection[DeviceName] | None = None) -> tuple[Change, ...]:
        """Return the changes of those devices, or all, in the order they are applied."""
        return tuple(c for c in self.plan.changes if devices is None or c.device in devices)


def require_logins(lines: DeviceConnections, changes: Collection[Change]) -> None:
    """Raise CredentialError unless the secrets are at hand with which devices are spoken to.

    One that is missing here says nothing about a device, and asking again does not bring it.
    """
    for _, result in for_each_device(
        changes, lambda c: lines.ask(c.device, lambda _: None), workers=1
    ):
        if isinstance(result, CredentialError):
            raise result


def require_signing(context: ApplyContext, changes: Collection[Change]) -> None:
    """Raise CredentialError unless what is given to devices can be signed, where they want that."""
    if any(change.platform in SIGNED for change in changes):
        signing_key(context.journal.folder)


def stage(push: ApplyRun, change: Change) -> str:
    """Hand a device its candidate and return the device's account of it."""
    account = _acted(push, change, "stage", (OLD, OLD), lambda d: d.stage(change.after))
    push.lines.staged(change.device)
    return account


def commit(push: ApplyRun, change: Change) -> None:
    """Make a device run its candidate until its timer fires, with the timers of all others."""
    if not push.lines.has_staged(change.device):
        stage(push, change)
    within = max(1, ceil(push.left_s()))
    states = OLD, UNCONFIRMED
    _acted(push, change, "commit", states, lambda d: d.commit(confirm_within_s=within))
    # The health gate must not profit from a connection made before the change.
    push.lines.drop(change.device)


def extend(push: ApplyRun, change: Change) -> None:
    """Make a device's timer end with the push's deadline."""
    within = max(1, ceil(push.left_s()))
    states = UNCONFIRMED, UNCONFIRMED
    _acted(push, change, "extend", states, lambda d: d.extend(confirm_within_s=within))


def discard(push: ApplyRun, change: Change) -> None:
    """Let a device forget a candidate that was never committed."""
    _acted(push, change, "rollback", (OLD, OLD), lambda d: d.rollback())


def advance(push: ApplyRun, change: Change) -> None:
    """Make a device keep the plan's configuration, giving it again if its timer has fired.

    Raises UnreachableError, RejectedError when it refuses it now, StrangeError.
    """
    # Refused when the timer has just fired: what the device runs then tells what to do.
    with suppress(RejectedError):
        _acted(push, change, "confirm", (UNCONFIRMED, NEW), lambda d: d.confirm())
    if _settled(push, change, aim=change.after, start=change.before):
        return
    _given(push, change, change.after, (OLD, NEW))


def restore(push: ApplyRun, change: Change) -> None:
    """Make a device be as before, also when the plan's configuration was confirmed already.

    Raises UnreachableError, RejectedError when it refuses the old configuration, StrangeError.
    """
    _acted(push, change, "rollback", (UNCONFIRMED, OLD), lambda d: d.rollback())
    if _settled(push, change, aim=change.before, start=change.after):
        return
    _given(push, change, change.before, (NEW, OLD))


def _settled(push: ApplyRun, change: Change, *, aim: DeviceConfig, start: DeviceConfig) -> bool:
    """Return whether the device runs what it should, else whether it is still where it was."""
    found = push.lines.read(change.device)
    if found not in (aim, start):
        raise UnexpectedConfigError(
            change.device, "runs neither its old configuration nor the plan's"
        )
    return found == aim


def _given(push: ApplyRun, change: Change, config: DeviceConfig, states: tuple[str, str]) -> None:
    pace, clock = push.context.pace, push.context.clock
    push.context.journal.extend(push.apply_id, clock.instant().timestamp() + pace.base_s)

    def give(driver: Driver) -> None:
        driver.stage(config)
        driver.commit(confirm_within_s=ceil(pace.base_s))

    was, becomes = states
    _acted(push, change, "give", (was, f"{becomes}, unconfirmed"), give)
    push.lines.drop(change.device)
    if push.lines.read(change.device) != config:
        _acted(push, change, "rollback", (f"{becomes}, unconfirmed", was), lambda d: d.rollback())
        raise UnexpectedConfigError(change.device, "does not run what it was given")
    confirm = (f"{becomes}, unconfirmed", becomes)
    _acted(push, change, "confirm", confirm, lambda d: d.confirm())


def _acted(
    push: ApplyRun,
    change: Change,
    act: str,
    states: tuple[str, str],
    work: Callable[[Driver], Result],
) -> Result:
    was, becomes = states
    # A full disk must not keep a device from becoming what it was.
    tolerant = suppress(JournalError) if act == "rollback" else nullcontext()
    journal, step = push.context.journal, 0
    with tolerant:
        step = journal.intend(push.apply_id, change.device, act, was)
    try:
        result = push.lines.ask(change.device, work)
    except SanagaError as error:
        with suppress(JournalError):
            journal.done(step, f"unknown: {error}")
        raise
    with tolerant:
        journal.done(step, becomes)
    return result
