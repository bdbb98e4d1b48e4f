"""Routers and switches in the service: polled, and heard by traps and syslog."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from logging import getLogger
from pathlib import Path
from time import monotonic
from typing import Final, Protocol

from controller.clock import Clock
from controller.incidents.model import IncidentState, News
from controller.polling.collector import Collector, Place
from controller.polling.listeners import Listeners, ListeningPorts
from controller.polling.network import wired_network
from controller.service.router_shows import RouterShows
from controller.snmp.targets import Target, make_target, polled_devices
from controller.wording import listing
from inventory.credentials import resolve_secret
from inventory.errors import CredentialError
from inventory.model import DeviceName, Intent

COLLECTOR: Final = "controller"
_NAMED: Final = 3
_ASK_AGAIN_S: Final = 1.0
# For how long a router is in doubt whose sessions stand, and one with a session that does not.
_STANDING_S: Final = 3.0
_FALLEN_S: Final = 120.0
_log: Final = getLogger(__name__)


def polled_targets(
    intent: Intent, folder: Path, environment: Mapping[str, str], say: Callable[[str], None]
) -> tuple[Target, ...]:
    """Return what can be polled; of a device whose secret is missing, say so and go on."""

    def secret(reference: str) -> str:
        return resolve_secret(reference, base=folder, environment=environment)

    found, missing = [], defaultdict[str, list[DeviceName]](list)
    for device in polled_devices(intent):
        try:
            found.append(make_target(intent, device, secret))
        except CredentialError as error:
            missing[str(error)].append(device.name)
    for reason, names in missing.items():
        some = listing(names) if len(names) <= _NAMED else f"{len(names)} devices"
        say(f"not polled: {some}: {reason}")
    return tuple(found)


class Reported(Protocol):
    """Where observations go, and what was observed so far."""

    def report(self, *news: News) -> None:
        """Take news without waiting for the decision."""

    def current(self) -> IncidentState:
        """Return the state as it was decided last."""


class DeviceReports:
    """The collector of this controller, with its doors for traps and syslog.

    Several controllers hear what devices send; the leader alone polls.
    """

    def __init__(
        self,
        intent: Intent,
        targets: tuple[Target, ...],
        shows: RouterShows,
        incidents: Reported,
        clock: Clock,
    ) -> None:
        self._namespace = intent.network.management_namespace
        place = Place(COLLECTOR, clock, self._namespace)
        network = wired_network(intent)
        self.collector = Collector(place, targets, network, lambda said: incidents.report(*said))
        self.listeners = Listeners(self.collector, on_session=lambda name: self._doubt({name}))
        self._shows, self._incidents = shows, incidents
        self._loop: asyncio.AbstractEventLoop | None = None
        self._doubted: dict[DeviceName, float] = {}
        self._news = asyncio.Event()
        self._polls = False
        self._turned = asyncio.Event()

    def poll(self, *, polls: bool) -> None:
        """Begin to poll or cease to; may be called by any thread."""
        self._polls = polls
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._turned.set)

    def ask_soon(self, devices: Iterable[DeviceName]) -> None:
        """Ask devices now instead of in the next round; may be called by any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._doubt, frozenset(devices))

    async def run(self, stop: asyncio.Event, ports: ListeningPorts) -> None:
        """Poll and listen until told to stop; a port that is taken costs its messages alone."""
        self._loop = asyncio.get_running_loop()
        try:
            await self.listeners.start(ports, self._namespace)
        except OSError as error:
            _log.warning("traps and syslog are not heard: %s", error)
        asking = asyncio.create_task(self._ask_doubted())
        try:
            await self._poll_in_turns(stop)
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await self.listeners.stop()
            await asyncio.to_thread(self._shows.close)

    async def _poll_in_turns(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._turned.clear()
            over, tasks = asyncio.Event(), list[asyncio.Task[None]]()
            if self._polls:
                tasks.append(asyncio.create_task(self._poll(over)))
            await _first(stop, self._turned)
            over.set()
            await asyncio.gather(*tasks)

    async def _poll(self, over: asyncio.Event) -> None:
        # Of another controller, or of this one before it was started again.
        told = self._incidents.current().observations.values()
        self.collector.remember(said for by_source in told for said in by_source.values())
        await self.collector.run(over, show=self._shows.show, routers=self._shows.routers)

    def _doubt(self, devices: AbstractSet[DeviceName]) -> None:
        for device in devices:
            self.collector.ask_soon(device)
        self._doubted |= dict.fromkeys(devices & {*self._shows.routers}, monotonic())
        self._news.set()

    async def _ask_doubted(self) -> None:
        """Read the sessions of routers that are in doubt: their BFD knows of a cut within a second.

        Agents of SNMP answer from what they saw up to 15 s ago. A router is in doubt for some
        seconds, and for as long as a session of it does not stand, up to two minutes.
        """
        while True:
            await self._news.wait()
            self._news.clear()
            asked = dict(self._doubted)
            fallen = await self.collector.read_sessions(self._shows.show, asked)
            self._settle_doubts(asked, fallen)
            if self._doubted:
                self._news.set()
            await asyncio.sleep(_ASK_AGAIN_S)

    def _settle_doubts(
        self, asked: Mapping[DeviceName, float], fallen: frozenset[DeviceName]
    ) -> None:
        now_s = monotonic()
        for device, since_s in asked.items():
            long_s = _FALLEN_S if device in fallen else _STANDING_S
            if now_s - since_s > long_s and self._doubted[device] == since_s:
                del self._doubted[device]


async def _first(*events: asyncio.Event) -> None:
    """Wait until one of some events has happened."""
    waits = [asyncio.create_task(one.wait()) for one in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()
