"""One step of an edge, without any device: health and memory in, decisions, paces and ways out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Final

from edge.forwarding.steering import PeerSteering, Steering
from edge.policy.model import EdgePolicy, Path, Peer, TrafficClass
from inventory.model import CircuitName, DeviceName
from policies.decide import Alternative, Decision, Duty, Memory, decide
from policies.model import CARE_CLASSES, ServiceName
from topology.quality.health import LinkHealth, Measurement, PathName, fold, unknown

WATCHED_AGAIN_S: Final = 2400.0
# Nothing but a path's sudden change is decided upon sooner; the longer one while all is well.
DECIDE_EVERY_S: Final = 0.1
DECIDE_WELL_S: Final = 0.25
_UNWELL_OVERDUE: Final = 2


@dataclass(frozen=True, slots=True)
class Sight:
    """What of a path's health must be acted upon at once when it changes."""

    dead: bool
    overdue: int
    handover: bool
    stalled: bool
    lossy: bool
    suspect: bool


@dataclass(frozen=True, slots=True)
class Mind:
    """What is known about one peer: its paths' health, and what was decided for each class.

    alarmed_s is since when metered paths are watched because another path became unwell.
    """

    healths: Mapping[PathName, LinkHealth]
    memories: Mapping[ServiceName, Memory]
    decisions: Mapping[ServiceName, Decision] = field(default_factory=dict)
    sights: Mapping[PathName, Sight] = field(default_factory=dict)
    decided_s: float = -inf
    consultation: bool = False
    began_s: float = -inf
    alarmed_s: float = -inf


@dataclass(frozen=True, slots=True)
class Change:
    """A class of traffic to a peer that has another way now, and which one it had before."""

    peer: DeviceName
    service: ServiceName
    before: PathName | None
    decision: Decision


def blank(peer: Peer, now_s: float, memories: Mapping[ServiceName, Memory]) -> Mind:
    """Return a mind that has heard nothing yet and remembers what an earlier one decided."""
    paths = {path.name for path in peer.paths}
    kept = {name: memory for name, memory in memories.items() if memory.path in paths}
    healths = {path.name: unknown(path.medium, now_s) for path in peer.paths}
    return Mind(healths, kept, began_s=now_s)


def folded(mind: Mind, measurements: Mapping[PathName, Measurement]) -> Mind:
    """Return the mind after one more measurement of some paths."""
    healths = dict(mind.healths)
    for name, measurement in measurements.items():
        healths[name] = fold(healths[name], measurement)
    return replace(mind, healths=healths)


def step(
    peer: Peer,
    classes: Sequence[TrafficClass],
    mind: Mind,
    measurements: Mapping[PathName, Measurement],
    now_s: float,
) -> tuple[Mind, tuple[Change, ...]]:
    """Return the mind after some measurements, and which classes have another way now."""
    return considered(peer, classes, folded(mind, measurements), now_s)


def considered(
    peer: Peer,
    classes: Sequence[TrafficClass],
    mind: Mind,
    now_s: float,
    drained: Collection[CircuitName] = (),
) -> tuple[Mind, tuple[Change, ...]]:
    """Return the mind after deciding, if it is time to, and which classes have another way.

    A path's sudden change is decided upon at once, everything else now and then. Paths over drained
    circuits are left at once, while others answer.
    """
    sights = {name: sight(health) for name, health in mind.healths.items()}
    calm = sights == mind.sights and not pressing(mind)
    every_s = DECIDE_WELL_S if settled(mind) else DECIDE_EVERY_S
    if calm and now_s - mind.decided_s < every_s:
        return mind, ()
    decisions = decided(peer, classes, mind, now_s, drained)
    changes = tuple(
        Change(peer.device, service, former(mind, service).path, decision)
        for service, decision in decisions.items()
        if (decision.path, decision.second) != _way(mind, service)
    )
    memories = {**mind.memories, **{name: d.memory for name, d in decisions.items()}}
    thought = replace(
        mind,
        memories=memories,
        decisions=decisions,
        sights=sights,
        decided_s=now_s,
        alarmed_s=now_s if _alarming(peer, mind, now_s) else mind.alarmed_s,
    )
    return thought, changes


