"""News folded into the state: the newest word of every observer, whatever the order it came in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from controller.diagnosis.hearing import instant_s, is_later
from controller.diagnosis.quality import quality_fault
from controller.incidents.model import (
    Consultation,
    Health,
    IncidentState,
    MaintenanceWindow,
    Observation,
    ObserverKey,
    Source,
    Subject,
    SubjectKind,
    WindowRemoved,
    WindowSet,
)
from controller.incidents.view import NetworkView

# An ended consultation is remembered for so long, so that an older message does not begin it again.
REMEMBERED_S: Final = 3_600.0
_RANK: Final[Mapping[Health, int]] = {
    Health.OK: 0,
    Health.MAINTENANCE: 0,
    Health.DEGRADED: 1,
    Health.UNKNOWN: 2,
    Health.UNREACHABLE: 2,
    Health.DOWN: 3,
}


@dataclass(frozen=True, slots=True)
class PastFault:
    """A fault that came and went while nobody heard its observer, known from replayed messages."""

    subject: Subject
    began_s: float
    ended_s: float
    reason: str


@dataclass(slots=True)
class Fold:
    """A state while news is folded into it."""

    network: NetworkView
    observations: dict[Subject, Mapping[ObserverKey, Observation]]
    troubled: set[Subject]
    since_s: dict[Subject, float]
    consultations: dict[str, Consultation]
    windows: dict[str, MaintenanceWindow]
    replays: dict[Subject, Mapping[ObserverKey, Observation]]
    past: list[PastFault] = field(default_factory=list)

    @classmethod
    def of(cls, state: IncidentState, network: NetworkView) -> "Fold":
        """Return a state opened for folding."""
        return cls(
            network,
            dict(state.observations),
            set(state.troubled),
            dict(state.since_s),
            dict(state.consultations),
            dict(state.windows),
            dict(state.replays),
        )

    def take(self, item: object) -> None:
        """Fold one piece of news in; acts of people are not for here."""
        match item:
            case Observation():
                self._observe(item)
            case Consultation():
                known = self.consultations.get(item.name)
                if known is None or item.sequence > known.sequence:
                    self.consultations[item.name] = item
            case WindowSet(window=window):
                self.windows[window.name] = window
            case WindowRemoved(name=name):
                self.windows.pop(name, None)

    def _observe(self, said: Observation) -> None:
        if not self.network.knows(said.subject):
            return
        if said.replayed:
            self._replay(said)
            return
        told = self.observations.get(said.subject, {})
        key = (said.observer, said.source)
        known = told.get(key)
        if known is not None and said.sequence <= known.sequence:
            return
        self.observations[said.subject] = {**told, key: said}
        self._judge(said, known)

    def _judge(self, said: Observation, known: Observation | None) -> None:
        """Note whether the subject is in trouble now, and since when it is in such trouble."""
        subject, told = said.subject, self.observations[said.subject]
        if not is_trouble(self.network, subject, told.values()):
            self.troubled.discard(subject)
            self.since_s.pop(subject, None)
            return
        self.troubled.add(subject)
        others = [_RANK[o.state] for o in told.values() if o is not said]
        before = max(others + ([_RANK[known.state]] if known else []), default=0)
        now = max([*others, _RANK[said.state]])
        if now != before or subject not in self.since_s:
            self.since_s[subject] = instant_s(said)
        elif _RANK[said.state] == now:
            self.since_s[subject] = min(self.since_s[subject], instant_s(said))

    def _replay(self, said: Observation) -> None:
        """Keep what a replayed message says for the history alone."""
        told, key = self.replays.get(said.subject, {}), (said.observer, said.source)
        known = told.get(key)
        if known is not None and said.sequence <= known.sequence:
            return
        was_down = known is not None and known.state is Health.DOWN
        if known is not None and was_down and said.state is Health.DOWN:
            said = replace(known, sequence=said.sequence)
        elif known is not None and was_down:
            self.past.append(PastFault(said.subject, known.at_s, said.at_s, known.reason))
        self.replays[said.subject] = {**told, key: said}


def is_trouble(network: NetworkView, subject: Subject, told: Iterable[Observation]) -> bool:
    """Return whether anything that was said of a subject is not good."""
    return any(_is_bad(network, subject, said, told) for said in told)


def _is_bad(
    network: NetworkView, subject: Subject, said: Observation, told: Iterable[Observation]
) -> bool:
    if said.source is Source.LAST_GASP:
        return said.state is Health.DOWN and not any(
            o.state is Health.OK and is_later(o, said) for o in told
        )
    if said.state is not Health.OK:
        return True
    circuit = network.circuits.get(subject.name)
    if subject.kind is not SubjectKind.CIRCUIT or circuit is None:
        return False
    return quality_fault(circuit, said) is not None


def fold_news(
    state: IncidentState, network: NetworkView, news: Iterable[object], now_s: float
) -> tuple[IncidentState, tuple[PastFault, ...]]:
    """Return the state after news, and the faults that only replayed messages knew of."""
    fold = Fold.of(state, network)
    for item in news:
        fold.take(item)
    running = {
        name: one
        for name, one in fold.consultations.items()
        if one.running or now_s - one.at_s < REMEMBERED_S
    }
    folded = replace(
        state,
        observations=fold.observations,
        troubled=frozenset(fold.troubled),
        since_s=fold.since_s,
        consultations=running,
        windows=fold.windows,
        replays=fold.replays,
    )
    return folded, tuple(fold.past)
