"""From what is heard to findings: each root cause with its cause, members, evidence and effect."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from controller.diagnosis import evidence
from controller.diagnosis.finding import Finding
from controller.diagnosis.hearing import UP, Answer, Belief, instant_s, said_of
from controller.diagnosis.roots import Root, Scene, find_roots
from controller.diagnosis.weak import weak_findings
from controller.incidents.model import (
    Cause,
    Effect,
    Health,
    IncidentState,
    Subject,
    SubjectKind,
)
from controller.incidents.policy import Policy
from controller.incidents.view import NetworkView
from controller.incidents.windows import is_maintained, maintained_subjects
from inventory.model import Medium
from topology.build import site_node
from topology.model import NodeName

_SITE: Final = SubjectKind.SITE
_DEVICE: Final = SubjectKind.DEVICE
_CIRCUIT: Final = SubjectKind.CIRCUIT


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The findings by root, what is hidden behind them, and what is dead by itself.

    maintained are the subjects that open windows name.
    """

    scene: Scene
    findings: Mapping[Subject, Finding]
    hidden: frozenset[Subject]
    maintained: frozenset[Subject]
    down: frozenset[Subject]

    def is_well(self, subject: Subject) -> bool:
        """Return whether somebody who is heard sees a subject well, or at least alive."""
        hearing, network = self.scene.hearing, self.scene.network
        if subject.kind is _CIRCUIT:
            return hearing.belief(subject.name).state in (Health.OK, Health.DEGRADED)
        if subject.kind is _DEVICE:
            return hearing.answer(subject.name) is Answer.ANSWERS
        if subject.kind is _SITE:
            devices = network.sites[subject.name].devices
            return any(hearing.answer(device) is Answer.ANSWERS for device in devices)
        if subject.kind is SubjectKind.COLLECTOR:
            return subject.name not in hearing.lost
        circuits = (c for c in network.circuits.values() if c.provider == subject.name)
        return any(hearing.belief(c.name).state is Health.OK for c in circuits)


def diagnose(state: IncidentState, network: NetworkView, now_s: float, policy: Policy) -> Diagnosis:
    """Return what is wrong and why at a time."""
    windows = (*network.windows, *state.windows.values())
    named = maintained_subjects(windows, now_s)
    scene = Scene.of(state, network)
    work = _Work(scene, policy, (named, find_roots(scene, policy, now_s)))
    findings = dict(work.findings())
    for finding in weak_findings(scene, policy, findings):
        own = findings.get(finding.root)
        if own is None:
            kept = is_maintained(network, named, finding.root)
            findings[finding.root] = replace(finding, maintained=kept)
    settled = {root: work.settled(finding) for root, finding in findings.items()}
    return Diagnosis(scene, settled, work.hidden(), named, work.down())


