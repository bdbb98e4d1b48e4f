"""The engine: who is told what was decided, and what becomes of news that cannot be stored."""

from dataclasses import dataclass, field
from time import time

import pytest
from sqlalchemy.exc import OperationalError

from controller.deciding.engine import IncidentEngine
from controller.incidents.model import (
    Act,
    ActKind,
    Health,
    Observation,
    Source,
    Subject,
    SubjectKind,
)
from controller.incidents.view import network_view
from controller.load import load
from inventory.errors import StorageError
from tests.rigs.service.api_bench import AT_ONCE, SPUR
from tests.rigs.service.memory_rows import MemoryRows
from tests.rigs.waiting import eventually
from topology.build import build_topology

CUT = Subject(SubjectKind.CIRCUIT, "mora-kolofata-fibre")


@dataclass
class FailingRows(MemoryRows):
    """Rows on a disk that a test fills up."""

    full: bool = False
    refused: int = 0

    def store(self, outcome, settled=()):
        if self.full:
            self.refused += 1
            raise OperationalError("INSERT", {}, Exception("database or disk is full"))
        super().store(outcome, settled)


@dataclass
class Bench:
    engine: IncidentEngine
    rows: FailingRows
    events: list[tuple[str, dict[str, object], tuple[str, ...]]] = field(default_factory=list)

    def incidents(self):
        return [one.root.name for one in self.engine.listed(ended=False)]


@pytest.fixture(scope="module")
def network():
    intent = load(SPUR).intent
    return network_view(intent, build_topology(intent))


@pytest.fixture
def bench(network):
    made = Bench.__new__(Bench)
    events, rows = [], FailingRows()

    def publish(kind, body, sites):
        events.append((kind, dict(body), tuple(sites)))

    made.engine, made.rows, made.events = (
        IncidentEngine(rows, network, publish, time, AT_ONCE),
        rows,
        events,
    )
    made.engine.start()
    yield made
    made.engine.stop()


def dead(device):
    now_s = time()
    return Observation(CUT, device, Source.EDGE_PATH, Health.DOWN, 1, now_s, now_s)


BOTH = ("mora-r1", "kolofata-r1")


def test_what_is_decided_is_stored_and_then_told_with_the_sites_it_is_about(bench):
    bench.engine.submit(*map(dead, BOTH))
    eventually(lambda: bench.incidents() == [CUT.name], 20, "the incident")
    eventually(lambda: any(kind == "incident" for kind, *_ in bench.events), 20, "its event")
    told = [one for one in bench.events if one[0] == "incident"]
    assert [(body["change"], sites) for _, body, sites in told] == [("opened", ("kolofata",))]
    assert ("health", "down") in [(kind, body.get("after")) for kind, body, _ in bench.events]


def test_news_that_cannot_be_stored_are_decided_on_when_there_is_room_again(bench):
    bench.rows.full = True
    bench.engine.report(*map(dead, BOTH))
    eventually(lambda: bench.rows.refused >= 2, 30, "two attempts")
    assert bench.engine.fault.startswith("decisions cannot be stored")
    assert bench.incidents() == []
    bench.rows.full = False
    eventually(lambda: bench.incidents() == [CUT.name], 30, "the incident")
    assert bench.engine.fault == ""


def test_an_act_that_cannot_be_stored_fails_and_is_not_done_later(bench):
    bench.engine.submit(*map(dead, BOTH))
    eventually(lambda: bench.incidents() == [CUT.name], 20, "the incident")
    (incident,) = bench.engine.listed(ended=False)
    bench.rows.full = True
    act = Act(ActKind.ACKNOWLEDGE, incident.number, "ngono", time())
    with pytest.raises(StorageError, match="try again later"):
        bench.engine.submit(act)
    bench.rows.full = False
    bench.engine.submit()
    assert bench.engine.find(incident.number).acknowledged_by == ""


def test_a_decision_that_fails_is_told_and_the_next_one_is_made(bench, monkeypatch):
    monkeypatch.setattr(bench.rows, "store", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bench.engine.submit(*map(dead, BOTH))
    assert bench.engine.fault.startswith("the last decision failed")
    monkeypatch.undo()
    bench.engine.submit(*map(dead, BOTH))
    eventually(lambda: bench.incidents() == [CUT.name], 20, "the incident")
