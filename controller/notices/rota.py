"""On-call rotas: who is on call at an instant, by turns in wall time and by overrides."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from controller.notices.wall_time import Interval, Window, instant_of, occurrence, window_around

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody else is on call for a while, or nobody when person is empty."""

    person: str
    during: Interval


@dataclass(frozen=True, slots=True)
class Rota:
    """People who take turns of some days, each beginning at the same wall time.

    hours limit it to a part of the day; outside of them nobody of this rota is on call.
    """

    name: str
    zone: str
    begins: date
    at: time
    turn_days: int
    order: tuple[str, ...]
    hours: Window | None = None
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True, slots=True)
class Shift:
    """One person's time on call; person is empty where nobody is."""

    person: str
    during: Interval


def on_call(rota: Rota, instant: datetime) -> str:
    """Return who is on call at an instant, "" for nobody; the last override written wins."""
    for override in reversed(rota.overrides):
        if override.during.holds(instant):
            return override.person
    zone = ZoneInfo(rota.zone)
    if rota.hours and window_around(rota.hours, instant, zone) is None:
        return ""
    turns = _days_since(rota, instant, zone) // rota.turn_days
    return rota.order[turns % len(rota.order)] if turns >= 0 else ""


def shifts(rota: Rota, begins: datetime, ends: datetime) -> tuple[Shift, ...]:
    """Return who is on call from one instant to another, without gaps; times are in UTC."""
    edges = sorted({begins, *(one for one in _edges(rota, begins, ends) if begins < one < ends)})
    found: list[Shift] = []
    for start, end in zip(edges, [*edges[1:], ends], strict=True):
        person = on_call(rota, start)
        if found and found[-1].person == person:
            start = found.pop().during.begins  # noqa: PLW2901 - the shift goes on
        found.append(Shift(person, Interval(start, end)))
    return tuple(found)


def _days_since(rota: Rota, instant: datetime, zone: ZoneInfo) -> int:
    """Return how many handovers have passed since the rota began, -1 before it did."""
    today = instant.astimezone(zone).date()
    # A date whose handover is still to come belongs to the turn of the day before.
    if instant < instant_of(today, rota.at, zone):
        today -= _DAY
    return (today - rota.begins).days


def _edges(rota: Rota, begins: datetime, ends: datetime) -> Iterator[datetime]:
    """Yield every instant between two at which somebody else may come on call."""
    zone = ZoneInfo(rota.zone)
    day = begins.astimezone(zone).date() - _DAY
    while day <= ends.astimezone(zone).date():
        yield instant_of(day, rota.at, zone)
        if rota.hours:
            around = occurrence(rota.hours, day, zone)
            yield from (around.begins, around.ends)
        day += _DAY
    for override in rota.overrides:
        yield from (override.during.begins.astimezone(UTC), override.during.ends.astimezone(UTC))
