"""Wall time in a zone: instants of dates and times, windows of the day, typed times.

Intervals are half-open. A time that the clocks skip is as much later as they are moved, and of a
time that occurs twice the first counts (RFC 5545, section 3.3.5).
"""

from collections.abc import Iterable
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
