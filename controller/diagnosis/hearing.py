"""Whom one may believe: which devices answer, and what is so known of circuits.

Words of a device that is not heard are old: what it said to be bad stays so, what it said to be
good no longer counts. What a lost collector says counts for nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Final

from controller.incidents.model import (
    Health,
    IncidentState,
    Observation,
    Source,
    Subject,
    SubjectKind,
)
from controller.incidents.view import NetworkView

# More than that ahead of the receipt, the sender's clock is wrong.
MOST_AHEAD_S: Final = 300.0
MOST_BEHIND_S: Final = 40 * 86_400.0
# By how much clocks of two devices may differ before one thinks that a dead one still spoke.
SKEW_S: Final = 1.0
# So many neighbours that lose a device at once make its death likely.
NEIGHBOURS: Final = 2
_CIRCUIT: Final = SubjectKind.CIRCUIT
_SEPARATE: Final = frozenset({Source.LLDP, Source.SLO, Source.UPS})
# Anybody can send a line of syslog: of a circuit it is evidence, and decides nothing.
_SEPARATE_OF_CIRCUITS: Final = _SEPARATE | {Source.SYSLOG}
_STRONG: Final = frozenset({Source.SNMP, Source.EDGE_PATH, Source.BGP, Source.LAST_GASP})
UP: Final = frozenset({Health.OK, Health.DEGRADED})


class Answer(StrEnum):
    """Whether a device answers; assumed where nobody watches it."""

    ANSWERS = "answers"
    SILENT = "silent"
    SESSION_LOST = "session-lost"
    UNKNOWN = "unknown"
    ASSUMED = "assumed"


HEARD: Final = frozenset({Answer.ANSWERS, Answer.ASSUMED})


@dataclass(frozen=True, slots=True)
class Belief:
    """What is known of a circuit, and on whose words it rests; stale says that these are old."""

    state: Health
    told: tuple[Observation, ...] = ()
    stale: bool = False


def instant_s(said: Observation) -> float:
    """Return when something was seen: by the observer's clock where that can be trusted."""
    ahead_s = said.at_s - said.received_s
    if not said.clock_trusted or ahead_s > MOST_AHEAD_S or ahead_s < -MOST_BEHIND_S:
        return said.received_s
    return min(said.at_s, said.received_s)


def is_later(one: Observation, other: Observation) -> bool:
    """Return whether one thing was seen after another."""
    return instant_s(one) > instant_s(other)


