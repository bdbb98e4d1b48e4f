"""Reporting of an edge: what its parts measure and decide becomes messages for the controller.

Whatever goes wrong here is noted as a fault of reporting; it never reaches what it listens to.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

from edge.clock import Moment, rfc3339
from edge.forwarding import marks
from edge.policy.model import EdgePolicy
from edge.reporting import clock_trust, dialling, snapshot
from edge.reporting.changes import ChangeCollector
from edge.reporting.clock_trust import ClockTrust
from edge.reporting.disk import SpoolThread
from edge.reporting.summaries import Octets, SliceFolder, WayKey, path_state
from edge.reporting.uplink import LinkHooks, LinkIdentity, Uplink
from edge.selection.evaluate import PathChange, PeerState
from edge.telemetry import frames
from edge.telemetry.model import Change, ChangeKind, PathSummary, TelemetryMessage
from edge.telemetry.status import Repairs
from inventory.model import DeviceName
from topology.quality.health import LinkHealth, Measurement, PathName
from vpn.wireguard.endpoint import parse_endpoint

SLICE_S: Final = 10
LIVE_S: Final = 1
MINUTE_S: Final = 60
MOST_ROWS: Final = 3_000
OCTETS_WITHIN_S: Final = 2.0
GOODBYE_S: Final = 1.5
_BOOT_LENGTH: Final = 8
_FRESH_BOOT_S: Final = 300.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReportSources:
    """Where the reporter finds what it reports; octets are the counters of tunnels.

    announced takes what the controller announces of consultations, about is what this edge tells
    of itself.
    """

    policy: Callable[[], EdgePolicy | None]
    peer_states: Callable[[], Mapping[DeviceName, PeerState]]
    octets: Callable[[], Awaitable[Mapping[WayKey, Octets]]]
    live_calls: Callable[[], frozenset[DeviceName]]
    faults: Callable[[], tuple[str, ...]]
    repairs: Callable[[], Repairs]
    announced: Callable[[object], None] = lambda _: None
    about: Callable[[], Mapping[str, Any]] = dict


class TelemetryReporter:
    """Reports one edge while its policy names a controller to report to."""

    def __init__(
        self,
        identity: LinkIdentity,
        disk: SpoolThread,
        clock: Callable[[], Moment],
        sources: ReportSources,
    ) -> None:
        self._device = identity.device
        self._disk = disk
        self._clock = clock
        self._sources = sources
        self._trust = ClockTrust()
        self._synchronised = False
        self._changes = ChangeCollector()
        self._circuits: dict[tuple[DeviceName, PathName], str] = {}
        self._slices: SliceFolder | None = None
        self._seconds: SliceFolder | None = None
        self._summaries: list[PathSummary] = []
        self._minute: int | None = None
        self._last_minute_s = 0.0
        self._live_number = 0
        self._number = 0
        self._open = False
        self._policy: EdgePolicy | None = None
        # Spreads the minutes of all edges over the minute.
        self._phase_s = crc32(self._device.encode()) % MINUTE_S
        hooks = LinkHooks(
            self._full_state,
            self._heard_clock,
            self._clock_trusted,
            self._renumbered,
            sources.announced,
            sources.about,
        )
        self.uplink = Uplink(identity, disk, clock, hooks)
        self.changed = asyncio.Event()
        self.fault = ""

    # What the selection of paths calls; it must not be kept waiting, nor hear of errors.

    def on_measured(
        self, peer: DeviceName, path: PathName, measurement: Measurement, health: LinkHealth
    ) -> None:
        """Take one measurement of a path."""
        with self._guarded():
            if (circuit := self._circuits.get((peer, path))) is None or self._slices is None:
                return
            way = (peer, circuit)
            self._slices.add(way, measurement, health)
            if self._seconds is not None:
                self._seconds.add(way, measurement, health)
            if self._changes.note_state(way, path_state(health), self._clock()):
                self.changed.set()

    def on_moved(self, changes: Sequence[PathChange]) -> None:
        """Take moves of traffic."""
        with self._guarded():
            if self._policy and self._changes.note_moves(changes, self._circuits, self._clock()):
                self.changed.set()

    async def run(self) -> None:
        """Keep the link to the controller until this is cancelled."""
        await self.uplink.run()

    async def tick(self) -> None:
        """Report what is due; to be called every second, and when changed is set."""
        with self._guarded():
            await self._tick()

    async def last_gasp(self, state: str, reason: str) -> None:
        """Report that the edge ends, and wait for a moment until that has arrived."""
        with self._guarded():
            if self._policy is None or not self._open:
                return
            now = self._clock()
            self._changes.add(Change(ChangeKind.LAST_GASP, now.unix_s, state=state, reason=reason))
            async with asyncio.timeout(GOODBYE_S):
                await self._say_goodbye(now)

    async def _say_goodbye(self, now: Moment) -> None:
        await self._report(now, (*self._summaries, *await self._close_slice(now)), 0)
        if self.uplink.connected:
            await self.uplink.settled.wait()

    def close(self) -> None:
        """Give the thread back."""
        self._disk.close()

    async def status(self) -> Mapping[str, Any] | None:
        """Return the state of reporting as JSON; None when there is nobody to report to."""
        if self._policy is None:
            return None
        link, held = self.uplink.state, await self._disk.state()
        return {
            "controllers": list(self._policy.telemetry),
            "controller": link.controller or None,
            "connected_since": _at(link.connected_unix_s),
            "acknowledged": link.acknowledged,
            "acknowledged_at": _at(link.acknowledged_unix_s),
            "spooled": held.pending,
            "spooled_octets": held.octets,
            "oldest": held.oldest,
            "given_up": held.given_up,
            "clock_trusted": self._clock_trusted(),
            "trouble": self.fault or held.fault or link.trouble,
        }

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn whatever goes wrong into a fault of reporting alone."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the one guard: what is listened to goes on
            words = f"reporting: {str(error) or type(error).__name__}"
            if words != self.fault:
                _log.warning("%s", words)
            self.fault = words

    async def _tick(self) -> None:
        now = self._clock()
        self._follow(self._sources.policy(), now)
        if self._policy is None:
            return
        if not self._open:
            await self._begin(now)
        self._collect(now)
        summaries: tuple[PathSummary, ...] = ()
        if self._slices and self._slices.is_over(now):
            summaries = await self._close_slice(now)
            self._summaries += summaries
            del self._summaries[:-MOST_ROWS]
        await self._send_live_second(now)
        if self._is_minute(now):
            await self._send_minute(now)
        elif self._changes.pending:
            await self._report(now, (), 0)
        self.fault = ""

    def _follow(self, policy: EdgePolicy | None, now: Moment) -> None:
        """Report by a policy from now on; one that names no controller ends reporting."""
        if policy is not None and not policy.telemetry:
            policy = None
        if policy is self._policy or policy == self._policy:
            return
        self._policy = policy
        if policy is None:
            self._slices = self._seconds = None
            self.uplink.follow(())
            return
        self._circuits = {
            (peer.device, path.name): path.circuit for peer in policy.peers for path in peer.paths
        }
        self._changes.forget((peer, circuit) for (peer, _), circuit in self._circuits.items())
        self._slices = self._slices or SliceFolder(SLICE_S, now)
        endpoints = [parse_endpoint(text) for text in policy.telemetry]
        own = [marks.TRANSPORT_MARK + place for place in range(len(policy.underlays))]
        self.uplink.follow(dialling.ways_to_dial(endpoints, own))

    async def _begin(self, now: Moment) -> None:
        await self._disk.open()
        self._open = True
        reason = "the edge's program started"
        if now.since_boot_s < _FRESH_BOOT_S:
            reason = "the machine started"
        self._changes.add(Change(ChangeKind.STARTED, now.unix_s, reason=reason))
        self._number = await self._disk.run(lambda held: held.next_number - 1)

    def _collect(self, now: Moment) -> None:
        repairs = self._sources.repairs()
        self._changes.note_faults(self._sources.faults(), repairs.count, repairs.last, now)
        self._changes.note_calls(self._sources.live_calls(), now)
        self._synchronised = clock_trust.kernel_synchronised()

    async def _close_slice(self, now: Moment) -> tuple[PathSummary, ...]:
        policy, slices = self._policy, self._slices
        if policy is None or slices is None:
            return ()
        carries = snapshot.carried_classes(policy, self._sources.peer_states())
        return slices.close(now, await self._octets(), carries)

    async def _octets(self) -> Mapping[WayKey, Octets]:
        """Return the tunnels' counters; nothing while the kernel keeps us waiting."""
        with suppress(TimeoutError):
            async with asyncio.timeout(OCTETS_WITHIN_S):
                return await self._sources.octets()
        return {}

    async def _send_live_second(self, now: Moment) -> None:
        """Send a second while a consultation runs or somebody looks, if anybody hears it."""
        consulting = any(peer.consultation for peer in self._sources.peer_states().values())
        wanted = consulting or bool(self._sources.live_calls()) or self.uplink.is_watched()
        if not (wanted and self.uplink.connected):
            self._seconds = None
        elif self._seconds is None:
            self._seconds = SliceFolder(LIVE_S, now)
        elif self._policy and self._seconds.is_over(now):
            carries = snapshot.carried_classes(self._policy, self._sources.peer_states())
            seconds = self._seconds.close(now, await self._octets(), carries)
            self.uplink.send_live(frames.encode(self._live_message(now, seconds)))

    def _is_minute(self, now: Moment) -> bool:
        """Return whether a minute's report is due: by the time of day, or by its own age."""
        minute = int((now.unix_s - self._phase_s) // MINUTE_S)
        age_s = now.monotonic_s - self._last_minute_s
        if self._minute is None:
            self._minute, self._last_minute_s = minute, now.monotonic_s
            return False
        # A clock that is set must not make reports come in a row.
        return age_s >= MINUTE_S + LIVE_S or (minute != self._minute and age_s >= MINUTE_S / 2)

    async def _send_minute(self, now: Moment) -> None:
        span_s = max(1, round(now.monotonic_s - self._last_minute_s))
        self._minute = int((now.unix_s - self._phase_s) // MINUTE_S)
        self._last_minute_s = now.monotonic_s
        summaries, self._summaries = tuple(self._summaries), []
        await self._report(now, _by_path(summaries), span_s)

    async def _report(self, now: Moment, summaries: tuple[PathSummary, ...], span_s: int) -> None:
        """Keep a numbered message, or several if there is much, and have them sent."""
        changes = self._changes.take()
        parts = [summaries[i : i + MOST_ROWS] for i in range(0, len(summaries), MOST_ROWS)] or [()]
        for part in parts:
            message = self._message(now, part, changes)
            sent = self.uplink.caught_up
            self._number = await self._disk.append(message, span_s, now, sent=sent)
            changes, span_s, self._live_number = (), 0, 0
            self.uplink.wake()
            if self.uplink.connected and not sent and message.changes:
                # While history is sent, news would wait behind it.
                self.uplink.send_live(frames.encode(self._live_message(now, (), message.changes)))

    def _live_message(
        self, now: Moment, summaries: tuple[PathSummary, ...], changes: tuple[Change, ...] = ()
    ) -> TelemetryMessage:
        self._live_number += 1
        return self._message(now, summaries, changes, live=self._live_number)

    def _message(
        self,
        now: Moment,
        summaries: tuple[PathSummary, ...],
        changes: tuple[Change, ...],
        *,
        live: int = 0,
    ) -> TelemetryMessage:
        policy = self._policy
        return TelemetryMessage(
            device=self._device,
            boot=now.boot[:_BOOT_LENGTH],
            sequence=self._number,
            sent_unix_s=now.unix_s,
            uptime_s=now.since_boot_s,
            clock_trusted=self._clock_trusted(),
            replayed=False,
            paths=snapshot.paths_now(policy, self._sources.peer_states()) if policy else (),
            summaries=summaries,
            changes=changes,
            live=live,
        )

    def _full_state(self) -> bytes | None:
        if self._policy is None:
            return None
        return frames.encode(self._live_message(self._clock(), ()))

    def _heard_clock(self, controller_unix_s: float) -> None:
        self._trust.compare(self._clock(), controller_unix_s)

    def _renumbered(self, number: int) -> None:
        self._number, self._live_number = number, 0

    def _clock_trusted(self) -> bool:
        return self._trust.is_right(self._clock(), synchronised=self._synchronised)


def _by_path(summaries: tuple[PathSummary, ...]) -> tuple[PathSummary, ...]:
    """Return summaries path by path, which takes fewer octets."""
    return tuple(sorted(summaries, key=lambda one: (one.peer, one.circuit)))


def _at(unix_s: float | None) -> str | None:
    return None if unix_s is None else rfc3339(unix_s)
