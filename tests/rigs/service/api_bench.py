"""The API on the northern spur, with people who sign in, or whom a header names instead."""

import asyncio
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from fastapi import Request
from sqlalchemy import Engine

from accounts.factors.passkeys import RelyingParty
from accounts.factors.passwords import PasswordHashing
from accounts.factors.totp import SealingKey
from accounts.realm import Realm, open_realm
from accounts.roles import Account, Grant, Origin, Principal
from controller.api.context import ApiContext
from controller.api.events import EventRing
from controller.api.places import Places
from controller.clock import SystemClock
from controller.consultations.desk import ConsultationDesk
from controller.consultations.report import EndHistory
from controller.deciding.engine import IncidentEngine
from controller.environment import state_dir
from controller.incidents.model import Health, Observation, Source, Subject, SubjectKind
from controller.incidents.policy import Policy
from controller.incidents.view import network_view
from controller.leadership.stream import StreamEvent
from controller.load import load
from controller.operations.answer_rows import AnswerRows
from controller.operations.changes import Changes
from controller.pages.install import add_pages
from controller.roles import CATALOGUE
from controller.routes.app import cookies_of, make_app
from controller.schedules.archive import ReportArchive
from controller.schedules.desk import ReportDesk
from controller.schedules.jobs import usual_surroundings
from controller.service.authentication import Authentication
from controller.service.changing import open_changes
from controller.store.place import FILE
from database.engine import open_engine
from tests.rigs.accounts.service import PARTY, QUICK, without_disk
from tests.rigs.database.fresh_records import place_fresh_records
from tests.rigs.service.http_server import RunningServer, running_server
from tests.rigs.service.memory_rows import MemoryRows
from tests.sanaga_process import ROOT
from topology.build import build_topology

ORIGIN: Final = "https://noc.example.org"
_FORM: Final = "application/x-www-form-urlencoded"

SPUR: Final = ROOT / "inventory" / "examples" / "northern-spur"
_OWN_STATE: Final = "sanaga-state-"
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


_KEY: Final = SealingKey(bytes(range(32)))


@dataclass
class BenchClock:
    """The time of day, which tests move on; seconds since 1970."""

    ahead_s: float = 0.0
    stopped_s: float | None = None

    def stop(self) -> None:
        """Let no more time pass, so that what lasts minutes lasts for all of a slow test."""
        self.stopped_s = time()

    def __call__(self) -> float:
        return (time() if self.stopped_s is None else self.stopped_s) + self.ahead_s


@dataclass
class ApiBench:
    """A client, and the engine behind the API."""

    client: RunningServer
    engine: IncidentEngine
    rows: MemoryRows
    realm: Realm
    clock: "BenchClock"
    application: Any
    numbers: dict[Any, int]
    archive: ReportArchive

    @property
    def context(self) -> ApiContext:
        context: ApiContext = self.application.state.context
        return context

    @property
    def changes(self) -> Changes:
        return self.context.changes

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

    def send_form(self, path: str, who: str, **fields: str) -> Any:
        """Return the answer to a form that a page of ours sent."""
        headers = {"Content-Type": _FORM, "Origin": ORIGIN, "who": who}
        content = urlencode(fields).encode()
        return self.client.request("POST", path, headers=headers, content=content)

    def _said(self, subject: Subject, device: str, state: Health) -> Observation:
        self.numbers[subject, device] = number = self.numbers.get((subject, device), 0) + 1
        now_s = self.clock()
        source = Source.EDGE_PATH
        return Observation(subject, device, source, state, number, now_s, now_s)


