"""Transient blast radius, wave by wave: every circuit in flux counts as failed."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from controller.model import NO_HARM
from controller.platforms.model import ConfigImpact
from inventory.model import CircuitEnd, CircuitName, DeviceName, Intent
from topology.failures.resilience import before_after
from topology.model import BlastRadius, Topology
from topology.paths import without_failed


@dataclass(frozen=True, slots=True)
class TransientModel:
    """An apply on the model.

    topology holds what is there before and after, waves the number (from 1) of each changed
    device's wave, gaps the first and last wave in which an edge's site reaches nobody.
    """

    topology: Topology
    judgements: Mapping[DeviceName, ConfigImpact]
    waves: Mapping[DeviceName, int]
    circuits: tuple["CircuitInFlux", ...]
    lans: Mapping[DeviceName, str]
    gaps: Mapping[DeviceName, tuple[int, int]] = field(default_factory=dict)

    def failed(self, wave: int) -> frozenset[str]:
        """Return what does not work while a wave is in flux; wave 0 is before the first."""
        found = (*self._devices(wave), *self._circuits(wave), *self._lans(wave))
        return frozenset((*found, *self._silent(wave)))

    def _devices(self, wave: int) -> Iterator[str]:
        for name, judged in self.judgements.items():
            at = self.waves[name]
            if (at == wave and judged.whole_device) or (at > wave and judged.unconfigured):
                yield name

    def _circuits(self, wave: int) -> Iterator[str]:
        return (c.name for c in self.circuits if not c.works(wave, self.waves))

    def _lans(self, wave: int) -> Iterator[str]:
        return (link for name, link in self.lans.items() if self.waves[name] == wave)

    def _silent(self, wave: int) -> Iterator[str]:
        for edge, (first, last) in self.gaps.items():
            if first <= wave <= last and f"lan:{edge}" in self.topology.links:
                yield f"lan:{edge}"


@dataclass(frozen=True, slots=True)
class CircuitInFlux:
    """A circuit on its way from before to after, through the changes of the devices at its ends."""

    name: CircuitName
    ends: tuple[DeviceName, ...]
    existed: bool
    remains: bool

    def works(self, wave: int, waves: Mapping[DeviceName, int]) -> bool:
        """Return whether it carries traffic while a wave is in flux."""
        at = [waves[end] for end in self.ends]
        if all(number > wave for number in at):
            return self.existed
        return self.remains and all(number < wave for number in at)


@dataclass(frozen=True, slots=True)
class WorstWave:
    """The worst wave (0 when none does harm) and what it costs."""

    wave: int = 0
    radius: BlastRadius = NO_HARM


def simulate_waves(
    topologies: tuple[Topology, Topology],
    intents: tuple[Intent, Intent],
    judgements: Mapping[DeviceName, ConfigImpact],
    waves: Sequence[Sequence[DeviceName]],
    wired: Collection[CircuitEnd] = (),
) -> TransientModel:
    """Return the rehearsal of an apply; each pair is (before, after).

    wired are interfaces that carry a circuit now, also one that neither intent has there.
    """
    before, after = topologies
    was, becomes = (_landings(intent) for intent in intents)
    ends = {name: was.get(name, ()) + becomes.get(name, ()) for name in {**was, **becomes}}
    circuits = tuple(
        CircuitInFlux(
            name,
            ends=tuple(sorted({end.device for end in at if _touched(end, judgements)})),
            existed=name in before.links and not _fresh(was.get(name, ()), judgements),
            remains=name in after.links,
        )
        for name, at in ends.items()
        # A circuit that carries nothing, before or after, cannot fail.
        if name in before.links or name in after.links
        if any(_touched(end, judgements) for end in at)
    )
    return TransientModel(
        topology=_union(before, after),
        judgements=judgements,
        waves={name: n for n, wave in enumerate(waves, 1) for name in wave},
        circuits=circuits,
        lans=dict(_hit_lans(after, {*chain(*ends.values()), *wired}, judgements)),
    )


def policy_gaps(
    waves: Mapping[DeviceName, int],
    first: Collection[DeviceName],
    tunnels: Iterable[tuple[DeviceName, DeviceName]],
) -> Mapping[DeviceName, tuple[int, int]]:
    """Return the waves in which edges with a first policy wait for a hub that changes after them.

    tunnels are pairs of an edge and a hub.
    """
    gaps: dict[DeviceName, tuple[int, int]] = {}
    for edge, hub in tunnels:
        if edge in first and waves.get(hub, 0) > waves.get(edge, 0):
            _, last = gaps.get(edge, (0, 0))
            gaps[edge] = waves[edge], max(last, waves[hub])
    return gaps


def worst(rehearsal: TransientModel) -> WorstWave:
    """Return the wave that cuts off most of what was connected before, and what it cuts off."""
    start = rehearsal.failed(0)
    worse = {
        wave: failed
        for wave in range(1, max(rehearsal.waves.values(), default=0) + 1)
        if (failed := rehearsal.failed(wave)) - start
    }
    if not worse:
        return WorstWave()
    base = without_failed(rehearsal.topology, start)
    harms = (
        WorstWave(
            wave,
            replace(before_after(base, without_failed(rehearsal.topology, failed)), failed=named),
        )
        for wave, failed in worse.items()
        if (named := tuple(sorted(failed - start)))
    )
    return max(harms, key=_severity)


def _severity(harm: WorstWave) -> tuple[int, int, int, int]:
    radius = harm.radius
    cut, degraded = len(radius.disconnected), len(radius.degraded)
    return radius.facilities_disconnected, cut, degraded, -harm.wave


def _landings(intent: Intent) -> Mapping[CircuitName, tuple[CircuitEnd, ...]]:
    return {c.name: (c.a, c.b) if c.b else (c.a,) for c in intent.circuits.values()}


def _fresh(ends: Sequence[CircuitEnd], judgements: Mapping[DeviceName, ConfigImpact]) -> bool:
    """Return whether a circuit was to land on an interface that no configuration had."""
    touched = (end for end in ends if _touched(end, judgements))
    return any(end.interface in judgements[end.device].new_interfaces for end in touched)


def _touched(end: CircuitEnd, judgements: Mapping[DeviceName, ConfigImpact]) -> bool:
    return end.device in judgements and end.interface in judgements[end.device].interfaces


def _hit_lans(
    after: Topology,
    circuits: Collection[CircuitEnd],
    judgements: Mapping[DeviceName, ConfigImpact],
) -> Iterator[tuple[DeviceName, str]]:
    links = {link.a: link.name for link in after.links.values() if link.circuit is None}
    for name, judged in judgements.items():
        touched = judged.interfaces - judged.new_interfaces
        inner = {i for i in touched if CircuitEnd(name, i) not in circuits}
        if name in links and inner - {"lo"}:
            yield name, links[name]


def _union(before: Topology, after: Topology) -> Topology:
    return replace(
        after,
        nodes={**before.nodes, **after.nodes},
        links={**before.links, **after.links},
        anchors=after.anchors | before.anchors,
        weights={**before.weights, **after.weights},
    )
