"""Wall time: windows of the day, quiet hours, typed times, and who is on call by turns.

Intervals are half-open. A time that the clocks skip is as much later as they are moved, and of a
time that occurs twice the first counts (RFC 5545, section 3.3.5).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

EVERY_DAY: Final = frozenset(range(7))
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the day; when it does not end after it begins, it ends on the next day.

    days are those on which it begins, 0 for Monday.
    """

    begins: time
    ends: time
    days: frozenset[int] = EVERY_DAY


@dataclass(frozen=True, slots=True)
class Interval:
    """From one instant to another, the second excluded."""

    begins: datetime
    ends: datetime

    def holds(self, instant: datetime) -> bool:
        """Return whether an instant lies within."""
        return self.begins <= instant < self.ends


def instant_of(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, of a wall time on a date."""
    return datetime.combine(day, at, zone).astimezone(UTC)


def typed_time_fault(local: datetime, zone: ZoneInfo) -> str | None:
    """Return what is wrong with a date and time that a person typed for a zone, if anything."""
    early, late = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if early.utcoffset() == late.utcoffset():
        return None
    back = early.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    what = "does not exist" if back != local else "occurs twice"
    return f"{local:%Y-%m-%d %H:%M} {what} in {zone.key}, where the clocks are changed then"


def window_around(window: Window, instant: datetime, zone: ZoneInfo) -> Interval | None:
    """Return the occurrence of a window that holds an instant, None when none does."""
    today = instant.astimezone(zone).date()
    for day in (today - _DAY, today):
        if day.weekday() in window.days:
            found = occurrence(window, day, zone)
            if found.holds(instant):
                return found
    return None


def occurrence(window: Window, day: date, zone: ZoneInfo) -> Interval:
    """Return the occurrence of a window that begins on a date."""
    last = day if window.ends > window.begins else day + _DAY
    return Interval(instant_of(day, window.begins, zone), instant_of(last, window.ends, zone))


def quiet_until(windows: Iterable[Window], instant: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when the quiet hours around an instant end, None outside of them.

    Windows that touch or overlap count as one; quiet hours that never end are over in a week.
    """
    windows, end = tuple(windows), instant
    while end - instant < 7 * _DAY:
        around = (window_around(window, end, zone) for window in windows)
        later = max((one.ends for one in around if one), default=end)
        if later == end:
            break
        end = later
    return end if end > instant else None


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
