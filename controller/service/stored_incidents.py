"""Incidents as they were last decided: from memory while they are open, else from the rows."""

from collections.abc import Sequence
from typing import Protocol

from controller.incidents.model import Incident, IncidentChange, IncidentState


class ReadableRows(Protocol):
    """Where decisions are read again."""

    def listed(self, *, ended: bool) -> Sequence[Incident]:
        """Return incidents, open ones only unless ended."""

    def find(self, number: int) -> Incident | None:
        """Return an incident of that number."""

    def timeline(self, number: int) -> Sequence[IncidentChange]:
        """Return what happened to an incident, oldest first."""


class StoredIncidents:
    """A state of the incidents, and the rows behind it."""

    def __init__(self, rows: ReadableRows, state: IncidentState) -> None:
        self._stored, self._state = rows, state

    def current(self) -> IncidentState:
        """Return the present state."""
        return self._state

    def listed(self, *, ended: bool) -> Sequence[Incident]:
        """Return open incidents, or those that ended, too."""
        if ended:
            return self._stored.listed(ended=True)
        return [one for one in self._state.incidents.values() if one.open]

    def find(self, number: int) -> Incident | None:
        """Return an incident, the one it was merged into if it was."""
        found = self._state.incidents.get(number) or self._stored.find(number)
        while found is not None and found.merged_into is not None:
            other = found.merged_into
            found = self._state.incidents.get(other) or self._stored.find(other)
        return found

    def timeline(self, number: int) -> Sequence[IncidentChange]:
        """Return what happened to an incident, oldest first."""
        return self._stored.timeline(number)
