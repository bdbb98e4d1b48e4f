"""News of announced consultations: to incidents that they run, and to the edges that carry them.

Every controller tells the edges that are connected to it; the one that leads tells incidents.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from logging import getLogger
from typing import Final, Protocol

from sqlalchemy.exc import SQLAlchemyError

from controller.clock import Clock
from controller.consultations.announcer import due_news
from controller.consultations.model import Announcement
from controller.consultations.places import edges_by_site, told_to_site
from controller.incidents.model import IncidentState, News
from controller.telemetry.link_session import announced
from inventory.model import DeviceName, Intent

_EVERY_S: Final = 1.0
# How far back a consultation that ended is still looked for, after a restart too.
_LOOK_BACK_S: Final = 86_400.0
# So long before it begins an edge is told, so that it keeps it without a controller.
_AHEAD_S: Final = 86_400.0
_log: Final = getLogger(__name__)


class Announcements(Protocol):
    """Where announced consultations are kept."""

    def between(self, began_s: float, ended_s: float) -> tuple[Announcement, ...]:
        """Return the consultations that overlap a period."""


class Incidents(Protocol):
    """Where it is said that consultations run."""

    def leading(self) -> bool:
        """Return whether this controller decides."""

    def current(self) -> IncidentState:
        """Return what is known now."""

    def report(self, *news: News) -> None:
        """Take news without waiting for the decision."""


class Edges(Protocol):
    """The edges that are connected here; announced gives what one of them is to be told."""

    announced: Callable[[DeviceName], str]

    async def announce(self, device: DeviceName) -> None:
        """Tell an edge again what is announced, if it is connected."""


class ConsultationNews:
    """Follows what is announced, while the service runs."""

    def __init__(
        self,
        intent: Intent,
        rows: Announcements,
        incidents: Incidents,
        edges: Edges,
        clock: Clock,
    ) -> None:
        self._intent, self._rows, self._incidents = intent, rows, incidents
        self._edges, self._clock = edges, clock
        self._by_site = edges_by_site(intent)
        self._site_of = {edge: site for site, names in self._by_site.items() for edge in names}
        self._told: frozenset[Announcement] | None = None
        self._telling: set[asyncio.Task[None]] = set()
        edges.announced = self.told_to

    async def run(self, stop: asyncio.Event) -> None:
        """Look again every second until told to stop."""
        while not stop.is_set():
            try:
                await self.step()
            except SQLAlchemyError as error:
                _log.warning("announced consultations cannot be read: %s", error)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _EVERY_S)

    async def step(self) -> None:
        """Say what began, ended or changed since the last look."""
        now_s = self._now_s()
        since_s = now_s - _LOOK_BACK_S
        found = await asyncio.to_thread(self._rows.between, since_s, now_s + _AHEAD_S)
        if self._incidents.leading():
            known = self._incidents.current().consultations
            begun = (one for one in found if one.begins_s <= now_s)
            self._incidents.report(*due_news(begun, known, now_s))
        self._tell_edges(frozenset(one for one in found if _to_come(one, now_s)))

    def told_to(self, device: DeviceName) -> str:
        """Return what an edge is told; "" before it was first read what is announced."""
        site = self._site_of.get(device)
        if self._told is None or site is None:
            return ""
        return announced(told_to_site(self._intent, site, self._told, self._now_s()))

    def _tell_edges(self, found: frozenset[Announcement]) -> None:
        """Tell whom a change touches, without waiting for an edge that is slow."""
        before, self._told = self._told, found
        touched = self._by_site if before is None else _sites(before ^ found)
        for site in touched:
            for edge in self._by_site.get(site, ()):
                task = asyncio.create_task(self._edges.announce(edge))
                self._telling.add(task)
                task.add_done_callback(self._telling.discard)

    def _now_s(self) -> float:
        return self._clock.instant().timestamp()


def _to_come(one: Announcement, now_s: float) -> bool:
    return one.cancelled_s is None and one.ends_s > now_s


def _sites(announcements: Iterable[Announcement]) -> Collection[str]:
    return {site for one in announcements for site in one.sites}
