"""The run: every mechanism in its own world, all at once, trials interleaved by chance."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

from inventory.errors import LabError
from simulations.devices.routers import ensure_wanted, remove_wanted
from tests.failover.faults import FAULTS, Fault
from tests.failover.flows import Flows
from tests.failover.mechanisms import MECHANISMS, Mechanism
from tests.failover.say import say
from tests.failover.trials import FAULT_FROM_S, FAULT_SPREAD_S, Outcome, Stage, Trial
from tests.rigs.edge.edge_rig import world

SHORT_FAULTS: Final = {"blink": 5}
# Daemons that start are busy; more at a time would be felt by the trials.
SETTLING: Final = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run: repeats per cell, trials side by side, and the seed of their order."""

    repeats: int
    slots: int
    seed: int
    mechanisms: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    def chosen(self) -> tuple[Mechanism, ...]:
        """Return the mechanisms that take part."""
        return tuple(m for m in MECHANISMS if not self.mechanisms or m.name in self.mechanisms)

    def trials(self) -> list[Trial]:
        """Return all trials, repeat by repeat, each repeat in an order of its own."""
        chance = random.Random(self.seed)  # noqa: S311 - an order, not a secret
        ordered: list[Trial] = []
        for repeat in range(self.repeats):
            cells = [*self._cells(repeat)]
            chance.shuffle(cells)
            for mechanism, fault in cells:
                at_s = FAULT_FROM_S + chance.random() * FAULT_SPREAD_S
                ordered.append(Trial(mechanism, fault, repeat, round(at_s, 3)))
        return ordered

    def _cells(self, repeat: int) -> Iterator[tuple[Mechanism, Fault]]:
        for mechanism in self.chosen():
            for fault in FAULTS:
                wanted = not self.faults or fault.name in self.faults
                limit = min(
                    mechanism.repeats or self.repeats, SHORT_FAULTS.get(fault.name, self.repeats)
                )
                known = mechanism.faults is None or fault.name in mechanism.faults
                if wanted and known and repeat < limit:
                    yield mechanism, fault


@dataclass(slots=True)
class Board:
    """Which trials are left, which worlds are free, and what has come out.

    unsettled names mechanisms that did not come to rest after a trial, strayed those that had left
    the first line by themselves before one.
    """

    left: list[Trial]
    free: set[str]
    outcomes: list[Outcome] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    strayed: list[str] = field(default_factory=list)
    running: int = 0
    change: threading.Condition = field(default_factory=threading.Condition)

    def take(self) -> Trial | None:
        """Wait for a trial whose world is free; None when none is left."""
        with self.change:
            while self.left:
                for trial in self.left:
                    if trial.mechanism.name in self.free:
                        self.left.remove(trial)
                        self.free.discard(trial.mechanism.name)
                        self.running += 1
                        return trial
                self.change.wait(1)
            return None

    def done(self, outcome: Outcome) -> None:
        """Note what a trial showed."""
        with self.change:
            self.outcomes.append(outcome)
            self.running -= 1

    def ready(self, name: str, *, settled: bool) -> None:
        """Let a world be used again; one that did not settle is noted."""
        with self.change:
            if not settled:
                self.unsettled.append(name)
            self.free.add(name)
            self.change.notify_all()


def run(plan: Plan) -> Board:
    """Run a plan from worlds to worlds' end and return what came out."""
    with stages(plan.chosen()) as ready:
        return play(ready, plan.trials(), plan.slots)


@contextmanager
def stages(mechanisms: Sequence[Mechanism]) -> Iterator[dict[str, Stage]]:
    """Build a world for each mechanism, one after another, and take all of them down again."""
    user = f"bench-{time.monotonic_ns()}"
    with ExitStack() as stack:
        ensure_wanted(user)
        stack.callback(remove_wanted, user)
        built = {m.name: _stage(stack, number, m) for number, m in enumerate(mechanisms)}
        for name, stage in built.items():
            if not stage.rest():
                raise LabError(f"{name}: traffic does not lead over the first line")
        yield built


def _stage(stack: ExitStack, number: int, mechanism: Mechanism) -> Stage:
    made = stack.enter_context(world(name=f"b{number}"))
    say(f"building {mechanism.title}")
    led = mechanism.start(made)
    flows = stack.enter_context(Flows(made, beside=mechanism.beside))
    return Stage(mechanism, made, flows, led)


def play(ready: dict[str, Stage], trials: list[Trial], slots: int) -> Board:
    """Run trials, a few of different worlds at a time."""
    board = Board(list(trials), set(ready))
    total = len(trials)
    with ThreadPoolExecutor(SETTLING) as settling, ThreadPoolExecutor(slots) as players:
        players_done = [
            players.submit(_player, board, ready, settling, total) for _ in range(slots)
        ]
        for done in players_done:
            done.result()
    return board


def _player(
    board: Board, ready: dict[str, Stage], settling: ThreadPoolExecutor, total: int
) -> None:
    while (trial := board.take()) is not None:
        stage, beside = ready[trial.mechanism.name], board.running - 1
        if not stage.led.on_first():
            # Nothing was wrong with its world while it waited for its turn.
            board.strayed.append(trial.mechanism.name)
            say(f"{trial.mechanism.name} strayed: {'; '.join(stage.led.reasons())}")
            stage.rest()
        called, off_s, stayed = stage.run(trial)
        board.done(Outcome(trial, called, off_s, stayed, max(beside, board.running - 1)))
        say(
            f"{len(board.outcomes)}/{total} {trial.mechanism.name} {trial.fault.name}: "
            f"{called.lost} lost, {called.voice_gap_ms:.0f} ms"
        )
        if not (stayed or trial.fault.script(trial.repeat)):
            say(f"{trial.mechanism.name} moved: {'; '.join(stage.led.reasons())}")
        settling.submit(_settle, board, stage)


def _settle(board: Board, stage: Stage) -> None:
    board.ready(stage.mechanism.name, settled=stage.rest())
