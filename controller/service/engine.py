"""Decides on news, batch after batch, in one thread that alone writes incidents."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, Final, Protocol, TypeAlias

from sqlalchemy.exc import SQLAlchemyError

from controller.decisions.decide import decide, started
from controller.incidents.model import (
    Act,
    Incident,
    IncidentChange,
    IncidentState,
    News,
    Outcome,
    Policy,
    Refusal,
    Subject,
)
from controller.incidents.view import NetworkView
from inventory.errors import StorageError

# The longest time without a decision, so that a clock that was set does no harm.
_LONGEST_WAIT_S: Final = 30.0
# What could not be stored is tried again so soon, and no more of it is kept.
_AGAIN_S: Final = 1.0
_MOST_KEPT: Final = 50_000
# So many news are decided on together at most.
_MOST: Final = 500
_STOP_WITHIN_S: Final = 30.0
_log: Final = logging.getLogger(__name__)

Answer: TypeAlias = "Future[Sequence[Refusal]]"
Publish: TypeAlias = Callable[[str, Mapping[str, Any], Collection[str]], None]


class IncidentRows(Protocol):
    """Where decisions are kept."""

    def load(self) -> IncidentState:
        """Return the state as it was last stored."""

    def store(self, outcome: Outcome) -> None:
        """Store a state, its incidents, their timeline and the notices in one transaction."""

    def listed(self, *, ended: bool) -> Sequence[Incident]:
        """Return incidents, open ones only unless ended."""

    def find(self, number: int) -> Incident | None:
        """Return an incident of that number."""

    def timeline(self, number: int) -> Sequence[IncidentChange]:
        """Return what happened to an incident, oldest first."""


class IncidentEngine:
    """Takes news from any thread; decides in its own, stores, then publishes."""

    def __init__(
        self,
        rows: IncidentRows,
        network: NetworkView,
        publish: Publish,
        now: Callable[[], float],
        policy: Policy = Policy(),  # noqa: B008 - a value that never changes
    ) -> None:
        self._rows, self._network, self._publish = rows, network, publish
        self._now, self._policy = now, policy
        self._state, self._wake_s = started(rows.load(), now()), now()
        self._news: SimpleQueue[tuple[Sequence[News], Answer]] = SimpleQueue()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="incidents", daemon=True)
        self.fault = ""
        self._kept: tuple[News, ...] = ()

    def start(self) -> None:
        """Begin to decide."""
        self._thread.start()

    def stop(self) -> None:
        """Decide on what has come, and end."""
        self._stopping.set()
        self._news.put(((), Future()))
        self._thread.join(_STOP_WITHIN_S)

    def current(self) -> IncidentState:
        """Return the present state."""
        return self._state

    def listed(self, *, ended: bool) -> Sequence[Incident]:
        """Return open incidents, or those that ended, too."""
        if ended:
            return self._rows.listed(ended=True)
        return [one for one in self._state.incidents.values() if one.open]

    def find(self, number: int) -> Incident | None:
        """Return an incident, the one it was merged into if it was."""
        found = self._state.incidents.get(number) or self._rows.find(number)
        while found is not None and found.merged_into is not None:
            other = found.merged_into
            found = self._state.incidents.get(other) or self._rows.find(other)
        return found

    def timeline(self, number: int) -> Sequence[IncidentChange]:
        """Return what happened to an incident, oldest first."""
        return self._rows.timeline(number)

    def report(self, *news: News) -> None:
        """Take news without waiting for the decision."""
        if news:
            self._news.put((news, Future()))

    def submit(self, *news: News) -> Sequence[Refusal]:
        """Decide on news and return, once that is stored, which acts were refused."""
        answer: Answer = Future()
        self._news.put((news, answer))
        return answer.result()

    def _run(self) -> None:
        while not (self._stopping.is_set() and self._news.empty()):
            batch = self._next_batch()
            try:
                refusals = self._decide([*self._kept, *(one for news, _ in batch for one in news)])
            except SQLAlchemyError as error:
                self._keep(batch, error)
            except Exception as error:  # noqa: BLE001 - the next batch may be well
                _log.exception("a decision failed, and what it was about is lost")
                self.fault, self._kept = f"the last decision failed: {error}", ()
                for _, answer in batch:
                    answer.set_exception(error)
            else:
                self.fault, self._kept = "", ()
                for _, answer in batch:
                    answer.set_result(refusals)

    def _keep(self, batch: Sequence[tuple[Sequence[News], Answer]], error: Exception) -> None:
        """Decide again soon on what was reported; acts of people fail, they can be done again."""
        _log.error("a decision cannot be stored: %s", error)
        self.fault = f"decisions cannot be stored: {error}"
        said = (one for news, _ in batch for one in news if not isinstance(one, Act))
        self._kept = (*self._kept, *said)[-_MOST_KEPT:]
        self._wake_s = self._now() + _AGAIN_S
        for _, answer in batch:
            answer.set_exception(StorageError("nothing can be stored now; try again later"))

    def _next_batch(self) -> list[tuple[Sequence[News], Answer]]:
        """Return what has come, after a wait until time alone is a reason to decide."""
        wait_s = min(max(0.0, self._wake_s - self._now()), _LONGEST_WAIT_S)
        batch: list[tuple[Sequence[News], Answer]] = []
        try:
            batch.append(self._news.get(timeout=wait_s))
            while sum(len(news) for news, _ in batch) < _MOST:
                batch.append(self._news.get_nowait())
        except Empty:
            pass
        return batch

    def _decide(self, news: Sequence[News]) -> Sequence[Refusal]:
        now_s = self._now()
        outcome = decide(self._state, self._network, tuple(news), now_s, self._policy)
        self._rows.store(outcome)
        wake_s = outcome.wake_s
        self._wake_s = now_s + _LONGEST_WAIT_S if wake_s is None else wake_s
        self._state = outcome.state
        self._tell(outcome)
        return outcome.refusals

    def _tell(self, outcome: Outcome) -> None:
        for change in outcome.health_changes:
            body = {
                "kind": change.subject.kind.value,
                "name": change.subject.name,
                "before": change.before.value,
                "after": change.after.value,
                "at_s": change.at_s,
            }
            self._publish("health", body, self._sites(change.subject))
        for entry in outcome.changes:
            incident = self._state.incidents.get(entry.incident) or self.find(entry.incident)
            sites = incident.sites or self._sites(incident.root) if incident else ()
            body = {
                "number": entry.incident,
                "change": entry.kind.value,
                "at_s": entry.at_s,
            }
            self._publish("incident", body, sites)

    def _sites(self, subject: Subject) -> Collection[str]:
        site = self._network.site_of(subject)
        return (site,) if site else ()
