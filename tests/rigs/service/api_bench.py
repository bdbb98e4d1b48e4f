"""The API on the northern spur, with people whom a header names instead of a session."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request

from accounts.roles import Account, Grant, Origin, Principal
from controller.api.context import ApiContext
from controller.api.events import EventRing
from controller.api.places import Places
from controller.api.problems import ProblemError
from controller.clock import SystemClock
from controller.consultations.desk import ConsultationDesk
from controller.consultations.report import EndHistory
from controller.incidents.model import Health, Observation, Policy, Source, Subject, SubjectKind
from controller.incidents.view import network_view
from controller.load import load
from controller.roles import CATALOGUE
from controller.routes.app import make_app
from controller.schedules.archive import ReportArchive
from controller.schedules.desk import ReportDesk
from controller.schedules.jobs import usual_surroundings
from controller.service.engine import IncidentEngine
from database.engine import open_engine
from tests.rigs.service.http_server import RunningServer, running_server
from tests.rigs.service.memory_rows import MemoryRows
from tests.sanaga_process import ROOT
from topology.build import build_topology

SPUR: Final = ROOT / "inventory" / "examples" / "northern-spur"
# Nothing has to settle: what is heard is an incident at once.
AT_ONCE: Final = Policy(
    both_ends_s=0.0,
    one_end_s=0.0,
    access_s=0.0,
    silent_s=0.0,
    collector_s=0.0,
    clear_s=0.0,
    grace_s=0.0,
)


@dataclass
class ApiBench:
    """A client, and the engine behind the API."""

    client: RunningServer
    engine: IncidentEngine
    rows: MemoryRows
    numbers: dict[Any, int]
    archive: ReportArchive

    def hear(self, circuit: str, state: Health, *devices: str) -> None:
        """Let the devices at the ends of a circuit say how it stands, and wait for the decision."""
        subject = Subject(SubjectKind.CIRCUIT, circuit)
        self.engine.submit(*(self._said(subject, one, state) for one in devices))

    def get(self, path: str, who: str = "ngono", **parameters: Any) -> Any:
        """Return the answer to a reader's request, which must be well."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        answer = self.client.request("GET", f"/api/v1{path}{query}", headers={"who": who})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _said(self, subject: Subject, device: str, state: Health) -> Observation:
        self.numbers[subject, device] = number = self.numbers.get((subject, device), 0) + 1
        now_s = time()
        source = Source.EDGE_PATH
        return Observation(subject, device, source, state, number, now_s, now_s)


@contextmanager
def api_bench(grants: Mapping[str, tuple[Grant, ...]], folder: Path = SPUR) -> Iterator[ApiBench]:
    """Give a running API; grants are those of people by the name in the header "who"."""
    loaded = load(folder)
    intent, topology = loaded.intent, build_topology(loaded.intent)
    view, rows = network_view(intent, topology), MemoryRows()
    engine = IncidentEngine(rows, view, lambda *_: None, time, AT_ONCE)

    def application() -> Any:
        ring, places = EventRing("run"), Places(intent)
        who, past = _who(grants), _PastOfOne()
        context = ApiContext(intent, places, view, engine, desk, past, ring, who, time, reports)
        return make_app(context, "1.0", lambda: engine.fault)

    scratch = TemporaryDirectory(prefix="sanaga-api-")
    database = open_engine(Path(scratch.name, "sanaga.sqlite"))
    desk = ConsultationDesk(database, topology, loaded.policies)
    around = usual_surroundings(loaded, Path(scratch.name), database, "1.0")
    reports = ReportDesk(around, SystemClock())
    engine.start()
    try:
        with running_server(application) as server:
            yield ApiBench(server, engine, rows, {}, around.archive)
    finally:
        engine.stop()
        database.dispose()
        scratch.cleanup()


class _PastOfOne:
    """History with one far end, and a gap between two points."""

    def path_series(self, *_: object) -> tuple[dict[str, Any], ...]:
        point = {"mos": [4.1, 4.2, 4.3], "seconds": 60}
        series = {"began_unix_s": 0, "step_s": 60, "points": [point, None, point]}
        return ({"peer": "yaounde-e1", **series},)

    def call_ends(self, *_: object) -> tuple[EndHistory, ...]:
        return ()


def _who(grants: Mapping[str, tuple[Grant, ...]]) -> Any:
    def found(request: Request) -> Principal:
        name = request.headers.get("who", "")
        if name not in grants:
            raise ProblemError(HTTPStatus.UNAUTHORIZED, "sign in")
        held = grants[name]
        account = Account(1, name, name)
        return Principal(account, held, CATALOGUE.powers(held), Origin.SESSION, "test")

    return found
