"""A controller that was away for a month: everything is in its history afterwards, once.

Edges live by their real selection, reporter and spool on a clock that is turned; the controller's
listener, intake, history and decisions are the real ones, too. What it says of the month is held
against a plain record of what happened.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue

import pytest
from sqlalchemy import func, select

from controller.deciding.shared_incidents import LeaderWork, SharedIncidents
from controller.incidents.view import network_view
from controller.load import load
from controller.notices.schema import outbox
from controller.service.edge_reports import EdgeReports
from controller.telemetry.history import History, PathKey
from controller.telemetry.intake import Lane, Outcome
from controller.telemetry.series import Arrival
from database.engine import open_engine, reading
from edge.policy.model import EdgePolicy
from edge.reporting import clock_trust, dialling, uplink
from edge.reporting.records import Record
from edge.reporting.spool import SpoolLimits
from edge.telemetry import frames
from inventory.model import Intent
from tests.rigs.edge.edge_life import (
    DAY_S,
    OCTETS,
    PACKETS,
    STEP_S,
    UNWRITTEN_S,
    EdgeLife,
    Fate,
    Span,
    draw_fate,
)
from tests.rigs.edge.edge_policies import edge_policy
from tests.rigs.edge.telemetry_controller import CONTROLLER
from tests.rigs.edge.telemetry_edge import EDGE_KEY, PEER, START_UNIX_S
from tests.rigs.service.api_bench import SPUR
from topology.build import build_topology
from vpn import key_text

WITHIN_S = 1_200
# The only circuits of kolofata-e1 of which its word alone says that they failed.
ACCESS = ("kolofata-leo", "kolofata-lte")
CALM_STEP_S = 300.0


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
    """Let tries follow each other soon, a replay be fast, and the network keep clocks right."""
    monkeypatch.setattr(dialling, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(dialling, "LONGEST_PAUSE_S", 0.2)
    monkeypatch.setattr(uplink, "REPLAY_OCTETS_PER_S", 10**9)
    (tmp_path / "synchronised").touch()
    monkeypatch.setattr(clock_trust, "_SYNCHRONISED", tmp_path / "synchronised")


def policy_of(site: str) -> EdgePolicy:
    """Return the policy of an edge with three circuits to the centre."""
    made = edge_policy(telemetry=("127.0.0.1:9",))
    (peer,) = made.peers

    def own(name: str) -> str:
        return name.replace("kolofata", site)

    paths = tuple(replace(p, name=own(p.name), circuit=own(p.circuit)) for p in peer.paths)
    underlays = tuple(replace(one, circuit=own(one.circuit)) for one in made.underlays)
    peers = (replace(peer, paths=paths),)
    return replace(made, device=f"{site}-e1", underlays=underlays, peers=peers)


@dataclass(frozen=True)
class Extent:
    """How much is lived through: days, how far calm time is leapt over, how long a fault lasts."""

    days: int
    calm_step_s: float
    longest: int


SHORT = Extent(3, CALM_STEP_S, 20)
LONG = Extent(30, 60.0, 200)


def edge_of(folder: Path, site: str, extent: Extent, **options) -> EdgeLife:
    policy = policy_of(site)
    circuits = tuple(path.circuit for path in policy.peers[0].paths)
    fate = draw_fate(circuits, extent.days, sum(map(ord, site)), extent.longest)
    calm_step_s = extent.calm_step_s
    return EdgeLife(folder / site, f"{site}-e1", policy, fate, calm_step_s, **options)


class LaterClock:
    """The controller's clock after days in which it did not run."""

    def __init__(self, unix_s: float) -> None:
        self._offset_s = unix_s - time.time()

    def now(self) -> float:
        return time.monotonic()

    def instant(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self._offset_s, UTC)

    def pause(self, seconds: float) -> None:
        raise AssertionError(f"nothing here waits for {seconds} s")


def intent_with(edges: list[EdgeLife]) -> Intent:
    """Return the intent with the keys of edges pinned, and edges that it did not have."""
    intent, public = load(SPUR).intent, key_text.public_text(EDGE_KEY)
    like = intent.devices["kolofata-e1"]
    pinned = {one.device: replace(like, name=one.device, public_key=public) for one in edges}
    return replace(intent, devices={**intent.devices, **pinned})


@dataclass
class Back:
    """The controller that is back: what it stores and decides."""

    reports: EdgeReports
    incidents: SharedIncidents
    port: int

    @property
    def history(self) -> History:
        return self.reports.history

    def notices(self) -> int:
        """Return how many notices were written, of anything."""
        self.incidents.submit()
        with reading(self.incidents._engine) as connection:
            return int(connection.execute(select(func.count()).select_from(outbox)).scalar_one())


