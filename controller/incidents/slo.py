"""Burn of an objective's budget: how much faster than allowed slices fail, over two windows.

A fast burn spends a month's budget in two days (14.4 times, over an hour and its last five
minutes), a slow one in five (6 times, over six hours and their last half). Slices that are missing
count as neither good nor bad, but the share is of the slices that were expected, so that a silent
hour does not make a single bad slice a disaster. The newest slices, which may still be on their
way, are not looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from controller.incidents.model import Health, Observation, Source, Subject


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice of time of one subject, by its beginning, and whether it met the objective."""

    began_s: float
    good: bool


@dataclass(frozen=True, slots=True)
class Objective:
    """The share of slices that must be good, how long a slice is, and how late it may come.

    A window with fewer slices than least says nothing.
    """

    share: float = 0.99
    slice_s: float = 10.0
    lateness_s: float = 90.0
    least: int = 6


@dataclass(frozen=True, slots=True)
class Burn:
    """A budget that burns too fast: how many times too fast, over how many seconds."""

    times: float
    over_s: float


@dataclass(frozen=True, slots=True)
class _Alarm:
    times: float
    long_s: float
    short_s: float


_ALARMS: Final = (_Alarm(14.4, 3_600.0, 300.0), _Alarm(6.0, 21_600.0, 1_800.0))


def find_burn(slices: Sequence[Slice], objective: Objective, now_s: float) -> Burn | None:
    """Return the fastest burn that both of its windows show, None if the budget lasts."""
    newest_s = now_s - objective.lateness_s
    for alarm in _ALARMS:
        long, short = (
            _times(slices, objective, newest_s, over_s) for over_s in (alarm.long_s, alarm.short_s)
        )
        if long is not None and short is not None and min(long, short) >= alarm.times:
            return Burn(long, alarm.long_s)
    return None


def _times(
    slices: Sequence[Slice], objective: Objective, newest_s: float, over_s: float
) -> float | None:
    """Return how many times too fast the budget burns in a window, None if too little is known."""
    within = [
        one
        for one in slices
        if one.began_s >= newest_s - over_s and one.began_s + objective.slice_s <= newest_s
    ]
    if len(within) < objective.least:
        return None
    bad = sum(not one.good for one in within)
    expected = max(len(within), round(over_s / objective.slice_s))
    return bad / expected / (1 - objective.share)


def burn_observation(
    subject: Subject, burn: Burn | None, sequence: int, now_s: float
) -> Observation:
    """Return what the objectives say of a subject, as news for decisions."""
    reason = ""
    if burn is not None:
        hours = burn.over_s / 3_600
        reason = f"its budget burns {burn.times:.1f} times too fast over {hours:.0f} h"
    state = Health.OK if burn is None else Health.DEGRADED
    return Observation(subject, "objectives", Source.SLO, state, sequence, now_s, now_s, reason)
