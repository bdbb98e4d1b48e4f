"""One trial: a call through a world, a fault in the midst of it, and what was heard."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from simulations.netns.waiting import eventually, pause
from tests.failover.faults import Fault, heal
from tests.failover.flows import VIDEO, VOICE, Called, Flows
from tests.failover.mechanisms import Led, Mechanism
from tests.rigs.edge.edge_rig import Line, World

# The fault comes between 2.0 and 2.5 s into the call, when a daemon knows of the consultation, so
# that probes meet it at any phase.
FAULT_FROM_S: Final = 2.0
FAULT_SPREAD_S: Final = 0.5
SAMPLE_S: Final = 0.05
# Below this share of what the flows send, a line carries no more than probes and keepalives.
CARRIES: Final = 0.4
SETTLE_WITHIN_S: Final = 20.0
SETTLE_POLL_S: Final = 0.2
ATTEMPTS: Final = 4
WINDOW_S: Final = 0.2
OFFERED: Final = sum(pps * size for _, pps, size, _ in (VOICE, VIDEO))
# When, and the octets that had come out of a line by then: at the hub, at the edge.
Sample: TypeAlias = tuple[float, int, int]


@dataclass(frozen=True, slots=True)
class Trial:
    """What is to be tried; at_s is when in the call the fault begins."""

    mechanism: Mechanism
    fault: Fault
    repeat: int
    at_s: float

    @property
    def seconds(self) -> float:
        """Return how long the call lasts."""
        if not self.fault.script(self.repeat):
            return self.at_s + 2.5
        return self.at_s + max(self.mechanism.needs_s, self.fault.lasts_s)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trial showed; beside says how many other trials ran then, at most.

    off_s is how long after the fault's beginning the first line no longer carried the flows, in
    both directions; None when it still did at the end. stayed says that traffic led over the first
    line when the call was over.
    """

    trial: Trial
    called: Called
    off_s: float | None
    stayed: bool
    beside: int


@dataclass(frozen=True, slots=True)
class Stage:
    """A world with its mechanism and its flow program, ready for trials."""

    mechanism: Mechanism
    world: World
    flows: Flows
    led: Led

    def run(self, trial: Trial) -> tuple[Called, float | None, bool]:
        """Run a trial; the world is healed afterwards."""
        start = self.flows.begin(trial.seconds)
        begins = start + trial.at_s
        script = threading.Thread(target=self._play, args=(trial, begins))
        script.start()
        first = self.world.lines[0]
        samples = list(watch_line(self.world, first, begins, begins, start + trial.seconds))
        script.join()
        # What is sent last must meet the same line as the rest.
        called = self.flows.result()
        stayed = self.led.on_first()
        heal(self.world)
        return called, off_after(samples), stayed

    def rest(self, within_s: float = SETTLE_WITHIN_S) -> bool:
        """Let the world come to rest on its first line; return whether it did, each time within_s.

        What forgot too early, and chose another line, forgets again.
        """
        target = self.world.outer(self.world.lines[0].name, "hub")
        whole = partial(self.world.pings, "edge", target)
        eventually(whole, within_s=SETTLE_WITHIN_S, what="a whole first line")
        for _ in range(ATTEMPTS):
            self.led.forget()
            if self._settled(within_s):
                return True
        return False

    def _settled(self, within_s: float) -> bool:
        """Return whether traffic led over the first line for a while, with others to go to."""
        ends, held_since = time.monotonic() + within_s, time.monotonic()
        while (now := time.monotonic()) < ends:
            if not (self.led.on_first() and self.led.ready()):
                held_since = now
            elif now - held_since >= self.mechanism.steady_s:
                return True
            pause(SETTLE_POLL_S)
        return False

    def _play(self, trial: Trial, begins: float) -> None:
        for after, act in trial.fault.script(trial.repeat):
            wait_until(begins + after)
            act(self.world)


def watch_line(
    world: World, line: Line, zero: float, begins: float, ends: float
) -> Iterator[Sample]:
    """Yield when, after an instant called zero, how many octets had come out of a line."""
    at = begins
    while at < ends:
        wait_until(at)
        yield time.monotonic() - zero, *world.octets(line.name)
        at += SAMPLE_S


def off_after(samples: list[Sample]) -> float | None:
    """Return the time from which on the line carried no flow in either direction."""
    busy = [later[0] for earlier, later in _windows(samples) if carries(earlier, later)]
    last = max(busy, default=0.0)
    if not samples or last >= samples[-1][0] - WINDOW_S:
        return None
    # In the last busy window the flows were there for little more than the share that counts.
    return max(0.0, last - (1 - CARRIES) * WINDOW_S)


def carries(earlier: Sample, later: Sample) -> bool:
    """Return whether a line carried the flows between two samples, in one direction at least."""
    octets = max(later[1] - earlier[1], later[2] - earlier[2])
    return octets > CARRIES * OFFERED * (later[0] - earlier[0])


def _windows(
    samples: list[Sample],
) -> Iterator[tuple[Sample, Sample]]:
    steps = round(WINDOW_S / SAMPLE_S)
    return zip(samples, samples[steps:], strict=False)


def wait_until(instant: float) -> None:
    """Let other work go on until an instant (monotonic s)."""
    if (left := instant - time.monotonic()) > 0:
        pause(left)
