"""Incidents kept in memory, for tests of what stands above the store."""

from dataclasses import dataclass, field

from controller.incidents.model import Incident, IncidentChange, IncidentState, Notice, Outcome


@dataclass
class MemoryRows:
    """Keeps what was decided as long as the test runs."""

    state: IncidentState = field(default_factory=IncidentState)
    incidents: dict[int, Incident] = field(default_factory=dict)
    changes: list[IncidentChange] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def load(self) -> IncidentState:
        return self.state

    def store(self, outcome: Outcome, settled: object = ()) -> None:
        self.state = outcome.state
        self.incidents |= {one.number: one for one in outcome.touched}
        self.changes += outcome.changes
        self.notices += outcome.notices

    def listed(self, *, ended: bool) -> list[Incident]:
        return [one for one in self.incidents.values() if ended or one.open]

    def find(self, number: int) -> Incident | None:
        return self.incidents.get(number)

    def timeline(self, number: int) -> list[IncidentChange]:
        return [one for one in self.changes if one.incident == number]
