"""What the routes of the API work with, given once when the service starts."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from fastapi import Request

from accounts.roles import Principal, visible
from controller.api.events import EventRing
from controller.api.places import Places
from controller.api.rights import require_stated
from controller.consultations.model import Announcement, Expectation
from controller.consultations.report import EndHistory
from controller.incidents.model import (
    Incident,
    IncidentChange,
    IncidentState,
    News,
    Refusal,
)
from controller.incidents.view import NetworkView
from controller.notices.schedule import Rota
from controller.operations.answer_rows import AnswerRows
from controller.operations.changes import Changes
from controller.polling.lldp import LldpReading
from controller.report_formats.formats import Report
from controller.roles import Right
from controller.schedules.archive import StoredReport
from controller.schedules.runner import Standing
from inventory.model import DeviceName, Intent, SiteName


class IncidentService(Protocol):
    """Decides on news, and keeps what it decided."""

    def current(self) -> IncidentState:
        """Return the present state, a value that does not change any more."""

    def listed(self, *, ended: bool) -> Sequence[Incident]:
        """Return open incidents, or those that ended, too."""

    def find(self, number: int) -> Incident | None:
        """Return an incident, the one it was merged into if it was; None if there is none."""

    def timeline(self, number: int) -> Sequence[IncidentChange]:
        """Return what happened to an incident, oldest first."""

    def submit(self, *news: News) -> Sequence[Refusal]:
        """Decide on news and return, once that is stored, which acts were refused."""


class PathHistory(Protocol):
    """Past figures of paths."""

    def path_series(
        self, device: str, circuit: str, began_unix_s: float, ended_unix_s: float
    ) -> Sequence[Mapping[str, Any]]:
        """Return an edge's figures over a circuit, a series for each far end; a gap is None."""

    def path_moves(
        self, device: str, began_unix_s: float, ended_unix_s: float
    ) -> Sequence[Mapping[str, Any]]:
        """Return where an edge moved traffic within a period, by time; circuit is where to."""

    def call_ends(
        self, sites: Sequence[str], began_unix_s: float, ended_unix_s: float
    ) -> Sequence[EndHistory]:
        """Return what the edges at some sites measured and changed within a time."""


class ConsultationDesk(Protocol):
    """Keeps announcements of consultations, and knows what to expect of them."""

    def add(self, announcement: Announcement) -> bool:
        """Store an announcement; return whether it was new."""

    def cancel(self, name: str, at_s: float) -> None:
        """End a consultation that is not over."""

    def find(self, name: str) -> Announcement | None:
        """Return a consultation by its name."""

    def between(self, began_s: float, ended_s: float) -> Sequence[Announcement]:
        """Return the consultations that overlap a period."""

    def touched(self, names: Collection[str], now_s: float) -> Sequence[Announcement]:
        """Return the running consultations that go over any circuit, device or site of some."""

    def coming(
        self, names: Collection[str], now_s: float, within_s: float
    ) -> Sequence[Announcement]:
        """Return the consultations that are announced for soon over any of some names."""

    def shared(
        self, announcements: Collection[Announcement], names: Collection[str]
    ) -> Sequence[str]:
        """Return over which circuits of some names consultations go, or else which devices."""

    def expect(self, sites: Collection[str], dead: Collection[str]) -> Expectation:
        """Return what quality to expect between sites while circuits are dead."""


class ReportService(Protocol):
    """Keeps and makes reports, and does what is due by schedule."""

    def listed(self) -> Sequence[StoredReport]:
        """Return the reports that are kept, by name."""

    def read(self, name: str) -> Report:
        """Return a report, or of a month as far as it is over; raises UnknownNameError."""

    def newest_maintenance(self) -> Report:
        """Return the newest report of preventive maintenance; raises UnknownNameError."""

    def standing(self) -> Sequence[Standing]:
        """Return all schedules, with their last run and when they are due next."""

    def start(self, name: str) -> datetime:
        """Begin what a schedule does, and return when; raises UnknownNameError."""


def unheard(_device: DeviceName) -> LldpReading | None:
    """Return what is known of a device's neighbours where no device is asked."""
    return None


@dataclass(frozen=True, slots=True)
class ApiContext:
    """The network, its state, and who may see it."""

    intent: Intent
    places: Places
    network: NetworkView
    incidents: IncidentService
    consultations: ConsultationDesk
    history: PathHistory
    ring: EventRing
    authenticate: Callable[[Request], Principal]
    now: Callable[[], float]
    changes: Changes
    answers: AnswerRows
    reports: ReportService | None = None
    neighbours: Callable[[DeviceName], LldpReading | None] = unheard
    rotas: Sequence[Rota] = ()


@dataclass(frozen=True, slots=True)
class Viewer:
    """A request's sender, with the sites that he or she may see."""

    principal: Principal
    sites: frozenset[SiteName]
    context: ApiContext

    def sees(self, sites: Sequence[str]) -> bool:
        """Return whether any of some sites may be seen."""
        return not self.sites.isdisjoint(sites)

    def may(self, right: str, sites: Sequence[str]) -> bool:
        """Return whether a right covers every one of some sites."""
        allowed = visible(self.principal, right, self.context.places.sites)
        return bool(sites) and allowed.issuperset(self.context.places.known(sites))


def signed_in(request: Request) -> Principal:
    """Return who asks; raises ProblemError for who is not signed in, or lacks the route's right."""
    context: ApiContext = request.app.state.context
    principal = context.authenticate(request)
    require_stated(request, principal)
    return principal


def viewer(request: Request) -> Viewer:
    """Return who asks; raises ProblemError for who is not signed in, or lacks the route's right."""
    context: ApiContext = request.app.state.context
    principal = signed_in(request)
    return Viewer(principal, visible(principal, Right.LOOK, context.places.sites), context)
