"""When something is due, in the wall time of a zone; what was missed is done once, not made up for.

A time that the clocks skip is as much later as they are moved, and of a time that occurs twice the
first counts (RFC 5545, section 3.3.5).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from controller.notices.schedule import instant_of

DOUALA: Final = "Africa/Douala"
_DAY: Final = timedelta(days=1)
# A month and its neighbours, or a week, are within so many days.
_REACH_DAYS: Final = 63


@dataclass(frozen=True, slots=True)
class Daily:
    """Every day at a wall time."""

    at: time

    def falls_on(self, day: date) -> bool:
        """Return whether it is on a date."""
        return True


@dataclass(frozen=True, slots=True)
class Weekly:
    """A day of every week (0 for Monday) at a wall time."""

    weekday: int
    at: time

    def falls_on(self, day: date) -> bool:
        """Return whether it is on a date."""
        return day.weekday() == self.weekday


@dataclass(frozen=True, slots=True)
class Monthly:
    """A day of every month at a wall time, of a month that is shorter the last one."""

    day: int
    at: time

    def falls_on(self, day: date) -> bool:
        """Return whether it is on a date."""
        last = (day + _DAY).day == 1
        return day.day == self.day or (last and day.day < self.day)


Rhythm: TypeAlias = Daily | Weekly | Monthly


@dataclass(frozen=True, slots=True)
class Schedule:
    """A rhythm in a zone."""

    rhythm: Rhythm
    zone: str = DOUALA

    def last_due(self, now: datetime) -> datetime:
        """Return the newest instant at or before now at which it is due, in UTC."""
        return next(at for at in self._instants(now, -1) if at <= now)

    def next_due(self, now: datetime) -> datetime:
        """Return the first instant after now at which it is due, in UTC."""
        return next(at for at in self._instants(now, 1) if at > now)

    def missed(self, done: datetime, now: datetime) -> datetime | None:
        """Return when a run was due that was not done, if any; of several the last one.

        done is when the last run was due, or since when the schedule holds.
        """
        due = self.last_due(now)
        return due if due > done else None

    def _instants(self, now: datetime, step: int) -> Iterator[datetime]:
        zone = ZoneInfo(self.zone)
        # A wall time of tomorrow's or yesterday's date may be on the other side of now.
        first = now.astimezone(zone).date() - step * _DAY
        for number in range(_REACH_DAYS + 2):
            day = first + step * number * _DAY
            if self.rhythm.falls_on(day):
                yield instant_of(day, self.rhythm.at, zone)


def month_of(at: datetime, zone: str) -> str:
    """Return the month of an instant, such as '2026-11'."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m}"


def month_bounds(month: str, zone: str) -> tuple[float, float]:
    """Return when a month begins and ends in a zone, as Unix seconds.

    Raises ValueError when it is no month.
    """
    began = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).date()
    following = (began.replace(day=28) + 4 * _DAY).replace(day=1)
    here = ZoneInfo(zone)
    return tuple(instant_of(day, time(), here).timestamp() for day in (began, following))  # type: ignore[return-value]


def month_before(month: str) -> str:
    """Return the month before a month."""
    first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    return f"{first - _DAY:%Y-%m}"
