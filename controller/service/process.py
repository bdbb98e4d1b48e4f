"""The process behind "sanaga serve": opens what it needs, serves until it is told to stop."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socket import gethostname
from typing import Any, Final

from fastapi import FastAPI
from sqlalchemy import Engine

from accounts.realm import Realm
from controller.api.context import ApiContext
from controller.api.events import EventRing
from controller.api.places import Places
from controller.app import LOCAL_SOCKET
from controller.backups.daily import BackupRules, DailyBackups
from controller.clock import Clock, SystemClock
from controller.consultations.desk import ConsultationDesk
from controller.consultations.news import ConsultationNews
from controller.deciding.shared_incidents import (
    EngineReader,
    LeaderWork,
    Numbered,
    SharedIncidents,
)
from controller.drivers.connect import connector
from controller.environment import environment
from controller.incidents.view import NetworkView, network_view
from controller.keys.signing import sign_beat, signing_key
from controller.leadership.mailbox import Report
from controller.leadership.term import Term
from controller.load import Loaded, anchored
from controller.notices.open import Surroundings, open_worker, upgrade_notices
from controller.notices.recipients import Audience
from controller.notices.worker import NoticeWorker
from controller.operations.answer_rows import AnswerRows
from controller.operations.changes import Changes
from controller.pages.install import add_pages
from controller.polling.listeners import ListeningPorts
from controller.routes.app import cookies_of, make_app
from controller.schedules.jobs import usual_surroundings
from controller.service.authentication import Authentication
from controller.service.changing import open_changes
from controller.service.device_reports import DeviceReports, polled_targets
from controller.service.edge_reports import EdgeReports
from controller.service.listeners import HttpServers, ListenError, local_socket, tcp_socket
from controller.service.router_shows import RouterShows
from controller.service.scheduling import Scheduling, compare
from controller.service.sign_in import first_link, sign_in_realm, usual_url
from controller.service.suspicion import DevicesBetween
from controller.service.upkeep import Admission, Upkeep
from controller.store.database import Database
from controller.store.place import store_place
from controller.store.revoked_keys import Revoked
from database.engine import open_engine
from inventory.credentials import PASSPHRASE
from inventory.errors import JournalError
from topology.build import build_topology

TELEMETRY_FILE: Final = "telemetry.sqlite"
_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Where the service listens and stores; edge_port is where edges report to."""

    loaded: Loaded
    state_dir: Path
    host: str
    port: int
    edge_port: int
    devices: ListeningPorts
    version: str
    local_name: str
    # Where people reach the service; empty is this machine alone.
    url: str = ""
    backups: Path = Path()
    # What else the application is to answer, such as the page of a laboratory.
    more: Callable[[FastAPI, Realm], None] = lambda _app, _realm: None


@dataclass(frozen=True, slots=True)
class _Parts:
    """Everything that runs, in the order in which it was opened."""

    records: Engine
    view: NetworkView
    incidents: SharedIncidents
    edges: EdgeReports
    devices: DeviceReports
    consultations: ConsultationDesk
    consulting: ConsultationNews
    upkeep: Upkeep
    changes: Changes
    answers: AnswerRows
    schedules: Scheduling


def serve_until_stopped(options: ServeOptions, say: Callable[[str], None]) -> None:
    """Serve until a signal asks to stop; say tells what is listened on, and what is missing."""
    asyncio.run(_serve(options, say))


