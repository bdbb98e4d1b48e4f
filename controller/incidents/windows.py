"""Maintenance windows: wall time of a zone, half open, once or every week (RFC 5545 in the small).

A wall time that a change of the clocks skips or repeats is refused when it is typed.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from controller.incidents.model import MaintenanceWindow, Recurrence, Subject, SubjectKind
from controller.incidents.view import NetworkView


class WindowError(ValueError):
    """A maintenance window cannot be as it was written."""


def check_window(window: MaintenanceWindow) -> None:
    """Raise WindowError with what is wrong of a window, if anything is."""
    try:
        zone = ZoneInfo(window.zone)
        day = date.fromisoformat(window.first_day)
        times = [time.fromisoformat(text) for text in (window.begins, window.ends)]
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise WindowError(
            f"window {window.name}: write a zone such as Africa/Douala, a day such as 2026-12-24 "
            f"and times such as 22:00 ({error})"
        ) from error
    if not window.subjects:
        raise WindowError(f"window {window.name}: name a site, a device or a circuit")
    for at, moment in zip(times, _bounds(window, day), strict=True):
        _check_wall_time(window, at, moment.astimezone(zone), zone)


def _check_wall_time(window: MaintenanceWindow, at: time, moment: datetime, zone: ZoneInfo) -> None:
    if moment.time() != at:
        raise WindowError(f"window {window.name}: {at:%H:%M} does not exist on that day in {zone}")
    wall = datetime.combine(moment.date(), at)
    if len({wall.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)}) > 1:
        raise WindowError(f"window {window.name}: {at:%H:%M} comes twice on that day in {zone}")


def is_open(window: MaintenanceWindow, now_s: float) -> bool:
    """Return whether a window is open at a time."""
    return any(begin <= now_s < end for begin, end in _near(window, now_s))


def openings(
    window: MaintenanceWindow, began_s: float, ended_s: float
) -> tuple[tuple[float, float], ...]:
    """Return when a window opens and closes, of each time that touches a span of some days."""
    near = sorted({*_near(window, began_s), *_near(window, ended_s)})
    return tuple((begin, end) for begin, end in near if begin < ended_s and end > began_s)


def next_turn_s(window: MaintenanceWindow, now_s: float) -> float | None:
    """Return when a window next opens or closes, None if it never does again."""
    turns = (turn for bounds in _near(window, now_s) for turn in bounds if turn > now_s)
    return min(turns, default=None)


def _near(window: MaintenanceWindow, now_s: float) -> Iterator[tuple[float, float]]:
    """Yield when a window opens and closes, of every time that matters now."""
    first = date.fromisoformat(window.first_day)
    if window.recurrence is Recurrence.ONCE:
        days = [first]
    else:
        today = datetime.fromtimestamp(now_s, UTC).date()
        weeks = max(0, (today - first).days // 7 - 1)
        days = [first + timedelta(weeks=weeks + i) for i in range(4)]
    for day in days:
        begin, end = _bounds(window, day)
        yield begin.timestamp(), end.timestamp()


def _bounds(window: MaintenanceWindow, day: date) -> tuple[datetime, datetime]:
    zone = ZoneInfo(window.zone)
    begins, ends = time.fromisoformat(window.begins), time.fromisoformat(window.ends)
    last = day + timedelta(days=1) if ends <= begins else day
    begin, end = (datetime.combine(on, at, zone) for on, at in ((day, begins), (last, ends)))
    return begin.astimezone(UTC), end.astimezone(UTC)


def maintained_subjects(windows: Iterable[MaintenanceWindow], now_s: float) -> frozenset[Subject]:
    """Return the subjects that an open window names."""
    return frozenset(s for window in windows if is_open(window, now_s) for s in window.subjects)


def is_maintained(network: NetworkView, named: frozenset[Subject], subject: Subject) -> bool:
    """Return whether a subject is under maintenance: itself, its site, or an end of a circuit."""
    if subject in named:
        return True
    if subject.kind is SubjectKind.DEVICE:
        site = network.devices.get(subject.name, "")
        return Subject(SubjectKind.SITE, site) in named
    circuit = network.circuits.get(subject.name)
    if subject.kind is not SubjectKind.CIRCUIT or circuit is None:
        return False
    around = [
        *(Subject(SubjectKind.SITE, site) for site in circuit.sites),
        *(Subject(SubjectKind.DEVICE, device) for device in circuit.devices),
        Subject(SubjectKind.PROVIDER, circuit.provider or ""),
    ]
    return circuit.maintenance or not named.isdisjoint(around)
