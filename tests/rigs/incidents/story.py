"""A story told to the deciding core: who says what when, and what came of it."""

from dataclasses import dataclass, field, replace

from controller.decisions.decide import decide
from controller.diagnosis.health import health_of
from controller.incidents.french import in_french
from controller.incidents.model import (
    Act,
    ActKind,
    ChangeKind,
    Health,
    HealthChange,
    Incident,
    IncidentChange,
    IncidentState,
    News,
    Notice,
    NoticeKind,
    Observation,
    Refusal,
    Source,
    Subject,
    SubjectKind,
)
from controller.incidents.policy import Policy
from controller.incidents.view import NetworkView

COLLECTOR = "collector-1"


def site(name: str) -> Subject:
    return Subject(SubjectKind.SITE, name)


def device(name: str) -> Subject:
    return Subject(SubjectKind.DEVICE, name)


def circuit(name: str) -> Subject:
    return Subject(SubjectKind.CIRCUIT, name)


def collector(name: str = COLLECTOR) -> Subject:
    return Subject(SubjectKind.COLLECTOR, name)


@dataclass
class Story:
    """A state that lives on, on a clock that only this story moves."""

    network: NetworkView
    policy: Policy = field(default_factory=Policy)
    now_s: float = 1_000_000.0
    state: IncidentState = field(default_factory=IncidentState)
    notices: list[Notice] = field(default_factory=list)
    changes: list[IncidentChange] = field(default_factory=list)
    turns: list[HealthChange] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    ended: dict[int, Incident] = field(default_factory=dict)
    sequence: int = 0
    wake_s: float | None = None

    def hear(self, *news: News) -> None:
        """Decide on news at this time."""
        outcome = decide(self.state, self.network, news, self.now_s, self.policy)
        self.state, self.wake_s = outcome.state, outcome.wake_s
        self.notices += outcome.notices
        self.changes += outcome.changes
        self.turns += outcome.health_changes
        self.refusals += outcome.refusals
        self.ended |= {i.number: i for i in outcome.touched if not i.open}
        told = [words for i in outcome.touched for words in i.evidence]
        told += [one.sentence for one in outcome.changes if one.kind is not ChangeKind.ACT]
        english = [words for words in told if in_french(words) == words]
        assert not english, english

    def wait(self, seconds: float) -> None:
        """Let time pass; decisions are taken when they are due, and at the end."""
        self.go_on_to(self.now_s + seconds)
        self.hear()

    def go_on_to(self, end_s: float) -> None:
        """Let time pass up to a moment; decisions are taken when they are due."""
        while self.wake_s is not None and self.wake_s <= end_s:
            self.now_s = max(self.wake_s, self.now_s + 1e-6)
            self.hear()
        self.now_s = max(self.now_s, end_s)

    def word(self, subject: Subject, state: Health, observer: str, **more: object) -> Observation:
        """Return the newest word of an observer."""
        self.sequence += 1
        default = Source.SNMP if subject.kind is SubjectKind.DEVICE else Source.EDGE_PATH
        said = Observation(subject, observer, default, state, self.sequence, self.now_s, self.now_s)
        return replace(said, **more)  # type: ignore[arg-type]

    def say(
        self, subject: Subject, state: Health, observer: str = COLLECTOR, **more: object
    ) -> None:
        """Let an observer say something now."""
        self.hear(self.word(subject, state, observer, **more))

    def all_well(self) -> None:
        """Let everything be seen well once."""
        self.hear(*self.good_words())

    def good_words(self) -> list[Observation]:
        """Return a good word on every device and circuit."""
        said = [self.word(device(name), Health.OK, COLLECTOR) for name in self.network.devices]
        for name, facts in self.network.circuits.items():
            said += [self.word(circuit(name), Health.OK, end) for end in facts.devices]
        return said

    def dead(
        self, name: str, *ends: str, state: Health = Health.DOWN, **more: object
    ) -> list[Observation]:
        """Return what ends of a circuit say of it."""
        seen = ends or self.network.circuits[name].devices
        return [self.word(circuit(name), state, end, **more) for end in seen]

    def silent(self, *names: str, state: Health = Health.DOWN) -> list[Observation]:
        """Return what the collector says of devices."""
        return [self.word(device(name), state, COLLECTOR) for name in names]

    def act(self, kind: ActKind, incident: int, **more: object) -> None:
        """Let a person do something."""
        self.hear(replace(Act(kind, incident, "amina", self.now_s), **more))  # type: ignore[arg-type]

    def roots(self) -> list[str]:
        """Return the roots of the open incidents by name."""
        return sorted(i.root.name for i in self.state.open_incidents())

    def only(self) -> Incident:
        """Return the one open incident."""
        (incident,) = self.state.open_incidents()
        return incident

    def sent(self, kind: NoticeKind | None = None) -> list[str]:
        """Return the roots of the notices so far, of one kind or all."""
        return [n.incident.root.name for n in self.notices if kind in (None, n.kind)]

    def health(self, subject: Subject) -> Health:
        """Return how a subject stands."""
        return health_of(self.state, subject, self.network)
