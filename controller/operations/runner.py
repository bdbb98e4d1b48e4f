"""Runs operations, each in a thread of its own; of those that change devices one at a time."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import count
from secrets import token_hex
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any, Final, TypeAlias

from controller.apply.events import Decided
from controller.clock import SystemClock
from controller.drivers.observe import DeviceDone
from controller.operations.exchange import Event, error_json, event_json
from controller.operations.model import (
    CHANGING,
    SIDE_BY_SIDE,
    Operation,
    OperationKind,
    OperationRunningError,
    OperationState,
)
from inventory.errors import SanagaError

# So many operations that ended are remembered.
REMEMBERED: Final = 50
_STOP_WITHIN_S: Final = 90.0
_log: Final = logging.getLogger(__name__)

Publish: TypeAlias = Callable[[Mapping[str, Any]], None]


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


class Operations:
    """The operations of this process; publish tells whoever listens of their events."""

    def __init__(self, publish: Publish, now: Callable[[], float]) -> None:
        self._publish, self._now = publish, now
        self._lock, self._serials = Lock(), count(1)
        self._known: dict[str, Operation] = {}
        self._watches: dict[str, Watch] = {}
        self._threads: dict[str, Thread] = {}

    def start(
        self,
        kind: OperationKind,
        by: str,
        work: Work,
        *,
        before: Callable[[], None] = lambda: None,
        account: int | None = None,
    ) -> Operation:
        """Begin an operation, when before has done what must be done first.

        account is the number of who begins it, and may therefore follow it. Raises
        OperationRunningError while another one must end first, and what before raises.
        """
        serial, now_s = next(self._serials), self._now()
        operation = Operation(token_hex(8), kind, by, now_s, serial, account=account)
        watch = Watch(lambda event: self._noted(operation, event))
        thread = Thread(target=self._run, args=(operation, watch, work), name=kind, daemon=True)
        with self._lock:
            self._refuse_second(kind)
            before()
            self._known[operation.id] = operation
            self._watches[operation.id], self._threads[operation.id] = watch, thread
            self._forget_old()
            thread.start()
        return operation

    def find(self, number: str) -> Operation | None:
        """Return an operation by its id."""
        return self._known.get(number)

    def listed(self) -> tuple[Operation, ...]:
        """Return the operations that are remembered, the newest first."""
        with self._lock:
            return tuple(reversed(self._known.values()))

    def interrupt(self, number: str) -> None:
        """Ask an operation to end as after Ctrl-C: devices are as before then."""
        with self._lock:
            watch = self._watches.get(number)
        if watch is not None:
            watch.interrupt()

    def wait(self, number: str, within_s: float) -> bool:
        """Wait for an operation to end; return whether it did in time."""
        with self._lock:
            thread = self._threads.get(number)
        if thread is not None:
            thread.join(within_s)
        return thread is None or not thread.is_alive()

    def stop(self) -> None:
        """Interrupt whatever runs, and wait until it has ended; devices are as before then."""
        with self._lock:
            running = tuple(self._threads.items())
        for number, _ in running:
            self.interrupt(number)
        for _, thread in running:
            thread.join(_STOP_WITHIN_S)

    def _refuse_second(self, kind: OperationKind) -> None:
        for number in self._threads:
            other = self._known[number]
            same = other.kind is kind and kind not in SIDE_BY_SIDE
            if same or {kind, other.kind} <= CHANGING:
                raise OperationRunningError(
                    f"{other.by} has begun operation {number} ({other.kind}), which is not over; "
                    "wait until it has ended"
                )

    def _forget_old(self) -> None:
        ended = [number for number in self._known if number not in self._threads]
        for number in ended[: max(0, len(self._known) - REMEMBERED)]:
            del self._known[number]

    def _run(self, operation: Operation, watch: Watch, work: Work) -> None:
        try:
            operation.result = work(watch)
            state = OperationState.DONE
        except (SanagaError, OSError, KeyboardInterrupt) as error:
            operation.error, state = error_json(error), OperationState.FAILED
        except Exception as error:  # noqa: BLE001 - a fault of one operation ends it alone
            _log.exception("operation %s (%s) failed", operation.id, operation.kind)
            said = SanagaError(f"a fault of the controller ({type(error).__name__}); see its log")
            operation.error, state = error_json(said), OperationState.FAILED
        operation.ended_s = self._now()
        with self._lock:
            del self._threads[operation.id], self._watches[operation.id]
            operation.state = state
        self._tell(operation, {})

    def _noted(self, operation: Operation, event: Event) -> None:
        body = event_json(event)
        operation.events.append(body)
        if not (isinstance(event, DeviceDone) and not event.detail and event.act == "read"):
            self._tell(operation, body)

    def _tell(self, operation: Operation, event: Mapping[str, Any]) -> None:
        # Who only looks at the VPN changes nothing that others would want to hear of.
        if operation.kind is not OperationKind.VPN_READING:
            self._publish(_summary(operation, event))


def _summary(operation: Operation, event: Mapping[str, Any]) -> dict[str, Any]:
    about = {"operation": operation.id, "kind": operation.kind.value, "by": operation.by}
    return {**about, "state": operation.state.value, "position": len(operation.events), **event}
