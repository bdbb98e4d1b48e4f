"""A reporter of an edge with a clock that tests turn, a real spool and a real link."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge.clock import Moment
from edge.policy.model import EdgePolicy
from edge.reporting.disk import SpoolThread
from edge.reporting.reporter import ReportSources, TelemetryReporter
from edge.reporting.spool import Spool, SpoolLimits
from edge.reporting.summaries import Octets, WayKey
from edge.reporting.uplink import LinkIdentity
from edge.selection import evaluate
from edge.selection.evaluate import PeerState
from edge.telemetry.status import Repairs
from tests.rigs.edge.edge_policies import edge_policy
from tests.rigs.edge.telemetry_controller import CONTROLLER
from topology.quality.health import Measurement, fold_measurement
from vpn import key_text

EDGE_KEY = b"e" * 32
KEYS = {"kolofata-e1": key_text.public_text(EDGE_KEY)}
PEER = "yaounde-e1"
START_UNIX_S = 1_796_000_400.0


@dataclass
class VirtualClock:
    """Stands still unless turned; offset_s is what is wrong with the time of day."""

    elapsed_s: float = 0.0
    offset_s: float = 0.0
    boot: str = "0123abcd-0000-0000-0000-000000000000"

    def __call__(self) -> Moment:
        unix_s = START_UNIX_S + self.elapsed_s + self.offset_s
        return Moment(self.boot, 500.0 + self.elapsed_s, 1000.0 + self.elapsed_s, unix_s)


@dataclass
class ReportingEdge:
    """The parts of an edge that its reporter sees; round_trips_ms are by circuit."""

    folder: Path
    port: int = 9
    clock: VirtualClock = field(default_factory=VirtualClock)
    calls: frozenset[str] = frozenset()
    faults: tuple[str, ...] = ()
    repairs: Repairs = field(default_factory=Repairs)
    octets: dict[WayKey, Octets] = field(default_factory=dict)
    limits: SpoolLimits = field(default_factory=lambda: SpoolLimits(free_octets=0))

    def __post_init__(self) -> None:
        self.policy: EdgePolicy | None = edge_policy(telemetry=(f"127.0.0.1:{self.port}",))
        peer = self.policy.peers[0]
        now_s = self.clock().monotonic_s
        self.peer_states: dict[str, PeerState] = {PEER: evaluate.initial(peer, now_s, {})}
        spool = Spool(self.folder, self.limits, sync=lambda _: None)
        identity = LinkIdentity("kolofata-e1", CONTROLLER.public_key, lambda: (EDGE_KEY,))
        self.disk = SpoolThread(spool)
        sources = ReportSources(
            policy=lambda: self.policy,
            peer_states=lambda: self.peer_states,
            octets=self._octets,
            live_calls=lambda: self.calls,
            faults=lambda: self.faults,
            repairs=lambda: self.repairs,
        )
        self.reporter = TelemetryReporter(identity, self.disk, self.clock, sources)

    def paths(self) -> list[str]:
        """Return the names of the paths to the peer."""
        assert self.policy
        return [path.name for path in self.policy.peers[0].paths]

    async def _octets(self) -> Mapping[WayKey, Octets]:
        return self.octets

    def measure(self, path: str, trips_ms: tuple[float, ...], **seen: Any) -> None:
        """Let a path's probes have shown something until now."""
        now_s = self.clock().monotonic_s
        measurement = replace(
            Measurement(
                now_s,
                sent=len(trips_ms) + int(seen.get("lost_out", 0)),
                round_trips_ms=trips_ms,
                out_ms=trips_ms,
                in_ms=trips_ms,
                pace_s=0.1,
                late_s=0.0,
            ),
            **seen,
        )
        state = self.peer_states[PEER]
        health = fold_measurement(state.healths[path], measurement)
        self.peer_states[PEER] = replace(state, healths={**state.healths, path: health})
        self.reporter.on_measured(PEER, path, measurement, health)

    async def second(self, *, measured: bool = True, step_s: float = 1.0) -> None:
        """Let a second pass in which all paths answer, or another time."""
        self.clock.elapsed_s += step_s
        if measured and self.policy:
            for path in self.paths():
                self.measure(path, (20.0, 21.0))
        await self.reporter.tick()

    @asynccontextmanager
    async def linked(self) -> AsyncIterator[None]:
        """Keep the link while the block runs."""
        task = asyncio.create_task(self.reporter.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
