"""A plan from an intent folder and from what devices run."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path

from controller.drivers.connect import DRIVERS
from controller.intended.edge_policy import policy_of
from controller.intended.overlay import build_overlay
from controller.intended.render import platforms, render
from controller.intended.routers import intended_routers
from controller.load import Loaded
from controller.model import DeviceConfig, Operational, Plan
from controller.planning.plan import NOTHING_SPECIAL, Overrides, PlanInputs, managed, plan
from controller.planning.plan_file import parse_intent, seen_by
from controller.store.journal import FILE as JOURNAL_FILE
from controller.store.journal import Journal
from edge.signed import policy_envelope
from inventory.errors import PlanError
from inventory.model import DeviceName, Intent, Role
from policies import expectations
from topology.build import build, routed
from vpn.model import Gateway


def intended_configs(
    intent: Intent,
    only: Collection[DeviceName] | None = None,
    gateways: Iterable[Gateway] = (),
) -> Mapping[DeviceName, DeviceConfig]:
    """Return what every router, or only some, should run, rendered for its platform.

    gateways are those that people's devices dial.
    """
    wanted = intended_routers(intent, gateways).items()
    return {name: render(value) for name, value in wanted if only is None or name in only}


def edge_configs(
    loaded: Loaded, only: Collection[DeviceName] | None = None
) -> Mapping[DeviceName, DeviceConfig]:
    """Return the policies of all edges that have tunnels, or only of some, as canonical text."""
    laid = build_overlay(loaded.intent, loaded.access.policy.gateways)
    return {
        name: DeviceConfig(policy_envelope.policy_text(policy_of(laid, name, loaded.policies)))
        for name in laid.managed
        if only is None or name in only
    }


def make_plan(
    loaded: Loaded,
    operational: Operational,
    at: datetime,
    consent: Overrides = NOTHING_SPECIAL,
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
    view = PlanInputs(
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
