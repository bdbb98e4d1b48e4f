"""Runs operations, each in a thread of its own; what they tell is stored before it is published."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any, Final, TypeAlias

from sqlalchemy.exc import DBAPIError

from controller.apply.events import Decided
from controller.clock import SystemClock
from controller.operations.exchange import Event, error_json, event_json
from controller.operations.model import Beginning, Operation, OperationKind, OperationState
from controller.operations.operation_rows import Ending, OperationRows
from database.faults import words_of
from inventory.errors import SanagaError

_STOP_WITHIN_S: Final = 90.0
# How long a failed end is tried again when the process stops.
_LAST_WITHIN_S: Final = 10.0
_log: Final = logging.getLogger(__name__)

Publish: TypeAlias = Callable[[Operation, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often events are stored, and signs of life given, in seconds."""

    events_s: float = 0.2
    signs_s: float = 2.0


class Watch:
    """Progress and clock of one operation; whoever asks for its end interrupts it as Ctrl-C does.

    Once an apply has decided how it ends, it goes there undisturbed.
    """

    def __init__(self, note: Callable[[Event], None]) -> None:
        self._note, self._clock = note, SystemClock()
        self._wanted, self._decided = Flag(), False

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        self._note(event)
        self._decided = self._decided or isinstance(event, Decided)
        self._end_if_asked()

    def now(self) -> float:
        """Return seconds since an unknown start, unmoved by corrections of the time of day."""
        return self._clock.now()

    def instant(self) -> datetime:
        """Return the time of day, in UTC."""
        return self._clock.instant()

    def pause(self, seconds: float) -> None:
        """Wait; an interruption ends the wait."""
        if self._decided:
            self._clock.pause(seconds)
        else:
            self._wanted.wait(seconds)
            self._end_if_asked()

    def interrupt(self) -> None:
        """Ask for the end."""
        self._wanted.set()

    def _end_if_asked(self) -> None:
        if self._wanted.is_set() and not self._decided:
            # What follows is the way back, which is not interrupted again.
            self._decided = True
            raise KeyboardInterrupt


Work: TypeAlias = Callable[[Watch], Mapping[str, Any]]


@dataclass(slots=True)
class _Run:
    """An operation of this process: its events that are not stored yet, and how it ended."""

    operation: Operation
    watch: Watch
    thread: Thread
    stored: int = 0
    pending: list[dict[str, Any]] = field(default_factory=list)
    ending: Ending | None = None
    storing: Lock = field(default_factory=Lock)