@contextmanager
def api_bench(
    grants: Mapping[str, tuple[Grant, ...]],
    folder: Path = SPUR,
    party: RelyingParty = PARTY,
    **listening: Any,
) -> Iterator[ApiBench]:
    """Give a running API with its pages; grants are those of people by the header "who"."""
    loaded = load(folder)
    intent, topology = loaded.intent, build_topology(loaded.intent)
    view, rows = network_view(intent, topology), MemoryRows()
    clock = BenchClock()
    made, tellers = list[Any](), list[Callable[[StreamEvent], None]]()
    engine = IncidentEngine(rows, view, _publish_by(tellers), clock, AT_ONCE)

    def application() -> Any:
        ring, places = EventRing("run"), Places(intent)
        known = Authentication(realm, cookies_of(realm), clock, "root")
        who, past = _who(grants, known), _PastOfOne()
        tellers.append(_tell(ring))
        changes = open_changes(loaded, database, desk, tellers[0], clock)
        answers = AnswerRows(database)
        reading = (intent, places, view, engine, desk, past, ring)
        context = ApiContext(
            *reading,
            who,
            clock,
            changes,
            answers,
            reports,
            rotas=tuple(loaded.notices.rotas.values()),
        )
        made.append(_whole_app(context, realm, lambda: engine.fault, known))
        return made[0]

    with _state_folder(), _records() as database, closing(PasswordHashing(QUICK)) as passwords:
        realm = open_realm(Realm(database, CATALOGUE, party, _KEY, passwords))
        desk = ConsultationDesk(database, topology, loaded.policies)
        around = usual_surroundings(loaded, state_dir(), database, "1.0")
        reports = ReportDesk(around, SystemClock())
        engine.start()
        try:
            with running_server(application, **listening) as server:
                yield ApiBench(server, engine, rows, realm, clock, made[0], {}, around.archive)
                made[0].state.context.changes.operations.stop()
        finally:
            engine.stop()


@contextmanager
def _state_folder() -> Iterator[None]:
    """Let records be in a folder of their own, or of the test; not the machine's or a bench's."""
    with (
        TemporaryDirectory(prefix=_OWN_STATE) as scratch,
        pytest.MonkeyPatch.context() as patch,
    ):
        chosen = os.environ.get("SANAGA_STATE_DIR", "")  # noqa: TID251
        if not chosen or _OWN_STATE in chosen:
            patch.setenv("SANAGA_STATE_DIR", scratch)
        yield


@contextmanager
def _records() -> Iterator[Engine]:
    """Give the database of the state folder, in which everything is kept that the service keeps."""
    place_fresh_records(state_dir())
    database = without_disk(open_engine(state_dir() / FILE))
    try:
        yield database
    finally:
        database.dispose()


class _PastOfOne:
    """History with one far end, and a gap between two points."""

    def path_series(self, *_: object) -> tuple[dict[str, Any], ...]:
        point = {"mos": [4.1, 4.2, 4.3], "seconds": 60}
        series = {"began_unix_s": 0, "step_s": 60, "points": [point, None, point]}
        return ({"peer": "yaounde-e1", **series},)

    def path_moves(self, *_: object) -> tuple[dict[str, Any], ...]:
        return ()

    def call_ends(self, *_: object) -> tuple[EndHistory, ...]:
        return ()


def _who(grants: Mapping[str, tuple[Grant, ...]], known: Authentication) -> Any:
    def found(request: Request) -> Principal:
        name = request.headers.get("who", "")
        if name not in grants:
            return known(request)
        held = grants[name]
        account = Account(1, name, name)
        return Principal(account, held, CATALOGUE.powers(held), Origin.SESSION, "test")

    return found


def _whole_app(
    context: ApiContext, realm: Realm, fault: Callable[[], str], known: Authentication
) -> Any:
    made = make_app(context, realm, "1.0", fault, known.forget)
    add_pages(made)
    return made


def _publish_by(tellers: list[Callable[[StreamEvent], None]]) -> Any:
    """Return what an engine tells of its decisions, once there is a ring to tell."""

    def publish(kind: str, body: Mapping[str, Any], sites: Collection[str]) -> None:
        for tell in tellers:
            tell(StreamEvent(kind, body, tuple(sites)))

    return publish


def _tell(ring: EventRing) -> Callable[[StreamEvent], None]:
    """Return what gives the ring an event from any thread."""
    loop = asyncio.get_running_loop()

    def follow(one: StreamEvent) -> None:
        ring.follow(ring.newest + 1, one)

    def tell(one: StreamEvent) -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(follow, one)

    return tell
