"""A network with faults, whose news is late, lost, doubled and out of order on its way."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from random import Random

from controller.incidents.model import (
    Health,
    MaintenanceWindow,
    News,
    NoticeKind,
    Observation,
    Recurrence,
    Source,
    Subject,
    SubjectKind,
    WindowRemoved,
    WindowSet,
)
from controller.incidents.policy import Policy
from controller.incidents.view import NetworkView
from inventory.model import Intent, Level, Medium
from tests.factories import Draft
from tests.rigs.incidents.networks import view_of
from tests.rigs.incidents.oracle import Truth, ends, heard_words, incidents_that_must_be_open
from tests.rigs.incidents.story import COLLECTOR, Story, circuit, collector, device

# Shortly after midnight in UTC, so that a window of a day lasts.
MONDAY_S = 1_796_000_400.0
# When words are repeated and polls go round. All of it settles within the time after.
WORDS_S = (0.0, 5.0, 15.0, 25.0)
POLLS_S = (0.0, 10.0, 20.0, 30.0)
LATEST_S = 3.0
SETTLED_S = 80.0
APART_S = 300.0
# The service decides together on what came while it decided: next to nothing, or much.
TOGETHER_S = (0.05, 0.2, 0.5, 1.0)
FRESH_S = 8.0
# Operators are tried by a story of their own; here two customers are not an operator's outage.
POLICY = Policy(operator_circuits=99)


def random_intent(random: Random, sites: int) -> Intent:
    """Return a tree with some meshes, second routers and operators."""
    draft = Draft()
    draft.site("s0")
    for i in range(1, sites):
        draft.site(f"s{i}", "s0")
        if random.random() < 0.3:
            draft.device(f"s{i}", 2)
            draft.circuit(f"s{i}-inside", f"s{i}-r1", f"s{i}-r2")
    for i in range(1, sites):
        draft.circuit(
            f"t{i}", _router(draft, random, random.randrange(i)), _router(draft, random, i)
        )
    for i in range(random.randrange(sites)):
        a, b = random.sample(range(sites), 2)
        draft.circuit(f"m{i}", _router(draft, random, a), _router(draft, random, b))
    draft.circuit("s0-leo", "s0-r1", "provider:leo", medium=Medium.LEO)
    for i in range(1, sites):
        if random.random() < 0.3:
            draft.circuit(f"s{i}-leo", f"s{i}-r1", "provider:leo", medium=Medium.LEO)
    return draft.intent()


def _router(draft: Draft, random: Random, i: int) -> str:
    return random.choice([d for d in draft.devices.values() if d.site == f"s{i}"]).name


class World:
    """The truth, what is told of it, and the controller that decides on that."""

    def __init__(self, intent: Intent, random: Random, network: NetworkView | None = None) -> None:
        self.truth, self.random = Truth(intent), random
        self.story = Story(network or view_of(intent), policy=POLICY, now_s=MONDAY_S)
        self.expected: frozenset[Subject] = frozenset()
        self.orders: list[News] = []
        self.story.hear(*self._words(), *self._votes())
        self.story.wait(APART_S)

    def change(self) -> str:
        """Break or mend something at random; return what was done."""
        truth, random = self.truth, self.random
        kind = random.choices(
            ["circuit", "device", "site", "window", "collector"], [10, 5, 3, 2, 1]
        )[0]
        if kind == "circuit":
            return _toggle(truth.cut, random.choice(sorted(truth.intent.circuits)))
        if kind in ("device", "site"):
            one = random.choice(
                [d for d in truth.intent.devices.values() if not self._central(d.site)]
            )
            names = (
                [d.name for d in truth.intent.devices_at(one.site)]
                if kind == "site"
                else [one.name]
            )
            turn = truth.dead.difference_update if one.name in truth.dead else truth.dead.update
            turn(names)
            return f"{kind} {one.name}"
        if kind == "collector":
            truth.deaf = not truth.deaf
            return f"collector deaf: {truth.deaf}"
        return self._window()

    def step(self) -> frozenset[Subject]:
        """Let the news of what changed arrive as it may, and settle; return the expected roots."""
        start_s = self.story.now_s
        together_s = self.random.choice(TOGETHER_S)
        for at_s, news in batches(self._deliveries(start_s), together_s, start_s + FRESH_S):
            self.story.go_on_to(at_s)
            self.story.hear(*news)
        self.story.wait(start_s + SETTLED_S - self.story.now_s)
        self.truth.settle()
        self.expected = incidents_that_must_be_open(self.truth, self.expected)
        return self.expected

    def rest(self) -> None:
        """Let time pass, so that the next fault is not taken for a part of this one."""
        self.story.wait(APART_S)

    def _central(self, name: str) -> bool:
        return self.truth.intent.sites[name].level is Level.CENTRAL

    def _window(self) -> str:
        truth, random = self.truth, self.random
        circuits = [circuit(name) for name in sorted(truth.intent.circuits)]
        choice = random.choice([*circuits, *map(device, sorted(truth.intent.devices))])
        if choice in truth.maintained:
            truth.maintained.remove(choice)
            self.orders.append(WindowRemoved(choice.name))
            return f"window over {choice.name} closed"
        truth.maintained.add(choice)
        today = datetime.fromtimestamp(self.story.now_s, UTC).date().isoformat()
        lasting = MaintenanceWindow(
            choice.name, (choice,), Recurrence.ONCE, "UTC", today, "00:00", "00:00"
        )
        self.orders.append(WindowSet(lasting))
        return f"window over {choice.name} opened"

    def _deliveries(self, start_s: float) -> Iterator[tuple[float, list[News]]]:
        orders, self.orders = self.orders, []
        yield start_s, orders
        if self.truth.deaf:
            yield start_s + 0.2, [self._collector_word(Health.DOWN)]
            return
        yield start_s, [self._collector_word(Health.OK)]
        # A poll asks again before it gives up; of words the second at the latest comes through.
        for after_s in WORDS_S:
            for said in self._words():
                lossy = after_s not in (WORDS_S[1], WORDS_S[-1])
                yield from self._on_its_way(said, start_s + after_s, lossy=lossy)
        phase_s = self.random.uniform(0, POLLS_S[1])
        for after_s in POLLS_S:
            for said in self._votes():
                lossy = after_s == POLLS_S[2]
                yield from self._on_its_way(said, start_s + phase_s + after_s, lossy=lossy)

    def _on_its_way(
        self, said: Observation, at_s: float, *, lossy: bool
    ) -> Iterator[tuple[float, list[News]]]:
        random = self.random
        seen_s = at_s + random.uniform(0.05, 0.6)
        self.story.sequence += 1
        for _ in range(random.choice([1, 1, 1, 2])):
            if lossy and random.random() < 0.15:
                continue
            late_s = random.choice([0.0, 0.0, random.uniform(0, LATEST_S)])
            received_s = seen_s + late_s
            yield received_s, [_sent(said, self.story.sequence, seen_s, received_s)]

    def _words(self) -> Iterator[Observation]:
        """Yield what every living device that is reached says of its circuits."""
        for name, dead in heard_words(self.truth).items():
            for each in self.truth.intent.circuits.values():
                if name in ends(each):
                    state = Health.DOWN if each.name in dead else Health.OK
                    yield self.story.word(circuit(each.name), state, name)

    def _votes(self) -> Iterator[Observation]:
        reached = self.truth.reached()
        for name in self.truth.intent.devices:
            state = Health.OK if name in reached else Health.DOWN
            yield self.story.word(device(name), state, COLLECTOR)

    def _collector_word(self, state: Health) -> Observation:
        return self.story.word(collector(), state, "controller", source=Source.COLLECTOR)

    def open_roots(self) -> frozenset[Subject]:
        """Return the roots of the incidents that are open."""
        return frozenset(i.root for i in self.story.state.open_incidents())

    def opened(self, since: int) -> list[str]:
        """Return what was told to open, among the notices since one."""
        told = self.story.notices[since:]
        return [n.incident.root.name for n in told if n.kind is NoticeKind.OPENED]


def batches(
    deliveries: Iterable[tuple[float, list[News]]], together_s: float, fresh_s: float
) -> Iterator[tuple[float, list[News]]]:
    """Yield what arrives within a time as one batch; repeated news in larger ones."""
    first_s, last_s, batch = -inf, -inf, list[News]()
    for at_s, news in sorted(deliveries, key=lambda pair: pair[0]):
        within_s = together_s if first_s < fresh_s else max(TOGETHER_S)
        if batch and at_s > first_s + within_s:
            yield last_s, batch
            batch = []
        first_s, last_s = at_s if not batch else first_s, at_s
        batch += news
    if batch:
        yield last_s, batch


def _toggle(names: set[str], name: str) -> str:
    if name in names:
        names.remove(name)
        return f"mend {name}"
    names.add(name)
    return f"cut {name}"


def _sent(said: Observation, sequence: int, at_s: float, received_s: float) -> Observation:
    return replace(said, sequence=sequence, at_s=at_s, received_s=received_s)


def is_collector(root: Subject) -> bool:
    """Return whether a root is a collector."""
    return root.kind is SubjectKind.COLLECTOR
