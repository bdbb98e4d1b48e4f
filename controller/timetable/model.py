"""Times of what the controller does by itself, as values."""

from dataclasses import dataclass
from datetime import time
from typing import Final

from controller.timetable.wall_time import Daily, Monthly, Schedule, Weekly

_NIGHT: Final = Schedule(Daily(time(2)))
_LATER: Final = Schedule(Daily(time(3)))
_MONDAY: Final = Schedule(Weekly(0, time(6)))
_FIRST: Final = Schedule(Monthly(1, time(5)))


@dataclass(frozen=True, slots=True)
class Timetable:
    """When backups, preventive maintenance and the report of a month's availability are made.

    drift is when what devices run is compared with what is intended.
    """

    backup: Schedule = _NIGHT
    maintenance: Schedule = _MONDAY
    availability: Schedule = _FIRST
    drift: Schedule = _LATER
