"""What notices ask of the incidents, answered by the engine."""

from dataclasses import dataclass

from controller.clock import Clock
from controller.notices.model import IncidentNow
from controller.service.shared_incidents import SharedIncidents


@dataclass(frozen=True, slots=True)
class EngineReader:
    """Incidents as they are now."""

    incidents: SharedIncidents
    clock: Clock

    def read_incident(self, number: int) -> IncidentNow | None:
        """Return an incident as it is now, None when there is none of that number."""
        found = self.incidents.find(number)
        if found is None:
            return None
        now_s, until_s = self.clock.instant().timestamp(), found.muted_until_s
        return IncidentNow(
            ended=not found.open,
            acknowledged=bool(found.acknowledged_by),
            muted=until_s is not None and now_s < until_s,
            in_maintenance=found.maintained,
        )

    def count_open(self) -> int:
        """Return how many incidents are open."""
        return len(self.incidents.listed(ended=False))
