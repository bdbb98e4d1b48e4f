"""Life of an edge on a clock that tests turn: its real spool, selection and reporter.

Beside them stands a plain record of what happened to it, which the history of a controller must
equal later. Circuits die, calls run, faults come, the machine ends in order or loses its power.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Final

from edge.agent.reports import SHUTDOWN
from edge.clock import Moment
from edge.policy.model import EdgePolicy, Peer
from edge.reporting.disk import SpoolThread
from edge.reporting.reporter import ReportSources, TelemetryReporter
from edge.reporting.spool import Spool, SpoolLimits
from edge.reporting.summaries import Octets, WayKey
from edge.reporting.uplink import LinkIdentity
from edge.selection import evaluate
from edge.selection.evaluate import PeerState
from edge.telemetry.status import Repairs
from tests.rigs.edge.telemetry_controller import CONTROLLER
from tests.rigs.edge.telemetry_edge import EDGE_KEY, START_UNIX_S
from topology.quality.health import Measurement, fold_measurement

STEP_S: Final = 10.0
DAY_S: Final = 86_400.0
PACKETS: Final = 2
OCTETS: Final = (7_000, 9_000)
_HOUR_S: Final = 3_600.0
_OFF_S: Final = 1_800.0
_BEFORE_S: Final = 60.0
_AFTER_S: Final = 120.0
# What an edge may not have written down when its power goes: a minute, the slice that runs, a step.
UNWRITTEN_S: Final = 60.0 + 2 * STEP_S


@dataclass
class LifeClock:
    """Stands still unless turned; a machine that starts again counts from then on."""

    elapsed_s: float = 0.0
    booted_s: float = -500.0
    boots: int = 1

    def __call__(self) -> Moment:
        since_s = self.elapsed_s - self.booted_s
        boot = f"{self.boots:08x}-0000-0000-0000-000000000000"
        return Moment(boot, since_s, since_s, self.unix_s)

    @property
    def unix_s(self) -> float:
        """Return the time of day, which this machine keeps right."""
        return START_UNIX_S + self.elapsed_s

    def boot(self) -> None:
        """Let the machine start now."""
        self.booted_s, self.boots = self.elapsed_s - 20.0, self.boots + 1


@dataclass(frozen=True, slots=True)
class Span:
    """Something that lasts from one second of the life to another; what names it."""

    began_s: float
    ended_s: float
    what: str

    def covers(self, at_s: float, before_s: float = 0.0, after_s: float = 0.0) -> bool:
        """Return whether it goes on at a second, or is about to, or was until lately."""
        return self.began_s - before_s <= at_s < self.ended_s + after_s


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to an edge: dead circuits, calls, faults, and times without the machine.

    Of downtimes, 'order' ends in order and 'power' does not. Nothing lasts beyond its day.
    """

    cuts: tuple[Span, ...]
    calls: tuple[Span, ...] = ()
    faults: tuple[Span, ...] = ()
    downtimes: tuple[Span, ...] = ()

    @property
    def spans(self) -> tuple[Span, ...]:
        """Return all that happens."""
        return (*self.cuts, *self.calls, *self.faults, *self.downtimes)

    def on_day_of(self, at_s: float) -> "Fate":
        """Return what happens on the day of a second."""
        return _of_day(self, int(at_s // DAY_S))


@lru_cache
def _of_day(fate: Fate, day: int) -> Fate:
    kinds = (fate.cuts, fate.calls, fate.faults, fate.downtimes)
    return Fate(*(tuple(s for s in spans if s.began_s // DAY_S == day) for spans in kinds))


def draw_fate(circuits: tuple[str, ...], days: int, seed: int, longest: int) -> Fate:
    """Return a random fate, in which nothing touches a restart of the machine.

    longest is of how many steps something lasts at most.
    """
    chance = Random(seed)  # noqa: S311 - no secret

    def spans(day: int, hours: tuple[int, ...], what: tuple[str, ...]) -> Iterator[Span]:
        for hour in hours:
            began_s = day * DAY_S + hour * _HOUR_S + STEP_S * chance.randrange(60)
            lasts_s = STEP_S * chance.randrange(3, longest)
            yield Span(began_s, began_s + lasts_s, chance.choice(what))

    every = [*range(days)]
    down = [day for day in every if day % 3 == 1]
    return Fate(
        tuple(s for day in every for s in spans(day, (5, 9, 14), circuits)),
        tuple(s for day in every for s in spans(day, (8, 10, 15), ("call",))),
        tuple(s for day in every[::2] for s in spans(day, (18,), ("the disk is full",))),
        tuple(
            Span(at_s := day * DAY_S + 2 * _HOUR_S, at_s + _OFF_S, what)
            for day, what in zip(down, ["order", "power"] * days, strict=False)
        ),
    )


@dataclass
class Record:
    """What happened, as somebody who stands beside writes it down; times are Unix times."""

    moves: list[tuple[float, str, str, str]] = field(default_factory=list)
    deaths: list[tuple[float, str]] = field(default_factory=list)
    starts: list[tuple[float, str]] = field(default_factory=list)
    gasps: list[tuple[float, str]] = field(default_factory=list)
    calls: list[tuple[float, str]] = field(default_factory=list)
    faults: list[tuple[float, str, str]] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    octets: Counter[str] = field(default_factory=Counter)
    power_cuts: int = 0


@dataclass
class EdgeLife:
    """An edge that lives through its fate without a controller.

    Where nothing happens, calm_step_s passes at once.
    """

    folder: Path
    device: str
    policy: EdgePolicy
    fate: Fate
    calm_step_s: float = STEP_S
    limits: SpoolLimits = field(default_factory=lambda: SpoolLimits(free_octets=0))
    clock: LifeClock = field(default_factory=LifeClock)
    record: Record = field(default_factory=Record)
    _octets: dict[WayKey, Octets] = field(default_factory=dict)
    _calling: bool = False
    _faults: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._start("the edge's program started")

    @property
    def peer(self) -> Peer:
        """Return the far end."""
        return self.policy.peers[0]

    @property
    def circuits(self) -> tuple[str, ...]:
        """Return the circuits to the far end; paths have the same names here."""
        return tuple(path.circuit for path in self.peer.paths)

    async def live(self, until_s: float) -> None:
        """Let time pass up to a second of the life."""
        await self.reporter.tick()
        while self.clock.elapsed_s < until_s:
            at_s, today = self.clock.elapsed_s, self.fate.on_day_of(self.clock.elapsed_s)
            if down := next((s for s in today.downtimes if s.began_s == at_s), None):
                await self._go_down(down)
            step_s = self._step_s(self.clock.elapsed_s, today)
            self.clock.elapsed_s = min(until_s, self.clock.elapsed_s + step_s)
            self._happen()
            await self.reporter.tick()

    def _step_s(self, at_s: float, today: Fate) -> float:
        """Return how far to go at once: a little while something happens, else up to that."""
        if any(span.covers(at_s, _BEFORE_S, _AFTER_S) for span in today.spans):
            return STEP_S
        ahead = (span.began_s - _BEFORE_S - at_s for span in today.spans)
        return min([self.calm_step_s, *(left for left in ahead if left > 0)])

    def restart(self) -> None:
        """Let the edge's program end without a word, and start again."""
        self.reporter.close()
        self._start("the edge's program started")

    def _start(self, reason: str) -> None:
        """Start the program; what memory and kernel held before is gone."""
        now = self.clock()
        self.state: PeerState = evaluate.initial(self.peer, now.monotonic_s, {})
        self._octets, self._calling, self._faults = {}, False, ()
        spool = Spool(self.folder, self.limits, sync=lambda _: None)
        self.disk = SpoolThread(spool)
        identity = LinkIdentity(self.device, CONTROLLER.public_key, lambda: (EDGE_KEY,))
        sources = ReportSources(
            policy=lambda: self.policy,
            peer_states=lambda: {self.peer.device: self.state},
            octets=self._counters,
            live_calls=lambda: frozenset({self.peer.device} if self._calling else ()),
            faults=lambda: self._faults,
            repairs=Repairs,
        )
        self.reporter = TelemetryReporter(identity, self.disk, self.clock, sources)
        self.record.starts.append((now.unix_s, reason))

    async def _counters(self) -> Mapping[WayKey, Octets]:
        return self._octets

    async def _go_down(self, down: Span) -> None:
        if down.what == "order":
            reason = "the machine shuts down"
            self.record.gasps.append((self.clock.unix_s, reason))
            await self.reporter.last_gasp(SHUTDOWN, reason)
        else:
            self.record.power_cuts += 1
        self.reporter.close()
        self.clock.elapsed_s = down.ended_s
        self.clock.boot()
        self._start("the machine started")
        await self.reporter.tick()

    def _happen(self) -> None:
        at_s, today = self.clock.elapsed_s, self.fate.on_day_of(self.clock.elapsed_s)
        dead = {span.what for span in today.cuts if span.covers(at_s)}
        begun = [span.what for span in today.cuts if span.began_s == at_s]
        self.record.deaths += [(self.clock.unix_s, circuit) for circuit in begun]
        self._note_spans(at_s, today)
        for circuit in self.circuits:
            self._measure(circuit, dead=circuit in dead)
        self._decide()

    def _note_spans(self, at_s: float, today: Fate) -> None:
        """Begin and end calls and faults, and write that down."""
        now_s = self.clock.unix_s
        calling = any(span.covers(at_s) for span in today.calls)
        if calling != self._calling:
            kind = "consultation-began" if calling else "consultation-ended"
            self.record.calls.append((now_s, kind))
        faults = tuple(span.what for span in today.faults if span.covers(at_s))
        if faults != self._faults:
            told = ("fault", faults[0]) if faults else ("repair", f"no longer: {self._faults[0]}")
            self.record.faults.append((now_s, *told))
        self._calling, self._faults = calling, faults

    def _measure(self, circuit: str, *, dead: bool) -> None:
        now_s = self.clock().monotonic_s
        trips_ms = () if dead else (20.0, 21.0)
        measurement = Measurement(
            now_s,
            sent=PACKETS,
            lost_out=PACKETS if dead else 0,
            round_trips_ms=trips_ms,
            out_ms=trips_ms,
            in_ms=trips_ms,
            overdue=30 if dead else 0,
            silent_s=STEP_S if dead else 0.0,
            pace_s=STEP_S / PACKETS,
            late_s=0.0,
        )
        health = fold_measurement(self.state.healths[circuit], measurement)
        self.state = replace(self.state, healths={**self.state.healths, circuit: health})
        self.reporter.on_measured(self.peer.device, circuit, measurement, health)
        sent, received = self._octets.get((self.peer.device, circuit), (0, 0))
        self._octets[self.peer.device, circuit] = (sent + OCTETS[0], received + OCTETS[1])
        self.record.sent[circuit] += PACKETS
        self.record.lost[circuit] += PACKETS if dead else 0
        self.record.octets[circuit] += OCTETS[0]

    def _decide(self) -> None:
        classes = evaluate.classes_to_decide(self.policy)
        self.state = replace(self.state, consultation=self._calling)
        now_s = self.clock().monotonic_s
        self.state, changes = evaluate.evaluate(self.peer, classes, self.state, now_s)
        for change in changes:
            decision = change.decision
            if decision.path != change.before:
                move = (change.service, decision.path or "", decision.reason)
                self.record.moves.append((self.clock.unix_s, *move))
        self.reporter.on_moved(changes)
