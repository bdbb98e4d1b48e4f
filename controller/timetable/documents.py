"""The section schedules of an intent, and what is wrong with it."""

from typing import Annotated, TypeAlias

from pydantic import Field, StrictInt

from controller.notices.documents import ClockTime, Day, Zone
from controller.timetable.model import Timetable
from controller.timetable.wall_time import DOUALA, Daily, Monthly, Rhythm, Schedule, Weekly
from inventory.documents.entries import Documents, parse_entries
from inventory.documents.fields import Document
from inventory.errors import Fault

SECTION = "schedules"
DayOfMonth: TypeAlias = Annotated[StrictInt, Field(ge=1, le=31)]


class DailyDocument(Document):
    """A time of every day."""

    at: ClockTime = Field(examples=['"02:00"'])

    def to_model(self) -> Rhythm:
        """Return the trusted value."""
        return Daily(self.at)


class WeeklyDocument(Document):
    """A time of one day of every week."""

    day: Day = Field(examples=["mon"])
    at: ClockTime = Field(examples=['"06:00"'])

    def to_model(self) -> Rhythm:
        """Return the trusted value."""
        return Weekly(self.day, self.at)


class MonthlyDocument(Document):
    """A time of one day of every month; of a month that is shorter it is the last day."""

    day: DayOfMonth = Field(examples=["1"])
    at: ClockTime = Field(examples=['"05:00"'])

    def to_model(self) -> Rhythm:
        """Return the trusted value."""
        return Monthly(self.day, self.at)


class SchedulesDocument(Document):
    """The section schedules; what it leaves out is done at its usual time."""

    timezone: Zone = Field(default=DOUALA, examples=[DOUALA])
    backup: DailyDocument | None = Field(default=None, examples=['{at: "02:00"}'])
    drift: DailyDocument | None = Field(default=None, examples=['{at: "03:00"}'])
    maintenance: WeeklyDocument | None = Field(default=None, examples=['{day: mon, at: "06:00"}'])
    availability: MonthlyDocument | None = Field(default=None, examples=['{day: 1, at: "05:00"}'])

    def to_model(self) -> Timetable:
        """Return the trusted value."""
        usual = Timetable()
        return Timetable(
            self._schedule(self.backup, usual.backup),
            self._schedule(self.maintenance, usual.maintenance),
            self._schedule(self.availability, usual.availability),
            self._schedule(self.drift, usual.drift),
        )

    def _schedule(
        self, written: DailyDocument | WeeklyDocument | MonthlyDocument | None, usual: Schedule
    ) -> Schedule:
        rhythm = written.to_model() if written else usual.rhythm
        return Schedule(rhythm, self.timezone)


def check_timetable(documents: Documents) -> tuple[Timetable | None, tuple[Fault, ...]]:
    """Return when a folder says that things are done, or every fault in file order."""
    entries = documents.entries[SECTION]
    if not entries:
        return Timetable(), ()
    document, faults = parse_entries(entries[0], SchedulesDocument)
    what = f"the section {SECTION} is written twice, first at {entries[0].where()}"
    again = (Fault(one.where(), what, "keep one of them") for one in entries[1:])
    found = tuple(sorted({*faults, *again}))
    return (document.to_model(), ()) if document and not found else (None, found)