class _Work:
    """The findings of one scene as they are worked out."""

    def __init__(
        self,
        scene: Scene,
        policy: Policy,
        found: tuple[frozenset[Subject], Mapping[Subject, Root]],
    ) -> None:
        self._scene, self._policy = scene, policy
        self._named, self._roots = found
        self._network, self._state = scene.network, scene.state
        self._own_sites = {s.name for s in self._roots if s.kind is _SITE}
        self._explained = {s for subject in self._roots for s in self._basis(subject)}
        self._boundaries = {b.circuit: b for b in scene.reach.boundaries}
        self._behind = {i: self._members(i) for i in scene.reach.islands}

    def findings(self) -> Iterator[tuple[Subject, Finding]]:
        """Yield a finding for every root cause."""
        for root in self._roots.values():
            yield root.subject, self._finding(root)

    def hidden(self) -> frozenset[Subject]:
        """Return the subjects in trouble that cannot be judged behind something else."""
        judged = {Subject(_CIRCUIT, name) for name in self._boundaries}
        for root in self._roots.values():
            judged |= {root.subject, *(Subject(_DEVICE, node) for node in root.nodes)}
        return frozenset[Subject]().union(*self._behind.values()) - judged

    def down(self) -> frozenset[Subject]:
        """Return the root causes and the devices that failed with them."""
        nodes = (Subject(_DEVICE, node) for root in self._roots.values() for node in root.nodes)
        return frozenset((*self._roots, *nodes))

    def settled(self, finding: Finding) -> Finding:
        """Return a finding that waits longer if nothing was measured since it came to light."""
        if finding.root.kind is SubjectKind.COLLECTOR:
            return finding
        behind_s = self._hidden_s(finding.root) + self._policy.grace_s
        basis = (finding.root, *self._basis(finding.root))
        said = (o for subject in basis for o in said_of(self._state, subject))
        newest_s = max((o.received_s for o in said if o.state is not Health.OK), default=inf)
        if newest_s > behind_s and newest_s >= self._state.started_s:
            return finding
        return replace(finding, settle_s=self._policy.unknown_s)

    def _hidden_s(self, subject: Subject) -> float:
        """Return when a root was last hidden; what hid it may be a part of it, seen alone."""
        root, shadow_s = self._roots.get(subject), self._state.shadow_s
        explains = [Subject(_CIRCUIT, name) for name in root.explains] if root else []
        if explains and not any(s in shadow_s for s in explains):
            return -inf
        return shadow_s.get(subject, -inf)

    def _basis(self, subject: Subject) -> Iterator[Subject]:
        root = self._roots.get(subject)
        if root is not None:
            yield from (Subject(_DEVICE, node) for node in root.nodes)
            yield from (Subject(_CIRCUIT, name) for name in root.explains)

    def _finding(self, root: Root) -> Finding:
        islands = tuple(self._islands(root))
        members = frozenset[Subject]().union(*(self._behind[i] for i in islands))
        members = (members - self._explained) | frozenset(self._basis(root.subject))
        cut_off = self._cut_off(root, islands)
        moved = self._network.dependents.get(root.subject, frozenset()) - cut_off
        if self._scene.reach.islands:
            moved = frozenset(s for s in moved if site_node(s) in self._scene.reach.reached)
        return Finding(
            root=root.subject,
            cause=self._cause(root),
            effect=self._effect(root, cut_off, moved),
            since_s=self._since_s(root),
            settle_s=self._settle_s(root),
            members=members - {root.subject},
            parts=frozenset(self._basis(root.subject)),
            sites=tuple(sorted(cut_off | moved)),
            cut_off=tuple(sorted(cut_off)),
            evidence=tuple(evidence.of_root(self._scene, root)),
            maintained=self._is_maintained(root),
        )

    def _is_maintained(self, root: Root) -> bool:
        """Return whether a window covers a cause, or all that was seen of a site in doubt."""
        if self._covers(root.subject) or root.subject.kind is not _SITE or not self._named:
            return self._covers(root.subject)
        silent = (d for d in root.nodes if self._scene.hearing.is_silent_itself(d))
        signs = [Subject(_DEVICE, d) for d in silent]
        signs += [Subject(_CIRCUIT, name) for name in root.explains]
        return bool(signs) and all(map(self._covers, signs))

    def _covers(self, subject: Subject) -> bool:
        return is_maintained(self._network, self._named, subject)

    def _islands(self, root: Root) -> Iterator[frozenset[NodeName]]:
        """Yield the islands that a root cause is at the shore of."""
        ends = set(root.nodes)
        names = (root.subject.name,) if root.subject.kind is _CIRCUIT else root.explains
        ends |= {self._boundaries[n].far for n in names if n in self._boundaries}
        yield from (i for i in self._scene.reach.islands if not i.isdisjoint(ends))

    def _members(self, island: frozenset[NodeName]) -> frozenset[Subject]:
        """Return what is in trouble on an island and no root cause itself."""
        devices = {Subject(_DEVICE, node) for node in island & self._network.devices.keys()}
        troubled = {s for s in devices if s in self._state.troubled or s.name in self._scene.silent}
        circuits = {Subject(_CIRCUIT, name) for name in self._dead_at(island)}
        sites = self._sites_on(island)
        return frozenset((*troubled, *circuits, *sites)) - self._roots.keys()

    def _dead_at(self, island: frozenset[NodeName]) -> Iterator[str]:
        circuits = self._network.circuits
        for name in self._scene.dead & circuits.keys():
            if not island.isdisjoint(circuits[name].devices):
                yield name

    def _sites_on(self, island: frozenset[NodeName]) -> frozenset[Subject]:
        """Return the sites on an island that are reached when all is well."""
        at, usual = self._network.site_at, self._network.usual
        return frozenset(at[node] for node in island & at.keys() if node in usual)

    def _cut_off(self, root: Root, islands: Iterable[frozenset[NodeName]]) -> frozenset[str]:
        """Return the sites that are cut off, but for those that failed by themselves."""
        sites = {site.name for island in islands for site in self._sites_on(island)}
        own = {root.subject.name} if root.subject.kind is _SITE else set[str]()
        if root.subject.kind is _DEVICE and root.subject.name in self._network.isolated:
            own = {self._network.devices[root.subject.name]}
        return frozenset((sites - self._own_sites) | own)

    def _cause(self, root: Root) -> Cause:
        if (known := self._known_cause(root)) is not None:
            return known
        if root.subject.kind is _CIRCUIT:
            return self._circuit_cause(root.subject)
        if root.subject.kind is SubjectKind.PROVIDER:
            return Cause.OPERATOR_FAULT
        if root.power or (root.subject.kind is _SITE and len(root.explains) > 1):
            return Cause.POWER_CUT
        if root.seen_up or root.subject.kind is _DEVICE:
            return Cause.DEVICE_FAULT
        return Cause.UNKNOWN

    def _known_cause(self, root: Root) -> Cause | None:
        """Return why a root failed that nobody has asked again since a collector was lost."""
        answers = {self._scene.hearing.answer(node) for node in root.nodes}
        if answers != {Answer.UNKNOWN}:
            return None
        incidents = self._state.open_incidents()
        return next((i.cause for i in incidents if i.root == root.subject), None)

    def _circuit_cause(self, subject: Subject) -> Cause:
        if evidence.wrong_cable(self._state, subject):
            return Cause.WRONG_CABLE
        circuit = self._network.circuits[subject.name]
        if circuit.provider is not None:
            return Cause.ACCESS_LOST
        return Cause.FIBRE_CUT if circuit.medium is Medium.FIBRE else Cause.RADIO_LOST

    def _effect(self, root: Root, cut_off: frozenset[str], moved: frozenset[str]) -> Effect:
        if cut_off:
            return Effect.CUT_OFF
        fragile = self._network.fragile.get(root.subject, frozenset())
        return Effect.REDUNDANCY_LOST if fragile or moved else Effect.NONE

    def _since_s(self, root: Root) -> float:
        """Return since when a root has failed: all of a site, not the first of its devices."""
        if not root.nodes:
            names = root.explains
            subjects = [root.subject, *(Subject(_CIRCUIT, name) for name in names)]
            return max(self._earliest_s(subjects), *self._excused_until_s(root.subject))
        return max(self._failed_s(root, node) for node in root.nodes)

    def _excused_until_s(self, circuit: Subject) -> tuple[float, ...]:
        """Return until when a device said a circuit to be dead for the sake of the other end."""
        hearing, name = self._scene.hearing, circuit.name
        devices = (d for d in self._state.excused.get(circuit, ()) if hearing.is_excused(d, name))
        return -inf, *(hearing.lost_since_s(device, name) for device in devices)

    def _failed_s(self, root: Root, node: NodeName) -> float:
        """Return since when a device has failed, by its silence or by what its neighbours lost."""
        lost = self._lost_s(root, [node]).values()
        return min(self._earliest_s([Subject(_DEVICE, node)]), *lost, inf)

    def _lost_s(self, root: Root, nodes: Iterable[NodeName]) -> Mapping[str, float]:
        """Return the circuits that devices of a root took with them, and since when."""
        hearing, at = self._scene.hearing, self._network.circuits_at
        return {
            name: hearing.lost_since_s(node, name)
            for node in nodes
            for name in root.explains
            if name in at.get(node, ())
        }

    def _earliest_s(self, subjects: Iterable[Subject]) -> float:
        since_s = self._state.since_s
        return min((since_s[s] for s in subjects if s in since_s), default=self._state.decided_s)

    def _is_disputed(self, circuit: str, belief: Belief) -> bool:
        """Return whether an end that does not say so was heard after the other saw it dead.

        So it is when a device comes back: its neighbours' words are older than its own.
        """
        hearing, told = self._scene.hearing, {o.observer for o in belief.told}
        down_s = max((instant_s(o) for o in belief.told), default=inf)
        others = [d for d in self._network.circuits[circuit].devices if d not in told]
        up = (o for o in hearing.words(circuit) if o.state in UP and o.observer in others)
        heard_s = [*map(instant_s, up), *map(hearing.last_heard_s, others)]
        return any(at_s > down_s for at_s in heard_s)

    def _is_lost_at_once(self, root: Root) -> bool:
        """Return whether several neighbours lost a root when it failed, not long before."""
        since_s, within_s = self._since_s(root), self._policy.merge_s
        lost_s = self._lost_s(root, root.nodes).values()
        return sum(abs(at_s - since_s) <= within_s for at_s in lost_s) > 1

    def _settle_s(self, root: Root) -> float:
        policy = self._policy
        if root.subject.kind is SubjectKind.PROVIDER:
            return policy.access_s
        if root.subject.kind is not _CIRCUIT:
            fast = root.power or (self._is_lost_at_once(root) and not root.seen_up)
            return policy.one_end_s if fast else policy.silent_s
        circuit = self._network.circuits[root.subject.name]
        if circuit.provider is not None:
            return policy.access_s
        belief = self._scene.hearing.belief(circuit.name)
        told = {o.observer for o in belief.told}
        told = {d for d in told if not self._scene.hearing.is_excused(d, circuit.name)}
        if not told or self._is_disputed(circuit.name, belief):
            return policy.silent_s
        both = not belief.stale and len(told) > 1
        return policy.both_ends_s if both else policy.one_end_s
