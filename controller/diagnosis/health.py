"""The health of every subject that is not ok, as far as anybody can tell."""

from collections.abc import Iterator, Mapping

from controller.diagnosis.diagnose import Diagnosis
from controller.diagnosis.finding import Finding
from controller.diagnosis.hearing import HEARD, Answer
from controller.incidents.model import (
    Effect,
    Health,
    HealthChange,
    IncidentState,
    Subject,
    SubjectKind,
)
from controller.incidents.view import NetworkView


def health_of(state: IncidentState, subject: Subject, network: NetworkView) -> Health:
    """Return how a subject stands; unknown if nobody ever said anything of it."""
    if subject in state.health:
        return state.health[subject]
    about = [subject]
    if subject.kind is SubjectKind.SITE and subject.name in network.sites:
        devices = network.sites[subject.name].devices
        about += [Subject(SubjectKind.DEVICE, device) for device in devices]
    known = any(state.observations.get(one) for one in about)
    return Health.OK if known or subject.kind is SubjectKind.PROVIDER else Health.UNKNOWN


def judge_health(diagnosis: Diagnosis, network: NetworkView) -> Mapping[Subject, Health]:
    """Return the health of everything that is not ok."""
    health: dict[Subject, Health] = {}
    for subject in _unknown(diagnosis, network):
        health[subject] = Health.UNKNOWN
    for finding in diagnosis.findings.values():
        for subject in _impaired_sites(finding):
            health[subject] = Health.DEGRADED
    for finding in sorted(diagnosis.findings.values(), key=lambda f: not f.maintained):
        _judge_finding(health, diagnosis, network, finding)
    return health


def _judge_finding(
    health: dict[Subject, Health], diagnosis: Diagnosis, network: NetworkView, finding: Finding
) -> None:
    """Judge a root and what it explains; what also another cause explains is not maintenance."""
    for subject in finding.members:
        behind = Health.MAINTENANCE if finding.maintained else Health.UNREACHABLE
        health[subject] = Health.DOWN if subject in diagnosis.down else behind
    own = network.devices.get(finding.root.name) if finding.root.kind is SubjectKind.DEVICE else ""
    for name in finding.cut_off:
        site = Subject(SubjectKind.SITE, name)
        if name == own and finding.root in diagnosis.down:
            health[site] = Health.DOWN
        else:
            health[site] = Health.MAINTENANCE if finding.maintained else Health.UNREACHABLE
    health[finding.root] = _of_root(diagnosis, finding)


def _of_root(diagnosis: Diagnosis, finding: Finding) -> Health:
    if finding.maintained:
        return Health.MAINTENANCE
    if finding.root in diagnosis.down or finding.effect is Effect.BLIND:
        return Health.DOWN
    device = finding.root.name if finding.root.kind is SubjectKind.DEVICE else ""
    lost = device and diagnosis.scene.hearing.answer(device) is Answer.SESSION_LOST
    return Health.UNKNOWN if lost else Health.DEGRADED


def _impaired_sites(finding: Finding) -> Iterator[Subject]:
    if finding.effect in (Effect.QUALITY, Effect.REDUNDANCY_LOST, Effect.CUT_OFF):
        yield from (Subject(SubjectKind.SITE, name) for name in finding.sites)


def _unknown(diagnosis: Diagnosis, network: NetworkView) -> Iterator[Subject]:
    """Yield what nobody who is heard can tell of: much only while a collector is lost."""
    hearing = diagnosis.scene.hearing
    known = diagnosis.scene.state.observations if hearing.lost else diagnosis.scene.state.troubled
    for subject in known:
        if subject.kind is SubjectKind.DEVICE and hearing.answer(subject.name) not in HEARD:
            yield subject
        is_circuit = subject.kind is SubjectKind.CIRCUIT
        if is_circuit and hearing.belief(subject.name).state is Health.UNKNOWN:
            yield subject
    for site in network.sites.values() if hearing.lost else ():
        if site.devices and not any(hearing.answer(d) in HEARD for d in site.devices):
            yield Subject(SubjectKind.SITE, site.name)


def health_changes(
    before: Mapping[Subject, Health], after: Mapping[Subject, Health], now_s: float
) -> Iterator[HealthChange]:
    """Yield the subjects whose health turned, in the order of their names."""
    for subject in sorted(before.keys() | after.keys()):
        was, now = before.get(subject, Health.OK), after.get(subject, Health.OK)
        if was is not now:
            yield HealthChange(subject, now_s, was, now)
