"""Both ends of the telemetry link together: the edge's uplink, the controller's listener."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from controller.telemetry.history import History, PathKey
from controller.telemetry.intake import Outcome
from edge.clock import current_moment
from edge.reporting import dialling
from edge.reporting.dialling import ways_to_dial
from edge.reporting.disk import SpoolThread
from edge.reporting.spool import Spool
from edge.reporting.uplink import LinkHooks, LinkIdentity, Uplink
from edge.telemetry import frames
from tests.rigs.controller.telemetry_service import listening, open_series
from tests.rigs.edge.telemetry_controller import CONTROLLER
from tests.rigs.edge.telemetry_messages import PATHS, idle_minute
from vpn import key_text
from vpn.model import Endpoint

DEVICE = "kolofata-e1"
EDGE_KEY = b"e" * 32
WITHIN_S = 60


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(dialling, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(dialling, "LONGEST_PAUSE_S", 0.2)


async def becomes(holds):
    async with asyncio.timeout(WITHIN_S):
        while not holds():
            await asyncio.sleep(0.01)


class Edge:
    """An edge's spool and uplink, without the rest of its daemon."""

    def __init__(self, folder, private_key=EDGE_KEY):
        self.disk = SpoolThread(Spool(folder))
        identity = LinkIdentity(DEVICE, CONTROLLER.public_key, lambda: (private_key,))
        hooks = LinkHooks(self.full_state, lambda _: None, lambda: True, lambda _: None)
        self.link = Uplink(identity, self.disk, current_moment, hooks)
        self.sequence = 0

    def full_state(self):
        now_s = round(current_moment().unix_s, 3)
        return frames.encode(replace(idle_minute(), live=1, summaries=(), sent_unix_s=now_s))

    async def report(self, count):
        for _ in range(count):
            self.sequence += 1
            now = current_moment()
            made = idle_minute(sequence=self.sequence)
            sent_s = round(now.unix_s, 3)
            # Slices of one minute each, one after the other, that end at the report.
            began_s = int(sent_s) // 10 * 10 - 3600 + 60 * self.sequence
            slices = tuple(
                replace(one, began_unix_s=began_s + one.began_unix_s % 60) for one in made.summaries
            )
            message = replace(made, boot=now.boot[:8], sent_unix_s=sent_s, summaries=slices)
            message = replace(message, uptime_s=round(now.since_boot_s, 3))
            await self.disk.append(message, 60, now, sent=self.link.caught_up)
            self.link.wake()


@asynccontextmanager
async def reporting(folder, port, **options):
    edge = Edge(folder, **options)
    await edge.disk.open()
    edge.link.follow(ways_to_dial([Endpoint("127.0.0.1", port)], []))
    task = asyncio.create_task(edge.link.run())
    try:
        yield edge
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        edge.disk.close()


@asynccontextmanager
async def controller(folder, series=None):
    async with listening(folder, [DEVICE], series, CONTROLLER) as service:
        service.pinned[DEVICE] = key_text.public_text(EDGE_KEY)
        yield service


def numbers(service):
    """Return the numbers of the messages that subscribers got once they were stored."""
    return [one.message.sequence for one in service.heard if not one.message.live]


def test_reports_of_a_real_edge_are_stored_once_and_forgotten_by_it(tmp_path):
    async def story():
        async with (
            controller(tmp_path / "c") as service,
            reporting(tmp_path / "e", service.port) as edge,
        ):
            await edge.report(3)
            await becomes(lambda: numbers(service) == [1, 2, 3])
            await becomes(edge.link.settled.is_set)
            assert (await edge.disk.state()).pending == 0
            assert service.heard[0].message.live == 1
            assert service.listener.connected() == (DEVICE,)
            assert service.intake.counts[Outcome.UNUSABLE] == 0

    asyncio.run(story())


def test_a_controller_that_was_away_gets_all_that_was_spooled(tmp_path):
    async def story():
        async with controller(tmp_path / "c") as service, reporting(tmp_path / "e", 1) as edge:
            await edge.report(20)
            edge.link.follow(ways_to_dial([Endpoint("127.0.0.1", service.port)], []))
            await becomes(lambda: len(numbers(service)) == 20)
            assert numbers(service) == [*range(1, 21)]
        series = open_series(tmp_path / "c")
        circuit = PATHS[0][0]
        found = History(series.engine).slices(
            PathKey(DEVICE, "yaounde-e1", circuit), 0, 2_000_000_000
        )
        series.engine.dispose()
        assert len(found) == 20 * 6
        assert len({one.began_unix_s for one in found}) == 20 * 6

    asyncio.run(story())


def test_an_edge_with_another_key_is_told_so_and_stores_nothing(tmp_path):
    async def story():
        async with (
            controller(tmp_path / "c") as service,
            reporting(tmp_path / "e", service.port, private_key=b"x" * 32) as edge,
        ):
            await edge.report(1)
            await becomes(lambda: "edge_keys" in edge.link.state.trouble)
            assert numbers(service) == []

    asyncio.run(story())


def test_an_edge_sends_live_reports_while_somebody_looks(tmp_path):
    async def story():
        async with (
            controller(tmp_path / "c") as service,
            reporting(tmp_path / "e", service.port) as edge,
        ):
            await becomes(lambda: service.listener.connected() == (DEVICE,))
            assert not edge.link.is_watched()
            await service.listener.look(DEVICE, 60)
            await becomes(edge.link.is_watched)
            await service.listener.look(DEVICE, 0)
            await becomes(lambda: not edge.link.is_watched())

    asyncio.run(story())
