"""Availability of a month from what is stored: turns of health, and when nobody watched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from controller.decisions.rows import IncidentRows
from controller.diagnosis.health import health_of
from controller.incidents.availability import Stay, hidden_by, stays
from controller.incidents.model import (
    Health,
    HealthChange,
    IncidentState,
    Subject,
    SubjectKind,
)
from controller.incidents.view import NetworkView
from controller.reports.availability import AvailabilityReport, SiteFigures, site_figures
from controller.schedules.rows import ScheduleRows
from controller.timetable.wall_time import DOUALA, month_bounds
from inventory.errors import SanagaError

_SHORTEST_S: Final = 60.0


class MonthError(SanagaError):
    """There is no report of a month, or it is no month."""


@dataclass(frozen=True, slots=True)
class MonthSource:
    """Where what is known of the past is read."""

    engine: Engine
    rows: ScheduleRows
    view: NetworkView
    network: str


def month_report(source: MonthSource, month: str, now_s: float) -> AvailabilityReport:
    """Return the availability in a month, as far as it is over. Raises MonthError."""
    began_s, ended_s = _bounds(month, now_s)
    incidents = IncidentRows(source.engine)
    state = incidents.load()
    turns = incidents.turns_of(SubjectKind.SITE, ended_s)
    gaps = source.rows.gaps(began_s, ended_s)
    reader = _Reader(source.view, state, turns, gaps, (began_s, ended_s))
    sites = tuple(reader.figures(name) for name in sorted(source.view.sites))
    gap_s = sum(closed - opened for opened, closed in gaps)
    whole = now_s >= month_bounds(month, DOUALA)[1]
    return AvailabilityReport(
        month, DOUALA, source.network, began_s, ended_s, now_s, whole, gap_s, sites
    )


def _bounds(month: str, now_s: float) -> tuple[float, float]:
    try:
        began_s, ended_s = month_bounds(month, DOUALA)
    except ValueError:
        raise MonthError(f"'{month}' is no month; write one like 2026-11") from None
    if now_s - began_s < _SHORTEST_S:
        raise MonthError(f"{month} has not begun; name a month that has")
    return began_s, min(ended_s, now_s)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the figures of sites."""

    view: NetworkView
    state: IncidentState
    turns: Mapping[str, Sequence[HealthChange]]
    gaps: Sequence[tuple[float, float]]
    bounds: tuple[float, float]

    def figures(self, name: str) -> SiteFigures:
        """Return the figures of a site."""
        facts = self.view.sites[name]
        return site_figures((name, facts.title, facts.region, facts.people), self._stays(name))

    def _stays(self, name: str) -> tuple[Stay, ...]:
        """Return how a site stood; one of which nobody ever said anything is unknown."""
        began_s, ended_s = self.bounds
        turns = self.turns.get(name, ())
        if turns:
            first = turns[0].before
        else:
            first = health_of(self.state, Subject(SubjectKind.SITE, name), self.view)
            # Without a turn it stands as it always did.
            first = Health.UNKNOWN if first is Health.UNKNOWN else Health.OK
        return hidden_by(stays(turns, first, began_s, ended_s), self.gaps)
