"""From what should be and what is to a plan: what changes, in which order, who would be hurt."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Final

from controller.intended.overlay import Overlay, build_overlay, loopback
from controller.load import as_written
from controller.model import NO_HARM, Change, DeviceConfig, Impact, Operational, Plan
from controller.planning import impact, reachability
from controller.planning.baseline import Running, read_running, trace_baseline, without_shut
from controller.planning.notices import (
    first_filters,
    first_policies,
    irreversible,
    renumbered_lans,
    single_points,
)
from controller.planning.plan_file import intent_json
from controller.planning.reachability import routers
from controller.planning.refusals import (
    LISTED,
    Whole,
    failing_expectations,
    listed,
    lost_keys,
    lost_peers,
    too_much_harm,
)
from controller.planning.transient import (
    TransientModel,
    WorstWave,
    policy_gaps,
    simulate_waves,
    worst,
)
from controller.planning.waves import ChangeGraph, change_graph, tunnel_waves, waves
from controller.platforms.model import ConfigImpact
from inventory.errors import PlanError, UnknownNameError, UnreachableError, UnsafePlanError
from inventory.model import Device, DeviceName, Intent, Role, Thresholds
from policies.model import Finding
from topology.build import routed_topology, site_node
from topology.failures.resilience import before_after, standing_nodes
from topology.model import BlastRadius, Topology

ID_LENGTH: Final = 12


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """Everything that a plan is computed from.

    wanted says what each device should be, as its configuration; previous is the intent of the
    last confirmed apply and before its topology, if known; else what was is traced from the
    routers' configurations, and recorded, the intents of former applies (the newest first), tells
    who is there that the intent does not know. overlay is that of the intent, if it was computed
    already. folder is where the intent's credential references start; previous has them as written.
    """

    intent: Intent
    topology: Topology
    wanted: Mapping[DeviceName, DeviceConfig]
    operational: Operational
    findings: tuple[Finding, ...] = ()
    previous: Intent | None = None
    before: Topology | None = None
    overlay: Overlay | None = None
    recorded: Iterable[Intent] = ()
    folder: str = ""
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the engineer allows this one plan, beyond what the network's documents allow.

    thresholds replace those of the network, failing names expectations that may fail by their
    text, and only restricts the plan to some devices. revoked are edges that have no key any more
    since it was withdrawn, and so lose their tunnels.
    """

    thresholds: Thresholds | None = None
    failing: frozenset[str] = frozenset()
    only: frozenset[DeviceName] | None = None
    revoked: frozenset[DeviceName] = frozenset()


NOTHING_SPECIAL: Final = Overrides()


def plan(view: PlanInputs, at: datetime, consent: Overrides = NOTHING_SPECIAL) -> Plan:
    """Return the plan that makes every device what it should be; without changes it has no waves.

    Raises UnsafePlanError when it is refused, and what draft_plan() raises.
    """
    made = draft_plan(view, at, consent)
    refuse(made)
    return made


def refuse(made: Plan) -> None:
    """Raise UnsafePlanError with every reason why a plan must not be applied, if there is one."""
    if made.refused:
        raise UnsafePlanError("\n".join(made.refused))


def draft_plan(view: PlanInputs, at: datetime, consent: Overrides = NOTHING_SPECIAL) -> Plan:
    """Return the same plan also where it is refused; it says so itself.

    Raises PlanError when a device cannot be planned for, UnreachableError when devices could not
    be read, UnknownNameError.
    """
    laid = view.overlay or build_overlay(view.intent)
    view = replace(view, overlay=laid)
    devices = considered(view, consent)
    forced = _accepted(view.findings, consent)
    steps = _order(view, laid, devices)
    harm = _rehearse(view, steps)
    made = _with_reachability(_changes(view, steps, at), view, steps)
    return replace(
        made,
        blast_radius=harm.worst.radius,
        worst_wave=harm.worst.wave,
        steady=harm.steady,
        cannot_revert=tuple(irreversible(view.previous or harm.was, view.intent, view.folder)),
        forced=forced,
        notices=tuple(_notices(view, harm, made)),
        refused=tuple(_refusals(view, consent, steps, harm)),
    )


@dataclass(frozen=True, slots=True)
class _Steps:
    """What a plan does: which devices it is for, how each change is judged, and in which order."""

    laid: Overlay
    devices: tuple[DeviceName, ...]
    form: ChangeGraph
    judgements: Mapping[DeviceName, ConfigImpact]
    order: tuple[tuple[DeviceName, ...], ...]


@dataclass(frozen=True, slots=True)
class _Harm:
    """What a plan costs: was is the network before, gaps the waves of edges' first policies."""

    was: Intent
    before: Topology
    gaps: Mapping[DeviceName, tuple[int, int]]
    worst: WorstWave
    steady: BlastRadius


