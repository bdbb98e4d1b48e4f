"""Edges are told of consultations over their link: at once, when they connect, and alone."""

import asyncio
import json
from dataclasses import replace

import pytest

from controller.clock import SystemClock
from controller.consultations.desk import ConsultationDesk
from controller.consultations.model import Announcement
from controller.consultations.news import ConsultationNews
from controller.incidents.model import IncidentState
from controller.load import load
from database.engine import open_engine
from tests.rigs.controller.telemetry_service import listening
from tests.rigs.service.api_bench import SPUR
from topology.build import build_topology

NEAR, FAR = "kolofata-e1", "yaounde-e1"
WITHIN_S = 30
BEFORE_S, AFTER_S = -60.0, 600.0


class Follower:
    """Incidents of a controller that does not lead; edges are told all the same."""

    def leading(self) -> bool:
        return False

    def current(self) -> IncidentState:
        return IncidentState()

    def report(self, *_: object) -> None:
        raise AssertionError("a follower decides nothing")


@pytest.fixture
def desk(tmp_path):
    loaded = load(SPUR)
    engine = open_engine(tmp_path / "sanaga.sqlite")
    yield ConsultationDesk(engine, build_topology(loaded.intent), loaded.policies)
    engine.dispose()


def call(name="call-1", begins_in_s=BEFORE_S, ends_in_s=AFTER_S):
    now_s = SystemClock().instant().timestamp()
    times = (now_s + begins_in_s, now_s + ends_in_s)
    sites = ("kolofata", "yaounde")
    return Announcement(name, sites, "consultation-video", *times, "clinic", now_s)


async def told(edge):
    """Return the names of the next consultations that an edge is told."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            message = json.loads(await edge.socket.recv())
            if "consultations" in message:
                return [one["name"] for one in message["consultations"]]


def run(tmp_path, desk, story):
    async def bounded():
        async with (
            asyncio.timeout(WITHIN_S),
            listening(tmp_path, (NEAR, FAR)) as service,
        ):
            listener, intent = service.listener, load(SPUR).intent
            news = ConsultationNews(intent, desk, Follower(), listener, SystemClock())
            await story(service, news)

    asyncio.run(bounded())


def test_edges_at_both_ends_are_told_at_once_and_of_the_end_that_was_brought_forward(
    tmp_path, desk
):
    async def story(service, news):
        async with service.dial(NEAR) as near, service.dial(FAR) as far:
            await news.step()
            assert (await told(near), await told(far)) == ([], [])
            desk.add(call())
            await news.step()
            assert (await told(near), await told(far)) == (["call-1"], ["call-1"])
            desk.cancel("call-1", SystemClock().instant().timestamp())
            await news.step()
            assert (await told(near), await told(far)) == ([], [])

    run(tmp_path, desk, story)


def test_an_edge_is_told_nothing_of_consultations_elsewhere(tmp_path, desk):
    async def story(service, news):
        async with service.dial(NEAR) as near:
            await news.step()
            assert await told(near) == []
            desk.add(replace(call(), sites=("maroua", "mora")))
            await news.step()
            await service.listener.announce(NEAR)
            assert await told(near) == []

    run(tmp_path, desk, story)


def test_an_edge_that_connects_later_is_told_and_one_of_the_next_days_waits(tmp_path, desk):
    async def story(service, news):
        desk.add(call())
        desk.add(call("call-2", begins_in_s=3600, ends_in_s=7200))
        desk.add(call("call-3", begins_in_s=3 * 86_400, ends_in_s=3 * 86_400 + 60))
        await news.step()
        async with service.dial(NEAR) as near:
            assert await told(near) == ["call-1", "call-2"]

    run(tmp_path, desk, story)


def test_before_it_is_known_what_is_announced_an_edge_keeps_what_it_has(tmp_path, desk):
    async def story(service, news):
        desk.add(call())
        async with service.dial(NEAR) as near:
            await service.listener.announce(NEAR)
            await service.listener.look(NEAR, 5)
            assert "look_s" in json.loads(await near.socket.recv())
            await news.step()
            assert await told(near) == ["call-1"]

    run(tmp_path, desk, story)
