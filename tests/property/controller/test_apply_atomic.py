"""Whatever breaks and whenever the controller dies, all routers end new or all end old."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.apply.recovery import confirm, resume, rollback
from controller.apply.run import apply
from controller.apply.session import ApplyContext
from controller.drivers.memory import Act, Faults, MemoryNetwork
from controller.drivers.observe import observe
from controller.model import Outcome, Plan
from controller.planning.plan import Overrides, PlanInputs, plan
from controller.store.journal import Journal
from inventory.errors import SanagaError
from inventory.model import Intent, Thresholds
from tests.factories import hierarchy
from tests.rigs.controller.apply_rig import NAMES, PACE, Bench, chain, old
from tests.rigs.controller.plan_views import AT, view
from tests.rigs.examples import examples
from tests.simulated_time import TestClock

WRITES = frozenset({"begin", "intend", "done", "hold", "extend", "decide", "finish"})
NEVER = 10_000


class KilledError(BaseException):
    """Stands for kill -9: nothing of the process runs any more."""


@dataclass
class Life:
    """A controller process that dies at a given step, and then never does anything again."""

    steps_left: int
    steps: int = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps > self.steps_left:
            raise KilledError


@dataclass
class Mortal:
    """Passes calls on, each between two moments at which the process may die."""

    inner: Any
    life: Life
    names: frozenset[str] = frozenset(Act) | WRITES | {"unreached"}

    def __getattr__(self, name: str) -> Any:
        target = getattr(self.inner, name)
        if name not in self.names:
            return target

        def call(*args: Any, **options: Any) -> Any:
            self.life.step()
            result = target(*args, **options)
            self.life.step()
            return result

        return call


def live(bench: Bench, life: Life, work: Callable[[ApplyContext], object]) -> bool:
    """Return whether the work ended by itself in a process with that much life."""
    bench.journal.close()
    bench.open_journal()
    context = bench.context(
        connect=lambda name: Mortal(bench.network.connect(name), life),
        journal=Mortal(bench.journal, life),  # type: ignore[arg-type]
    )
    try:
        with suppress(SanagaError):
            work(context)
    except KilledError:
        return False
    return True


@contextmanager
def benches() -> Iterator[Bench]:
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        yield bench
        bench.journal.close()


def check_all_or_nothing(bench: Bench) -> None:
    assert bench.versions() in ("old", "new")
    assert bench.pending() == []
    assert bench.journal.unfinished() == ()
    kept = [e.id for e in bench.journal.history() if e.outcome == "confirmed"]
    expected = {name: old(name).text for name in NAMES}
    if kept:
        expected = {name: after for name, (_, after) in bench.journal.configs(kept[0]).items()}
    for name, device in bench.network.devices.items():
        assert device.running.text == device.startup.text == expected[name]


def resumed(bench: Bench) -> None:
    live(bench, Life(NEVER), resume)


def trusting_timers(bench: Bench) -> None:
    """What a controller without a journaled decision could do: let everyone roll back."""
    for name in NAMES:
        bench.network.connect(name).rollback()


def mixed_after_deaths(recover: Callable[[Bench], None]) -> list[int]:
    """Return the steps of an apply at which death and that recovery leave a mixed network."""
    mixed = []
    for steps in range(NEVER):
        with benches() as bench:
            ended = live(bench, Life(steps), lambda context: apply(chain(), context))
            recover(bench)
            if bench.versions() == "mixed":
                mixed.append(steps)
        if ended:
            return mixed
    raise AssertionError


def test_death_at_any_step_of_an_apply_leaves_no_mixture_after_resume():
    assert mixed_after_deaths(resumed) == []


def test_the_same_check_catches_a_controller_without_a_journaled_decision():
    assert mixed_after_deaths(trusting_timers) != []


Work: TypeAlias = Callable[[ApplyContext], object]


@dataclass(frozen=True)
class Deed:
    """Something a person does while some routers are faulty, and when the controller dies of it."""

    verb: str
    faults: dict[str, Faults]
    dies_at: int
    pause_s: float

    def work(self, plan: Plan) -> Work:
        """Return what the verb does."""
        works: dict[str, Work] = {
            "apply": lambda context: apply(plan, context),
            "hold": lambda context: apply(plan, context, hold=True),
            "confirm": confirm,
            "rollback": rollback,
            "resume": resume,
        }
        return works[self.verb]


ACTS = st.frozensets(st.sampled_from(Act), max_size=2)
FAULTS = st.builds(
    Faults,
    rejects=st.sampled_from([frozenset[str]()] * 4 + [frozenset({"version 2"})]),
    rejects_late=st.sampled_from([frozenset[str]()] * 4 + [frozenset({"version 2"})]),
    drops=ACTS,
    hangs=ACTS,
    lockout=st.booleans(),
    silence_s=st.sampled_from([1.0, 30.0, 300.0]),
)
TROUBLED = st.dictionaries(st.sampled_from(NAMES), FAULTS, max_size=2)
PLANS = st.sampled_from([chain(), chain([NAMES[:1], NAMES[1:]]), chain([NAMES])])
DEATHS = st.integers(0, 110) | st.just(NEVER)
PAUSES = st.sampled_from([0.0, 60.0, 1000.0])


def deeds(*verbs: str) -> st.SearchStrategy[Deed]:
    return st.builds(Deed, st.sampled_from(verbs), TROUBLED, DEATHS, PAUSES)


def carried_out(bench: Bench, plan: Plan, todo: list[Deed]) -> None:
    """Do everything, then resume with healthy routers once no person can confirm any more."""
    for deed in todo:
        afflict(bench, deed.faults)
        live(bench, Life(deed.dies_at), deed.work(plan))
        bench.clock.pause(deed.pause_s)
    afflict(bench, {})
    bench.clock.pause(1000)
    resumed(bench)


@given(PLANS, deeds("apply"), st.lists(deeds("resume"), max_size=2))
@settings(max_examples=examples(150))
def test_any_faults_and_deaths_end_with_all_devices_new_or_all_old(
    plan: Plan, first: Deed, more: list[Deed]
):
    with benches() as bench:
        carried_out(bench, plan, [first, *more])
        check_all_or_nothing(bench)


VERBS = ("apply", "hold", "confirm", "rollback", "resume")


@given(PLANS, st.lists(deeds(*VERBS), min_size=2, max_size=5))
@settings(max_examples=examples(150))
def test_whatever_people_do_in_between_the_network_is_what_was_confirmed_last(
    plan: Plan, todo: list[Deed]
):
    with benches() as bench:
        carried_out(bench, plan, todo)
        check_all_or_nothing(bench)


def afflict(bench: Bench, faults: dict[str, Faults]) -> None:
    for name in NAMES:
        bench.network.device(name).faults = faults.get(name, Faults())


def read_view(intent: Intent, network: MemoryNetwork) -> PlanInputs:
    return view(intent, observe(intent.devices, network.connect, workers=1).configs)


@given(st.integers(1, 3), st.integers(0, 2), st.integers(0, 2))
@settings(max_examples=12)
def test_applying_a_plan_reaches_the_intent_and_planning_again_yields_nothing(
    r: int, d: int, a: int
):
    intent, clock = hierarchy(r, d, a), TestClock()
    network = MemoryNetwork(clock=clock)
    first = plan(read_view(intent, network), AT, Overrides(thresholds=Thresholds(1, 1)))
    with TemporaryDirectory() as folder:
        journal = Journal.open(Path(folder), clock=clock)
        result = apply(first, ApplyContext(network.connect, journal, clock, workers=1, pace=PACE))
        journal.close()
    assert result.outcome is Outcome.CONFIRMED
    reached = read_view(intent, network)
    assert dict(reached.operational.configs) == dict(reached.wanted)
    assert plan(reached, AT).changes == ()
