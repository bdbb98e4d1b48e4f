"""Availability: the time that a subject spent in each state, from the turns of its health."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from controller.incidents.model import Health, HealthChange


@dataclass(frozen=True, slots=True)
class Availability:
    """Shares of a time, between 0 and 1, that add up to 1; degraded time counts as available.

    Unknown and maintenance are shares of their own: they are neither available nor not.
    """

    available: float
    unavailable: float
    unknown: float
    maintenance: float

    @property
    def of_known(self) -> float | None:
        """Return the available share of the time that counts, None if none does."""
        known = self.available + self.unavailable
        return self.available / known if known else None


def availability(
    turns: Sequence[HealthChange], first: Health, began_s: float, ended_s: float
) -> Availability:
    """Return the shares of a time; first is the health before the first turn, if none is earlier.

    turns are of one subject, in order; those before the beginning tell how it began.
    """
    spent = time_in_states(turns, first, began_s, ended_s)
    whole = ended_s - began_s
    return Availability(
        available=(spent[Health.OK] + spent[Health.DEGRADED]) / whole,
        unavailable=(spent[Health.DOWN] + spent[Health.UNREACHABLE]) / whole,
        unknown=spent[Health.UNKNOWN] / whole,
        maintenance=spent[Health.MAINTENANCE] / whole,
    )


def time_in_states(
    turns: Sequence[HealthChange], first: Health, began_s: float, ended_s: float
) -> Mapping[Health, float]:
    """Return the seconds of a time that a subject spent in each state."""
    spent = dict.fromkeys(Health, 0.0)
    for stay in stays(turns, first, began_s, ended_s):
        spent[stay.state] += stay.ended_s - stay.began_s
    return spent


@dataclass(frozen=True, slots=True)
class Stay:
    """A time in one state, half open."""

    state: Health
    began_s: float
    ended_s: float


def stays(
    turns: Sequence[HealthChange], first: Health, began_s: float, ended_s: float
) -> tuple[Stay, ...]:
    """Return the states of a time, one after the other, without gaps; none is empty."""
    found: list[Stay] = []
    state, since_s = first, began_s
    for turn in turns:
        until_s = min(max(turn.at_s, since_s), ended_s)
        if until_s > since_s:
            _add(found, Stay(state, since_s, until_s))
            since_s = until_s
        state = turn.after
    if ended_s > since_s:
        _add(found, Stay(state, since_s, ended_s))
    return tuple(found)


def _add(found: list[Stay], stay: Stay) -> None:
    """Add a stay, to the last one if that is in the same state."""
    if found and found[-1].state is stay.state:
        stay = Stay(stay.state, found.pop().began_s, stay.ended_s)
    found.append(stay)


def hidden_by(known: Sequence[Stay], gaps: Sequence[tuple[float, float]]) -> tuple[Stay, ...]:
    """Return stays of which what lies in gaps is unknown; gaps are half open and in order."""
    found: list[Stay] = []
    for stay in known:
        at_s = stay.began_s
        for opened_s, closed_s in gaps:
            if closed_s <= at_s or opened_s >= stay.ended_s:
                continue
            if opened_s > at_s:
                _add(found, Stay(stay.state, at_s, opened_s))
            hidden_until_s = min(closed_s, stay.ended_s)
            _add(found, Stay(Health.UNKNOWN, max(at_s, opened_s), hidden_until_s))
            at_s = hidden_until_s
        if stay.ended_s > at_s:
            _add(found, Stay(stay.state, at_s, stay.ended_s))
    return tuple(found)
