"""Evaluation of a peer's paths, without any device: health and memory in, decisions out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Final

from edge.forwarding.steering import PeerSteering, Steering
from edge.policy.model import EdgePolicy, Peer, PeerPath, TrafficClass
from inventory.model import CircuitName, DeviceName
from policies.model import CARE_CLASSES, ServiceName
from policies.path_selection.decide import Alternative, Decision, Duty, Memory, decide
from topology.quality.health import (
    LinkHealth,
    Measurement,
    PathName,
    fold_measurement,
    unknown_health,
)

WATCHED_AGAIN_S: Final = 2400.0
# Nothing but a path's sudden change is decided upon sooner; the longer one while all is well.
DECIDE_EVERY_S: Final = 0.1
DECIDE_WELL_S: Final = 0.25
_UNWELL_OVERDUE: Final = 2


@dataclass(frozen=True, slots=True)
class PathSnapshot:
    """The part of a path's health that calls for a decision at once when it changes."""

    dead: bool
    overdue: int
    handover: bool
    stalled: bool
    lossy: bool
    suspect: bool


@dataclass(frozen=True, slots=True)
class PeerState:
    """What is known about one peer: its paths' health, and what was decided for each class.

    alarmed_s is since when metered paths are watched because another path became unwell.
    """

    healths: Mapping[PathName, LinkHealth]
    memories: Mapping[ServiceName, Memory]
    decisions: Mapping[ServiceName, Decision] = field(default_factory=dict)
    snapshots: Mapping[PathName, PathSnapshot] = field(default_factory=dict)
    decided_s: float = -inf
    consultation: bool = False
    began_s: float = -inf
    alarmed_s: float = -inf


@dataclass(frozen=True, slots=True)
class PathChange:
    """A class of traffic to a peer that takes another path now, and the path before."""

    peer: DeviceName
    service: ServiceName
    before: PathName | None
    decision: Decision


def initial(peer: Peer, now_s: float, memories: Mapping[ServiceName, Memory]) -> PeerState:
    """Return the state of a peer without any measurement, with earlier decisions remembered."""
    paths = {path.name for path in peer.paths}
    kept = {name: memory for name, memory in memories.items() if memory.path in paths}
    healths = {path.name: unknown_health(path.medium, now_s) for path in peer.paths}
    return PeerState(healths, kept, began_s=now_s)


def with_measurements(state: PeerState, measurements: Mapping[PathName, Measurement]) -> PeerState:
    """Return the state after one more measurement of some paths."""
    healths = dict(state.healths)
    for name, measurement in measurements.items():
        healths[name] = fold_measurement(healths[name], measurement)
    return replace(state, healths=healths)


def evaluate_measurements(
    peer: Peer,
    classes: Sequence[TrafficClass],
    state: PeerState,
    measurements: Mapping[PathName, Measurement],
    now_s: float,
) -> tuple[PeerState, tuple[PathChange, ...]]:
    """Return the state after some measurements, and which classes take another path now."""
    return evaluate(peer, classes, with_measurements(state, measurements), now_s)


def evaluate(
    peer: Peer,
    classes: Sequence[TrafficClass],
    state: PeerState,
    now_s: float,
    drained: Collection[CircuitName] = (),
) -> tuple[PeerState, tuple[PathChange, ...]]:
    """Return the state after deciding, if it is time to, and which classes take another path.

    A path's sudden change is decided upon at once, everything else now and then. Paths over drained
    circuits are left at once, while others answer.
    """
    snapshots = {name: snapshot(health) for name, health in state.healths.items()}
    calm = snapshots == state.snapshots and not may_change_any_moment(state)
    every_s = DECIDE_WELL_S if all_paths_well(state) else DECIDE_EVERY_S
    if calm and now_s - state.decided_s < every_s:
        return state, ()
    decisions = decide_classes(peer, classes, state, now_s, drained)
    changes = tuple(
        PathChange(peer.device, service, previous(state, service).path, decision)
        for service, decision in decisions.items()
        if (decision.path, decision.second) != _paths(state, service)
    )
    memories = {**state.memories, **{name: d.memory for name, d in decisions.items()}}
    after = replace(
        state,
        memories=memories,
        decisions=decisions,
        snapshots=snapshots,
        decided_s=now_s,
        alarmed_s=now_s if _alarming(peer, state, now_s) else state.alarmed_s,
    )
    return after, changes


