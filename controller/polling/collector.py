"""The collector: polls, hears notifications and syslog, and hands on what they mean."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from logging import getLogger
from time import monotonic
from typing import Final, TypeAlias

from controller.clock import Clock
from controller.incidents.model import Health, Observation, Source, SubjectKind
from controller.polling import bgp
from controller.polling.collector_health import collector_observation, lost_agents
from controller.polling.lldp import LldpReading, cable_observations, read_neighbours
from controller.polling.messages import settled_sessions, settled_traps
from controller.polling.network import WiredNetwork
from controller.polling.observing import (
    Heard,
    Stamp,
    follow_reading,
    follow_round,
    reading_observations,
    round_observations,
    silence_observations,
)
from controller.snmp.model import DeviceReading, Round
from controller.snmp.poller import Poller
from controller.snmp.targets import Target
from inventory.errors import SanagaError
from inventory.model import DeviceName

POLL_S: Final = 10.0
NEIGHBOURS_S: Final = 60.0
SESSIONS_S: Final = 30.0
# A device that sends notifications without end is asked no more often.
ASK_AGAIN_S: Final = 1.0
LOOK_AGAIN_S: Final = 5.0
Sink: TypeAlias = Callable[[tuple[Observation, ...]], None]
Show: TypeAlias = Callable[[DeviceName, str], str]
Act: TypeAlias = Callable[[], Coroutine[object, object, None]]
_log: Final = getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often agents, neighbours and sessions are asked, in seconds."""

    poll_s: float = POLL_S
    neighbours_s: float = NEIGHBOURS_S
    sessions_s: float = SESSIONS_S


