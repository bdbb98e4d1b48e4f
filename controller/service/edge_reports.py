"""Edges' reports in the service: heard, stored, decided on, and read again as history."""

import asyncio
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine

from controller.clock import Clock, StepWatch
from controller.consultations.past import read_ends
from controller.consultations.report import EndHistory
from controller.incidents.model import News, Observation
from controller.leadership.mailbox import Report, post
from controller.telemetry.current_state import SILENT_S, CurrentState, Heard, after_step
from controller.telemetry.history import History, PastChange, PathKey
from controller.telemetry.housekeeping import Housekeeping, Reserve
from controller.telemetry.intake import Intake
from controller.telemetry.link_session import admitted_edges
from controller.telemetry.listener import Listener
from controller.telemetry.observations import (
    KnownCircuits,
    LastWord,
    never_heard,
    number_of,
    observations,
    silent_edges,
)
from controller.telemetry.rollup import Rollup
from controller.telemetry.schema import prepare
from controller.telemetry.series import Arrival, Series
from edge.telemetry.model import ChangeKind, PathState, TelemetryMessage
from inventory.model import DeviceName, Intent
from vpn.key_text import PublicKey

# Told when an edge does not reach far ends over some circuit; what lies between is worth a look.
Suspect: TypeAlias = Callable[[DeviceName, Collection[DeviceName]], None]
RESERVE: Final = "telemetry.reserve"
_LOOK_S: Final = 5.0
_FAILING: Final = frozenset({PathState.DEAD, PathState.BROWNOUT})
_TELLING: Final = frozenset({ChangeKind.PATH_STATE, ChangeKind.MOVE})


class Incidents(Protocol):
    """Where observations go."""

    def report(self, *news: News) -> None:
        """Take news without waiting for the decision."""

    def leading(self) -> bool:
        """Return whether this controller decides."""

    def wake(self) -> None:
        """Look at the database now."""