def _alarming(peer: Peer, state: PeerState, now_s: float) -> bool:
    """Return whether an unmetered path has just become unwell, and none had for long."""
    free = [path.name for path in peer.paths if not path.metered and path.name in state.snapshots]
    fallen = any(
        is_unwell(state.healths[name]) and not is_unwell(state.snapshots[name]) for name in free
    )
    return fallen and now_s - state.alarmed_s >= WATCHED_AGAIN_S


def previous(state: PeerState, service: ServiceName) -> Memory:
    """Return what was decided for a class before."""
    return state.memories.get(service, Memory())


def _paths(state: PeerState, service: ServiceName) -> tuple[PathName | None, PathName | None]:
    memory = previous(state, service)
    return memory.path, memory.second


def without_path(state: PeerState, path: PathName) -> PeerState:
    """Return the state if a path cannot even be measured, since its tunnel is not there."""
    return replace(state, healths={**state.healths, path: replace(state.healths[path], dead=True)})


def snapshot(health: LinkHealth) -> PathSnapshot:
    """Return the part of a path's health that calls for a decision at once."""
    return PathSnapshot(
        dead=health.dead,
        overdue=min(health.overdue, 8),
        handover=health.handover,
        stalled=health.stalled,
        lossy=health.lossy,
        suspect=health.suspect,
    )


def classes_to_decide(policy: EdgePolicy) -> tuple[TrafficClass, ...]:
    """Return the classes that choose for themselves.

    The care tunnel takes one path with all that travels in it, chosen for its first class.
    """
    care = care_class(policy.classes)
    return tuple(
        entry
        for entry in policy.classes
        if entry.service.name not in CARE_CLASSES or entry.service.name == care
    )


def care_class(classes: Sequence[TrafficClass]) -> ServiceName | None:
    """Return the class whose decision the care tunnel follows: sound before picture."""
    names = {entry.service.name for entry in classes}
    return next((name for name in CARE_CLASSES if name in names), None)


def decide_classes(
    peer: Peer,
    classes: Iterable[TrafficClass],
    state: PeerState,
    now_s: float,
    drained: Collection[CircuitName] = (),
) -> Mapping[ServiceName, Decision]:
    """Return the decision for each class of traffic to a peer."""
    alternatives = tuple(
        replace(_alternative(path, state.healths[path.name]), drained=path.circuit in drained)
        for path in peer.paths
    )
    return {
        entry.service.name: decide(
            alternatives,
            Duty(entry.service.slo, entry.paths),
            state.memories.get(entry.service.name, Memory(began_s=now_s)),
            now_s=now_s,
            consultation=state.consultation,
        )
        for entry in classes
    }


def _alternative(path: PeerPath, health: LinkHealth) -> Alternative:
    return Alternative(path.name, path.medium, path.metered, path.cost, health)


def is_unwell(health: LinkHealth | PathSnapshot) -> bool:
    """Return whether a path is dead, late with answers or losing packets."""
    return health.dead or health.overdue >= _UNWELL_OVERDUE or health.lossy


def asked_paths(state: PeerState) -> frozenset[PathName]:
    """Return the paths whose next answer a decision waits for."""
    return frozenset(name for decision in state.decisions.values() for name in decision.asks)


def may_change_any_moment(state: PeerState) -> bool:
    """Return whether a decision may change with every packet and every moment."""
    used = (decision.path for decision in state.decisions.values())
    waiting = any(path is not None and state.healths[path].overdue for path in used)
    return waiting or bool(asked_paths(state))


def all_paths_well(state: PeerState) -> bool:
    """Return whether every path that is used is well."""
    return bool(state.memories) and not any(
        memory.path is not None and standing.path == memory.path and not standing.well
        for memory in state.memories.values()
        for standing in memory.standings
    )


def needs_fast_polling(state: PeerState) -> bool:
    """Return whether a peer's paths must be looked at closely: soon something may have to move."""
    doubtful = any(health.overdue and not health.dead for health in state.healths.values())
    return state.consultation or doubtful or may_change_any_moment(state)


def steering(peer_states: Mapping[DeviceName, PeerState], *, bare: bool = False) -> Steering:
    """Return the paths that were decided, those remembered from before included.

    With bare, consultations do without the care tunnel.
    """
    return Steering(
        {peer: _peer_steering(state.memories, bare) for peer, state in peer_states.items()}
    )


def _peer_steering(memories: Mapping[ServiceName, Memory], bare: bool) -> PeerSteering:  # noqa: FBT001
    care = next((memories[name] for name in CARE_CLASSES if name in memories), Memory())
    services = {name: memory.path for name, memory in memories.items() if memory.path}
    if care.path:
        services |= dict.fromkeys(CARE_CLASSES, care.path)
    return PeerSteering(services=services, care=care.path, second=care.second, bare=bare)