@asynccontextmanager
async def controller(folder: Path, edges: list[EdgeLife], unix_s: float) -> AsyncIterator[Back]:
    intent, clock = load(SPUR).intent, LaterClock(unix_s)
    records = open_engine(folder / "sanaga.sqlite")
    telemetry = open_engine(folder / "telemetry.sqlite")
    work = LeaderWork(lambda *_: lambda: None, lambda _: None, lambda _: None)
    view = network_view(intent, build_topology(intent))
    incidents = SharedIncidents(records, view, work, clock)
    reports = EdgeReports(telemetry, CONTROLLER, incidents, lambda *_: None, clock)
    reports.admit(intent_with(edges), ())
    incidents.start()
    reports.intake.start()
    try:
        yield Back(reports, incidents, await reports.listener.start("127.0.0.1", 0))
    finally:
        await reports.listener.stop()
        await asyncio.to_thread(reports.intake.stop)
        await asyncio.to_thread(incidents.stop)
        records.dispose()
        telemetry.dispose()


async def until(holds) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not holds():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def linked(edges: list[EdgeLife], port: int) -> AsyncIterator[None]:
    """Let edges know where the controller is, and keep their links while the block runs."""
    for one in edges:
        one.policy = replace(one.policy, telemetry=(f"127.0.0.1:{port}",))
        await one.reporter.tick()
    tasks = [asyncio.create_task(one.reporter.run()) for one in edges]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def replay(back: Back, edges: list[EdgeLife]) -> None:
    """Let edges send all that they kept; half-way their connections and programs end."""
    waiting = sum([(await one.disk.state()).pending for one in edges])
    assert waiting > 500
    counts = back.reports.intake.counts
    async with linked(edges, back.port):
        await until(lambda: counts[Outcome.STORED] > waiting / 8)
    for one in edges:
        one.restart()
    async with linked(edges, back.port):
        await until(lambda: all(one.reporter.uplink.settled.is_set() for one in edges))
    assert [(await one.disk.state()).pending for one in edges] == [0] * len(edges)
    assert counts[Outcome.UNUSABLE] == 0


def send_again(back: Back, edge: EdgeLife, records: tuple[Record, ...]) -> None:
    """Offer every message once more, as an edge does that heard no acknowledgement."""
    spool, lane, outcomes = edge.disk._spool.identity, Lane(), SimpleQueue[Outcome]()
    began_s = back.reports._series.last_message(edge.device, spool).spool_began_s
    assert began_s is not None
    for record in records:
        frame = frames.as_replayed(record.frame)
        now_s = edge.clock.unix_s
        arrival = Arrival(spool, began_s, frames.decode(frame), frame, now_s)
        back.reports.intake.offer(arrival, lane, outcomes.put)
    assert {outcomes.get(timeout=WITHIN_S) for _ in records} == {Outcome.KNOWN}


def changes_of(back: Back, edge: EdgeLife, *kinds: str):
    found = back.history.changes(edge.device, START_UNIX_S - DAY_S, START_UNIX_S + 40 * DAY_S)
    return [one for one in found if one.kind in kinds]


def near(told, happened, within_s: float) -> None:
    """Check that two lists say the same in the same order, the first somewhat later at most."""
    assert [one[1:] for one in told] == [one[1:] for one in happened]
    late_s = [heard[0] - was[0] for heard, was in zip(told, happened, strict=True)]
    assert all(-0.001 <= late <= within_s for late in late_s), (min(late_s), max(late_s))


def check_changes(back: Back, edge: EdgeLife) -> None:
    """Compare moves, calls, faults, restarts and deaths with what was written down beside."""
    record = edge.record
    moves = changes_of(back, edge, "move")
    near([(m.at_unix_s, m.service, m.circuit, m.reason) for m in moves], record.moves, 0.002)
    assert all(move.reason for move in moves)
    calls = changes_of(back, edge, "consultation-began", "consultation-ended")
    near([(c.at_unix_s, c.kind) for c in calls], record.calls, 0.002)
    faults = changes_of(back, edge, "fault", "repair")
    near([(f.at_unix_s, f.kind, f.reason) for f in faults], record.faults, 0.002)
    starts = changes_of(back, edge, "started")
    near([(s.at_unix_s, s.reason) for s in starts], record.starts, 0.002)
    gasps = changes_of(back, edge, "last-gasp")
    near([(g.at_unix_s, g.reason) for g in gasps], record.gasps, 0.002)
    deaths = [d for d in changes_of(back, edge, "path-state") if d.state == "dead"]
    told = sorted((d.at_unix_s, d.circuit) for d in deaths)
    near(told, sorted(record.deaths), 2 * STEP_S)