def _order(view: PlanInputs, laid: Overlay, devices: tuple[DeviceName, ...]) -> _Steps:
    """Judge every change, and put the changes in order: routers first, then edges, then hubs."""
    form = change_graph(view.topology)
    judgements = dict(_judgements(view, devices))
    idle = [name for name, judged in judgements.items() if judged.unconfigured]
    edges = judgements.keys() & laid.managed.keys()
    order = (*waves(judgements.keys() - edges, form, idle), *tunnel_waves(edges, laid.hubs))
    return _Steps(laid, devices, form, judgements, order)


def _rehearse(view: PlanInputs, steps: _Steps) -> _Harm:
    """Go through the waves on the model, from what the network was to what it will be."""
    running = read_running(view.intent, view.operational.configs)
    was = _before(view, running)
    before = view.before if view.before and was is view.previous else routed_topology(was)
    topologies, intents = (before, view.topology), (was, view.intent)
    rehearsal = simulate_waves(topologies, intents, steps.judgements, steps.order, running.wired)
    gaps = _gaps(view, steps.laid, before, rehearsal)
    worst_wave = worst(replace(rehearsal, gaps=gaps))
    return _Harm(was, before, gaps, worst_wave, before_after(before, view.topology))


def _changes(view: PlanInputs, steps: _Steps, at: datetime) -> Plan:
    """Return a plan that says what changes, and not yet what that means."""
    changes = {name: _change(view, name, judged) for name, judged in steps.judgements.items()}
    seen = {name: view.operational.configs[name].fingerprint for name in steps.devices}
    return Plan(
        id=_identity(as_written(view.intent, view.folder), seen, changes),
        network=view.intent.network.name,
        created_at=at.isoformat(timespec="seconds"),
        intent_fingerprint=_fingerprint(view.intent),
        seen=seen,
        waves=tuple(tuple(changes[name] for name in wave) for wave in steps.order),
        blast_radius=NO_HARM,
        findings=view.findings,
        loopbacks={},
        reaches=(),
        intent=view.intent,
        folder=view.folder,
    )


def _with_reachability(made: Plan, view: PlanInputs, steps: _Steps) -> Plan:
    """Return a plan that also says which devices must reach which others once it is applied."""
    intent, devices = view.intent, steps.devices
    beyond = tuple(sorted(reachability.outside_pairs(intent, devices, steps.form, steps.laid)))
    return replace(
        made,
        loopbacks={n: loopback(intent, n) for n in (*devices, *(b for _, b in beyond))},
        reaches=reachability.check_pairs(intent, devices, steps.form, steps.laid),
        adjacent=reachability.adjacent(intent, steps.form, devices, steps.laid),
        beyond=beyond,
    )


def _notices(view: PlanInputs, harm: _Harm, made: Plan) -> Iterator[str]:
    told = (*harm.steady.degraded, *harm.steady.disconnected)
    yield from first_policies(harm.gaps)
    yield from renumbered_lans(view.intent, made.changes)
    yield from first_filters(made.changes)
    yield from view.notices
    yield from single_points(harm.before, view.topology, told)


def _refusals(view: PlanInputs, consent: Overrides, steps: _Steps, harm: _Harm) -> Iterator[str]:
    """Yield every reason why the plan must not be applied."""
    whole = Whole.of((harm.was, view.intent), (harm.before, view.topology))
    configs, kept = view.operational.configs, _kept(steps.laid, consent)
    yield from lost_keys(view.previous, view.intent, consent.revoked)
    yield from lost_peers(configs, steps.devices, kept)
    yield from failing_expectations(view.findings, _accepted(view.findings, consent))
    yield from too_much_harm(whole, _allowed(view, consent), harm.worst, harm.steady)


def _gaps(
    view: PlanInputs, laid: Overlay, before: Topology, rehearsal: TransientModel
) -> Mapping[DeviceName, tuple[int, int]]:
    """Return when edges whose sites are connected already wait for the hub at the central one."""
    configs, devices = view.operational.configs, view.intent.devices
    first = {n for n in laid.managed if n in rehearsal.waves and not configs[n].text.strip()}
    if not first:
        return {}
    reached = standing_nodes(before).reached
    first = {name for name in first if devices[name].site in reached}
    central = view.topology.anchors
    tunnels = [(e, h) for e, h in laid.pairs if site_node(devices[h].site) in central]
    return policy_gaps(rehearsal.waves, first, tunnels)


def _kept(laid: Overlay, consent: Overrides) -> Mapping[DeviceName, str]:
    """Return the edges without tunnels whose key is not revoked, and why they have none."""
    return {name: why for name, why in laid.unfit.items() if name not in consent.revoked}


def _allowed(view: PlanInputs, consent: Overrides) -> Thresholds:
    return consent.thresholds or view.intent.network.thresholds


def managed(intent: Intent, laid: Overlay | None = None) -> Mapping[DeviceName, Device]:
    """Return the devices that are configured from an intent: routers, and edges with tunnels.

    laid is its overlay, if it was computed already.
    """
    return {**routers(intent), **(laid or build_overlay(intent)).managed}