class Operations:
    """The operations of this process, and those of others on the same database to look at.

    publish tells whoever listens of their events; now returns seconds since 1970.
    """

    def __init__(
        self,
        rows: OperationRows,
        publish: Publish,
        now: Callable[[], float],
        pace: Pace | None = None,
    ) -> None:
        self._rows, self._publish, self._now = rows, publish, now
        self._pace, self._clock = pace or Pace(), SystemClock()
        self._lock, self._bell, self._stopping = Lock(), Flag(), Flag()
        self._runs: dict[str, _Run] = {}
        self._keeper: Thread | None = None

    def start(
        self, wanted: Beginning, work: Work, *, before: Callable[[], None] = lambda: None
    ) -> Operation:
        """Begin an operation, when before has done what must be done first.

        account is the number of who begins it, and may therefore follow it. Raises
        OperationRunningError while another one must end first, and what before raises.
        """
        operation = self._rows.begin(wanted, self._now())
        try:
            before()
        except BaseException:
            self._rows.withdraw(operation.serial)
            raise
        self._run(operation, work)
        return operation

    def find(self, number: str, after: int = 0) -> Operation | None:
        """Return an operation by its id, with its events behind a position."""
        return self._rows.find(number, after)

    def listed(self) -> tuple[Operation, ...]:
        """Return the operations that are kept, the newest first, without their events."""
        return self._rows.listed()

    def interrupt(self, number: str) -> None:
        """Ask an operation to end as after Ctrl-C: devices are as before then."""
        with self._lock:
            run = self._runs.get(number)
        if run is not None:
            run.watch.interrupt()
        else:
            self._rows.ask_for_end(number)

    def wait(self, number: str, within_s: float) -> bool:
        """Wait for an operation of this process to end; return whether it did in time."""
        with self._lock:
            run = self._runs.get(number)
        if run is not None:
            run.thread.join(within_s)
        return run is None or not run.thread.is_alive()

    def stop(self) -> None:
        """Interrupt whatever runs, and wait until it has ended; devices are as before then."""
        runs = self._known()
        for run in runs:
            run.watch.interrupt()
        for run in runs:
            run.thread.join(_STOP_WITHIN_S)
        self._stopping.set()
        self._bell.set()
        if self._keeper is not None:
            self._keeper.join(_LAST_WITHIN_S)

    def _known(self) -> tuple[_Run, ...]:
        with self._lock:
            return tuple(self._runs.values())

    def _run(self, operation: Operation, work: Work) -> None:
        watch = Watch(lambda event: run.pending.append(event_json(event)))
        thread = Thread(target=lambda: self._work(run, work), name=str(operation.kind), daemon=True)
        run = _Run(operation, watch, thread)
        with self._lock:
            self._runs[operation.id] = run
            if self._keeper is None:
                self._keeper = Thread(target=self._keep, name="operations", daemon=True)
                self._keeper.start()
        thread.start()
        self._bell.set()

    def _work(self, run: _Run, work: Work) -> None:
        result, error = None, None
        try:
            result = work(run.watch)
        except (SanagaError, OSError, KeyboardInterrupt) as known:
            error = error_json(known)
        except Exception as fault:  # noqa: BLE001 - a fault of one operation ends it alone
            operation = run.operation
            _log.exception("operation %s (%s) failed", operation.id, operation.kind)
            said = SanagaError(f"a fault of the controller ({type(fault).__name__}); see its log")
            error = error_json(said)
        state = OperationState.FAILED if error else OperationState.DONE
        run.ending = Ending(state, self._now(), result, error)
        # Where that fails, the keeper tries again.
        self._store(run)

    def _keep(self) -> None:
        """Store what operations tell, and say that they go on, until the process stops."""
        sign_at = self._clock.now()
        until = float("inf")
        while (runs := self._known()) or not self._stopping.is_set():
            self._bell.wait(self._pace.events_s if runs else None)
            self._bell.clear()
            if self._stopping.is_set():
                until = min(until, self._clock.now() + _LAST_WITHIN_S)
            if self._clock.now() > until:
                return
            try:
                stored = [self._store(run) for run in self._known()]
                if all(stored) and self._clock.now() >= sign_at:
                    sign_at = self._clock.now() + self._pace.signs_s
                    self._give_sign()
            except Exception:  # noqa: BLE001 - without signs of life all would count as interrupted
                _log.exception("operations are not stored; that is tried again")

    def _store(self, run: _Run) -> bool:
        """Store what an operation has told since, then publish it; return whether that was done.

        An apply goes on whatever the database does: what is not stored now is stored later.
        """
        with run.storing:
            if run.operation.id not in self._runs:
                return True
            ending = run.ending
            told = tuple(run.pending)
            if not told and ending is None:
                return True
            try:
                self._rows.add_events(run.operation.serial, run.stored, told, ending)
            except DBAPIError as error:
                _log.warning("operation %s is not stored: %s", run.operation.id, words_of(error))
                return False
            del run.pending[: len(told)]
            before, run.stored = run.stored, run.stored + len(told)
            if ending is not None:
                with self._lock:
                    del self._runs[run.operation.id]
            self._tell(run, told, before, ending)
        return True

    def _tell(
        self, run: _Run, told: Sequence[Mapping[str, Any]], before: int, ending: Ending | None
    ) -> None:
        """Publish what was stored, and nothing that came since."""
        one = run.operation
        # Who only looks at the VPN changes nothing that others would want to hear of.
        if one.kind is OperationKind.VPN_READING:
            return
        for position, body in enumerate(told, before + 1):
            if not _is_reading(body):
                self._publish(one, _summary(one, OperationState.RUNNING, position, body))
        if ending is not None:
            self._publish(one, _summary(one, ending.state, run.stored, {}))

    def _give_sign(self) -> None:
        runs = {run.operation.serial: run for run in self._known()}
        if not runs:
            return
        try:
            for serial in self._rows.give_sign(runs):
                runs[serial].watch.interrupt()
        except DBAPIError as error:
            _log.warning("operations give no sign of life: %s", words_of(error))


def _is_reading(body: Mapping[str, Any]) -> bool:
    """Return whether an event is that one of many devices was read, which nobody waits for."""
    return body["event"] == "DeviceDone" and body["act"] == "read" and not body["detail"]


def _summary(
    one: Operation, state: OperationState, position: int, event: Mapping[str, Any]
) -> dict[str, Any]:
    about = {"operation": one.id, "kind": one.kind.value, "by": one.beginning.by}
    return {**about, "state": state.value, "position": position, **event}