def check_figures(back: Back, edge: EdgeLife) -> dict[str, list[int]]:
    """Compare sums with what was measured; return the lengths of slices by circuit and time."""
    record, lengths = edge.record, {}
    unwritten = record.power_cuts * UNWRITTEN_S / STEP_S
    for circuit in edge.circuits:
        path = PathKey(edge.device, PEER, circuit)
        span = int(START_UNIX_S - DAY_S), int(START_UNIX_S + 40 * DAY_S)
        slices = [one.summary for one in back.history.slices(path, *span)]
        sent, lost = sum(s.sent for s in slices), sum(s.lost_out for s in slices)
        assert 0 <= record.sent[circuit] - sent <= PACKETS * (unwritten + 12)
        assert record.lost[circuit] == lost
        octets = record.octets[circuit] - sum(s.sent_octets for s in slices)
        # What a tunnel counted before the first look at it after a start is nobody's.
        starts = len(record.starts)
        assert 0 <= octets <= OCTETS[0] * (unwritten + 12 + 12 * starts)
        ends = [(s.began_unix_s, s.began_unix_s + s.seconds) for s in slices]
        lengths[circuit] = [s.seconds for s in slices]
        if edge.limits.octets == SpoolLimits().octets:
            assert all(one[1] <= later[0] for one, later in pairwise(ends))
    return lengths


def check_past_incidents(back: Back, edge: EdgeLife) -> None:
    """Check that each failure that the edge alone can tell is a past incident, and nothing is."""
    past = [one for one in back.incidents.listed(ended=True) if one.replayed]
    assert Counter(one.root.name for one in past) == Counter(
        circuit for _, circuit in edge.record.deaths if circuit in ACCESS
    )
    assert all(one.ended_s for one in past)
    assert back.incidents.listed(ended=False) == []
    assert back.notices() == 0


async def check_that_news_are_noticed(back: Back, edge: EdgeLife) -> None:
    """Let a circuit die now: control that notices are written of what is so."""
    at_s = edge.clock.elapsed_s
    edge.fate = Fate((Span(at_s, at_s + DAY_S / 2, "kolofata-lte"),))
    async with linked([edge], back.port):
        await edge.live(at_s + 30)
        await until(lambda: back.notices() == 1)
    (incident,) = back.incidents.listed(ended=False)
    assert incident.root.name == "kolofata-lte"


async def live_through(folder: Path, extent: Extent) -> list[EdgeLife]:
    """Return edges after that time; the last has little room, so that it merges the oldest."""
    edges = [edge_of(folder, "kolofata", extent)]
    await edges[0].live(extent.days * DAY_S)
    limits = SpoolLimits(octets=(await edges[0].disk.state()).octets // 2, free_octets=0)
    edges.append(edge_of(folder, "tokombere", extent, limits=limits))
    await edges[1].live(extent.days * DAY_S)
    assert (await edges[1].disk.state()).octets <= limits.octets
    assert [(await one.disk.state()).given_up for one in edges] == [0, 0]
    return edges


async def month(folder: Path, extent: Extent) -> None:
    edges = await live_through(folder, extent)
    async with controller(folder / "controller", edges, edges[0].clock.unix_s) as back:
        kept = [await one.disk.run(lambda held: held.pending(0, 10**6)) for one in edges]
        await replay(back, edges)
        for one, records in zip(edges, kept, strict=True):
            send_again(back, one, records)
        for one in edges:
            check_changes(back, one)
        whole, merged = (check_figures(back, one) for one in edges)
        assert max(map(max, whole.values())) <= CALM_STEP_S
        for lengths in merged.values():
            assert max(lengths[: len(lengths) // 10]) > CALM_STEP_S >= max(lengths[-100:])
        check_past_incidents(back, edges[0])
        await check_that_news_are_noticed(back, edges[0])
    for one in edges:
        one.reporter.close()


@pytest.mark.parametrize(
    "extent",
    [pytest.param(SHORT, id="3-days"), pytest.param(LONG, id="30-days", marks=pytest.mark.long)],
)
def test_what_happened_while_the_controller_was_away_is_in_its_history(tmp_path, extent):
    (tmp_path / "controller").mkdir()
    asyncio.run(month(tmp_path, extent))
