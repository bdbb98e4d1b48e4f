"""Words on circuits that do not count later, as they came while the far end was the cause."""

from collections.abc import Iterator, Mapping

from controller.decisions.ledger import Ledger, by_root
from controller.diagnosis.diagnose import Diagnosis
from controller.diagnosis.finding import Finding
from controller.diagnosis.hearing import HEARD
from controller.incidents.model import Health, Subject, SubjectKind


def excused_words(ledger: Ledger, diagnosis: Diagnosis) -> Mapping[Subject, Mapping[str, float]]:
    """Return the devices that see a circuit dead for the sake of its far end, and until when."""
    if not diagnosis.scene.state.troubled:
        return {}
    work = _Work(ledger, diagnosis)
    found = {circuit: dict(work.devices(circuit)) for circuit in work.circuits()}
    return {circuit: devices for circuit, devices in found.items() if devices}


class _Work:
    """The causes of one decision that are settled."""

    def __init__(self, ledger: Ledger, diagnosis: Diagnosis) -> None:
        self._diagnosis, self._ledger = diagnosis, ledger
        self._scene, self._hearing = diagnosis.scene, diagnosis.scene.hearing
        self._known = by_root(ledger.open())
        self._explained: dict[Subject, Finding] = {}
        for finding in diagnosis.findings.values():
            if self._is_settled(finding):
                self._explained |= dict.fromkeys(finding.parts, finding)

    def circuits(self) -> Iterator[Subject]:
        """Yield the circuits that are dead, and may be so by a dead device."""
        for subject in self._explained.keys() | self._scene.state.excused.keys():
            if subject.kind is SubjectKind.CIRCUIT and subject.name in self._scene.network.circuits:
                yield subject

    def devices(self, circuit: Subject) -> Iterator[tuple[str, float]]:
        """Yield the ends of a circuit whose word that it is dead does not count, and until when."""
        before = self._scene.state.excused.get(circuit, {})
        for device in self._scene.network.circuits[circuit.name].devices:
            if self._hearing.own_word(device, circuit.name) is not Health.DOWN:
                continue
            if self._is_explained(circuit, device):
                yield device, self._ledger.now_s
            elif self._hearing.is_excused(device, circuit.name):
                yield device, before[device]

    def _is_explained(self, circuit: Subject, device: str) -> bool:
        """Return whether a device that is heard has lost a circuit by its far end."""
        finding = self._explained.get(circuit)
        if finding is None or self._hearing.answer(device) not in HEARD:
            return False
        return Subject(SubjectKind.DEVICE, device) not in (finding.root, *finding.parts)

    def _is_settled(self, finding: Finding) -> bool:
        """Return whether a cause is an incident, or would be one without a window."""
        policy, since_s = self._ledger.policy, finding.since_s
        long = self._ledger.now_s - since_s >= policy.silent_s + policy.grace_s
        return finding.root in self._known or (finding.maintained and long)