class Hearing:
    """A state of observations, asked device by device and circuit by circuit."""

    def __init__(self, state: IncidentState, network: NetworkView) -> None:
        self._state, self._network = state, network
        self._answers: dict[str, Answer] = {}
        self._beliefs: dict[str, Belief] = {}
        self._words: dict[str, tuple[Observation, ...]] = {}
        self._voted: dict[str, tuple[Observation, ...]] = {}
        self._suspects: frozenset[str] = frozenset()
        self.lost = frozenset(_lost_collectors(state, network))
        self._suspects = frozenset(self._suspected())
        self._answers.clear()
        self._beliefs.clear()

    @property
    def suspects(self) -> frozenset[str]:
        """Return the devices that all neighbours lost at once."""
        return self._suspects

    def is_silent_itself(self, device: str) -> bool:
        """Return whether those who ask a device get no answer, whatever its neighbours lost."""
        return self._answer(device) is Answer.SILENT

    def last_heard_s(self, device: str) -> float:
        """Return when a device was last seen to answer, or said something itself."""
        answered_s = (instant_s(o) for o in self._votes(device) if o.state in UP)
        return max(self._spoke_s(device), max(answered_s, default=-inf))

    def answer(self, device: str) -> Answer:
        """Return whether a device answers."""
        if device not in self._answers:
            suspected = device in self._suspects
            self._answers[device] = Answer.SILENT if suspected else self._answer(device)
        return self._answers[device]

    def belief(self, circuit: str) -> Belief:
        """Return what is known of a circuit."""
        if circuit not in self._beliefs:
            self._beliefs[circuit] = self._belief(circuit)
        return self._beliefs[circuit]

    def own_word(self, device: str, circuit: str) -> Health | None:
        """Return what a device last said of a circuit itself, heard or not; the worst of it."""
        words = [o.state for o in self.words(circuit) if o.observer == device]
        return Health.DOWN if Health.DOWN in words else next(iter(words), None)

    def saw_cut(self, device: str, circuit: str) -> bool:
        """Return whether a device's last word on a circuit says that the circuit itself is dead.

        What it said while the far end was the cause says nothing of the circuit.
        """
        dead = self.own_word(device, circuit) is Health.DOWN
        return dead and not self.is_excused(device, circuit)

    def is_excused(self, device: str, circuit: str) -> bool:
        """Return whether a device has not said of a circuit since its far end was the cause."""
        until_s = self._state.excused.get(Subject(_CIRCUIT, circuit), {}).get(device, -inf)
        own = (instant_s(o) for o in self.words(circuit) if o.observer == device)
        return max(own, default=inf) < until_s

    def lost_since_s(self, device: str, circuit: str) -> float:
        """Return since when the other end of a device's circuit sees it dead.

        What the device itself said of that began before, with the death of the other end.
        """
        since_s = self._state.since_s.get(Subject(_CIRCUIT, circuit), -inf)
        if self.own_word(device, circuit) is not Health.DOWN:
            return since_s
        return max([since_s, *map(instant_s, self._losses(device, circuit))])

    def is_lost(self, device: str, circuit: str) -> bool:
        """Return whether the other end sees a device's circuit dead, and the device did not."""
        return any(self._losses(device, circuit)) and not self.saw_cut(device, circuit)

    def _losses(self, device: str, circuit: str) -> Iterator[Observation]:
        """Yield the words of others that a device's circuit is dead.

        Where the device said so, too, with the death of the other end, only who is heard counts.
        """
        too = self.own_word(device, circuit) is Health.DOWN
        words = (o for o in self.words(circuit) if o.state is Health.DOWN)
        others = (o for o in words if o.observer != device)
        yield from (o for o in others if not too or self.is_heard(o.observer))

    def words(self, circuit: str) -> tuple[Observation, ...]:
        """Return what was said of whether a circuit is up."""
        if circuit not in self._words:
            told = said_of(self._state, Subject(_CIRCUIT, circuit))
            self._words[circuit] = tuple(o for o in told if o.source not in _SEPARATE_OF_CIRCUITS)
        return self._words[circuit]

    def gasped(self, device: str) -> Observation | None:
        """Return the last word with which a device lost its power, unless it spoke since."""
        told = said_of(self._state, Subject(SubjectKind.DEVICE, device))
        gasp = next((o for o in told if o.source is Source.LAST_GASP), None)
        if gasp is None or gasp.state is not Health.DOWN:
            return None
        later = (o for o in self._votes(device) if o.state in UP and is_later(o, gasp))
        return None if any(later) else gasp

    def is_heard(self, observer: str) -> bool:
        """Return whether an observer's words count now."""
        if observer in self._network.devices:
            return self.answer(observer) in HEARD
        return observer not in self.lost

    def _answer(self, device: str) -> Answer:
        subject = Subject(SubjectKind.DEVICE, device)
        if subject not in self._state.troubled and not self.lost:
            return Answer.ANSWERS if self._state.observations.get(subject) else Answer.ASSUMED
        if self.gasped(device):
            return Answer.SILENT
        votes = self._votes(device)
        counted = [o for o in votes if self._counts(o)]
        if any(o.state in UP for o in counted):
            return Answer.ANSWERS
        down = [o for o in counted if o.state is Health.DOWN]
        if down and self._spoke_s(device) > max(instant_s(o) for o in down):
            return Answer.ANSWERS
        if down:
            strong = any(o.source in _STRONG for o in down)
            return Answer.SILENT if strong else Answer.SESSION_LOST
        return Answer.UNKNOWN if votes else Answer.ASSUMED

    def _spoke_s(self, device: str) -> float:
        """Return when a device last said something of its circuits."""
        at = self._network.circuits_at.get(device, ())
        own = (o for circuit in at for o in self.words(circuit) if o.observer == device)
        return max((instant_s(o) for o in own), default=-inf)

    def _votes(self, device: str) -> tuple[Observation, ...]:
        """Return what was said of whether a device answers, but for its own last gasp."""
        if device not in self._voted:
            told = said_of(self._state, Subject(SubjectKind.DEVICE, device))
            votes = (o for o in told if o.source not in _SEPARATE)
            self._voted[device] = tuple(o for o in votes if o.source is not Source.LAST_GASP)
        return self._voted[device]

    def _counts(self, said: Observation) -> bool:
        """Return whether what somebody said of a device counts."""
        if said.observer in self._network.devices:
            return self._is_heard_directly(said.observer)
        if said.observer in self.lost:
            return False
        return said.state in UP or said.received_s > self._lost_s(said.observer)

    def is_asked_again(self, device: str) -> bool:
        """Return whether a device was heard, or asked, since whoever asks it was deaf."""
        told = {o: self._lost_s(o.observer) for o in self._votes(device)}
        lost_s = max(told.values(), default=-inf)
        again = (said.received_s > at_s for said, at_s in told.items())
        return lost_s == -inf or self._spoke_s(device) > lost_s or any(again)

    def _lost_s(self, collector: str) -> float:
        """Return when a collector was last deaf; never is minus infinity."""
        return self._state.shadow_s.get(Subject(SubjectKind.COLLECTOR, collector), -inf)

    def _is_heard_directly(self, device: str) -> bool:
        """Return whether a device answers collectors; other edges' words would run in circles."""
        direct = [o for o in self._votes(device) if o.observer not in self._network.devices]
        return not direct or any(o.state in UP and self._counts(o) for o in direct)

    def _belief(self, circuit: str) -> Belief:
        words = self.words(circuit)
        fresh = tuple(o for o in words if self.is_heard(o.observer))
        if told := tuple(o for o in fresh if o.state is Health.DOWN):
            return Belief(Health.DOWN, told)
        old = tuple(o for o in words if o.state is Health.DOWN and self._fell_silent(o.observer))
        up_s = max((o.received_s for o in fresh if o.state in UP), default=-inf)
        if old and max(o.received_s for o in old) > up_s:
            return Belief(Health.DOWN, old, stale=True)
        for state in (Health.DEGRADED, Health.OK):
            if told := tuple(o for o in fresh if o.state is state):
                return Belief(state, told)
        return Belief(Health.UNKNOWN)

    def _fell_silent(self, observer: str) -> bool:
        """Return whether an observer is known to be silent, so that its last words stand."""
        known = observer in self._network.devices
        return known and self.answer(observer) is not Answer.UNKNOWN

    def _suspected(self) -> Iterator[str]:
        """Yield devices that several neighbours lost at once and nobody has heard since."""
        deaths: dict[str, dict[str, float]] = {}
        for subject in self._state.troubled:
            if subject.kind is _CIRCUIT and subject.name in self._network.circuits:
                for device, seen_s in self._lost_by_neighbour(subject.name):
                    deaths.setdefault(device, {})[subject.name] = seen_s
        for device, seen in deaths.items():
            if len(seen) >= NEIGHBOURS and not self._lives([device], min(seen.values())):
                yield device
        yield from self._suspected_sites(deaths)

    def _suspected_sites(self, deaths: dict[str, dict[str, float]]) -> Iterator[str]:
        for site in {self._network.devices[device] for device in deaths}:
            devices = self._network.sites[site].devices
            seen = {
                circuit: at_s
                for device in devices
                for circuit, at_s in deaths.get(device, {}).items()
                if not self._network.circuits[circuit].inside
                if not self._was_silent(device, at_s)
            }
            apart = any(self._is_seen_up(d) for d in devices if d not in deaths)
            at_once = len(seen) >= NEIGHBOURS and not self._lives(devices, min(seen.values()))
            if at_once and not apart:
                yield from devices

    def _is_seen_up(self, device: str) -> bool:
        """Return whether a neighbour at another site still sees a circuit to a device up."""
        at = (self._network.circuits[name] for name in self._network.circuits_at.get(device, ()))
        return any(
            self.is_heard(far) and self.own_word(far, circuit.name) in UP
            for circuit in at
            if not circuit.inside
            for far in circuit.devices
            if far != device
        )

    def _was_silent(self, device: str, at_s: float) -> bool:
        """Return whether a device was silent before a time, so that a loss then shows nothing."""
        silent_s = self._state.since_s.get(Subject(SubjectKind.DEVICE, device), inf)
        return self.is_silent_itself(device) and silent_s + SKEW_S < at_s

    def _lost_by_neighbour(self, circuit: str) -> Iterator[tuple[str, float]]:
        """Yield the end that has not said itself that a circuit is dead, when the other has."""
        ends = self._network.circuits[circuit].devices
        for device in ends:
            told = (o.observer for o in self._losses(device, circuit) if o.observer in ends)
            if any(map(self.is_heard, told)) and not self.saw_cut(device, circuit):
                yield device, self.lost_since_s(device, circuit)

    def _lives(self, devices: Iterable[str], since_s: float) -> bool:
        """Return whether anything shows that devices lived after a time."""
        seen = (instant_s(o) for device in devices for o in self._signs_of_life(device))
        return any(at_s > since_s + SKEW_S for at_s in seen)

    def _signs_of_life(self, device: str) -> Iterator[Observation]:
        yield from (o for o in self._votes(device) if o.state in UP)
        for circuit in self._network.circuits_at.get(device, ()):
            for said in self.words(circuit):
                if said.observer == device or said.state in UP:
                    yield said