def _alarming(peer: Peer, mind: Mind, now_s: float) -> bool:
    """Return whether an unmetered path has just become unwell, and none had for long."""
    free = [path.name for path in peer.paths if not path.metered and path.name in mind.sights]
    fallen = any(_unwell(mind.healths[name]) and not _unwell(mind.sights[name]) for name in free)
    return fallen and now_s - mind.alarmed_s >= WATCHED_AGAIN_S


def former(mind: Mind, service: ServiceName) -> Memory:
    """Return what was decided for a class before."""
    return mind.memories.get(service, Memory())


def _way(mind: Mind, service: ServiceName) -> tuple[PathName | None, PathName | None]:
    memory = former(mind, service)
    return memory.path, memory.second


def without(mind: Mind, path: PathName) -> Mind:
    """Return the mind when a path cannot even be measured, since its tunnel is not there."""
    return replace(mind, healths={**mind.healths, path: replace(mind.healths[path], dead=True)})


def sight(health: LinkHealth) -> Sight:
    """Return what of a path's health calls for a decision without delay."""
    return Sight(
        dead=health.dead,
        overdue=min(health.overdue, 8),
        handover=health.handover,
        stalled=health.stalled,
        lossy=health.lossy,
        suspect=health.suspect,
    )


def classes_to_decide(policy: EdgePolicy) -> tuple[TrafficClass, ...]:
    """Return the classes that choose for themselves.

    The care tunnel takes one way with all that travels in it, chosen for its first class.
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


def decided(
    peer: Peer,
    classes: Iterable[TrafficClass],
    mind: Mind,
    now_s: float,
    drained: Collection[CircuitName] = (),
) -> Mapping[ServiceName, Decision]:
    """Return the decision for each class of traffic to a peer."""
    alternatives = tuple(
        replace(_alternative(path, mind.healths[path.name]), drained=path.circuit in drained)
        for path in peer.paths
    )
    return {
        entry.service.name: decide(
            alternatives,
            Duty(entry.service.slo, entry.paths),
            mind.memories.get(entry.service.name, Memory(began_s=now_s)),
            now_s=now_s,
            consultation=mind.consultation,
        )
        for entry in classes
    }


def _alternative(path: Path, health: LinkHealth) -> Alternative:
    return Alternative(path.name, path.medium, path.metered, path.cost, health)


def _unwell(health: LinkHealth | Sight) -> bool:
    return health.dead or health.overdue >= _UNWELL_OVERDUE or health.lossy


def asked(mind: Mind) -> frozenset[PathName]:
    """Return the paths whose next answer a decision waits for."""
    return frozenset(name for decision in mind.decisions.values() for name in decision.asks)


def pressing(mind: Mind) -> bool:
    """Return whether a decision may change with every packet and every moment."""
    used = (decision.path for decision in mind.decisions.values())
    waiting = any(path is not None and mind.healths[path].overdue for path in used)
    return waiting or bool(asked(mind))


def settled(mind: Mind) -> bool:
    """Return whether every path that is used is well."""
    return bool(mind.memories) and not any(
        memory.path is not None and standing.path == memory.path and not standing.well
        for memory in mind.memories.values()
        for standing in memory.standings
    )


def in_doubt(mind: Mind) -> bool:
    """Return whether a peer's paths must be looked at closely: soon something may have to move."""
    doubtful = any(health.overdue and not health.dead for health in mind.healths.values())
    return mind.consultation or doubtful or pressing(mind)


def steering(minds: Mapping[DeviceName, Mind], *, bare: bool = False) -> Steering:
    """Return the ways that were decided, those remembered from before included.

    With bare, consultations do without the care tunnel.
    """
    return Steering({peer: _peer_steering(mind.memories, bare) for peer, mind in minds.items()})


def _peer_steering(memories: Mapping[ServiceName, Memory], bare: bool) -> PeerSteering:  # noqa: FBT001
    care = next((memories[name] for name in CARE_CLASSES if name in memories), Memory())
    services = {name: memory.path for name, memory in memories.items() if memory.path}
    if care.path:
        services |= dict.fromkeys(CARE_CLASSES, care.path)
    return PeerSteering(services=services, care=care.path, second=care.second, bare=bare)
