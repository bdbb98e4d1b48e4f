"""Where the parts meet: a folder becomes a plan, and devices get their drivers."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from importlib.metadata import entry_points
from itertools import chain
from pathlib import Path
from typing import Final

from controller.apply.session import Connect
from controller.drivers.memory import MemoryNetwork
from controller.drivers.protocol import Driver, DriverFactory
from controller.environment import environment
from controller.intended.overlay import overlay, policy_of
from controller.intended.render import platforms, render
from controller.intended.routers import derive
from controller.load import Loaded, device, load
from controller.model import DeviceConfig, Operational, Outcome, Plan
from controller.planning.plan import NOTHING_SPECIAL, Consent, View, managed, plan
from controller.planning.plan_file import decode, parse_intent, seen_by
from controller.settings import Settings
from controller.store.journal import FILE as JOURNAL_FILE
from controller.store.journal import Journal
from edge.signed import policy_envelope
from inventory import credentials
from inventory.errors import DeviceError, PlanError
from inventory.model import Device, DeviceName, Intent, Role
from policies import expectations
from topology.build import build, routed
from vpn.model import Gateway

__all__ = [
    "Loaded",
    "connector",
    "edge_configs",
    "from_files",
    "intended_configs",
    "load",
    "make_plan",
]

DRIVERS: Final = "controller.drivers"


def intended_configs(
    intent: Intent,
    only: Collection[DeviceName] | None = None,
    gateways: Iterable[Gateway] = (),
) -> Mapping[DeviceName, DeviceConfig]:
    """Return what every router, or only some, should run, rendered for its platform.

    gateways are those that people's devices dial.
    """
    wanted = derive(intent, gateways).items()
    return {name: render(value) for name, value in wanted if only is None or name in only}


def edge_configs(
    loaded: Loaded, only: Collection[DeviceName] | None = None
) -> Mapping[DeviceName, DeviceConfig]:
    """Return the policies of all edges that have tunnels, or only of some, as canonical text."""
    laid = overlay(loaded.intent, loaded.access.policy.gateways)
    return {
        name: DeviceConfig(policy_envelope.text(policy_of(laid, name, loaded.policies)))
        for name in laid.managed
        if only is None or name in only
    }


def make_plan(
    loaded: Loaded,
    operational: Operational,
    at: datetime,
    consent: Consent = NOTHING_SPECIAL,
    *,
    previous: Intent | None = None,
) -> Plan:
    """Return the plan that makes the devices what a folder declares.

    previous is the intent of the last confirmed apply, if known. Raises what controller.plan
    raises.
    """
    intent = anchored(loaded)
    names = frozenset(to_read(intent, consent.only))
    routers = intended_configs(intent, names, loaded.access.policy.gateways)
    view = View(
        intent=intent,
        topology=routed(intent),
        wanted={**routers, **edge_configs(loaded, names)},
        operational=operational,
        findings=expectations.check(loaded.policies, intent, build(intent)),
        previous=previous,
        before=routed(previous) if previous else None,
    )
    return plan(view, at, consent)


def to_read(intent: Intent, only: frozenset[DeviceName] | None) -> tuple[DeviceName, ...]:
    """Return the devices that a plan has to read.

    Raises PlanError naming all routers whose platform has no template or no driver, and all edges
    without a driver.
    """
    chosen = [d for d in managed(intent).values() if only is None or d.name in only]
    driven = {point.name for point in entry_points(group=DRIVERS)}
    known = platforms() & driven
    fit = {Role.ROUTER: known, Role.EDGE: driven - platforms()}
    strange = [f"{d.name} ({d.platform})" for d in chosen if d.platform not in fit[d.role]]
    if strange:
        raise PlanError(
            f"Sanaga cannot configure {', '.join(strange)}; it knows routers on: "
            f"{', '.join(sorted(known))}; leave them out with --without"
        )
    return tuple(device.name for device in chosen)


def anchored(loaded: Loaded) -> Intent:
    """Return the intent with credential references that mean the same from every folder."""
    devices = {
        name: replace(item, management=replace(item.management, credential=reference))
        for name, item in loaded.intent.devices.items()
        if item.management and (reference := _anchored(item.management.credential, loaded.folder))
    }
    return replace(loaded.intent, devices={**loaded.intent.devices, **devices})


def _anchored(reference: str, folder: Path) -> str:
    kind, _, rest = reference.partition(":")
    if kind in {"file", "sealed"} and rest:
        return f"{kind}:{(folder / rest).absolute()}"
    return reference


def previous_intent(state_dir: Path, network: str) -> Intent | None:
    """Return what all routers of a network follow since its last apply, if this state knows it.

    After an apply to some of them, a rollback, or one that left routers differing it does not,
    nor when another release wrote it: then only their own configurations tell.
    """
    if not (state_dir / JOURNAL_FILE).exists():
        return None
    journal = Journal.open(state_dir)
    try:
        found = journal.last_intent(network)
    finally:
        journal.close()
    if found is None:
        return None
    body, text = found
    try:
        intent = parse_intent(text)
    except PlanError:
        return None
    return intent if managed(intent).keys() <= seen_by(body) else None


def recorded_intent(journal: Journal, apply_id: int | None) -> Intent | None:
    """Return how the devices of a recorded apply are reached, as the journal knew it last.

    apply_id names the apply, without it is the last one. Its devices and those of the one before
    are among them, also where the intent that it follows has none of them any more, or not yet.
    """
    entries = [e for e in journal.history() if e.outcome in (None, Outcome.CONFIRMED)]
    chosen = next((e for e in entries if e.id == apply_id), next(iter(entries), None))
    if chosen is None:
        return None
    entries = [e for e in entries if e.network == chosen.network]
    since = entries.index(chosen)
    plans = [decode(*journal.plan(e.id)) for e in entries[since : since + 2]]
    newest = [decode(*journal.plan(e.id)) for e in entries[: min(since, 1)]]
    older = (decode(*journal.plan(e.id)) for e in entries[since + 2 :])
    return _knowing({n for p in plans for n in p.seen}, chain(newest, plans, older))


def _knowing(needed: Collection[DeviceName], plans: Iterable[Plan]) -> Intent | None:
    """Return the first intent, with devices of later ones until all that are needed are known."""
    known: Intent | None = None
    for intent in (made.intent for made in plans if made.intent):
        devices = {**intent.devices, **(known.devices if known else {})}
        known = replace(known or intent, devices=devices)
        if known.devices.keys() >= set(needed):
            break
    return known


def connector(
    intent: Intent | None, folder: Path = Path(), *, state_dir: Path | None = None
) -> Connect:
    """Return a function that makes the driver of a device by name; each connects on first use.

    Relative paths in credential references start at folder. state_dir is the controller's own
    folder, unless the settings' one is meant.
    """
    if intent is None:
        return _nowhere
    environ = environment()

    @cache
    def secret(reference: str) -> str:
        return credentials.resolve(reference, base=folder, environment=environ)

    def connect(name: DeviceName) -> Driver:
        wanted = device(intent, name)
        if wanted.management is None:
            raise DeviceError(name, "has no management address; add 'management:' to the device")
        return _factory(wanted)(
            wanted,
            secret=secret(wanted.management.credential),
            namespace=intent.network.management_namespace,
            state_dir=state_dir or Settings().state_dir,
        )

    return connect


def _nowhere(name: DeviceName) -> Driver:
    raise DeviceError(name, "the plan does not say how to reach it; make the plan anew")


def from_files(folder: Path) -> Connect:
    """Return a function like connector's, for devices whose configurations lie in DEVICE.conf."""
    return MemoryNetwork.load(folder).connect


def _factory(wanted: Device) -> DriverFactory:
    factory = _drivers().get(wanted.platform.value)
    if factory is None:
        raise DeviceError(wanted.name, f"there is no driver for the platform {wanted.platform}")
    return factory


@cache
def _drivers() -> Mapping[str, DriverFactory]:
    return {point.name: point.load() for point in entry_points(group=DRIVERS)}
