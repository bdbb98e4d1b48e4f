"""A network whose devices say what is so, in time and in order: only the failures are mixed up."""

from collections.abc import Iterable

from controller.incidents.model import Health, News, Source, Subject
from inventory.model import Medium
from tests.factories import Draft
from tests.rigs.incidents.monday import MONDAY_NOON_S
from tests.rigs.incidents.networks import view_of
from tests.rigs.incidents.oracle import Truth, ends, heard_words, incidents_that_must_be_open
from tests.rigs.incidents.story import COLLECTOR, Story, circuit, collector, device

WORDS_S = (0.0, 5.0, 15.0, 25.0)
ROUND_S = 10.0
SETTLED_S = 80.0
APART_S = 300.0


class Retelling:
    """What is so, and the controller that hears it; ways are (name, one end, other end)."""

    def __init__(self, *ways: tuple[str, str, str]) -> None:
        self.truth = Truth(_draft(ways).intent())
        self.story = Story(view_of(self.truth.intent), now_s=MONDAY_NOON_S)
        self.expected = frozenset[Subject]()
        self.story.hear(*self.words(), *self.votes())
        self.story.wait(APART_S)

    def become(
        self,
        *,
        cut: Iterable[str] = (),
        dead: Iterable[str] = (),
        deaf: bool = False,
        votes_after_s: float = 5.0,
        words_after_s: float = 0.0,
        orders: Iterable[News] = (),
    ) -> list[str]:
        """Let exactly this be broken; return the roots that are open when all has settled.

        The answers of devices are known some seconds after what they say themselves.
        """
        truth, story, began_s = self.truth, self.story, self.story.now_s
        truth.cut, truth.dead, truth.deaf = set(cut), set(dead), deaf
        state = Health.DOWN if deaf else Health.OK
        story.hear(*orders, story.word(collector(), state, "controller", source=Source.COLLECTOR))
        due = [(began_s + words_after_s + at_s, self.words) for at_s in WORDS_S]
        due += [(began_s + votes_after_s + i * ROUND_S, self.votes) for i in range(4)]
        for at_s, said in sorted(due, key=lambda pair: pair[0]) if not deaf else ():
            story.go_on_to(at_s)
            story.hear(*said())
        story.wait(began_s + SETTLED_S - story.now_s)
        truth.settle()
        self.expected = incidents_that_must_be_open(truth, self.expected)
        story.wait(APART_S)
        return story.roots()

    def words(self) -> list[News]:
        """Return what every living device that is reached says of its circuits."""
        return [
            self.story.word(
                circuit(each.name), Health.DOWN if each.name in dead else Health.OK, name
            )
            for name, dead in heard_words(self.truth).items()
            for each in self.truth.intent.circuits.values()
            if name in ends(each)
        ]

    def votes(self) -> list[News]:
        """Return what the collector says of every device."""
        reached = self.truth.reached()
        return [
            self.story.word(device(name), Health.OK if name in reached else Health.DOWN, COLLECTOR)
            for name in self.truth.intent.devices
        ]

    def due(self) -> list[str]:
        """Return the roots that must be open by the truth."""
        return sorted(root.name for root in self.expected)


def _draft(ways: Iterable[tuple[str, str, str]]) -> Draft:
    draft, ends_of_ways = Draft(), [end for _, *both in ways for end in both]
    draft.site("s0")
    for name in sorted({end.split("-")[0] for end in ends_of_ways if "provider" not in end}):
        if name != "s0":
            draft.site(name, "s0")
        if f"{name}-r2" in ends_of_ways:
            draft.device(name, 2)
    for name, a, b in ways:
        draft.circuit(name, a, b, medium=Medium.LEO if "provider" in b else Medium.FIBRE)
    return draft
