"""Which circuits, devices, sites and operators are root causes, whatever order news came in.

What lies on the edge of the reach from the centre is a cause; what lies beyond is a consequence. A
device that is silent and lost to several neighbours at once is a cause itself; one that hangs on
a single dead circuit is a consequence of that.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import inf
from typing import Final

from controller.diagnosis.hearing import SKEW_S, Answer, Hearing, instant_s, said_of
from controller.diagnosis.reach import Boundary, Reach, reach_of
from controller.incidents.model import (
    Cause,
    Health,
    IncidentState,
    Source,
    Subject,
    SubjectKind,
)
from controller.incidents.policy import Policy
from controller.incidents.view import LAN, NetworkView
from topology.build import provider_node
from topology.model import NodeName

# Incidents of devices and sites that no longer answered, by what they are and their cause.
_FAILURES: Final = frozenset(
    {
        (SubjectKind.SITE, Cause.UNKNOWN),
        *product((SubjectKind.SITE, SubjectKind.DEVICE), (Cause.POWER_CUT, Cause.DEVICE_FAULT)),
    }
)


@dataclass(frozen=True, slots=True)
class Root:
    """A root cause: the nodes that failed with it, and the dead circuits that it explains.

    seen_up says that neighbours still see circuits to it up; power that its power failed.
    """

    subject: Subject
    nodes: frozenset[NodeName] = frozenset()
    explains: tuple[str, ...] = ()
    seen_up: bool = False
    power: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """The state as it is heard: dead circuits, silent devices and what is reached."""

    state: IncidentState
    network: NetworkView
    hearing: Hearing
    reach: Reach
    dead: frozenset[str]
    silent: frozenset[str]

    @classmethod
    def of(cls, state: IncidentState, network: NetworkView) -> "Scene":
        """Return the scene of a state."""
        hearing = Hearing(state, network)
        circuits = (s.name for s in state.troubled if s.kind is SubjectKind.CIRCUIT)
        dead = frozenset(c for c in circuits if hearing.belief(c).state is Health.DOWN)
        devices = (s.name for s in state.troubled if s.kind is SubjectKind.DEVICE)
        silent = frozenset(d for d in devices if hearing.answer(d) is Answer.SILENT)
        silent |= hearing.suspects | frozenset(_not_asked_again(state, network, hearing))
        reach = reach_of(network, dead, silent)
        made = cls(state, network, hearing, reach, dead, silent)
        speaking = frozenset(made._speaking())
        if not speaking:
            return made
        return cls(state, network, hearing, reach_of(network, dead, silent, speaking), dead, silent)

    def _speaking(self) -> Iterator[NodeName]:
        """Yield devices beyond the reach that answered after everything that cuts them off."""
        if not self.reach.islands:
            return
        since_s, ends = self.state.since_s, self.reach
        cuts = [Subject(SubjectKind.CIRCUIT, b.circuit) for b in ends.boundaries]
        cuts += [Subject(SubjectKind.DEVICE, name) for name in ends.touched]
        latest_s = max((since_s.get(cut, -inf) for cut in cuts), default=-inf)
        for island in ends.islands:
            for name in island & self.network.devices.keys() - self.silent:
                answers = self.hearing.answer(name) is Answer.ANSWERS
                if answers and self.hearing.last_heard_s(name) > latest_s + SKEW_S:
                    yield name


def _not_asked_again(state: IncidentState, network: NetworkView, hearing: Hearing) -> Iterator[str]:
    """Yield devices that had failed before a collector was lost; they are so until seen well."""
    if hearing.lost:
        return
    for incident in state.open_incidents():
        if (incident.root.kind, incident.cause) in _FAILURES:
            for name in network.devices_of(incident.root):
                if hearing.answer(name) is Answer.UNKNOWN:
                    yield name


def find_roots(scene: Scene, policy: Policy, now_s: float) -> Mapping[Subject, Root]:
    """Return the root causes of everything that is dead or silent."""
    old = (
        i
        for i in scene.state.incidents.values()
        if now_s - max(i.opened_s, i.reopened_s) > policy.merge_s
    )
    incumbents = frozenset(incident.root for incident in old if incident.open)
    roots = {root.subject: root for root in _Search(scene, incumbents).roots()}
    return _by_operator(scene, roots, policy)


class _Search:
    """The root causes of one scene."""

    def __init__(self, scene: Scene, incumbents: frozenset[Subject]) -> None:
        self._scene = scene
        self._network, self._hearing = scene.network, scene.hearing
        self._incumbents = incumbents
        self._into: dict[NodeName, list[Boundary]] = {}
        for boundary in scene.reach.boundaries:
            self._into.setdefault(boundary.far, []).append(boundary)

    def roots(self) -> Iterator[Root]:
        """Yield every root cause once."""
        reach, silent = self._scene.reach, self._scene.silent
        for boundary in reach.boundaries:
            if boundary.far in reach.reached or boundary.far not in silent:
                yield circuit_root(boundary.circuit)
        beside = (reach.touched.keys() | self._into.keys()) & silent
        for site in sorted({self._network.devices[device] for device in beside}):
            yield from self._at_site(site, frozenset(beside))
        for device in sorted(silent & self._network.isolated):
            yield Root(Subject(SubjectKind.DEVICE, device), frozenset({device}))

    def _at_site(self, site: str, beside: frozenset[str]) -> Iterator[Root]:
        devices = self._network.sites[site].devices
        silent = [d for d in devices if d in self._scene.silent]
        whole = self._is_whole(site, silent)
        groups = [silent] if whole else [[d] for d in silent if d in beside]
        for group in groups:
            yield from self._of_group(site, frozenset(group), whole=whole)

    def _is_whole(self, site: str, silent: list[str]) -> bool:
        """Return whether a site is silent; in doubt not if a device of it alone failed before."""
        answers = [self._hearing.answer(d) for d in self._network.sites[site].devices]
        if Answer.ANSWERS in answers or all(answer is Answer.SILENT for answer in answers):
            return Answer.ANSWERS not in answers
        failed = {Subject(SubjectKind.DEVICE, d) for d in silent} & self._incumbents
        return not failed or Subject(SubjectKind.SITE, site) in self._incumbents

    def _of_group(self, site: str, group: frozenset[str], *, whole: bool) -> Iterator[Root]:
        """Yield the device or site as a cause, or the single circuits that it hangs on."""
        ways = [b for device in sorted(group) for b in self._into.get(device, ())]
        known = [b for b in ways if self._hearing.saw_cut(b.far, b.circuit)]
        fresh = [b.circuit for b in ways if b not in known]
        yield from (circuit_root(b.circuit) for b in known)
        power = tuple(self._power_signs(site, group))
        live = [name for device in group for name in self._scene.reach.touched.get(device, ())]
        inside = any(self._network.circuits[name].inside for name in fresh)
        if not (live or power or inside or len(fresh) > 1 or self._is_incumbent(site, group)):
            yield from (circuit_root(name) for name in fresh)
            return
        lost = tuple(sorted({*fresh, *self._lost_with(group)}))
        seen_up = any(self._is_seen_up(name, group) for name in live)
        seen_up = seen_up and Subject(SubjectKind.SITE, site) not in self._incumbents
        if whole and (power or not seen_up):
            subject = Subject(SubjectKind.SITE, site)
            yield Root(subject, group, lost, seen_up=seen_up, power=power)
        else:
            for device in sorted(group):
                subject = Subject(SubjectKind.DEVICE, device)
                yield Root(subject, frozenset({device}), lost, seen_up=seen_up, power=power)

    def _is_incumbent(self, site: str, group: frozenset[str]) -> bool:
        """Return whether an old incident at the site or device goes on: it stays the cause."""
        devices = (Subject(SubjectKind.DEVICE, device) for device in group)
        return not self._incumbents.isdisjoint((Subject(SubjectKind.SITE, site), *devices))

    def _lost_with(self, group: frozenset[str]) -> Iterator[str]:
        """Yield the circuits that others saw die with devices, while these said nothing of it."""
        for device in group:
            for name in self._network.circuits_at.get(device, ()):
                dead = name in self._scene.dead and not self._network.circuits[name].inside
                if dead and self._hearing.is_lost(device, name):
                    yield name

    def _is_seen_up(self, circuit: str, group: frozenset[str]) -> bool:
        """Return whether a neighbour saw a circuit up after the devices fell silent."""
        if circuit == LAN:
            return False
        since_s = self._scene.state.since_s
        silent_s = max(since_s.get(Subject(SubjectKind.DEVICE, d), inf) for d in group)
        belief = self._hearing.belief(circuit)
        others = [o for o in belief.told if o.observer not in group]
        later = any(instant_s(o) > silent_s + SKEW_S for o in others)
        return belief.state in (Health.OK, Health.DEGRADED) and later

    def _power_signs(self, site: str, group: frozenset[str]) -> Iterator[str]:
        for device in sorted(group):
            if gasp := self._hearing.gasped(device):
                why = f" ({gasp.reason})" if gasp.reason else ""
                yield f"{device} said with its last words that it loses power{why}"
        for subject in (
            Subject(SubjectKind.SITE, site),
            *(Subject(SubjectKind.DEVICE, d) for d in sorted(group)),
        ):
            for said in said_of(self._scene.state, subject):
                if said.source is Source.UPS and said.state is not Health.OK:
                    yield f"the UPS of {subject.name} ran on its battery ({said.reason})"


def circuit_root(name: str) -> Root:
    """Return a circuit as a cause."""
    return Root(Subject(SubjectKind.CIRCUIT, name))


def _by_operator(
    scene: Scene, roots: Mapping[Subject, Root], policy: Policy
) -> Mapping[Subject, Root]:
    """Return the causes with an operator in place of the circuits that it lost together."""
    by_provider: dict[str, list[str]] = {}
    for subject in roots:
        circuit = scene.network.circuits.get(subject.name)
        if subject.kind is SubjectKind.CIRCUIT and circuit and circuit.provider:
            by_provider.setdefault(circuit.provider, []).append(subject.name)
    merged = dict(roots)
    for provider, names in by_provider.items():
        lost = _largest_cluster(scene, names, policy.merge_s)
        if len(lost) >= policy.operator_circuits and 2 * len(lost) > _observed(scene, provider):
            for name in lost:
                del merged[Subject(SubjectKind.CIRCUIT, name)]
            subject = Subject(SubjectKind.PROVIDER, provider)
            merged[subject] = Root(subject, explains=lost)
    return merged


def _observed(scene: Scene, provider: str) -> int:
    names = scene.network.circuits_at.get(provider_node(provider), ())
    subjects = (Subject(SubjectKind.CIRCUIT, name) for name in names)
    return sum(bool(scene.state.observations.get(subject)) for subject in subjects)


def _largest_cluster(scene: Scene, names: list[str], within_s: float) -> tuple[str, ...]:
    """Return the most circuits that died within a time of each other, by the earliest if equal."""
    since_s = scene.state.since_s
    times = sorted((since_s.get(Subject(SubjectKind.CIRCUIT, n), 0.0), n) for n in names)
    best: list[str] = []
    for i, (began_s, _) in enumerate(times):
        together = [name for at_s, name in times[i:] if at_s - began_s <= within_s]
        best = max(best, together, key=len)
    return tuple(sorted(best))
