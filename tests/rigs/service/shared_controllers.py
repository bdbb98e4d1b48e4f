"""Controllers on one database in this process, each with an engine and a lock of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import time

from sqlalchemy import Engine

from controller.clock import SystemClock
from controller.deciding.shared_incidents import LeaderWork, SharedIncidents
from controller.incidents.model import Act, ActKind, Health, Observation, Source, Subject
from controller.incidents.model import SubjectKind as Kind
from controller.incidents.view import NetworkView
from controller.leadership.mailbox import Report
from controller.leadership.stream import StreamEvent
from controller.leadership.term import Term
from database.engine import open_engine

CUT = Subject(Kind.CIRCUIT, "mora-kolofata-fibre")
ENDS = ("mora-r1", "kolofata-r1")


@dataclass
class Controller:
    """A controller, the engines of its terms, and what it heard and streamed."""

    engine: Engine
    incidents: SharedIncidents = field(init=False)
    terms: list[tuple[Engine, Term]] = field(default_factory=list)
    ended: int = 0
    heard: list[Report] = field(default_factory=list)
    streamed: list[tuple[int, StreamEvent]] = field(default_factory=list)

    def begin(self, engine: Engine, term: Term):
        self.terms.append((engine, term))
        return self.end

    def end(self) -> None:
        self.ended += 1

    def roots(self) -> list[str]:
        """Return the roots of open incidents."""
        return [one.root.name for one in self.incidents.listed(ended=False)]

    def cut(self, number: int = 1, state: Health = Health.DOWN) -> None:
        """Hear from both ends of a circuit how it stands."""
        now_s = time()
        source = Source.EDGE_PATH
        self.incidents.report(
            *(Observation(CUT, end, source, state, number, now_s, now_s) for end in ENDS)
        )

    def comment(self, incident: int, text: str):
        """Comment an incident as a person does, and return what was refused."""
        act = Act(ActKind.COMMENT, incident, "ngono", time(), text)
        return self.incidents.submit(act)


@contextmanager
def controller_on(place: Path | str, network: NetworkView) -> Iterator[Controller]:
    """Give a controller that runs."""
    engine = open_engine(place)
    made = Controller(engine)
    work = LeaderWork(made.begin, made.heard.append, made.streamed.extend)
    made.incidents = SharedIncidents(engine, network, work, SystemClock())
    made.incidents.start()
    try:
        yield made
    finally:
        made.incidents.stop()
        engine.dispose()
