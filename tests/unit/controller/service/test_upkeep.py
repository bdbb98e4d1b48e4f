"""Upkeep of a running service: who is let in follows the revocations and the file of keys."""

import asyncio
from contextlib import contextmanager

import pytest
from websockets.exceptions import ConnectionClosed

from controller.clock import SystemClock
from controller.incidents.view import network_view
from controller.keys.signing import signing_key
from controller.load import load
from controller.service.edge_reports import EdgeReports
from controller.service.upkeep import Admission
from database.engine import open_engine
from inventory.intent import EDGE_KEYS
from tests.rigs.controller.telemetry_sender import connected
from tests.rigs.service.shared_controllers import controller_on
from tests.rigs.service.two_services import EDGE, pinned_network
from topology.build import build_topology

WITHIN_S = 60
SPOOL = "0011223344556677"


@contextmanager
def reports(folder, loaded):
    view = network_view(loaded.intent, build_topology(loaded.intent))
    engine = open_engine(folder / "telemetry.sqlite")
    with controller_on(folder / "sanaga.sqlite", view) as controller:
        key = signing_key(folder)
        yield EdgeReports(engine, key, controller.incidents, lambda *_: None, SystemClock())
    engine.dispose()


async def still_there(sender):
    """Return whether a connection lives: an edge's ping is answered."""
    try:
        await (await sender.socket.ping())
    except ConnectionClosed:
        return False
    return True


@pytest.mark.parametrize("how", ["revoked", "unpinned", "neither"])
def test_the_open_connection_of_an_edge_that_is_not_let_in_any_more_ends_at_once(tmp_path, how):
    network = tmp_path / "net"
    secret = pinned_network(network)
    loaded = load(network)
    revoked: set[str] = set()

    async def story():
        with reports(tmp_path, loaded) as edges:
            admission = Admission(loaded, edges, lambda: frozenset(revoked))
            edges.intake.start()
            port = await edges.listener.start("127.0.0.1", 0)
            trust = signing_key(tmp_path).public_key()
            async with connected(port, EDGE, secret, trust, SPOOL) as sender:
                await admission.step()
                assert await still_there(sender)
                if how == "revoked":
                    revoked.add(loaded.intent.devices[EDGE].public_key)
                if how == "unpinned":
                    (network / EDGE_KEYS).write_text("")
                await admission.step()
                assert await still_there(sender) is (how == "neither")
            await edges.listener.stop()
            await asyncio.to_thread(edges.intake.stop)

    asyncio.run(asyncio.wait_for(story(), WITHIN_S))


def test_keys_that_cannot_be_read_leave_everybody_as_they_were(tmp_path, caplog):
    network = tmp_path / "net"
    pinned_network(network)
    loaded = load(network)
    with reports(tmp_path, loaded) as edges:
        admission = Admission(loaded, edges, frozenset)
        (network / EDGE_KEYS).write_text("nonsense\n")
        asyncio.run(admission.step())
        assert EDGE in edges._admitted
    assert "the keys of edges stay as they were" in caplog.text
