"""Edges' reports in the service: heard, stored, decided on, and read again as history."""

import asyncio
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from controller.clock import Clock
from controller.consultations.past import read_ends
from controller.consultations.report import EndHistory
from controller.service.engine import IncidentEngine
from controller.telemetry.current_state import SILENT_S, CurrentState, Heard
from controller.telemetry.history import History, PathKey
from controller.telemetry.housekeeping import Housekeeping, Reserve
from controller.telemetry.intake import Intake
from controller.telemetry.link_session import admitted_edges
from controller.telemetry.listener import Listener
from controller.telemetry.observations import KnownCircuits, never_heard, observations, silent_edges
from controller.telemetry.rollup import Rollup
from controller.telemetry.schema import prepare
from controller.telemetry.series import Series
from edge.telemetry.model import ChangeKind, PathState, TelemetryMessage
from inventory.model import DeviceName, Intent
from vpn.key_text import PublicKey

# Told when an edge does not reach far ends over some circuit; what lies between is worth a look.
Suspect: TypeAlias = Callable[[DeviceName, Collection[DeviceName]], None]
RESERVE: Final = "telemetry.reserve"
_LOOK_S: Final = 5.0
_FAILING: Final = frozenset({PathState.DEAD, PathState.BROWNOUT})
_TELLING: Final = frozenset({ChangeKind.PATH_STATE, ChangeKind.MOVE})


class EdgeReports:
    """Everything that edges report, from the listener to the history."""

    def __init__(
        self,
        engine: Engine,
        key: Ed25519PrivateKey,
        incidents: IncidentEngine,
        suspect: Suspect,
        clock: Clock,
    ) -> None:
        prepare(engine)
        series = Series(engine)
        newest = (
            Heard(one.message, received_s, one.spool_began_s) for one, received_s in series.newest()
        )
        self.current = CurrentState(newest)
        self.history = History(engine)
        self._incidents, self._suspect, self._clock = incidents, suspect, clock
        self._admitted: dict[DeviceName, PublicKey] = {}
        keeper = Housekeeping(series, clock, _reserve(engine))
        self.intake = Intake(series, self.current, keeper)
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

    async def run(self, stop: asyncio.Event, port: int, namespace: str | None) -> None:
        """Listen until told to stop. Raises OSError when the port cannot be listened on."""
        self.intake.start()
        try:
            await self.listener.start("", port, namespace)
            while not stop.is_set():
                self._report_silent()
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
        for path in self.history.paths():
            if (path.device, path.circuit) == (device, circuit):
                band = self.history.band(path, int(began_unix_s), int(ended_unix_s), now_s)
                points = [one and _point(one) for one in band.points]
                found.append(_series(path, band.began_unix_s, band.step_s, points))
        return found

    def call_ends(
        self, sites: Sequence[str], began_unix_s: float, ended_unix_s: float
    ) -> Sequence[EndHistory]:
        """Return what the edges at some sites measured and changed within a time."""
        return read_ends(self.history, self._intent, sites, began_unix_s, ended_unix_s)

    def _decide(self, heard: Heard) -> None:
        message = heard.message
        self._incidents.report(
            *observations(
                message,
                heard.received_s,
                spool_began_s=heard.spool_began_s,
                circuits=self._circuits,
            )
        )
        if not message.replayed and (doubtful := _doubtful_peers(message)):
            self._suspect(message.device, doubtful)

    def _report_silent(self) -> None:
        """Say once of every edge that fell silent that it is not heard any more."""
        now_s, heard = self._clock.instant().timestamp(), self.current.edges()
        silent = silent_edges(heard.values(), now_s)
        never = (never_heard(name, now_s) for name in self._admitted if name not in heard)
        for said in (*silent, *(never if now_s - self._began_s > SILENT_S else ())):
            if self._lost.get(said.subject.name) != said.sequence:
                self._lost[said.subject.name] = said.sequence
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
    delay, mos = one.delay_ms, one.mos
    return {
        "delay_ms": delay and [delay.least, delay.quantile(0.5), delay.most],
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
