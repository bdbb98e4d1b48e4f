"""Incidents of a controller that shares its database: it decides while it leads, else it follows.

A follower posts what it hears in the database, and shows what the leader decided.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from secrets import token_hex
from threading import Event, Thread
from typing import Final, TypeAlias

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from controller.clock import Clock, StepWatch
from controller.deciding.engine import IncidentEngine, StoredIncidents
from controller.decisions.rows import IncidentRows
from controller.incidents.model import (
    Incident,
    IncidentChange,
    IncidentState,
    News,
    Outcome,
    Refusal,
)
from controller.incidents.view import NetworkView
from controller.leadership.mailbox import (
    Posted,
    Reply,
    Report,
    answer_to,
    give_up,
    post,
    posted,
    settle,
    withdraw,
)
from controller.leadership.schema import LEADER_FILE, LEADER_LOCK, open_leadership
from controller.leadership.stream import (
    StreamEvent,
    events_after,
    events_of,
    newest_event,
    tell,
    write_events,
)
from controller.leadership.term import (
    HUNG_S,
    FencedError,
    Term,
    beat,
    beat_age_s,
    begin_term,
    end_connections,
    fenced,
    holder,
)
from controller.notices.model import IncidentNow
from database.faults import words_of
from database.process_lock import process_lock
from inventory.errors import StorageError

_TICK_S: Final = 0.25
_TRY_S: Final = 0.5
# How often the leader asks whether it still leads, and for how long the answer holds.
_CHECK_S: Final = 1.0
_SURE_S: Final = 3.0
# After a shorter gap a leader goes on with what the one before it measured.
_GOES_ON_S: Final = 60.0
_NOBODY_S: Final = 20.0
_ANSWER_WITHIN_S: Final = 20.0
_ASK_S: Final = 0.1
# So many of the last events a controller that starts can still give to a stream.
_RESUMED: Final = 1_000
_MOST_WAITING: Final = 50_000
_log: Final = logging.getLogger(__name__)

Numbered: TypeAlias = Sequence[tuple[int, StreamEvent]]


@dataclass(frozen=True, slots=True)
class LeaderWork:
    """What else a leader does: begin returns how to end it, heard is told of others' reports.

    follow takes events for streams.
    """

    begin: Callable[[Engine, Term], Callable[[], None]]
    heard: Callable[[Report], None]
    follow: Callable[[Numbered], None]


@dataclass(slots=True)
class _Lead:
    """A term of this controller, while it lasts; sure_until is a time of the clock."""

    term: Term
    engine: Engine
    incidents: IncidentEngine
    end: Callable[[], None]
    sure_until: float
    check_at: float
    pull_at: float = 0.0
    handed: set[int] = field(default_factory=set)


class SharedIncidents:
    """What decides, or shows what is decided; used like the engine of incidents by any thread."""

    def __init__(
        self, engine: Engine, network: NetworkView, work: LeaderWork, clock: Clock
    ) -> None:
        """Make the tables; stream names the events of this database, on_decided hears of each."""
        self.stream = open_leadership(engine)
        self.fault = ""
        self.on_decided: Callable[[], None] = lambda: None
        self._engine, self._network, self._work, self._clock = engine, network, work, clock
        self._rows = IncidentRows(engine)
        self._lock = process_lock(engine, LEADER_LOCK, LEADER_FILE)
        self._lead: _Lead | None = None
        self._decision, self._shown = -1, StoredIncidents(self._rows, IncidentState())
        self._waiting: deque[Report] = deque(maxlen=_MOST_WAITING)
        self._seen = max(0, newest_event(engine) - _RESUMED)
        self._try_at = 0.0
        self._bell, self._stopping = Event(), Event()
        self._thread = Thread(target=self._run, name="leadership", daemon=True)

    def start(self) -> None:
        """Lead if nobody does, else follow."""
        with suppress(FencedError):
            self._step()
        self._thread.start()

    def stop(self) -> None:
        """Decide on what has come, hand the lead over, and end."""
        self._stopping.set()
        self.wake()
        self._thread.join()
        if self._lead is not None:
            self._step_down(self._lead)
        self._lock.release()

    def leading(self) -> bool:
        """Return whether this controller decides and sends."""
        return self._lead is not None

    def may_send(self) -> bool:
        """Return whether nobody else can have taken over, as was asked a moment ago."""
        lead = self._lead
        return lead is not None and self._clock.now() < lead.sure_until

    def decides(self) -> bool:
        """Return whether deciding goes on without a fault."""
        return self.may_send() and not self.fault

    def wake(self) -> None:
        """Look at the database now."""
        self._bell.set()

    def tell(self, event: StreamEvent) -> None:
        """Give streams of all controllers an event that is not about incidents."""
        try:
            tell(self._engine, event)
        except DBAPIError as error:
            _log.warning("streams are not told of %s: %s", event.kind, words_of(error))
        self.wake()

    def current(self) -> IncidentState:
        """Return the present state."""
        return self._readable().current()

    def listed(self, *, ended: bool) -> Sequence[Incident]:
        """Return open incidents, or those that ended, too."""
        return self._readable().listed(ended=ended)

    def find(self, number: int) -> Incident | None:
        """Return an incident, the one it was merged into if it was."""
        return self._readable().find(number)

    def timeline(self, number: int) -> Sequence[IncidentChange]:
        """Return what happened to an incident, oldest first."""
        return self._rows.timeline(number)

    def report(self, *news: News) -> None:
        """Take news without waiting for the decision, which may be another controller's."""
        lead = self._lead
        if lead is not None:
            lead.incidents.report(*news)
        elif news:
            self._waiting.append(Report(news))
            self.wake()

    def submit(self, *news: News) -> Sequence[Refusal]:
        """Have news decided on and return, once that is stored, which acts were refused.

        Raises StorageError when nobody decides in time.
        """
        lead = self._lead
        if lead is not None:
            return lead.incidents.submit(*news)
        reply = token_hex(16)
        with self._engine.begin() as connection:
            post(connection, [Report(news)], reply)
        said = self._answered(reply)
        self._refresh()
        if said.fault:
            raise StorageError(said.fault)
        return said.refusals

    def _readable(self) -> StoredIncidents:
        lead = self._lead
        return self._shown if lead is None else lead.incidents

    def _answered(self, reply: str) -> Reply:
        deadline, withdrawn = self._clock.now() + _ANSWER_WITHIN_S, False
        while not withdrawn:
            if (found := answer_to(self._engine, reply)) is not None:
                return found
            self._clock.pause(_ASK_S)
            withdrawn = self._clock.now() > deadline and withdraw(self._engine, reply)
        raise StorageError("no controller decides at the moment, so nothing was done; try again")

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._bell.wait(_TICK_S)
            self._bell.clear()
            try:
                self._step()
            except DBAPIError as error:
                self.fault = f"the database does not answer: {words_of(error)}"
                _log.warning("%s", self.fault)
            except Exception:  # noqa: BLE001 - a controller that neither leads nor follows is lost
                _log.exception("a step of the leadership failed; it is repeated")

    def _step(self) -> None:
        lead = self._lead
        if lead is None:
            self._follow()
        else:
            self._go_on(lead)
        if found := events_after(self._engine, self._seen):
            self._seen = found[-1][0]
            self._work.follow(found)

    def _follow(self) -> None:
        self._post_waiting()
        self._refresh()
        now = self._clock.now()
        if now < self._try_at:
            return
        self._try_at = now + _TRY_S
        if self._lock.take():
            try:
                self._take_over()
            except BaseException:
                self._lock.release()
                raise
            return
        silent_s = beat_age_s(self._engine)
        self.fault = f"no controller decides since {silent_s:.0f} s" if silent_s > _NOBODY_S else ""
        if silent_s > HUNG_S:
            end_connections(self._engine, holder(self._engine))

    def _post_waiting(self) -> None:
        waiting = tuple(self._waiting)
        if waiting:
            with self._engine.begin() as connection:
                post(connection, waiting)
            for _ in waiting:
                self._waiting.popleft()

    def _refresh(self) -> None:
        if found := self._rows.load_shown(self._decision):
            self._decision = found[0]
            self._shown = StoredIncidents(self._rows, found[1])

    def _take_over(self) -> None:
        term = begin_term(self._engine)
        engine, now = fenced(self._engine, term), self._clock.now()
        rows = IncidentRows(engine, (settle, self._write_stream))
        incidents = IncidentEngine(rows, self._network, self._decided, self._unix_s)
        incidents.step_s = StepWatch(self._clock).step_s
        end = self._work.begin(engine, term)
        incidents.start(goes_on=term.idle_s < _GOES_ON_S)
        self._lead = _Lead(term, engine, incidents, end, now + _SURE_S, now + _CHECK_S)
        self.fault = ""
        _log.warning("this controller decides from now on (term %d)", term.epoch)

    def _decided(self, *_: object) -> None:
        """Let streams and notices look at what was decided, which is stored by now."""
        self.wake()
        self.on_decided()

    def _go_on(self, lead: _Lead) -> None:
        now = self._clock.now()
        try:
            if now >= lead.check_at:
                self._check(lead, now)
        except FencedError as error:
            _log.warning("%s", error)
            lead.sure_until = 0.0
        if lead.sure_until <= now or lead.incidents.ended():
            _log.warning("this controller decides no more: it lost its lock")
            self._step_down(lead)
            return
        self.fault = lead.incidents.fault
        if now >= lead.pull_at:
            self._pull(lead)

    def _check(self, lead: _Lead, now: float) -> None:
        lead.check_at = now + _CHECK_S
        if not self._lock.held():
            lead.sure_until = 0.0
            return
        beat(lead.engine)
        lead.sure_until = now + _SURE_S

    def _pull(self, lead: _Lead) -> None:
        """Hand the reports of the database to the engine, each once."""
        for one in posted(self._engine):
            if one.number not in lead.handed:
                lead.handed.add(one.number)
                self._work.heard(one.report)
                taken = lead.incidents.take(one)
                taken.add_done_callback(partial(self._settled, lead, one))

    def _settled(self, lead: _Lead, one: Posted, done: "Future[Sequence[Refusal]]") -> None:
        error = done.exception()
        if isinstance(error, StorageError):
            lead.pull_at = self._clock.now() + _CHECK_S
        elif error is not None:
            give_up(lead.engine, one, f"the decision failed: {error}")
        lead.handed.discard(one.number)

    def _step_down(self, lead: _Lead) -> None:
        lead.sure_until = 0.0
        lead.incidents.stop()
        self._lead, self._decision = None, -1
        self._waiting.extend(Report((one,)) for one in lead.incidents.undecided())
        lead.end()
        self._lock.release()
        self._refresh()

    def _write_stream(self, connection: Connection, outcome: Outcome, settled: object) -> None:
        del settled
        touched = {one.number: one for one in outcome.touched}
        found = [*events_of(outcome, self._network, touched.get)]
        write_events(connection, found)

    def _unix_s(self) -> float:
        return self._clock.instant().timestamp()


@dataclass(frozen=True, slots=True)
class EngineReader:
    """Incidents as they are now."""

    incidents: SharedIncidents
    clock: Clock

    def read_incident(self, number: int) -> IncidentNow | None:
        """Return an incident as it is now, None when there is none of that number."""
        found = self.incidents.find(number)
        if found is None:
            return None
        now_s, until_s = self.clock.instant().timestamp(), found.muted_until_s
        return IncidentNow(
            ended=not found.open,
            acknowledged=bool(found.acknowledged_by),
            muted=until_s is not None and now_s < until_s,
            in_maintenance=found.maintained,
        )

    def count_open(self) -> int:
        """Return how many incidents are open."""
        return len(self.incidents.listed(ended=False))
