"""The whole country through cuts and repairs; only what a fault changes is told, late and mixed."""

from random import Random

from controller.incidents.model import Health, NoticeKind, Observation, Subject
from tests.rigs.incidents.networks import country, national
from tests.rigs.incidents.oracle import Truth, ends, incidents_that_must_be_open
from tests.rigs.incidents.story import COLLECTOR, Story, circuit, device

SETTLED_S = 60.0
MOST_FAULTS = 4


class NationalLife:
    """The truth of the country, and the controller that hears of it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - an order, no secret
        self.truth = Truth(country())
        self.story = Story(national())
        self.story.all_well()
        self.story.wait(300)
        self.reached, self.expected = self.truth.reached(), frozenset[Subject]()
        self.faults: list[str] = []

    def step(self) -> tuple[str, list[str], list[str]]:
        """Break or mend something; return that, the roots told to open, and the new ones due."""
        done, told = self._change(), len(self.story.notices)
        self._tell()
        self.truth.settle()
        before = self.expected
        self.expected = incidents_that_must_be_open(self.truth, before)
        notices = self.story.notices[told:]
        opened = [n.incident.root.name for n in notices if n.kind is NoticeKind.OPENED]
        due = sorted(root.name for root in self.expected - before)
        self.story.wait(300)
        return done, opened, due

    def open_roots(self) -> frozenset[Subject]:
        """Return the roots of the incidents that are open."""
        return frozenset(i.root for i in self.story.state.open_incidents())

    def _change(self) -> str:
        random, truth = self.random, self.truth
        if self.faults and (len(self.faults) >= MOST_FAULTS or random.random() < 0.5):
            name = self.faults.pop(random.randrange(len(self.faults)))
            truth.cut.discard(name)
            truth.dead.discard(name)
            return f"mend {name}"
        if random.random() < 0.8:
            name = random.choice(sorted(truth.intent.circuits.keys() - truth.cut))
            truth.cut.add(name)
        else:
            devices = [d.name for d in truth.intent.devices.values() if d.site != "yaounde"]
            name = random.choice([d for d in devices if d not in truth.dead])
            truth.dead.add(name)
        self.faults.append(name)
        return f"break {name}"

    def _tell(self) -> None:
        """Tell words and polls, doubled and out of order; then once more, as rounds do."""
        before, self.reached = self.reached, self.truth.reached()
        start_s = self.story.now_s
        for round_s in (0.0, 20.0, 40.0):
            news = [*self._words(before), *self._votes(before)]
            due = [
                (start_s + round_s + self._after_s(said), said)
                for said in news
                for _ in range(self.random.choice([1, 1, 2]))
            ]
            for at_s, said in sorted(due, key=lambda pair: pair[0]):
                self.story.wait(max(0.0, at_s - self.story.now_s))
                self.story.hear(said)
        self.story.wait(SETTLED_S)

    def _after_s(self, said: Observation) -> float:
        """Return how long news takes: polls come around within ten seconds."""
        late_s = self.random.choice([0.0, 0.0, self.random.uniform(0, 3)])
        around_s = self.random.uniform(0, 7) if said.observer == COLLECTOR else 0.2
        return around_s + late_s

    def _words(self, before: set[str]) -> list[Observation]:
        """Return what living devices say of circuits that are not, or were not, as they should."""
        devices = self.truth.intent.devices
        near = self.truth.dead | self.truth.cut | (before ^ self.reached) | set(self.faults)
        said = []
        for each in self.truth.intent.circuits.values():
            known = circuit(each.name) in self.story.state.troubled
            if known or each.name in near or near & set(ends(each)):
                for end in set(ends(each)) & self.reached & devices.keys():
                    dead = each.name in self.truth.says_dead(end)
                    state = Health.DOWN if dead else Health.OK
                    said.append(self.story.word(circuit(each.name), state, end))
        return said

    def _votes(self, before: set[str]) -> list[Observation]:
        names = self.truth.intent.devices.keys()
        turned = (before ^ self.reached) & names
        troubled = {name for name in names if device(name) in self.story.state.troubled}
        return [
            self.story.word(
                device(name), Health.OK if name in self.reached else Health.DOWN, COLLECTOR
            )
            for name in sorted(turned | troubled)
        ]
