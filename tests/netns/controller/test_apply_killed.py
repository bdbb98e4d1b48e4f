"""An apply that is killed at any moment leaves nobody half-way once it is resumed, or waited for.

The process is killed as a power cut would: without a word. Every router then belongs to the new
configuration or every router to the old one, whichever way the journal decided.
"""

import json
import logging
import random
import subprocess
from bisect import bisect
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final

import pytest

from controller.drivers.frr import canonical
from controller.load import load
from controller.planning.from_folder import router_configs
from controller.store.journal import Journal
from simulations.lab import lab as labs
from simulations.lab.lab import Lab
from simulations.netns.waiting import eventually
from tests.rigs.laboratory.lab_networks import ask_door, leftovers, unique, write_triangle
from tests.sanaga_process import Sanaga

pytestmark = pytest.mark.netns
log = logging.getLogger(__name__)

KILLS: Final = 30
SEED: Final = 20260302
# Of the kills before the decision, so many per laboratory are left to the timers alone.
UNATTENDED: Final = 1
LABORATORIES: Final = 2
# Timers that nobody waits for, and such that are waited for.
PACE, HURRIED_PACE = "0.5", "0.06"
TIMERS_WITHIN_S: Final = 60
APPLY_WITHIN_S: Final = 120
RESUMED: Final = {0, 3}
UNDECIDED: Final = {"stage", "commit", "gate", "verify"}
UNSETTLED: Final = ("pending.json", "reverting.json")
OLD, NEW = "old", "new"


@dataclass(frozen=True, slots=True)
class Course:
    """When an apply that nobody disturbed wrote into the journal, in seconds from its start."""

    notes_s: tuple[float, ...]
    lasts_s: float

    def moment(self, share: float) -> tuple[int, float]:
        """Return a moment as the number of notes before it and the seconds since the last.

        So it stays in its phase when the machine is slower or faster than before.
        """
        after_s = share * self.lasts_s
        notes = bisect(self.notes_s, after_s)
        return notes, after_s - (self.notes_s[notes - 1] if notes else 0.0)


@dataclass(frozen=True, slots=True)
class Target:
    """A laboratory with a plan to the new configuration and one back to the old."""

    lab: Lab
    sanaga: Sanaga
    wanted: dict[str, dict[str, str]]
    course: "Course"

    def state(self) -> str:
        """Return old, new, or mixed."""
        with ThreadPoolExecutor(len(self.wanted[OLD])) as pool:
            texts = pool.map(lambda device: door_text(self.lab, device), self.wanted[OLD])
            shown = dict(zip(self.wanted[OLD], texts, strict=True))
        return next((state for state, texts in self.wanted.items() if texts == shown), "mixed")

    def pending(self) -> list[str]:
        """Return the routers whose door still waits for a confirmation."""
        devices = list(self.wanted[OLD])
        with ThreadPoolExecutor(len(devices)) as pool:
            said = pool.map(lambda device: ask_door(self.lab, device, "status"), devices)
            return [d for d, text in zip(devices, said, strict=True) if json.loads(text)["pending"]]

    def armed(self) -> bool:
        """Return whether a router's timer still runs, or its undoing."""
        folders = (self.lab.folder.router(device) / "door" for device in self.wanted[OLD])
        return any((folder / name).exists() for folder in folders for name in UNSETTLED)

    def journal(self) -> Journal:
        """Open the journal of the applies."""
        return Journal.open(self.sanaga.folder / "state")


@dataclass(frozen=True, slots=True)
class Order:
    """Which plan is applied, and how patiently."""

    plan: str
    pace: str


@dataclass
class Tally:
    """What the kills met: in which phases, and how often the network was mixed afterwards."""

    phases: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    unattended: int = 0


@pytest.fixture(scope="module")
def targets(tmp_path_factory) -> Iterator[list[Target]]:
    """Give laboratories that were taken to the new configuration once, undisturbed."""
    names = [unique("k") for _ in range(LABORATORIES)]
    try:
        with ThreadPoolExecutor(LABORATORIES) as pool:
            folders = [tmp_path_factory.mktemp("killed") for _ in names]
            yield list(pool.map(made, names, folders))
    finally:
        for name in names:
            labs.take_down(name)
    assert [leftovers(name) for name in names] == [[] for _ in names]


def door_text(lab: Lab, device: str) -> str:
    """Return what a router runs by its door, its packet filter included."""
    return canonical(json.loads(ask_door(lab, device, "read"))["config"]).text


def made(name: str, folder: Path) -> Target:
    """Bring a laboratory up, and plan for it in both directions."""
    sanaga = Sanaga(folder)
    old = write_triangle(folder / OLD, name)
    new = write_triangle(folder / NEW, name, cost=5)
    wanted = {
        state: {d: c.text for d, c in router_configs(load(folder / state)).items()}
        for state in (OLD, NEW)
    }
    lab = labs.bring_up(load(old).intent, configs=wanted[OLD])
    lab.write_known_hosts(old)
    lab.write_known_hosts(new)
    lab.wait_converged(60)
    assert sanaga("plan", new, "--out", "to-new.plan").code == 2
    course = undisturbed(sanaga, "to-new.plan")
    assert sanaga("plan", old, "--out", "to-old.plan").code == 2
    return Target(lab, sanaga, wanted, course)


