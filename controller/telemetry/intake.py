"""Intake of telemetry: one thread stores whatever has arrived, then tells who waits for it.

A message is acknowledged after its commit (synchronous=FULL) and given to subscribers then. When
the database cannot take it, it is refused and the edge keeps it in its spool.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Final, TypeAlias, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError

from controller.telemetry.current_state import CurrentState, Heard
from controller.telemetry.housekeeping import Housekeeping
from controller.telemetry.series import Arrival, Series
from database.faults import words_of

# Messages that one transaction takes at most.
_MOST: Final = 2_000
_TICK_S: Final = 1.0
_Given = TypeVar("_Given")
_log: Final = logging.getLogger(__name__)


class Outcome(StrEnum):
    """What became of a message.

    An edge forgets what is stored, known or unusable, and sends again later what is refused.
    """

    STORED = "stored"
    KNOWN = "known"
    UNUSABLE = "unusable"
    REFUSED = "refused"


Subscriber: TypeAlias = Callable[[Heard], None]
Done: TypeAlias = Callable[[Outcome], None]


class Lane:
    """Messages of one connection, in order: after one is refused, all later ones are.

    Otherwise a later one would be acknowledged, and with it the one that is not stored.
    """

    def __init__(self) -> None:
        self.broken = False


@dataclass(frozen=True, slots=True)
class _Waiting:
    arrival: Arrival
    lane: Lane
    done: Done


class Intake:
    """The only writer of telemetry. Subscribers are called one at a time and must be quick."""

    def __init__(self, series: Series, current: CurrentState, keeper: Housekeeping) -> None:
        self.series = series
        self.current = current
        self.fault = ""
        self.counts = dict.fromkeys(Outcome, 0)
        self._keeper = keeper
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._subscribers: list[Subscriber] = []
        self._publishing = Lock()
        self._thread = Thread(target=self._run, name="telemetry-intake", daemon=True)

    def start(self) -> None:
        """Begin to store what arrives."""
        self._thread.start()

    def stop(self) -> None:
        """Store what has arrived, and end."""
        self._queue.put(None)
        self._thread.join()

    def subscribe(self, subscriber: Subscriber) -> None:
        """Give a subscriber every message from now on: live ones at once, others once stored."""
        with self._publishing:
            self._subscribers.append(subscriber)

    def offer(self, arrival: Arrival, lane: Lane, done: Done) -> None:
        """Hand over the next message of a lane; done is called by the thread of the intake."""
        self._queue.put(_Waiting(arrival, lane, done))

    def publish(self, arrival: Arrival) -> None:
        """Give subscribers a message; how the edge stands is known from then on."""
        heard = Heard(arrival.message, arrival.received_s, arrival.spool_began_s)
        self.current.take(heard)
        with self._publishing:
            for subscriber in self._subscribers:
                _call(subscriber, heard)

    def _run(self) -> None:
        while True:
            taken = self._take()
            if waiting := [one for one in taken if one is not None]:
                self._store(waiting)
            if len(waiting) < len(taken):
                return
            self._keep(busy=len(waiting) == _MOST)

    def _take(self) -> list[_Waiting | None]:
        """Return what has arrived, after a short wait for the first; None says to end."""
        taken: list[_Waiting | None] = []
        with suppress(Empty):
            taken.append(self._queue.get(timeout=_TICK_S))
            while taken[-1] is not None and len(taken) < _MOST:
                taken.append(self._queue.get_nowait())
        return taken

    def _store(self, waiting: Sequence[_Waiting]) -> None:
        whole = []
        for one in waiting:
            if one.lane.broken:
                self._settle(one, Outcome.REFUSED)
            else:
                whole.append(one)
        if not whole:
            return
        if hindrance := self._keeper.hindrance():
            self._refuse(whole, hindrance)
        else:
            self._append(whole)

    def _append(self, waiting: Sequence[_Waiting]) -> None:
        try:
            new = self.series.append([one.arrival for one in waiting])
        except OperationalError as error:
            # Room is made first: who is refused may look or send at once.
            self._keeper.relieve(error)
            self._refuse(waiting, words_of(error))
        except (DBAPIError, ValueError, OverflowError) as error:
            self._store_one_by_one(waiting, error)
        # A fault of this program must lose nothing: edges keep what is not acknowledged.
        except Exception as error:  # noqa: BLE001
            _log.exception("telemetry cannot be stored")
            self._refuse(waiting, repr(error))
        else:
            self._accept()
            for one, is_new in zip(waiting, new, strict=True):
                self._settle(one, Outcome.STORED if is_new else Outcome.KNOWN)

    def _store_one_by_one(self, waiting: Sequence[_Waiting], error: Exception) -> None:
        """Store what can be, so that one message of a broken edge holds up nobody."""
        if len(waiting) > 1:
            for one in waiting:
                self._store([one])
            return
        message = waiting[0].arrival.message
        _log.warning(
            "%s: message %d cannot be stored and is left out: %s",
            message.device,
            message.sequence,
            error,
        )
        self._settle(waiting[0], Outcome.UNUSABLE)

    def _settle(self, one: _Waiting, outcome: Outcome) -> None:
        self.counts[outcome] += 1
        if outcome is Outcome.STORED:
            self.publish(one.arrival)
        _call(one.done, outcome)

    def _refuse(self, waiting: Sequence[_Waiting], why: str) -> None:
        fault = f"telemetry is not stored: {why}; edges keep theirs meanwhile"
        if fault != self.fault:
            _log.error("%s", fault)
        self.fault = fault
        for one in waiting:
            one.lane.broken = True
            self._settle(one, Outcome.REFUSED)

    def _accept(self) -> None:
        if self.fault:
            _log.warning("telemetry is stored again")
        self.fault = ""

    def _keep(self, *, busy: bool) -> None:
        try:
            self._keeper.step(busy=busy)
        except OperationalError as error:
            _log.warning("old telemetry is not packed yet: %s; it is tried again", words_of(error))
            self._keeper.relieve(error)
        except Exception:  # noqa: BLE001 - the intake goes on
            _log.exception("old telemetry cannot be packed or dropped; it is tried again")


def _call(receiver: Callable[[_Given], None], given: _Given) -> None:
    """Call a receiver; its fault is logged and stops nobody else."""
    try:
        receiver(given)
    except Exception:  # noqa: BLE001 - other receivers get theirs
        _log.exception("a receiver of telemetry failed")
