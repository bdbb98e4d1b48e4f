"""A plan from an intent folder and from what devices run."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, TypeVar

from controller.drivers.connect import DRIVERS, connector, from_files
from controller.drivers.memory import SUFFIX
from controller.drivers.observe import ReadingStarted, ReadProgress, observe, silent
from controller.drivers.protocol import Connect
from controller.drivers.saved_files import unused_files
from controller.intended.edge_policy import policy_of
from controller.intended.overlay import Overlay
from controller.intended.render import platforms, render
from controller.intended.routers import intended_routers
from controller.load import Loaded, anchored, as_written
from controller.model import DeviceConfig, Operational, Plan
from controller.planning.notices import segmentation_notices
from controller.planning.plan import (
    NOTHING_SPECIAL,
    Overrides,
    PlanInputs,
    draft_plan,
    managed,
    plan,
    refuse,
    unmanaged,
)
from controller.planning.plan_file import folder_of, parse_intent, seen_by
from controller.planning.selection import select_devices
from controller.platforms.filter_block import assume_filters
from controller.store.journal import ApplyRecord, Journal
from controller.store.people import People
from controller.store.place import record_exists
from controller.store.revoked_keys import refusal
from controller.wording import count, listing
from edge.policy.model import EdgePolicy
from edge.signed import policy_envelope
from inventory.errors import AccessError, PlanError, UnreachableError
from inventory.model import DeviceName, Intent, Role, Thresholds
from policies import expectations
from topology.build import build_topology, routed_topology

Answer = TypeVar("Answer")
# How many former intents are asked for who lived at the far end of a circuit.
FORMER: Final = 20


@dataclass(frozen=True, slots=True)
class PlanChoices:
    """What an engineer asks of one plan, beyond what the folder declares.

    only and without restrict the plan to some devices, by words that select_devices() knows. The
    shares of devices and facilities that
    may be cut off are the network's own unless given. failing are texts of expectations that may
    fail. running is a folder of DEVICE.conf files that are read instead of the devices.
    """

    only: Collection[DeviceName] = ()
    without: Collection[DeviceName] = ()
    devices_cut: float | None = None
    facilities_cut: float | None = None
    failing: Collection[str] = ()
    running: Path | None = None


@dataclass(frozen=True, slots=True)
class PlanContext:
    """What planning reads besides the folder: the controller's state, the time and the devices.

    connect makes the drivers of devices, unless the usual ones are meant.
    """

    state_dir: Path
    at: datetime
    progress: ReadProgress = silent
    connect: Connect | None = None


@dataclass(frozen=True, slots=True)
class FolderPlan:
    """A plan, and the devices of the folder that are not managed yet, with the reason.

    notes tell what is strange about the files that were read instead of devices.
    """

    plan: Plan
    unmanaged: Mapping[DeviceName, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class DevicesUnreachableError(UnreachableError):
    """Devices that a plan has to read cannot be read; reasons says why, device by device."""

    def __init__(self, reasons: Mapping[DeviceName, str], asked: int) -> None:
        self.reasons = {name: why.removeprefix(f"{name}: ") for name, why in reasons.items()}
        self.asked = asked
        self.advice = (
            f"{len(reasons)} of {count(asked, 'device')} cannot be read, so nothing is planned; "
            "bring them back, or leave them out with --without"
        )
        super().__init__(listing(list(reasons)), self.advice)


def plan_folder(loaded: Loaded, choices: PlanChoices, context: PlanContext) -> FolderPlan:
    """Return the plan that makes devices what a folder declares.

    Raises UnsafePlanError when it is refused, and what draft_folder() raises.
    """
    found = draft_folder(loaded, choices, context)
    refuse(found.plan)
    return found


def draft_folder(loaded: Loaded, choices: PlanChoices, context: PlanContext) -> FolderPlan:
    """Return the same plan also where it is refused; it says so itself.

    Raises UnknownNameError, AccessError for a revoked key in edge_keys, DevicesUnreachableError,
    and what draft_plan() raises.
    """
    consent = _overrides(loaded, choices, context.state_dir)
    names = to_read(loaded.intent, consent.only, loaded.overlay)
    network = loaded.intent.network.name
    if choices.running is None:
        previous = previous_intent(context.state_dir, network)
        seen = _read_devices(loaded, names, context)
    else:
        previous = None
        seen = _read_files(loaded, names, choices.running)
    former = recorded_intents(context.state_dir, network)
    view = _inputs(loaded, seen, consent, previous, former)
    notes: tuple[str, ...] = ()
    if choices.running is not None:
        seen, untold = assume_filters(view.wanted, seen)
        view = replace(view, operational=seen)
        notes = tuple(_notes(loaded.intent, choices.running, untold))
    made = draft_plan(view, context.at, consent)
    return FolderPlan(made, unmanaged(loaded.intent, loaded.overlay), notes)


def unfinished_applies(state_dir: Path) -> tuple[ApplyRecord, ...]:
    """Return the applies that are not over; a plan made now may see them half done."""
    return _from_journal(state_dir, lambda journal: tuple(journal.unfinished())) or ()


def _read_devices(
    loaded: Loaded, names: Collection[DeviceName], context: PlanContext
) -> Operational:
    context.progress(ReadingStarted(len(names)))
    connect = context.connect or connector(
        loaded.intent, loaded.folder, state_dir=context.state_dir
    )
    seen = observe(names, connect, progress=context.progress)
    if seen.unreachable:
        raise DevicesUnreachableError(seen.unreachable, len(names))
    return seen


def _read_files(loaded: Loaded, names: Collection[DeviceName], folder: Path) -> Operational:
    seen = observe(names, from_files(folder, loaded.intent), workers=1)
    if seen.unreachable:
        raise DevicesUnreachableError(seen.unreachable, len(names))
    return seen


def _notes(intent: Intent, folder: Path, untold: Collection[DeviceName]) -> Iterator[str]:
    """Yield what is strange about a folder of saved configurations, and what it does not tell."""
    if untold:
        yield (
            f"{folder} does not tell whether routers filter what passes between segments; all "
            f"else of {count(len(untold), 'router')} is compared"
        )
    if unused := unused_files(folder, intent.devices):
        yield (
            f"{folder}: {listing(unused)} not read, since no device of the intent is called so; "
            f"files are called DEVICE{SUFFIX}"
        )
    elif not any(folder.iterdir()):
        yield f"{folder} is empty, so every device is taken for a blank one"


def _overrides(loaded: Loaded, choices: PlanChoices, state_dir: Path) -> Overrides:
    known = loaded.intent.network.thresholds
    devices, facilities = choices.devices_cut, choices.facilities_cut
    return Overrides(
        thresholds=Thresholds(
            devices=known.devices if devices is None else devices,
            facilities=known.facilities if facilities is None else facilities,
        ),
        failing=frozenset(choices.failing),
        only=chosen_devices(loaded, choices.only, choices.without),
        revoked=revoked_edges(loaded, state_dir),
    )


def chosen_devices(
    loaded: Loaded, only: Collection[DeviceName], without: Collection[DeviceName]
) -> frozenset[DeviceName] | None:
    """Return the devices to plan for; None stands for all. Raises what select_devices() raises."""
    if not (only or without):
        return None
    known = managed(loaded.intent, loaded.overlay)
    chosen = select_devices(loaded.intent, only, known) if only else frozenset(known)
    return chosen - select_devices(loaded.intent, without, known)


def revoked_edges(loaded: Loaded, state_dir: Path) -> frozenset[DeviceName]:
    """Return the edges that have no key any more since it was revoked.

    Raises AccessError when such a key stands in edge_keys, for every edge shuts it out.
    """
    devices = loaded.intent.devices.values()
    pinned = {key: d.name for d in devices for key in (d.public_key, d.next_key) if key}
    if not record_exists(state_dir):
        return frozenset()
    with closing(People.open(state_dir)) as store:
        gone = [(pinned[key], found) for key in pinned if (found := store.revoked.find(key))]
        sites = store.revoked.sites()
    if gone:
        raise AccessError(
            "\n".join(
                f"edge_keys: {name}: {refusal(found)}; 'sanaga vpn site revoke' takes the line out"
                for name, found in gone
            )
        )
    return sites - frozenset(pinned.values())


def router_configs(
    loaded: Loaded, only: Collection[DeviceName] | None = None
) -> Mapping[DeviceName, DeviceConfig]:
    """Return what every router, or only some, should run, rendered for its platform."""
    wanted = intended_routers(loaded.intent, loaded.access.policy.gateways, loaded.opened)
    return {n: render(value) for n, value in wanted.items() if only is None or n in only}


def edge_configs(
    loaded: Loaded, only: Collection[DeviceName] | None = None
) -> Mapping[DeviceName, DeviceConfig]:
    """Return the policies of all edges that have tunnels, or only of some, as canonical text."""
    return {
        name: DeviceConfig(policy_envelope.policy_text(_policy_of(loaded, name)))
        for name in loaded.overlay.managed
        if only is None or name in only
    }


def _policy_of(loaded: Loaded, name: DeviceName) -> EdgePolicy:
    return policy_of(loaded.overlay, name, loaded.policies, loaded.opened)


def make_plan(  # noqa: PLR0913 - what is known of before is two values
    loaded: Loaded,
    operational: Operational,
    at: datetime,
    consent: Overrides = NOTHING_SPECIAL,
    *,
    previous: Intent | None = None,
    recorded: Iterable[Intent] = (),
) -> Plan:
    """Return the plan that makes the devices what a folder declares.

    previous is the intent of the last confirmed apply, if all follow it; recorded are those of
    former applies. Raises what controller.plan raises.
    """
    return plan(_inputs(loaded, operational, consent, previous, recorded), at, consent)


def _inputs(
    loaded: Loaded,
    operational: Operational,
    consent: Overrides,
    previous: Intent | None,
    recorded: Iterable[Intent],
) -> PlanInputs:
    intent = anchored(loaded)
    names = frozenset(to_read(intent, consent.only, loaded.overlay))
    routers = router_configs(loaded, names)
    return PlanInputs(
        intent=intent,
        topology=routed_topology(intent),
        wanted={**routers, **edge_configs(loaded, names)},
        operational=operational,
        findings=expectations.check_expectations(loaded.policies, intent, build_topology(intent)),
        previous=previous,
        before=routed_topology(previous) if previous else None,
        overlay=loaded.overlay,
        recorded=recorded,
        folder=str(loaded.folder.absolute()),
        notices=folder_notices(loaded),
    )


def folder_notices(loaded: Loaded) -> tuple[str, ...]:
    """Return what a folder leaves open or shut between segments, in sentences."""
    hosts = loaded.access.policy.hosts
    return tuple(segmentation_notices(loaded.intent, loaded.overlay, loaded.policies, hosts))


def to_read(
    intent: Intent, only: frozenset[DeviceName] | None, laid: Overlay | None = None
) -> tuple[DeviceName, ...]:
    """Return the devices that a plan has to read; laid is the overlay, if it is known.

    Raises PlanError naming all routers whose platform has no template or no driver, and all edges
    without a driver.
    """
    chosen = [d for d in managed(intent, laid).values() if only is None or d.name in only]
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


def previous_intent(state_dir: Path, network: str) -> Intent | None:
    """Return what all routers of a network follow since its last apply, if this state knows it.

    After an apply to some of them, a rollback, or one that left routers differing it does not,
    nor when another release wrote it: then only their own configurations tell.
    """
    found = _from_journal(state_dir, lambda journal: journal.last_intent(network))
    if found is None:
        return None
    body, text = found
    try:
        intent = parse_intent(text)
    except PlanError:
        return None
    known = managed(intent).keys() <= seen_by(body)
    return as_written(intent, folder_of(body)) if known else None


def recorded_intents(state_dir: Path, network: str) -> Iterator[Intent]:
    """Yield what a network followed since its last applies, as far as this release understands."""
    texts = _from_journal(state_dir, lambda journal: journal.recorded_intents(network, FORMER))
    for text in texts or ():
        with suppress(PlanError):
            yield parse_intent(text)


def _from_journal(state_dir: Path, ask: Callable[[Journal], Answer]) -> Answer | None:
    """Return what the journal answers, or nothing where there is none yet."""
    if not record_exists(state_dir):
        return None
    with closing(Journal.open(state_dir)) as journal:
        return ask(journal)
