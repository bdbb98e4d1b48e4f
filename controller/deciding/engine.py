"""Decides on news, batch after batch, in one thread that alone writes incidents."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, Final, Protocol, TypeAlias

from sqlalchemy.exc import SQLAlchemyError

from controller.clock import LEAST_STEP_S
from controller.decisions.clock_steps import after_step, numbered_until
from controller.decisions.decide import decide, started
from controller.incidents.model import (
    Act,
    Incident,
    IncidentChange,
    IncidentState,
    News,
    Outcome,
    Refusal,
)
from controller.incidents.policy import Policy
from controller.incidents.view import NetworkView
from controller.leadership.mailbox import Posted, Settled
from controller.leadership.stream import events_of
from controller.leadership.term import FencedError
from inventory.errors import StorageError

# The longest time without a decision, so that a clock that was set does no harm.
_LONGEST_WAIT_S: Final = 30.0
# What could not be stored is tried again so soon, and no more of it is kept.
_AGAIN_S: Final = 1.0
_MOST_KEPT: Final = 50_000
# So many news are decided on together at most.
_MOST: Final = 500
_STOP_WITHIN_S: Final = 30.0
_ANSWER_WITHIN_S: Final = 60.0
_log: Final = logging.getLogger(__name__)

Answer: TypeAlias = "Future[Sequence[Refusal]]"
Publish: TypeAlias = Callable[[str, Mapping[str, Any], Collection[str]], None]


class ReadableRows(Protocol):
    """Where decisions are read again."""

    def listed(self, *, ended: bool) -> Sequence[Incident]:
        """Return incidents, open ones only unless ended."""

    def find(self, number: int) -> Incident | None:
        """Return an incident of that number."""

    def timeline(self, number: int) -> Sequence[IncidentChange]:
        """Return what happened to an incident, oldest first."""


class StoredIncidents:
    """A state of the incidents, and the rows behind it."""

    def __init__(self, rows: ReadableRows, state: IncidentState) -> None:
        self._stored, self._state = rows, state

    def current(self) -> IncidentState:
        """Return the present state."""
        return self._state

    def listed(self, *, ended: bool) -> Sequence[Incident]:
        """Return open incidents, or those that ended, too."""
        if ended:
            return self._stored.listed(ended=True)
        return [one for one in self._state.incidents.values() if one.open]

    def find(self, number: int) -> Incident | None:
        """Return an incident, the one it was merged into if it was."""
        found = self._state.incidents.get(number) or self._stored.find(number)
        while found is not None and found.merged_into is not None:
            other = found.merged_into
            found = self._state.incidents.get(other) or self._stored.find(other)
        return found

    def timeline(self, number: int) -> Sequence[IncidentChange]:
        """Return what happened to an incident, oldest first."""
        return self._stored.timeline(number)


@dataclass(frozen=True, slots=True)
class _Said:
    """News that wait for a decision; posted is the report of the database that they are from."""

    news: Sequence[News]
    answer: Answer
    posted: Posted | None = None

    def refused(self, refusals: Sequence[Refusal]) -> tuple[Refusal, ...]:
        """Return the refusals of these news among all of a decision."""
        return tuple(one for one in refusals if one.act in self.news)


class IncidentRows(ReadableRows, Protocol):
    """Where decisions are kept."""

    def load(self) -> IncidentState:
        """Return the state as it was last stored."""

    def store(self, outcome: Outcome, settled: Sequence[Settled] = ()) -> None:
        """Store a state, its incidents, their timeline and the notices in one transaction.

        settled are the reports of the database that it decides on.
        """


class IncidentEngine(StoredIncidents):
    """Takes news from any thread; decides in its own, stores, then publishes."""

    def __init__(
        self,
        rows: IncidentRows,
        network: NetworkView,
        publish: Publish,
        now: Callable[[], float],
        policy: Policy = Policy(),  # noqa: B008 - a value that never changes
    ) -> None:
        """Use rows and a clock; step_s says by how much that was set since it was last asked."""
        super().__init__(rows, rows.load())
        self.step_s: Callable[[], float] = lambda: 0.0
        self._stepped = False
        self._rows, self._network, self._publish = rows, network, publish
        self._now, self._policy, self._wake_s = now, policy, now()
        self._news: SimpleQueue[_Said] = SimpleQueue()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="incidents", daemon=True)
        self.fault = ""
        self._kept: tuple[News, ...] = ()

    def start(self, *, goes_on: bool = False) -> None:
        """Begin to decide; goes_on says that another process decided until just now."""
        ahead_s = self._state.decided_s - self._now()
        if ahead_s > LEAST_STEP_S:
            # The clock was set back while nobody decided.
            self._follow_step(-ahead_s)
        self._state = numbered_until(self._state, self._now())
        if not goes_on:
            self._state = started(self._state, self._now())
        self._thread.start()

    def ended(self) -> bool:
        """Return whether it decides no more, as another controller took over."""
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Decide on what has come, and end."""
        self._stopping.set()
        self._news.put(_Said((), Future()))
        self._thread.join(_STOP_WITHIN_S)

    def undecided(self) -> tuple[News, ...]:
        """Return what was reported and not decided on before it ended; acts of people failed."""
        left = list(self._kept)
        while not self._news.empty():
            said = self._news.get()
            said.answer.set_exception(StorageError("another controller decides now; try again"))
            left += said.news if said.posted is None else ()
        return tuple(one for one in left if not isinstance(one, Act))

    def report(self, *news: News) -> None:
        """Take news without waiting for the decision."""
        if news:
            self._news.put(_Said(news, Future()))

    def take(self, posted: Posted) -> Answer:
        """Take a report of the database, which goes from there with the decision on it."""
        answer: Answer = Future()
        self._news.put(_Said(posted.report.news, answer, posted))
        return answer

    def submit(self, *news: News) -> Sequence[Refusal]:
        """Decide on news and return, once that is stored, which acts were refused."""
        answer: Answer = Future()
        self._news.put(_Said(news, answer))
        try:
            return answer.result(_ANSWER_WITHIN_S)
        except TimeoutError:
            raise StorageError("no decision in time; look whether it was made") from None

    def _run(self) -> None:
        while not (self._stopping.is_set() and self._news.empty()):
            batch = self._next_batch()
            try:
                refusals = self._decide(batch)
            except FencedError as error:
                _log.warning("%s", error)
                self._keep(batch, str(error))
                return
            except SQLAlchemyError as error:
                _log.error("a decision cannot be stored: %s", error)
                self._keep(batch, f"decisions cannot be stored: {error}")
            except Exception as error:  # noqa: BLE001 - the next batch may be well
                _log.exception("a decision failed, and what it was about is lost")
                self.fault, self._kept = f"the last decision failed: {error}", ()
                for one in batch:
                    one.answer.set_exception(error)
            else:
                self.fault, self._kept = "", ()
                for one in batch:
                    one.answer.set_result(one.refused(refusals))

    def _keep(self, batch: Sequence[_Said], fault: str) -> None:
        """Decide again soon on what was reported; acts of people fail, they can be done again.

        What came from the database is still there.
        """
        self.fault = fault
        said = (
            one
            for each in batch
            for one in each.news
            if each.posted is None and not isinstance(one, Act)
        )
        self._kept = (*self._kept, *said)[-_MOST_KEPT:]
        self._wake_s = self._now() + _AGAIN_S
        for one in batch:
            one.answer.set_exception(StorageError("nothing can be stored now; try again later"))

    def _next_batch(self) -> list[_Said]:
        """Return what has come, after a wait until time alone is a reason to decide."""
        wait_s = min(max(0.0, self._wake_s - self._now()), _LONGEST_WAIT_S)
        batch: list[_Said] = []
        try:
            batch.append(self._news.get(timeout=wait_s))
            while sum(len(one.news) for one in batch) < _MOST:
                batch.append(self._news.get_nowait())
        except Empty:
            pass
        return batch

    def _follow_step(self, by_s: float) -> None:
        _log.warning("the clock was set by %+.0f s; what goes on is as old as it was before", by_s)
        self._state, self._stepped = after_step(self._state, by_s), True

    def _decide(self, batch: Sequence[_Said]) -> Sequence[Refusal]:
        if by_s := self.step_s():
            self._follow_step(by_s)
        now_s = self._now()
        news = (*self._kept, *(one for said in batch for one in said.news))
        outcome = decide(self._state, self._network, news, now_s, self._policy)
        if self._stepped:
            outcome = _all_touched(outcome)
        refusals = outcome.refusals
        settled = [Settled(one.posted, one.refused(refusals)) for one in batch if one.posted]
        self._rows.store(outcome, settled)
        self._stepped = False
        wake_s = outcome.wake_s
        self._wake_s = now_s + _LONGEST_WAIT_S if wake_s is None else wake_s
        self._state = outcome.state
        for event in events_of(outcome, self._network, self.find):
            self._publish(event.kind, event.body, event.sites)
        return refusals


def _all_touched(outcome: Outcome) -> Outcome:
    """Return an outcome of which every incident that is kept is written."""
    every = {**outcome.state.incidents} | {one.number: one for one in outcome.touched}
    return replace(outcome, touched=tuple(one for _, one in sorted(every.items())))