async def _serve(options: ServeOptions, say: Callable[[str], None]) -> None:
    stop, ring = asyncio.Event(), EventRing("")
    for number in _STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with ExitStack() as opened:
        local = opened.enter_context(_local_socket(options.state_dir / LOCAL_SOCKET))
        http = opened.enter_context(closing(tcp_socket(options.host, options.port)))
        parts = _open_parts(options, ring, opened, say)
        address = http.getsockname()
        name = options.loaded.intent.network.name
        url = options.url or usual_url(address[1])
        realm = opened.enter_context(
            sign_in_realm(parts.records, options.state_dir, url, f"Sanaga {name}")
        )
        known = Authentication(realm, cookies_of(realm), _now_s, options.local_name)
        context = _context(options, parts, ring, known)
        app = make_app(context, realm, options.version, lambda: _missing(parts), known.forget)
        app.state.about = lambda: _about(parts)
        add_pages(app)
        options.more(app, realm)

        def started() -> None:
            say(f"serving {name} on {address[0]} port {address[1]}")
            if link := first_link(realm, options.local_name, _now_s()):
                say(f"nobody can administer yet; open this once, within 24 hours: {link}")

        servers = HttpServers(app, [local, http])
        await _together(
            stop,
            servers.serve(stop, started),
            _hear_edges(parts, stop, options),
            parts.devices.run(stop, options.devices),
            parts.consulting.run(stop),
            parts.upkeep.run(stop),
            parts.schedules.run(stop),
        )


async def _together(stop: asyncio.Event, *works: Any) -> None:
    """Run everything until it ends; the first fault stops the rest."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        stop.set()
        await asyncio.wait(tasks)
    for task in tasks:
        task.result()


@contextmanager
def _local_socket(path: Path) -> Iterator[Any]:
    with closing(local_socket(path)) as made:
        try:
            yield made
        finally:
            path.unlink(missing_ok=True)


def _open_parts(
    options: ServeOptions, ring: EventRing, opened: ExitStack, say: Callable[[str], None]
) -> _Parts:
    loaded, clock = options.loaded, SystemClock()
    intent, topology = loaded.intent, build_topology(loaded.intent)
    database = opened.enter_context(closing(Database.open(options.state_dir, JournalError)))
    view = network_view(intent, topology)
    leader = _LeaderParts(options, clock)
    work = LeaderWork(leader.begin, leader.heard, _followed_by(ring))
    incidents = SharedIncidents(database.engine, view, work, clock)
    ring.epoch = incidents.stream
    devices = _device_reports(options, incidents, clock, say)
    telemetry = opened.enter_context(_telemetry(options))
    between = DevicesBetween(topology)
    edges = EdgeReports(
        telemetry,
        signing_key(options.state_dir),
        incidents,
        lambda here, there: devices.ask_soon(between(here, there)),
        clock,
    )
    withdrawn = Revoked(database)
    admission = Admission(loaded, edges, lambda: frozenset(withdrawn.keys()))
    upgrade_notices(database.engine)
    leader.parts = (incidents, edges, devices)
    incidents.start()
    opened.callback(incidents.stop)
    desk = ConsultationDesk(database.engine, topology, loaded.policies)
    consulting = ConsultationNews(intent, desk, incidents, edges.listener, clock)
    engines = (database.engine, telemetry)
    backups = _backups(options, clock)
    changes = open_changes(
        loaded, database.engine, desk, incidents.tell, lambda: clock.instant().timestamp()
    )
    opened.callback(changes.operations.stop)
    answers = AnswerRows(database.engine)
    around = usual_surroundings(
        loaded, options.state_dir, database.engine, options.version, partial(compare, changes)
    )
    schedules = Scheduling(
        around, lambda: devices.collector.heard, clock, incidents.leading, backups
    )
    upkeep = Upkeep(admission, backups, incidents.leading, engines, say, schedules.faults)
    edges.listener.told = schedules.heard_facts
    return _Parts(
        database.engine,
        view,
        incidents,
        edges,
        devices,
        desk,
        consulting,
        upkeep,
        changes,
        answers,
        schedules,
    )


def _device_reports(
    options: ServeOptions, incidents: SharedIncidents, clock: Clock, say: Callable[[str], None]
) -> DeviceReports:
    loaded = options.loaded
    targets = polled_targets(loaded.intent, loaded.folder, environment(), say)
    connect = connector(anchored(loaded), loaded.folder, state_dir=options.state_dir)
    return DeviceReports(
        loaded.intent, targets, RouterShows(loaded.intent, connect), incidents, clock
    )


def _backups(options: ServeOptions, clock: Clock) -> DailyBackups:
    passphrase = environment().get(PASSPHRASE, "")
    place = store_place(options.state_dir)
    rules = BackupRules(options.loaded.timetable.backup)
    return DailyBackups(place, options.backups, passphrase, clock, rules)


def _followed_by(ring: EventRing) -> Callable[[Numbered], None]:
    """Return what hands events to the ring, which is the event loop's."""
    loop = asyncio.get_running_loop()

    def follow(found: Numbered) -> None:
        for number, event in found:
            loop.call_soon_threadsafe(ring.follow, number, event)

    return follow


