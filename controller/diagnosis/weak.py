"""Findings of what is not dead: poor quality, wrong cables, batteries, silence, lost collectors."""

from collections.abc import Iterator, Mapping
from typing import Final

from controller.diagnosis.evidence import logged, wrong_cable
from controller.diagnosis.finding import Finding
from controller.diagnosis.hearing import Answer, said_of
from controller.diagnosis.quality import Fault, quality_fault
from controller.diagnosis.roots import Scene
from controller.incidents.model import (
    Cause,
    Effect,
    Health,
    Observation,
    Source,
    Subject,
    SubjectKind,
)
from controller.incidents.policy import Policy
from controller.incidents.view import NetworkView

_HEALTHY: Final = frozenset({Health.OK, Health.MAINTENANCE})


def weak_findings(
    scene: Scene, policy: Policy, roots: Mapping[Subject, Finding]
) -> Iterator[Finding]:
    """Yield a finding for everything in trouble that is neither dead nor explained by a root."""
    explained = frozenset[Subject]().union(*(f.members for f in roots.values()))
    for collector in sorted(scene.hearing.lost):
        yield _collector(scene, collector, policy)
    for subject in sorted(scene.state.troubled - explained - roots.keys()):
        finding = _weak(scene, subject, policy)
        if finding is not None and not _is_consequence(scene.network, finding, roots):
            yield finding


def _weak(scene: Scene, subject: Subject, policy: Policy) -> Finding | None:
    if subject.kind is SubjectKind.CIRCUIT:
        return _circuit(scene, subject, policy)
    if subject.kind is SubjectKind.SITE:
        return _battery(scene, subject, policy)
    if subject.kind is SubjectKind.DEVICE:
        return _device(scene, subject, policy)
    return None


def _collector(scene: Scene, name: str, policy: Policy) -> Finding:
    subject = Subject(SubjectKind.COLLECTOR, name)
    said = next(iter(said_of(scene.state, subject)), None)
    if said is not None and said.state not in _HEALTHY:
        words = f"{name} is not heard ({said.reason or 'no reason given'})"
    else:
        words = f"nothing at the centre answers {name} any more, where it stands itself"
    evidence = (words, "what only it could hear is unknown, not down")
    return _finding(
        scene, subject, (Cause.COLLECTOR_LOST, Effect.BLIND), policy.collector_s, evidence
    )


def _circuit(scene: Scene, subject: Subject, policy: Policy) -> Finding | None:
    circuit = scene.network.circuits[subject.name]
    cable = wrong_cable(scene.state, subject)
    if cable is not None:
        kind = (Cause.WRONG_CABLE, Effect.NONE)
        return _finding(scene, subject, kind, policy.degraded_s, (cable.reason,))
    faults = [
        fault
        for said in said_of(scene.state, subject)
        if said.state in (Health.OK, Health.DEGRADED) and scene.hearing.is_heard(said.observer)
        if (fault := quality_fault(circuit, said)) is not None
    ]
    if not faults:
        return None
    cause = _strongest(faults)
    settle_s = policy.handover_s if cause is Cause.SATELLITE_HANDOVER else policy.degraded_s
    words = [words for fault in faults for words in fault.evidence]
    told = tuple(dict.fromkeys((*words, *logged(scene.state, subject))))
    effect = Effect.NONE if cause is Cause.ROUTING_LOST else Effect.QUALITY
    return _finding(scene, subject, (cause, effect), settle_s, told)


def _strongest(faults: list[Fault]) -> Cause:
    order = (
        Cause.ROUTING_LOST,
        Cause.CONGESTION,
        Cause.POOR_QUALITY,
        Cause.SATELLITE_HANDOVER,
    )
    return min((fault.cause for fault in faults), key=order.index)


def _battery(scene: Scene, subject: Subject, policy: Policy) -> Finding | None:
    said = _of_source(scene, subject, Source.UPS)
    if said is None:
        return None
    evidence = (f"its UPS runs on the battery ({said.reason})",)
    kind = (Cause.ON_BATTERY, Effect.NONE)
    return _finding(scene, subject, kind, policy.degraded_s, evidence)


def _device(scene: Scene, subject: Subject, policy: Policy) -> Finding | None:
    if (said := _of_source(scene, subject, Source.UPS)) is not None:
        site = Subject(SubjectKind.SITE, scene.network.devices[subject.name])
        evidence = (f"the UPS of {subject.name} runs on its battery ({said.reason})",)
        kind = (Cause.ON_BATTERY, Effect.NONE)
        return _finding(scene, site, kind, policy.degraded_s, evidence, since=subject)
    answer = scene.hearing.answer(subject.name)
    if answer is Answer.SESSION_LOST:
        evidence = ("its session ended; nothing else shows whether it carries traffic",)
        kind = (Cause.UNKNOWN, Effect.NONE)
        return _finding(scene, subject, kind, policy.unknown_s, evidence)
    bad = [o for o in said_of(scene.state, subject) if o.state is Health.DEGRADED]
    if answer is not Answer.ANSWERS or not bad:
        return None
    told = tuple(f"{o.observer}: {o.reason or 'not well'}" for o in bad)
    return _finding(scene, subject, (Cause.DEVICE_AILING, Effect.NONE), policy.degraded_s, told)


def _of_source(scene: Scene, subject: Subject, source: Source) -> Observation | None:
    told = (o for o in said_of(scene.state, subject) if o.source is source)
    return next((o for o in told if o.state is not Health.OK), None)


def _finding(  # noqa: PLR0913, PLR0917 - parts of one value
    scene: Scene,
    root: Subject,
    kind: tuple[Cause, Effect],
    settle_s: float,
    evidence: tuple[str, ...],
    since: Subject | None = None,
) -> Finding:
    cause, effect = kind
    sites = scene.network.dependents.get(root, frozenset()) if effect is Effect.QUALITY else ()
    since_s = scene.state.since_s.get(since or root, scene.state.decided_s)
    return Finding(
        root, cause, effect, since_s, settle_s, sites=tuple(sorted(sites)), evidence=evidence
    )


def _is_consequence(
    network: NetworkView, finding: Finding, roots: Mapping[Subject, Finding]
) -> bool:
    """Return whether traffic that another cause has moved here explains a full circuit."""
    circuit = network.circuits.get(finding.root.name)
    if finding.cause is not Cause.CONGESTION or circuit is None:
        return False
    here = {*circuit.sites, *finding.sites}
    return any(
        root.since_s <= finding.since_s and not here.isdisjoint(root.sites)
        for root in roots.values()
        if root.effect is Effect.REDUNDANCY_LOST
    )
