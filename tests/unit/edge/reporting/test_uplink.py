"""The edge's end of the telemetry link against a real TLS WebSocket peer on loopback."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clock import current_moment
from edge.reporting import dialling, uplink
from edge.reporting.dialling import ways_to_dial
from edge.reporting.disk import SpoolThread
from edge.reporting.spool import Spool
from edge.reporting.uplink import LinkHooks, LinkIdentity, Uplink
from edge.telemetry import frames
from tests.rigs.edge.telemetry_controller import CONTROLLER, SmallController
from tests.rigs.edge.telemetry_messages import idle_minute
from vpn import key_text
from vpn.model import Endpoint

EDGE_KEY = b"e" * 32
KEYS = {"kolofata-e1": key_text.public_text(EDGE_KEY)}
STRANGER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
WITHIN_S = 60


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(dialling, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(dialling, "LONGEST_PAUSE_S", 0.2)


def chance(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - no secret


class Edge:
    """An edge's spool and uplink; clocks are what it heard of the controller's."""

    def __init__(self, folder, private_key=EDGE_KEY):
        self.disk = SpoolThread(Spool(folder))
        self.clocks: list[float] = []
        self.renumbered: list[int] = []
        identity = LinkIdentity("kolofata-e1", CONTROLLER.public_key, lambda: (private_key,))
        self.announced: list[object] = []
        hooks = LinkHooks(
            *(self.full_state, self.clocks.append, lambda: True, self.renumbered.append),
            self.announced.append,
            lambda: {"version": "0.2.0", "free_octets": 3, "whole_octets": 7},
        )
        self.link = Uplink(identity, self.disk, current_moment, hooks)

    def full_state(self):
        return frames.encode(replace(idle_minute(), live=1, summaries=()))

    async def report(self, count=1):
        for _ in range(count):
            now = current_moment()
            message = replace(idle_minute(), boot=now.boot[:8], uptime_s=round(now.since_boot_s, 3))
            await self.disk.append(message, 60, now, sent=self.link.caught_up)
            self.link.wake()


@asynccontextmanager
async def running(folder, port, **options):
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


async def until(controller, holds):
    async with asyncio.timeout(WITHIN_S):
        while not holds():
            controller.news.clear()
            if not holds():
                await controller.news.wait()


async def becomes(holds):
    async with asyncio.timeout(WITHIN_S):
        while not holds():
            await asyncio.sleep(0.01)


def test_reports_arrive_once_in_order_and_are_forgotten_then(tmp_path):
    async def work():
        controller = SmallController(KEYS)
        async with controller.serving(tmp_path) as port, running(tmp_path, port) as edge:
            await edge.report(3)
            await until(controller, lambda: len(controller.messages) == 3)
            await edge.report(2)
            await until(controller, lambda: len(controller.messages) == 5)
            await becomes(edge.link.settled.is_set)
            assert controller.numbers() == [1, 2, 3, 4, 5]
            assert not any(message.replayed for message in controller.messages)
            assert (await edge.disk.state()).pending == 0
            assert edge.link.state.acknowledged == 5
            assert edge.link.connected
            assert controller.live[0].live == 1
            assert edge.clocks

    asyncio.run(work())


def test_what_was_spooled_while_the_controller_was_away_arrives_once(tmp_path):
    async def work():
        controller = SmallController(KEYS)
        async with controller.serving(tmp_path) as port:
            pass
        async with running(tmp_path, port) as edge:
            await edge.report(100)
            await becomes(lambda: edge.link.state.tries > 2)
            assert edge.link.state.trouble.startswith("127.0.0.1:")
            controller.closes_after = 7
            async with controller.serving(tmp_path, port):
                await until(controller, lambda: len(controller.messages) == 100)
                assert controller.numbers() == [*range(1, 101)]
                assert controller.connections > 10

    asyncio.run(work())


def test_a_report_of_an_earlier_process_is_history(tmp_path):
    async def work():
        controller = SmallController(KEYS)
        async with controller.serving(tmp_path) as port:
            earlier = Edge(tmp_path)
            await earlier.disk.open()
            await earlier.report(2)
            earlier.disk.close()
            async with running(tmp_path, port) as edge:
                await until(controller, lambda: len(controller.messages) == 2)
                await edge.report()
                await until(controller, lambda: len(controller.messages) == 3)
        assert [one.replayed for one in controller.messages] == [True, True, False]

    asyncio.run(work())


def test_what_was_stored_but_not_acknowledged_is_not_stored_again(tmp_path):
    async def work():
        controller = SmallController(KEYS, acknowledges=False, closes_after=4)
        async with controller.serving(tmp_path) as port, running(tmp_path, port) as edge:
            await edge.report(9)
            await until(controller, lambda: controller.connections >= 3)
            controller.acknowledges, controller.closes_after = True, 0
            await edge.report()
            await until(controller, lambda: len(controller.messages) == 10)
        assert controller.numbers() == [*range(1, 11)]
        assert controller.dropped == 0

    asyncio.run(work())


def test_a_connection_without_acknowledgements_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(uplink, "ACKNOWLEDGED_WITHIN_S", 0.4)

    async def work():
        controller = SmallController(KEYS, acknowledges=False)
        async with controller.serving(tmp_path) as port, running(tmp_path, port) as edge:
            await edge.report()
            await until(controller, lambda: controller.connections >= 2)
            assert len(controller.messages) == 1

    asyncio.run(work())


def test_an_image_of_an_earlier_disk_begins_another_spool(tmp_path):
    async def work():
        controller = SmallController(KEYS)
        async with controller.serving(tmp_path) as port:
            (tmp_path / "edge").mkdir()
            async with running(tmp_path / "edge", port) as edge:
                await edge.report(2)
                await becomes(edge.link.settled.is_set)
            (tmp_path / "edge").rename(tmp_path / "image")
            async with running(tmp_path / "image", port) as edge:
                # As if the image were of before these two: their numbers are given again.
                controller.stored = {
                    name: [replace(one, uptime_s=one.uptime_s + 1) for one in held]
                    for name, held in controller.stored.items()
                }
                await edge.report(3)
                await until(controller, lambda: len(controller.stored) == 2)
                assert len(edge.renumbered) == 1
                await becomes(edge.link.settled.is_set)
        first, second = controller.stored.values()
        assert [one.sequence for one in first] == [1, 2]
        assert [one.sequence for one in second] == [1, 2, 3]

    asyncio.run(work())


@pytest.mark.parametrize(
    ("given", "trouble"),
    [
        ({"issuer": STRANGER}, "has not issued"),
        ({"key": STRANGER}, "has not signed the challenge"),
        ({"keys": {"kolofata-e1": key_text.public_text(b"o" * 32)}}, "pin this device's key"),
        ({"close_code": 4403, "close_reason": "unknown device"}, "unknown device"),
    ],
)
def test_an_edge_says_nothing_to_whom_it_does_not_trust(tmp_path, given, trouble):
    async def work():
        controller = SmallController(**{"keys": KEYS, **given})
        async with controller.serving(tmp_path) as port, running(tmp_path, port) as edge:
            await edge.report()
            await becomes(lambda: trouble in edge.link.state.trouble)
            assert not edge.link.connected
            assert not controller.messages
            assert not controller.live
            assert (await edge.disk.state()).pending == 1

    asyncio.run(work())


def test_a_device_with_another_key_is_told_apart(tmp_path):
    async def work():
        controller = SmallController(KEYS)
        async with (
            controller.serving(tmp_path) as port,
            running(tmp_path, port, private_key=b"f" * 32) as edge,
        ):
            await becomes(lambda: "pin this device's key" in edge.link.state.trouble)
            assert not edge.link.connected

    asyncio.run(work())


def test_somebody_looks_for_a_while(tmp_path):
    async def work():
        controller = SmallController(KEYS)
        async with controller.serving(tmp_path) as port, running(tmp_path, port) as edge:
            await becomes(lambda: edge.link.connected)
            assert not edge.link.is_watched()
            await controller.say(look_s=30)
            await becomes(edge.link.is_watched)
            await controller.say(look_s=0)
            await becomes(lambda: not edge.link.is_watched())

    asyncio.run(work())


@pytest.mark.parametrize("text", ["[]", "{", '"text"', "x" * 100_000, '{"acknowledged": 10}'])
def test_a_controller_that_makes_no_sense_costs_a_connection_at_most(tmp_path, text):
    async def work():
        controller = SmallController(KEYS)
        async with controller.serving(tmp_path) as port, running(tmp_path, port) as edge:
            await becomes(lambda: edge.link.connected)
            for link in tuple(controller._links):
                await link.send(text)
            await edge.report(2)
            await until(controller, lambda: len(controller.messages) == 2)
        assert controller.numbers() == [1, 2]

    asyncio.run(work())


def test_a_wish_not_to_be_dialled_is_followed(tmp_path):
    async def work():
        controller = SmallController(KEYS, close_code=4429, close_reason="retry_s=300")
        async with controller.serving(tmp_path) as port, running(tmp_path, port) as edge:
            await becomes(lambda: edge.link._least_pause_s == 300)
            assert controller.connections == 1

    asyncio.run(work())


def test_another_way_is_tried_when_the_first_does_not_answer(tmp_path):
    async def work():
        controller = SmallController(KEYS)
        async with controller.serving(tmp_path) as closed:
            pass
        async with controller.serving(tmp_path) as port, running(tmp_path, closed) as edge:
            ends = [Endpoint("127.0.0.1", closed), Endpoint("127.0.0.1", port)]
            edge.link.follow(ways_to_dial(ends, []))
            await becomes(lambda: edge.link.connected)
            assert edge.link.state.controller == f"127.0.0.1:{port}"
            edge.link.follow(())
            await becomes(lambda: not edge.link.connected)

    asyncio.run(work())


def test_edges_that_lose_the_controller_together_come_back_apart(monkeypatch):
    monkeypatch.setattr(dialling, "FIRST_PAUSE_S", 4.0)
    first = sorted(next(dialling.pauses_s(1, chance(edge))) for edge in range(429))
    most = max(sum(1 for at in first if begin <= at < begin + 0.25) for begin in first)
    assert first[-1] - first[0] > 3.5
    assert most < 60


def test_pauses_grow_and_stay_bounded(monkeypatch):
    monkeypatch.setattr(dialling, "FIRST_PAUSE_S", 4.0)
    monkeypatch.setattr(dialling, "LONGEST_PAUSE_S", 120.0)
    pauses = dialling.pauses_s(2, chance(1))
    found = [next(pauses) for _ in range(100)]
    assert max(found[1::2]) <= dialling.NEXT_WAY_S
    assert max(found[:4:2]) <= 8.0
    assert 60.0 < max(found) <= 120.0


def test_the_routes_come_before_every_underlay():
    near, far = Endpoint("192.0.2.1", 1), Endpoint("noc.example.cm", 2)
    ways = ways_to_dial([near, far], [16, 17])
    assert [(way.endpoint, way.mark) for way in ways[:4]] == [
        (near, 0),
        (far, 0),
        (near, 16),
        (far, 16),
    ]


def test_it_tells_what_it_is_and_takes_what_is_announced(tmp_path):
    async def work():
        controller = SmallController(KEYS)
        async with controller.serving(tmp_path) as port, running(tmp_path, port) as edge:
            await until(controller, lambda: controller.told)
            assert controller.told == [
                {"about": {"version": "0.2.0", "free_octets": 3, "whole_octets": 7}}
            ]
            await controller.say(something_else=[1])
            await controller.say(consultations=[{"name": "one"}])
            await becomes(lambda: edge.announced)
            assert edge.announced == [[{"name": "one"}]]
            await edge.report(1)
            await until(controller, lambda: controller.messages)

    asyncio.run(work())
