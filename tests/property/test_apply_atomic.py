"""Whatever breaks and whenever the controller dies, all routers end new or all end old."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.apply import apply
from controller.derive import derive
from controller.drivers.memory import Act, Faults, MemoryNetwork
from controller.observe import observe
from controller.plan import Consent, View, plan
from controller.render import render
from controller.resume import resume
from controller.rim import Rim
from controller.state import Outcome, Plan
from controller.store.journal import Journal
from inventory.errors import SanagaError
from inventory.model import Intent, Thresholds
from tests.apply_rig import NAMES, PACE, Bench, chain
from tests.factories import hierarchy
from tests.simulated_time import TestClock
from topology.build import build

AT = datetime(2026, 3, 2, tzinfo=UTC)
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


def live(bench: Bench, life: Life, work: Callable[[Rim], object]) -> bool:
    """Return whether the work ended by itself in a process with that much life."""
    bench.journal.close()
    bench.open_journal()
    rim = bench.rim(
        connect=lambda name: Mortal(bench.network.connect(name), life),
        journal=Mortal(bench.journal, life),  # type: ignore[arg-type]
    )
    try:
        with suppress(SanagaError):
            work(rim)
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
    versions = bench.versions()
    assert versions in ("old", "new")
    assert bench.pending() == []
    assert bench.journal.unfinished() == ()
    recorded = [entry.outcome for entry in bench.journal.history()]
    assert len(recorded) <= 1
    assert (versions == "new") == (recorded == ["confirmed"])
    for device in bench.network.devices.values():
        assert device.startup == device.running


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
            ended = live(bench, Life(steps), lambda rim: apply(chain(), rim))
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


@dataclass(frozen=True)
class Schedule:
    """What goes wrong: faults during the apply, deaths of it and its resumes, time between."""

    plan: Plan
    faults: dict[str, Faults]
    deaths: list[int]
    pauses: list[float]
    later: dict[str, Faults] = field(default_factory=dict)


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
SCHEDULES = st.builds(
    Schedule,
    plan=PLANS,
    faults=TROUBLED,
    deaths=st.lists(st.integers(0, 110) | st.just(NEVER), min_size=1, max_size=3),
    pauses=st.lists(st.sampled_from([0.0, 60.0, 1000.0]), min_size=4, max_size=4),
    later=TROUBLED,
)


@given(SCHEDULES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_faults_and_deaths_end_with_all_devices_new_or_all_old(schedule: Schedule):
    with benches() as bench:
        works: list[Callable[[Rim], object]] = [lambda rim: apply(schedule.plan, rim)]
        works += [resume] * len(schedule.deaths[1:])
        faults = [schedule.faults, *[schedule.later] * len(works)]
        for n, (work, steps) in enumerate(zip(works, schedule.deaths, strict=True)):
            afflict(bench, faults[n])
            live(bench, Life(steps), work)
            bench.clock.pause(schedule.pauses[n])
        afflict(bench, {})
        resumed(bench)
        check_all_or_nothing(bench)


def afflict(bench: Bench, faults: dict[str, Faults]) -> None:
    for name in NAMES:
        bench.network.device(name).faults = faults.get(name, Faults())


def view(intent: Intent, network: MemoryNetwork) -> View:
    intended = derive(intent)
    return View(
        intent=intent,
        topology=build(intent),
        intended=intended,
        wanted={name: render(value) for name, value in intended.items()},
        operational=observe(intent.devices, network.connect, workers=1),
    )


@given(st.integers(1, 3), st.integers(0, 2), st.integers(0, 2))
@settings(max_examples=12, deadline=None)
def test_applying_a_plan_reaches_the_intent_and_planning_again_yields_nothing(
    r: int, d: int, a: int
):
    intent, clock = hierarchy(r, d, a), TestClock()
    network = MemoryNetwork(clock=clock)
    first = plan(view(intent, network), AT, Consent(thresholds=Thresholds(1, 1)))
    with TemporaryDirectory() as folder:
        journal = Journal.open(Path(folder), clock=clock)
        result = apply(first, Rim(network.connect, journal, clock, workers=1, pace=PACE))
        journal.close()
    assert result.outcome is Outcome.CONFIRMED
    reached = view(intent, network)
    assert dict(reached.operational.configs) == dict(reached.wanted)
    assert plan(reached, AT).changes == ()