def undisturbed(sanaga: Sanaga, plan: str) -> Course:
    """Apply a plan and return how it went."""
    began, notes = monotonic(), list[float]()
    with closing(Journal.open(sanaga.folder / "state")) as journal:
        process = begun(sanaga, Order(plan, PACE))

        def ended() -> bool:
            over = process.poll() is not None
            fresh = written(journal, 0) - len(notes)
            notes.extend([monotonic() - began] * fresh)
            return over

        eventually(ended, within_s=APPLY_WITHIN_S, what="the end of the apply", every_s=0.01)
    assert process.returncode == 0
    return Course(tuple(notes), monotonic() - began)


def begun(sanaga: Sanaga, order: Order) -> "subprocess.Popen[bytes]":
    """Begin to apply a plan."""
    return subprocess.Popen(
        sanaga.command("apply", order.plan, "--yes"),
        cwd=sanaga.folder,
        env={**sanaga.environment(), "SANAGA_PACE": order.pace},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def killed_apply(target: Target, journal: Journal, moment: tuple[int, float], order: Order) -> None:
    """Begin to apply a plan and kill the process at a moment, or let it end before."""
    notes, delay_s = moment
    last = latest(journal)
    process = begun(target.sanaga, order)
    eventually(
        lambda: process.poll() is not None or written(journal, last) >= notes,
        within_s=APPLY_WITHIN_S,
        what=f"note {notes} in the journal",
        every_s=0.01,
    )
    try:
        process.wait(delay_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def written(journal: Journal, last: int) -> int:
    """Return how many notes on its steps the apply after the last known one has made."""
    entry = next((e for e in journal.history() if e.id > last), None)
    steps = journal.steps(entry.id) if entry else ()
    return len(steps) + sum(step.finished is not None for step in steps)


def phase(journal: Journal, last: int) -> str:
    """Return in which phase the apply after the last known one died, by the journal."""
    entry = next((e for e in journal.history() if e.id > last), None)
    if entry is None:
        return "before"
    if entry.outcome is not None:
        return "over"
    if entry.decision is not None:
        return entry.decision
    steps = journal.steps(entry.id)
    commits = [step for step in steps if step.act == "commit"]
    if not commits:
        return "stage"
    if any(step.finished is None for step in commits):
        return "commit"
    return "gate" if len(commits) < len(journal.configs(entry.id)) else "verify"


def latest(journal: Journal) -> int:
    """Return the number of the last apply."""
    return max((entry.id for entry in journal.history()), default=0)


def settle(target: Target, began: str, met: str, tally: Tally, *, alone: bool) -> None:
    """Let the timers do their work, if they shall, and resume what was interrupted."""
    if alone and met in UNDECIDED:
        eventually(
            # Asking a door would wake it, so only what runs is looked at.
            lambda: not target.armed() and target.state() == began,
            within_s=TIMERS_WITHIN_S,
            what="what the timers bring back",
            every_s=0.5,
        )
        tally.unattended += 1
    answer = target.sanaga("apply", "--resume", SANAGA_PACE=PACE)
    assert answer.code in RESUMED, answer.err + answer.out


def survives(target: Target, share: float, tally: Tally, *, alone: bool) -> None:
    """Kill an apply in the direction that is free, and see that everyone ends on one side."""
    began = target.state()
    assert began in {OLD, NEW}
    with closing(target.journal()) as journal:
        last = latest(journal)
        order = Order(f"to-{OLD if began == NEW else NEW}.plan", HURRIED_PACE if alone else PACE)
        killed_apply(target, journal, target.course.moment(share), order)
        met, between = phase(journal, last), target.state()
        tally.phases[met] += 1
        tally.states["mixed" if between == "mixed" else "whole"] += 1
        settle(target, began, met, tally, alone=alone)
        ended = target.state()
        told = f"killed at {share:.2f} in phase {met}: {began}, {between}, then {ended}"
        log.warning(told)
        assert ended in {OLD, NEW}, told
        assert met != "confirm" or ended != began, told
        assert met not in {*UNDECIDED, "rollback"} or ended == began, told
        assert target.pending() == [], told
        assert journal.unfinished() == (), told
        with journal.lock():
            pass


def survives_all(target: Target, shares: Sequence[float]) -> Tally:
    """Kill an apply at each of these shares of its course and return what the kills met."""
    tally = Tally()
    for share in shares:
        alone = tally.unattended < UNATTENDED and 0.4 < share < 0.7
        survives(target, share, tally, alone=alone)
    return tally


@pytest.mark.long
def test_thirty_kills_leave_all_routers_new_or_all_old(targets):
    tallies = killed(targets, KILLS)
    phases = sum((tally.phases for tally in tallies), Counter[str]())
    assert phases.total() == KILLS
    assert {"stage", "commit", "gate", "confirm"} <= phases.keys()
    assert sum(tally.states["mixed"] for tally in tallies) >= 3
    assert sum(tally.unattended for tally in tallies) >= 1


def killed(targets: Sequence[Target], kills: int) -> list[Tally]:
    """Kill applies at moments all over their course, and return what the kills met."""
    dice = random.Random(SEED)  # noqa: S311 - moments, not secrets
    log.warning("seed %d; an apply lasts %s s", SEED, [t.course.lasts_s for t in targets])
    # One moment in each part of it, in no order, so that no phase is missed by chance.
    shares = [(i + dice.random()) / kills for i in range(kills)]
    dice.shuffle(shares)
    # Applies mostly wait for each other's acts, so several laboratories share the machine well.
    with ThreadPoolExecutor(LABORATORIES) as pool:
        parts = [shares[i::LABORATORIES] for i in range(LABORATORIES)]
        tallies = list(pool.map(survives_all, targets, parts))
    for tally in tallies:
        log.warning("%s %s", tally.phases, tally.states)
    return tallies
