"""Words on circuits that do not count later, as they came while the far end was the cause."""

from collections.abc import Iterator, Mapping
from math import inf

from controller.decisions.ledger import Ledger, by_root
from controller.diagnosis.diagnose import Diagnosis
from controller.diagnosis.finding import Finding
from controller.diagnosis.hearing import HEARD
from controller.incidents.model import Health, Subject, SubjectKind


def excused_words(ledger: Ledger, diagnosis: Diagnosis) -> Mapping[Subject, tuple[str, ...]]:
    """Return the devices whose last word that a circuit is dead is explained by its far end."""
    state = diagnosis.scene.state
    if not state.troubled:
        return {}
    work = _Work(ledger, diagnosis)
    found = {circuit: tuple(work.devices(circuit)) for circuit in work.circuits()}
    return {circuit: devices for circuit, devices in found.items() if devices}


class _Work:
    """The causes of one decision that are settled."""

    def __init__(self, ledger: Ledger, diagnosis: Diagnosis) -> None:
        self._diagnosis, self._ledger = diagnosis, ledger
        self._scene, self._hearing = diagnosis.scene, diagnosis.scene.hearing
        self._known = by_root(ledger.open())
        self._explained: dict[Subject, Finding] = {}
        for finding in diagnosis.findings.values():
            if self._settled_s(finding.root) <= ledger.now_s:
                self._explained |= dict.fromkeys(finding.parts, finding)

    def circuits(self) -> Iterator[Subject]:
        """Yield the circuits that are dead, and may be so by a dead device."""
        for subject in self._explained.keys() | self._scene.state.excused.keys():
            if subject.kind is SubjectKind.CIRCUIT and subject.name in self._scene.network.circuits:
                yield subject

    def devices(self, circuit: Subject) -> Iterator[str]:
        """Yield the ends of a circuit whose word that it is dead does not count."""
        before = self._scene.state.excused.get(circuit, ())
        for device in self._scene.network.circuits[circuit.name].devices:
            kept = device in before and not self._says_so_again(circuit, device)
            says_dead = self._hearing.own_word(device, circuit.name) is Health.DOWN
            if says_dead and (kept or self._is_explained(circuit, device)):
                yield device

    def _is_explained(self, circuit: Subject, device: str) -> bool:
        """Return whether a device that is heard has lost a circuit by its far end."""
        finding = self._explained.get(circuit)
        if finding is None or self._hearing.answer(device) not in HEARD:
            return False
        return Subject(SubjectKind.DEVICE, device) not in (finding.root, *finding.parts)

    def _says_so_again(self, circuit: Subject, device: str) -> bool:
        """Return whether a device was heard after the circuit itself was taken for the cause."""
        heard = self._hearing.answer(device) in HEARD
        return heard and self._hearing.last_heard_s(device) > self._settled_s(circuit)

    def _settled_s(self, root: Subject) -> float:
        """Return since when a root is an incident as it is, or would be one without a window."""
        incident, finding = self._known.get(root), self._diagnosis.findings.get(root)
        if incident is not None:
            return incident.changed_s
        if finding is None or not finding.maintained:
            return inf
        policy = self._ledger.policy
        began_s = self._scene.state.since_s.get(root, finding.since_s)
        return began_s + policy.silent_s + policy.grace_s