class EdgeReports:
    """Everything that edges report, from the listener to the history."""

    def __init__(
        self,
        engine: Engine,
        key: Ed25519PrivateKey,
        incidents: Incidents,
        suspect: Suspect,
        clock: Clock,
    ) -> None:
        """Use a database; on PostgreSQL its tables of the leadership are there, too."""
        prepare(engine)
        self._shared = engine.dialect.name == "postgresql"
        self._series = Series(engine, alongside=self._post if self._shared else None)
        self._incidents, self._suspect, self._clock = incidents, suspect, clock
        self._steps = StepWatch(clock)
        self._last: dict[DeviceName, LastWord] = {}
        self.current = CurrentState(self.read_newest())
        self.history = History(engine)
        self._admitted: dict[DeviceName, PublicKey] = {}
        keeper = Housekeeping(self._series, clock, _reserve(engine))
        self.intake = Intake(self._series, self.current, keeper)
        self.listener = Listener(key, self._admitted.get, self.intake, clock)
        self.intake.subscribe(self._decide)
        self._circuits = KnownCircuits()
        self._lost: dict[DeviceName, int] = {}
        self._began_s = clock.instant().timestamp()

    def admit(self, intent: Intent, revoked: Container[PublicKey]) -> None:
        """Let the edges of an intent in, but for those with a revoked key."""
        self._intent = intent
        self._admitted.clear()
        self._admitted.update(admitted_edges(intent, revoked))
        self._circuits = KnownCircuits.of(intent)

    def read_newest(self) -> list[Heard]:
        """Return the newest message of every spool, whichever controller heard it."""
        now_s = self._clock.instant().timestamp()
        # What is from the future is from before the clock was set back.
        found = [
            Heard(one.message, min(received_s, now_s), one.spool_began_s)
            for one, received_s in self._series.newest()
        ]
        for heard in found:
            number = number_of(heard.message, heard.spool_began_s)
            self._note(heard.message.device, heard.received_s, number)
        return found

    def heard_elsewhere(self, report: Report) -> None:
        """Take note of a report, whoever heard it; the leader looks at what lies between."""
        if report.device:
            number = max(one.sequence for one in report.news if isinstance(one, Observation))
            self._note(DeviceName(report.device), report.heard_s, number)
        if report.doubted and self._incidents.leading():
            self._suspect(DeviceName(report.device), tuple(map(DeviceName, report.doubted)))

    async def run(self, stop: asyncio.Event, port: int, namespace: str | None) -> None:
        """Listen until told to stop. Raises OSError when the port cannot be listened on."""
        self.intake.start()
        try:
            await self.listener.start("", port, namespace)
            while not stop.is_set():
                self.look_for_silence()
                await _pause(stop, _LOOK_S)
            await self.listener.stop()
        finally:
            await asyncio.to_thread(self.intake.stop)

    def path_series(
        self, device: str, circuit: str, began_unix_s: float, ended_unix_s: float
    ) -> Sequence[Mapping[str, Any]]:
        """Return the figures of a path within a period by far end; a gap is None."""
        now_s = self._clock.instant().timestamp()
        found = []
        for path in self.history.paths_of([device]):
            if path.circuit == circuit:
                band = self.history.band(path, int(began_unix_s), int(ended_unix_s), now_s)
                points = [one and _point(one) for one in band.points]
                found.append(_series(path, band.began_unix_s, band.step_s, points))
        return found

    def path_moves(
        self, device: str, began_unix_s: float, ended_unix_s: float
    ) -> Sequence[Mapping[str, Any]]:
        """Return where an edge moved traffic within a period, by time; circuit is where to."""
        changes = self.history.changes(device, began_unix_s, ended_unix_s)
        return [_move(one) for one in changes if one.kind == ChangeKind.MOVE]

    def call_ends(
        self, sites: Sequence[str], began_unix_s: float, ended_unix_s: float
    ) -> Sequence[EndHistory]:
        """Return what the edges at some sites measured and changed within a time."""
        return read_ends(self.history, self._intent, sites, began_unix_s, ended_unix_s)

    def _decide(self, heard: Heard) -> None:
        message = heard.message
        if self._shared and not message.live:
            # It was posted in the transaction that stored it.
            self._incidents.wake()
            return
        report = self._report(heard)
        self._incidents.report(*report.news)
        self.heard_elsewhere(report)

    def _post(self, connection: Connection, arrivals: Sequence[Arrival]) -> None:
        """Post what new messages say for whichever controller decides."""
        heard = (Heard(one.message, one.received_s, one.spool_began_s) for one in arrivals)
        post(connection, map(self._report, heard))

    def _report(self, heard: Heard) -> Report:
        message = heard.message
        said = observations(
            message, heard.received_s, spool_began_s=heard.spool_began_s, circuits=self._circuits
        )
        doubted = () if message.replayed else tuple(sorted(_doubtful_peers(message)))
        return Report(said, message.device, heard.received_s, doubted)

    def _note(self, device: DeviceName, heard_s: float, number: int) -> None:
        known = self._last.get(device)
        if known is None or number > known.number:
            self._last[device] = LastWord(heard_s, number)

    def look_for_silence(self) -> None:
        """Say of edges that they fell silent, if this controller leads."""
        self._follow_clock()
        if self._incidents.leading():
            self._report_silent()

    def _follow_clock(self) -> None:
        """Take no edge for silent, nor for heard, because the clock was set."""
        if by_s := self._steps.step_s():
            now_s = self._clock.instant().timestamp()
            for device, last in [*self._last.items()]:
                self._last[device] = replace(last, heard_s=after_step(last.heard_s, by_s, now_s))
            self._began_s = after_step(self._began_s, by_s, now_s)
            self.current.follow_step(by_s, now_s)

    def _report_silent(self) -> None:
        """Say once of every edge that fell silent that it is not heard any more."""
        now_s, last = self._clock.instant().timestamp(), dict(self._last)
        never = (never_heard(name, now_s) for name in self._admitted if name not in last)
        waited = now_s - self._began_s > SILENT_S
        for said in (*silent_edges(last, now_s), *(never if waited else ())):
            if self._lost.get(DeviceName(said.subject.name)) != said.sequence:
                self._lost[DeviceName(said.subject.name)] = said.sequence
                self._incidents.report(said)


def _doubtful_peers(message: TelemetryMessage) -> frozenset[DeviceName]:
    """Return the far ends that are not reached over some circuit, or by another way than before."""
    failing = {path.peer for path in message.paths if path.state in _FAILING}
    moved = {change.peer for change in message.changes if change.kind in _TELLING}
    return frozenset(failing | moved)


def _reserve(engine: Engine) -> Reserve | None:
    """Return the reserve beside a file of SQLite; a server looks after its own disk."""
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    return Reserve(Path(file).with_name(RESERVE)) if file else None


def _series(path: PathKey, began_s: int, step_s: int, points: Sequence[Any]) -> dict[str, Any]:
    return {"peer": path.peer, "began_unix_s": began_s, "step_s": step_s, "points": points}


def _point(one: Rollup) -> dict[str, Any]:
    delay, jitter, mos = one.delay_ms, one.jitter_ms, one.mos
    return {
        "delay_ms": delay and [delay.least, delay.quantile(0.5), delay.most],
        "jitter_ms": jitter and [jitter.least, jitter.quantile(0.5), jitter.most],
        "mos": mos and [mos.least, mos.total / mos.count, mos.most],
        "loss_out": one.loss_out,
        "loss_in": one.loss_in,
        "sent_octets": one.sent_octets,
        "received_octets": one.received_octets,
        "seconds": one.seconds,
    }


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


def _move(one: PastChange) -> dict[str, Any]:
    return {
        "at_unix_s": one.at_unix_s,
        "service": one.service,
        "peer": one.peer,
        "circuit": one.circuit,
        "reason": one.reason,
    }