USUAL_RHYTHM: Final = Rhythm()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a collector stands: its name, its clock, and the network namespace it asks from."""

    name: str
    clock: Clock
    namespace: str | None = None


class Collector:
    """Asks devices and hands observations to a sink, which must not wait."""

    def __init__(
        self,
        place: Place,
        targets: Iterable[Target],
        network: WiredNetwork,
        sink: Sink,
    ) -> None:
        self.name = place.name
        self.network = network
        self.heard = Heard()
        self.poller = Poller(targets, place.namespace)
        self._sink = sink
        self._clock = place.clock
        self._sequence = 0
        self._reported: dict[DeviceName, dict[str, Observation]] = {}
        self._logged: dict[DeviceName, dict[str, Observation]] = {}
        self._neighbours: dict[DeviceName, LldpReading] = {}
        self._asked_s: dict[str, float] = {}
        self._waiting: set[str] = set()
        self._asking: set[asyncio.Task[None]] = set()
        self.after_rounds: list[Callable[[], None]] = []

    def stamp(self) -> Stamp:
        """Return the next stamp; its sequence rises, also over restarts of this program."""
        now_s = self._unix_s()
        self._sequence = max(self._sequence + 1, int(now_s * 1000))
        return Stamp(self.name, self._sequence, now_s)

    def _unix_s(self) -> float:
        return self._clock.instant().timestamp()

    def say(self, observations: tuple[Observation, ...]) -> None:
        """Hand on observations."""
        if observations:
            self._sink(observations)

    async def poll(self) -> Round:
        """Ask every agent once, and say what that means."""
        done = await self.poller.poll_round(self._unix_s())
        lost = lost_agents(self.heard, done)
        stamp = self.stamp()
        said = round_observations(self.heard, done, self.network, stamp)
        if done.readings or done.silent:
            said = (*said, collector_observation(lost, done, stamp))
        self.say(said)
        for reading in done.readings:
            self._settle(reading)
        self.heard = follow_round(self.heard, done, lost)
        for act in self.after_rounds:
            act()
        return done

    def ask_soon(self, device: DeviceName) -> None:
        """Ask a device without waiting for the next round; once a second at most."""
        if device in self.poller.agents:
            self._soon(device, ASK_AGAIN_S, partial(self._ask, device))

    def neighbours_of(self, device: DeviceName) -> LldpReading | None:
        """Return what a device last said of its neighbours; None where it did not."""
        return self._neighbours.get(device)

    def read_neighbours_soon(self) -> None:
        """Read neighbours without waiting for their turn; every five seconds at most."""
        self._soon("", LOOK_AGAIN_S, self.read_neighbours)

    def _soon(self, what: str, every_s: float, act: Act) -> None:
        """Act now, or once the last time is long enough ago; an act that waits is not doubled."""
        if what in self._waiting:
            return
        now_s = monotonic()
        left_s = self._asked_s.get(what, -every_s) + every_s - now_s
        self._asked_s[what] = now_s + max(left_s, 0.0)
        if left_s > 0:
            self._waiting.add(what)
        self._begin(self._act_after(what, left_s, act))

    async def _act_after(self, what: str, left_s: float, act: Act) -> None:
        if left_s > 0:
            await asyncio.sleep(left_s)
            self._waiting.discard(what)
        await act()

    def _begin(self, act: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(act)
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask(self, device: DeviceName) -> None:
        heard = await self.poller.poll_one(device, self._unix_s())
        track, stamp = self.heard.tracks.get(device), self.stamp()
        if not isinstance(heard, DeviceReading):
            self.say(silence_observations(heard, self.network, stamp))
            return
        self.say(reading_observations(track, heard, self.network, stamp))
        self._settle(heard)
        tracks = {**self.heard.tracks, device: follow_reading(track, heard)}
        self.heard = Heard(tracks, self.heard.silent - {device}, self.heard.lost - {device})

    def remember(self, told: Iterable[Observation]) -> None:
        """Take what traps and lines told before this collector began, to end what holds no more.

        The message that tells of the end was lost if nobody listened when it came.
        """
        for one in told:
            kept = {Source.TRAP: self._reported, Source.SYSLOG: self._logged}.get(one.source)
            if kept is not None and one.subject.kind is SubjectKind.CIRCUIT:
                kept.setdefault(one.observer, {}).setdefault(one.subject.name, one)

    def report_trap(self, device: DeviceName, observations: tuple[Observation, ...]) -> None:
        """Say what a trap reports, and ask the device, which ends what it reports no more."""
        self.say(observations)
        kept = self._reported.setdefault(device, {})
        kept.update({one.subject.name: one for one in observations})
        self.ask_soon(device)

    def report_session(self, device: DeviceName, observations: tuple[Observation, ...]) -> None:
        """Say what a line of syslog tells of a session; reading it ends what holds no more."""
        self.say(observations)
        kept = self._logged.setdefault(device, {})
        kept.update({one.subject.name: one for one in observations})

    def _settle_sessions(self, device: DeviceName, answered: tuple[Observation, ...]) -> None:
        if logged := self._logged.get(device):
            ended = settled_sessions(logged, answered, self.stamp())
            self.say(ended)
            logged.update({one.subject.name: one for one in ended})

    def _settle(self, reading: DeviceReading) -> None:
        reported = self._reported.get(reading.device)
        if not reported:
            return
        ended = settled_traps(reported, reading, self.network, self.stamp())
        self.say(ended)
        reported.update({one.subject.name: one for one in ended})

    async def read_neighbours(self) -> None:
        """Read the neighbours of every agent, and say which cables are wrong."""

        async def read(device: DeviceName) -> None:
            polled = self.poller.agents[device]
            async with polled.turn:
                try:
                    found = await read_neighbours(polled.agent, self._unix_s())
                except SanagaError as error:
                    _log.info("neighbours of %s: %s", device, error)
                    self._neighbours.pop(device, None)
                else:
                    self._neighbours[device] = found

        await asyncio.gather(*(read(device) for device in self._answering()))
        self.say(cable_observations(self._neighbours.values(), self.network, self.stamp()))

    async def read_sessions(
        self, show: Show, routers: Iterable[DeviceName]
    ) -> frozenset[DeviceName]:
        """Ask routers of FRR for their BGP and BFD sessions, and say what they tell of circuits.

        Returns the routers with a session that does not stand.
        """
        fallen = set[DeviceName]()

        def say(
            device: DeviceName, peers: tuple[bgp.PeerState, ...], bfd: Mapping[str, str]
        ) -> None:
            moment = (self.stamp(), self._unix_s())
            said = bgp.session_observations(device, peers, bfd, self.network, moment)
            if any(one.state is not Health.OK for one in said):
                fallen.add(device)
            self.say(said)
            self._settle_sessions(device, said)

        async def read(device: DeviceName) -> None:
            try:
                bfd = bgp.parse_bfd(await asyncio.to_thread(show, device, bgp.SHOW_BFD))
                # BFD alone names a cut; what BGP says of it comes a whole question later.
                say(device, bgp.fallen_peers(bfd), bfd)
                peers = bgp.parse_bgp(await asyncio.to_thread(show, device, bgp.SHOW_BGP))
            except (SanagaError, bgp.ShowError) as error:
                _log.info("sessions of %s: %s", device, error)
                return
            say(device, peers, bfd)

        await asyncio.gather(*(read(device) for device in routers))
        return frozenset(fallen)

    async def run(
        self,
        stop: asyncio.Event,
        rhythm: Rhythm = USUAL_RHYTHM,
        *,
        show: Show | None = None,
        routers: Iterable[DeviceName] = (),
    ) -> None:
        """Ask again and again until stopped; a fault of this program is said as the collector's.

        show asks a router of FRR over the controller's usual connection; routers are those that
        have one. Without it sessions are not asked for.
        """
        named = tuple(routers)
        tasks = [
            self._repeat(stop, rhythm.poll_s, self.poll),
            self._repeat(stop, rhythm.neighbours_s, self.read_neighbours),
        ]
        if show is not None and named:
            sessions = show
            tasks.append(
                self._repeat(stop, rhythm.sessions_s, lambda: self.read_sessions(sessions, named))
            )
        await asyncio.gather(*tasks)

    async def _repeat(
        self, stop: asyncio.Event, every_s: float, act: Callable[[], Awaitable[object]]
    ) -> None:
        while not stop.is_set():
            began_s = monotonic()
            try:
                await act()
            except Exception as error:  # noqa: BLE001 - a silent collector would blame the network
                _log.warning("the collector failed", exc_info=True)
                self._blame(error)
            with suppress(TimeoutError):
                left_s = max(every_s - (monotonic() - began_s), 0.0)
                await asyncio.wait_for(stop.wait(), left_s)

    def _blame(self, error: Exception) -> None:
        stamp = self.stamp()
        nothing = Round(stamp.received_s, (), (), 0.0)
        fault = f"a fault of the collector: {type(error).__name__}; see its log"
        self.say((collector_observation(frozenset(), nothing, stamp, fault),))

    def _answering(self) -> Mapping[DeviceName, object]:
        """Return the agents that answered last; at first all of them."""
        return {
            name: one for name, one in self.poller.agents.items() if name not in self.heard.silent
        }
