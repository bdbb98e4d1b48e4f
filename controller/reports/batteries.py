"""Battery tests: what a power supply showed while the mains were away, and when it last did."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Protocol

from controller.reports.document import State
from controller.reports.findings import Check, Finding

_MINUTE_S: Final = 60.0
_DAY_S: Final = 86_400.0
# A battery that was not seen to carry its load for so long is to be tested.
TEST_EVERY_S: Final = 92 * _DAY_S
SILENT_S: Final = 7 * _DAY_S
# A run that is shorter, or takes less charge, tells nothing of how long the battery lasts.
_SHORTEST_S: Final = 120.0
_LEAST_DROP: Final = 0.02
_WEAK_S: Final = 30 * _MINUTE_S
_WORN_S: Final = 10 * _MINUTE_S
_FULL: Final = 0.9


@dataclass(frozen=True, slots=True)
class BatterySample:
    """A power supply at a moment: charge is a share, None where it does not say."""

    device: str
    at_s: float
    on_battery: bool
    low: bool
    charge: float | None
    minutes_left: int | None


@dataclass(frozen=True, slots=True)
class BatteryRun:
    """A time on battery: charge at both ends, and whether the battery said that it soon ends."""

    began_s: float
    ended_s: float
    first: float | None
    last: float | None
    low: bool

    @property
    def seconds(self) -> float:
        """Return how long the battery carried its load."""
        return self.ended_s - self.began_s

    @property
    def whole_s(self) -> float | None:
        """Return how long a full battery would last at this rate; None if that is not known."""
        if self.first is None or self.last is None or self.seconds < _SHORTEST_S:
            return None
        drop = self.first - self.last
        return self.seconds / drop if drop >= _LEAST_DROP else None


class _Found(Protocol):
    """Makes the finding of a device."""

    def __call__(self, state: State, key: str, **values: float) -> Finding:
        """Return a finding with its values."""
        ...


def battery_runs(samples: Sequence[BatterySample]) -> tuple[BatteryRun, ...]:
    """Return the times on battery of one device, by time; the end is the first sample after."""
    found, at = list[BatteryRun](), 0
    for on_battery, run in groupby(samples, key=lambda one: one.on_battery):
        parts = tuple(run)
        at += len(parts)
        if not on_battery:
            continue
        ended_s = samples[at].at_s if at < len(samples) else parts[-1].at_s
        charges = [one.charge for one in parts if one.charge is not None]
        first, last = (charges[0], charges[-1]) if charges else (None, None)
        low = any(one.low for one in parts)
        found.append(BatteryRun(parts[0].at_s, ended_s, first, last, low))
    return tuple(found)


def judge_battery(
    device: str, site: str, samples: Sequence[BatterySample], now_s: float
) -> Finding:
    """Return what samples of one device tell; there is at least one, and they are in order."""
    newest = samples[-1]

    def found(state: State, key: str, **values: float) -> Finding:
        return Finding(Check.BATTERY, device, site, state, key, values)

    if now_s - newest.at_s > SILENT_S:
        return found(State.UNKNOWN, "battery-silent", since_at=newest.at_s)
    if newest.low:
        return found(State.ACT, "battery-low", since_at=newest.at_s)
    runs = [one for one in battery_runs(samples) if one.seconds >= _SHORTEST_S]
    if not runs or now_s - runs[-1].ended_s > TEST_EVERY_S:
        return found(State.NOTE, "battery-untested", since_at=samples[0].at_s)
    return _judge_run(runs[-1], newest, found)


def _judge_run(run: BatteryRun, newest: BatterySample, found: _Found) -> Finding:
    held = {"began_at": run.began_s, "held_s": run.seconds}
    if run.low and run.seconds < _WEAK_S:
        return found(State.ACT, "battery-worn", **held)
    if run.whole_s is None or run.first is None or run.last is None:
        return found(State.UNKNOWN, "battery-unmeasured", **held)
    told = {**held, "first_share": run.first, "last_share": run.last, "whole_s": run.whole_s}
    if run.whole_s < _WORN_S:
        return found(State.ACT, "battery-short", **told)
    if run.whole_s < _WEAK_S:
        return found(State.NOTE, "battery-short", **told)
    charge = newest.charge
    if charge is not None and charge < _FULL and newest.at_s - run.ended_s > _DAY_S:
        return found(State.NOTE, "battery-not-full", charge_share=charge, **held)
    return found(State.GOOD, "battery-held", **told)
