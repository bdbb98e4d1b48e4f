"""Availability: the time that a subject spent in each state, from the turns of its health."""

from collections.abc import Sequence
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
    spent = dict.fromkeys(Health, 0.0)
    state, since_s = first, began_s
    for turn in turns:
        if turn.at_s > began_s:
            until_s = min(turn.at_s, ended_s)
            spent[state] += max(0.0, until_s - since_s)
            since_s = max(since_s, until_s)
        state = turn.after
    spent[state] += max(0.0, ended_s - since_s)
    whole = ended_s - began_s
    return Availability(
        available=(spent[Health.OK] + spent[Health.DEGRADED]) / whole,
        unavailable=(spent[Health.DOWN] + spent[Health.UNREACHABLE]) / whole,
        unknown=spent[Health.UNKNOWN] / whole,
        maintenance=spent[Health.MAINTENANCE] / whole,
    )