def unmanaged(intent: Intent, laid: Overlay | None = None) -> Mapping[DeviceName, str]:
    """Return the devices that count in the topology but are not configured yet, and why not.

    laid is the overlay of the intent, if it was computed already.
    """
    switches = (n for n, device in intent.devices.items() if device.role is Role.SWITCH)
    why = {
        **dict.fromkeys(switches, "switches are not configured yet"),
        **(laid or build_overlay(intent)).unfit,
    }
    return dict(sorted(why.items()))


def explain(made: Plan) -> tuple[str, ...]:
    """Return what a plan would do, in sentences."""
    if not made.changes:
        nothing = f"Nothing to change: all {len(made.seen)} devices are as intended."
        return (nothing, *(f"Mind: {text}." for text in made.notices))
    return (
        f"{len(made.changes)} of {len(made.seen)} devices change in {len(made.waves)} waves, "
        f"{made.waves[0][0].device} first as the canary.",
        _told(made.blast_radius, f"While wave {made.worst_wave} is applied"),
        _told(made.steady, "Afterwards"),
        *(f"{c.device}: {c.because}." for c in made.changes if c.impact is not Impact.NONE),
        *(f"Does not revert by itself: {text}." for text in made.cannot_revert),
        *(f"Accepted although it fails: {text}." for text in made.forced),
        *(f"Mind: {text}." for text in made.notices),
    )


def considered(view: PlanInputs, consent: Overrides) -> tuple[DeviceName, ...]:
    """Return the devices that are planned for, in the order of their names.

    Raises UnknownNameError, PlanError or UnreachableError, each naming all devices concerned.
    """
    known = managed(view.intent, view.overlay)
    chosen = sorted(known if consent.only is None else consent.only)
    if strangers := [name for name in chosen if name not in view.intent.devices]:
        raise UnknownNameError(
            f"not in the intent: {listed(strangers)}; see 'sanaga inventory list'"
        )
    if others := [name for name in chosen if name not in known]:
        why = unmanaged(view.intent, view.overlay)
        raise PlanError("not managed yet: " + "\n".join(f"{n}: {why[n]}" for n in others))
    read = view.operational.configs
    if unread := [name for name in chosen if name not in read]:
        raise _unreachable(unread, view.operational.unreachable)
    return tuple(chosen)


def _unreachable(names: Sequence[DeviceName], why: Mapping[DeviceName, str]) -> UnreachableError:
    reasons = "; ".join(why.get(name) or f"{name}: was not read" for name in names[:LISTED])
    return UnreachableError(
        listed(names),
        f"cannot be read, so nothing is planned ({reasons}); bring them back, or leave them out "
        "with --without",
    )


def _accepted(findings: Sequence[Finding], consent: Overrides) -> tuple[str, ...]:
    """Return the failing expectations that the engineer accepted. Raises UnknownNameError."""
    if strange := consent.failing - {f.expectation.text for f in findings}:
        raise UnknownNameError(f"no expectation reads {listed(sorted(strange))!r}")
    texts = (f.expectation.text for f in findings if not f.holds)
    return tuple(text for text in texts if text in consent.failing)


def _judgements(
    view: PlanInputs, devices: Sequence[DeviceName]
) -> Iterator[tuple[DeviceName, ConfigImpact]]:
    for name in devices:
        before, after = view.operational.configs[name], view.wanted[name]
        if before.text != after.text:
            yield name, impact.assess(before, after)


def _change(view: PlanInputs, name: DeviceName, judged: ConfigImpact) -> Change:
    before, after = view.operational.configs[name], view.wanted[name]
    return Change(
        device=name,
        platform=view.intent.devices[name].platform,
        before=before,
        after=after,
        diff=impact.diff(before, after),
        impact=judged.impact,
        because=judged.because,
        cannot_revert=judged.cannot_revert,
    )


def _fingerprint(intent: Intent) -> str:
    return sha256(intent_json(intent).encode()).hexdigest()


def _identity(
    intent: Intent, seen: Mapping[DeviceName, str], changes: Mapping[DeviceName, Change]
) -> str:
    digest = sha256(f"{intent.network.name}\n{_fingerprint(intent)}\n".encode())
    for name, fingerprint in seen.items():
        after = changes[name].after.fingerprint if name in changes else ""
        digest.update(f"{name} {fingerprint} {after}\n".encode())
    return digest.hexdigest()[:ID_LENGTH]


def _before(view: PlanInputs, running: Running) -> Intent:
    """Return what the network was, without what is down already."""
    if view.previous:
        return without_shut(view.previous, running)
    return trace_baseline(view.intent, running, view.recorded)


def _told(radius: BlastRadius, when: str) -> str:
    if not (radius.disconnected or radius.degraded):
        return f"{when}, no site that was connected is cut off or loses its second way out."
    return (
        f"{when}, {len(radius.disconnected)} sites are cut off "
        f"({radius.facilities_disconnected} facilities, {radius.population_disconnected} people) "
        f"and {len(radius.degraded)} lose their second way out "
        f"({radius.facilities_degraded} facilities)."
    )
