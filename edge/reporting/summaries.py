"""Folding of measurements into slices of time: one summary for each path and slice.

What is counted is what the test packets and the tunnel's counters showed; nothing is estimated.
A slice begins at a multiple of its length by the clock, and ends by the clock that only grows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from edge.clock import Moment
from edge.telemetry.columns import OCTETS_UNIT
from edge.telemetry.model import WORST_FIRST, PathState, PathSummary, Spread, bin_index
from topology.quality.health import LinkHealth, Measurement

# Peer and circuit.
WayKey: TypeAlias = tuple[str, str]
Octets: TypeAlias = tuple[int, int]


def path_state(health: LinkHealth) -> PathState:
    """Return the state of a path as the controller hears it."""
    if health.dead:
        return PathState.DEAD
    if health.delay_ms is None:
        return PathState.UNKNOWN
    if health.handover:
        return PathState.HANDOVER
    return PathState.BROWNOUT if health.lossy else PathState.UP


@dataclass(slots=True)
class SpreadFold:
    """A histogram that grows."""

    count: int = 0
    total: float = 0.0
    least: float = 0.0
    most: float = 0.0
    bins: dict[int, int] = field(default_factory=dict)

    def add(self, value: float, weight: int = 1) -> None:
        """Count a value so many times."""
        self.least = min(self.least, value) if self.count else value
        self.most = max(self.most, value)
        self.count += weight
        self.total += value * weight
        index = bin_index(value)
        self.bins[index] = self.bins.get(index, 0) + weight

    def spread(self) -> Spread | None:
        """Return what was counted, None when nothing was."""
        if not self.count:
            return None
        bins = tuple(sorted(self.bins.items()))
        return Spread(self.count, self.total, self.least, self.most, bins)


@dataclass(slots=True)
class PathFold:
    """One path during the slice that runs."""

    last_s: float
    sent: int = 0
    lost_out: int = 0
    lost_in: int = 0
    heard_in: int = 0
    delay: SpreadFold = field(default_factory=SpreadFold)
    jitter: SpreadFold = field(default_factory=SpreadFold)
    mos_total: float = 0.0
    mos_count: int = 0
    pace_ms: int = 0
    state: PathState = PathState.UNKNOWN
    lasted_s: dict[PathState, float] = field(default_factory=dict)

    def add(self, measurement: Measurement, health: LinkHealth) -> None:
        """Count a measurement, and the state that the path was in until it."""
        self.pass_time(measurement.at_s)
        self.state = path_state(health)
        self.sent += measurement.sent
        self.lost_out += measurement.lost_out
        self.lost_in += measurement.lost_in
        self.heard_in += measurement.heard_in
        self.pace_ms = round(measurement.pace_s * 1000)
        for trip_ms in measurement.round_trips_ms:
            self.delay.add(trip_ms)
        if measurement.round_trips_ms:
            self.jitter.add(health.jitter_ms, len(measurement.round_trips_ms))
        if health.mos is not None and not health.dead:
            self.mos_total += health.mos
            self.mos_count += 1

    def pass_time(self, now_s: float) -> None:
        """Count the time since the last measurement for the state that the path is in."""
        passed_s = max(0.0, now_s - self.last_s)
        self.lasted_s[self.state] = self.lasted_s.get(self.state, 0.0) + passed_s
        self.last_s = now_s

    def longest_state(self) -> PathState:
        """Return the state that lasted longest."""
        return max(WORST_FIRST, key=lambda state: self.lasted_s.get(state, 0.0))


@dataclass(slots=True)
class OctetCounts:
    """Octets of tunnels between two looks at their counters, in the wire's units.

    What does not fill a unit is counted next time. A counter that fell began again: that look
    gives nothing, since it is not known what passed.
    """

    _last: dict[WayKey, Octets] = field(default_factory=dict)

    def since_last(self, counters: Mapping[WayKey, Octets]) -> dict[WayKey, Octets]:
        """Return what passed since the last look, sent and received."""
        passed = {}
        for way, now in counters.items():
            before = self._last.get(way)
            if before is None or now[0] < before[0] or now[1] < before[1]:
                self._last[way] = now
                continue
            sent, received = ((n - b) // OCTETS_UNIT * OCTETS_UNIT for n, b in zip(now, before))  # noqa: B905
            self._last[way] = (before[0] + sent, before[1] + received)
            passed[way] = (sent, received)
        for way in self._last.keys() - counters.keys():
            del self._last[way]
        return passed


@dataclass(slots=True)
class SliceFolder:
    """Folds measurements into slices of slice_s seconds."""

    slice_s: int
    began: Moment
    _paths: dict[WayKey, PathFold] = field(default_factory=dict)
    _octets: OctetCounts = field(default_factory=OctetCounts)

    def add(self, way: WayKey, measurement: Measurement, health: LinkHealth) -> None:
        """Count a measurement of a path."""
        fold = self._paths.get(way)
        if fold is None:
            fold = self._paths[way] = PathFold(self.began.monotonic_s, state=path_state(health))
        fold.add(measurement, health)

    def is_over(self, now: Moment) -> bool:
        """Return whether the slice has ended: at a multiple of its length, or by its own age."""
        same = now.unix_s // self.slice_s == self.began.unix_s // self.slice_s
        age_s = now.monotonic_s - self.began.monotonic_s
        # A clock that is set neither cuts a slice to nothing nor makes it last.
        return age_s >= self.slice_s or (not same and age_s >= self.slice_s / 2)

    def close(
        self,
        now: Moment,
        octets: Mapping[WayKey, Octets],
        carries: Mapping[WayKey, tuple[str, ...]],
    ) -> tuple[PathSummary, ...]:
        """Return the summaries of the slice and begin the next one.

        octets are the tunnels' counters, carries which classes travel on which path now.
        """
        passed = self._octets.since_last(octets)
        began_s = int(self.began.unix_s // self.slice_s) * self.slice_s
        seconds = max(1, round(now.monotonic_s - self.began.monotonic_s))
        made = []
        for way, fold in self._paths.items():
            fold.pass_time(now.monotonic_s)
            sent_octets, received_octets = passed.get(way, (0, 0))
            made.append(
                PathSummary(
                    *way,
                    began_s,
                    seconds,
                    fold.longest_state(),
                    fold.sent,
                    fold.lost_out,
                    fold.lost_in,
                    fold.heard_in,
                    fold.delay.spread(),
                    fold.jitter.spread(),
                    fold.mos_total / fold.mos_count if fold.mos_count else None,
                    sent_octets,
                    received_octets,
                    fold.pace_ms,
                    carries.get(way, ()),
                )
            )
        self._begin(now, carries)
        return tuple(made)

    def _begin(self, now: Moment, known: Mapping[WayKey, tuple[str, ...]]) -> None:
        """Begin the next slice; paths that are no longer known are left out of it."""
        self.began = now
        self._paths = {
            way: PathFold(now.monotonic_s, state=fold.state, pace_ms=fold.pace_ms)
            for way, fold in self._paths.items()
            if way in known
        }
