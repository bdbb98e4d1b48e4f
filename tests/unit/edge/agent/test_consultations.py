"""Announced consultations in a running edge: begun, ended, taken back, kept over a restart."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.agent.announced_calls import AnnouncedCalls
from edge.agent.consultations import AnnouncedConsultations
from edge.clock import Moment
from edge.selection.call_list import AnnouncedCall
from edge.selection.consultations import FILE
from tests.rigs.edge.edge_policies import edge_policy

POLICY = edge_policy()
HERE, THERE = "10.0.3.20", "10.0.1.5"
TOLD = {
    "name": "6f0c2a94",
    "service": "consultation-video",
    "begins_in_s": 0,
    "ends_in_s": 60,
    "far": ["10.0.1.1"],
    "here": [HERE],
    "there": [THERE],
}


class Kernel:
    """Which flows have a class, and for how long."""

    def __init__(self) -> None:
        self.flows: dict[tuple[str, str], tuple[str, float]] = {}
        self.asked = 0

    async def add_call(self, flow: Any, service: str, for_s: float) -> None:
        self.asked += 1
        self.flows[str(flow.source), str(flow.destination)] = (service, for_s)

    async def remove_call(self, flow: Any) -> None:
        self.flows.pop((str(flow.source), str(flow.destination)), None)


class Edge:
    """An edge's announced consultations on a clock that tests turn."""

    def __init__(self, folder: Path, kernel: Kernel | None = None, at_s: float = 100.0) -> None:
        self.now = Moment("boot", at_s, 7.0, 1.8e9)
        self.kernel, self.notes = kernel or Kernel(), list[str]()
        around: Any = (self.kernel, lambda _, what: self.notes.append(what), lambda: self.now)
        self.calls = AnnouncedCalls(folder, *around)
        self.made = AnnouncedConsultations(folder, around[0], self.calls, *around[1:])
        self.made.open()

    def turn(self, seconds: float = 0.0) -> None:
        self.now = replace(self.now, since_boot_s=self.now.since_boot_s + seconds)
        asyncio.run(self.made.tend(POLICY))


@pytest.fixture
def edge(tmp_path):
    return Edge(tmp_path)


def test_one_begins_when_it_is_told_and_ends_by_itself(edge):
    edge.made.take([{**TOLD, "begins_in_s": 30}])
    edge.turn()
    assert (edge.kernel.flows, edge.made.peers(POLICY)) == ({}, frozenset())
    edge.turn(30)
    assert edge.kernel.flows == {(HERE, THERE): ("consultation-video", 30.0)}
    assert edge.made.peers(POLICY) == {"yaounde-e1"}
    edge.turn(30)
    assert (edge.kernel.flows, edge.made.peers(POLICY)) == ({}, frozenset())
    assert edge.notes == [
        "consultation 6f0c2a94, announced by the controller: 30 s",
        "consultation 6f0c2a94, announced by the controller, is over",
    ]


def test_the_kernel_is_asked_once_and_again_when_the_end_moves(edge):
    edge.made.take([TOLD])
    for _ in range(5):
        edge.turn(1)
    assert edge.kernel.asked == 1
    edge.made.take([{**TOLD, "ends_in_s": 600}])
    edge.turn()
    assert edge.kernel.flows[HERE, THERE] == ("consultation-video", 600.0)


def test_one_that_is_taken_back_is_forgotten_at_once(edge):
    edge.made.take([TOLD])
    edge.turn()
    edge.made.take([])
    edge.turn()
    assert (edge.kernel.flows, edge.made.peers(POLICY)) == ({}, frozenset())


def test_what_a_program_here_announced_too_stays_announced(edge):
    edge.made.take([TOLD])
    edge.turn()
    (flow,) = edge.made.every[0].flows()
    call = AnnouncedCall(flow, "consultation-audio", "boot", edge.now.since_boot_s + 500)
    edge.calls.every = (call,)
    edge.made.take([])
    edge.turn()
    assert edge.kernel.flows == {(HERE, THERE): ("consultation-audio", 500.0)}


def test_a_restarted_edge_goes_on_and_forgets_what_was_taken_back(edge, tmp_path):
    edge.made.take([TOLD])
    edge.turn()
    again = Edge(tmp_path, edge.kernel, at_s=110.0)
    again.turn()
    assert again.kernel.flows[HERE, THERE] == ("consultation-video", 50.0)
    last = Edge(tmp_path, edge.kernel, at_s=120.0)
    last.made.take([])
    last.turn()
    assert last.kernel.flows == {}
    assert '"consultations": []' in (tmp_path / FILE).read_text()


def test_one_of_a_class_that_the_policy_lacks_marks_nothing_and_keeps_pace(edge):
    edge.made.take([{**TOLD, "service": "consultation-smell"}])
    edge.turn()
    assert edge.kernel.flows == {}
    assert edge.made.peers(POLICY) == {"yaounde-e1"}