@dataclass(slots=True)
class _LeaderParts:
    """What runs only while this controller leads: notices and polling."""

    options: ServeOptions
    clock: Clock
    parts: tuple[SharedIncidents, EdgeReports, DeviceReports] | None = None

    def begin(self, engine: Engine, term: Term) -> Callable[[], None]:
        """Begin with a term; returns what ends it."""
        assert self.parts is not None  # noqa: S101 - set before anything leads
        incidents, edges, devices = self.parts
        edges.read_newest()
        worker = self._notices(engine, incidents, f"{gethostname()} {term.epoch}")
        incidents.on_decided = worker.wake
        worker.start(alone=True)
        devices.poll(polls=True)

        def end() -> None:
            devices.poll(polls=False)
            worker.stop()

        return end

    def heard(self, report: Report) -> None:
        """Hear what another controller heard, or this one."""
        if self.parts is not None:
            self.parts[1].heard_elsewhere(report)

    def _notices(self, engine: Engine, incidents: SharedIncidents, owner: str) -> NoticeWorker:
        loaded, key = self.options.loaded, signing_key(self.options.state_dir)
        audience = Audience(loaded.notices, Places(loaded.intent).sites)
        around = Surroundings(
            loaded.folder,
            environment(),
            self.clock,
            partial(sign_beat, key),
            alive=incidents.decides,
            may_send=incidents.may_send,
        )
        return open_worker(engine, audience, EngineReader(incidents, self.clock), around, owner)


@contextmanager
def _telemetry(options: ServeOptions) -> Iterator[Engine]:
    """Open the database of telemetry: a file of its own, or the server that keeps the rest too."""
    place = store_place(options.state_dir)
    made = (
        open_engine(place.address, password=place.password())
        if place.address
        else open_engine(options.state_dir / TELEMETRY_FILE)
    )
    try:
        yield made
    finally:
        made.dispose()


def _now_s() -> float:
    return SystemClock().instant().timestamp()


def _context(
    options: ServeOptions, parts: _Parts, ring: EventRing, known: Authentication
) -> ApiContext:
    intent = options.loaded.intent
    return ApiContext(
        intent,
        Places(intent),
        parts.view,
        parts.incidents,
        parts.consultations,
        parts.edges,
        ring,
        known,
        _now_s,
        parts.changes,
        parts.answers,
        parts.schedules.desk,
        parts.devices.collector.neighbours_of,
        tuple(options.loaded.notices.rotas.values()),
    )


def _missing(parts: _Parts) -> str:
    """Return what keeps the service from doing its work; nothing when all is well."""
    return parts.incidents.fault or parts.edges.intake.fault


def _about(parts: _Parts) -> dict[str, str]:
    """Return what this controller does, and how its backups are."""
    if not parts.incidents.leading():
        return {"role": "follower", "backup": "made by the leader"}
    return {"role": "leader", "backup": parts.upkeep.backups.standing()}


async def _hear_edges(parts: _Parts, stop: asyncio.Event, options: ServeOptions) -> None:
    network = options.loaded.intent.network
    try:
        await parts.edges.run(stop, options.edge_port, network.management_namespace)
    except OSError as error:
        raise ListenError(
            f"port {options.edge_port} for edges cannot be listened on ({error}); stop what "
            "listens there, or choose another with --edges"
        ) from error