def said_of(state: IncidentState, subject: Subject) -> Iterable[Observation]:
    """Return what observers last said of a subject."""
    return state.observations.get(subject, {}).values()


def _lost_collectors(state: IncidentState, network: NetworkView) -> Iterator[str]:
    for subject in state.troubled:
        if subject.kind is SubjectKind.COLLECTOR:
            yield subject.name
    yield from _deaf_collectors(state, network)


def _deaf_collectors(state: IncidentState, network: NetworkView) -> Iterator[str]:
    """Yield collectors that hear nothing at the centre any more, where they stand themselves."""
    central = [Subject(SubjectKind.DEVICE, name) for name in sorted(network.anchor_devices)]
    if not central or not state.troubled.issuperset(central):
        return
    votes = [
        {o.observer: o for o in said_of(state, s) if o.source in (Source.SNMP, Source.EDGE_SESSION)}
        for s in central
    ]
    for collector in set.intersection(*(set(v) for v in votes)) - network.devices.keys():
        heard_s = _said_well_s(state, collector)
        said = [vote[collector] for vote in votes]
        if all(o.state is Health.DOWN and o.received_s > heard_s for o in said):
            yield collector


def _said_well_s(state: IncidentState, collector: str) -> float:
    """Return when a collector was last said to be well."""
    told = said_of(state, Subject(SubjectKind.COLLECTOR, collector))
    return max((o.received_s for o in told if o.state is Health.OK), default=-inf)
