"""The listener with real TLS: who is let in, what is acknowledged, what is refused and counted."""

import asyncio
import json
import ssl
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Close

from controller.telemetry import listener as listening_module
from controller.telemetry.intake import Outcome
from controller.telemetry.link_session import admitted_edges
from edge.telemetry import handshake
from edge.telemetry.frames import encode
from edge.telemetry.handshake import LinkRefusedError
from tests.rigs.controller.telemetry_rig import EDGE, NOON, SPOOL, message, minute
from tests.rigs.controller.telemetry_sender import client_tls, connected, dialled, shake_hands
from tests.rigs.controller.telemetry_service import listening
from tests.rigs.edge.edge_networks import draft
from vpn.wireguard.keys import generate_pair

WITHIN_S = 30


def run(story):
    """Run a story of a test, within a generous time."""

    async def bounded():
        async with asyncio.timeout(WITHIN_S):
            await story

    asyncio.run(bounded())


async def closed_code(socket):
    """Return the code with which the controller closes a connection."""
    try:
        while True:
            await socket.recv()
    except ConnectionClosed as error:
        return error.rcvd and error.rcvd.code


def test_a_message_is_acknowledged_when_it_is_stored_and_given_to_subscribers(tmp_path):
    async def story():
        async with listening(tmp_path) as service, service.dial() as edge:
            assert edge.welcome.acknowledged == 0
            await edge.send(minute(1, NOON))
            assert await edge.acknowledged() == 1
            assert service.series.last_message(EDGE, SPOOL).sequence == 1
            assert [one.message.sequence for one in service.heard] == [1]
            assert service.listener.connected() == (EDGE,)

    run(story())


def test_an_edge_that_comes_again_learns_what_is_stored_and_nothing_is_doubled(tmp_path):
    async def story():
        async with listening(tmp_path) as service:
            async with service.dial() as edge:
                await edge.send(minute(1, NOON))
                await edge.acknowledged()
            async with service.dial() as edge:
                assert edge.welcome.acknowledged == 1
                assert (edge.welcome.boot, edge.welcome.uptime_ms) == ("0a1b2c3d", 100_000_000)
                await edge.send(minute(1, NOON))
                assert await edge.acknowledged() == 1
            assert [one.message.sequence for one in service.heard] == [1]

    run(story())


def test_live_seconds_reach_subscribers_and_are_neither_stored_nor_acknowledged(tmp_path):
    async def story():
        async with listening(tmp_path) as service, service.dial() as edge:
            await edge.send(message(0, NOON, live=1))
            await edge.send(minute(1, NOON))
            assert await edge.acknowledged() == 1
            assert [one.message.live for one in service.heard] == [1, 0]
            assert service.intake.counts[Outcome.STORED] == 1

    run(story())


def test_another_spool_of_the_same_edge_begins_at_one(tmp_path):
    async def story():
        async with listening(tmp_path) as service:
            async with service.dial() as edge:
                await edge.send(minute(7, NOON))
                await edge.acknowledged()
            async with service.dial(spool="ffff000011112222") as edge:
                assert edge.welcome.acknowledged == 0
                await edge.send(minute(1, NOON + 60))
                assert await edge.acknowledged() == 1
            assert len(service.heard) == 2

    run(story())


def test_the_newest_connection_of_an_edge_lives(tmp_path):
    async def story():
        async with listening(tmp_path) as service, service.dial() as old, service.dial() as new:
            assert await closed_code(old.socket) == 4409
            await new.send(minute(1, NOON))
            assert await new.acknowledged() == 1
            assert service.listener.counts["refused-4409"] == 1

    run(story())


@pytest.mark.parametrize(("name", "code"), [("maroua-e1", 4403), ("nobody", 4403)])
def test_an_edge_that_is_not_pinned_is_not_let_in(tmp_path, caplog, name, code):
    async def story():
        async with listening(tmp_path) as service, dialled(service.port) as socket:
            session = handshake.Session(name, b"", bytes(32))
            await socket.send(json.dumps(handshake.hello(session, [1])))
            assert await closed_code(socket) == code
            assert service.listener.counts["refused-4403"] == 1
        assert f"{name}: not let in: no key in edge_keys" in caplog.text

    run(story())


def test_a_forged_edge_cannot_open_the_challenge(tmp_path):
    async def story():
        async with listening(tmp_path) as service, dialled(service.port) as socket:
            forged, _ = generate_pair()
            with pytest.raises(LinkRefusedError, match="pin this device's key in edge_keys"):
                await shake_hands(socket, EDGE, forged, service.key.public_key(), SPOOL)

    run(story())


def test_a_forged_proof_is_refused_with_a_sentence_and_counted(tmp_path, caplog):
    async def story():
        async with listening(tmp_path) as service, dialled(service.port) as socket:
            session = handshake.Session(EDGE, b"", bytes(32))
            await socket.send(json.dumps(handshake.hello(session, [1])))
            await socket.recv()
            await socket.send(json.dumps(handshake.proof_message(bytes(32), SPOOL, 1, None)))
            assert await closed_code(socket) == 4401
            assert service.listener.counts["refused-4401"] == 1
            assert service.listener.connected() == ()
        assert f"{EDGE}: did not prove that it has the key in edge_keys" in caplog.text

    run(story())


def test_an_edge_refuses_a_controller_with_another_key(tmp_path):
    async def story():
        async with listening(tmp_path) as service, dialled(service.port) as socket:
            other = Ed25519PrivateKey.generate().public_key()
            with pytest.raises(LinkRefusedError, match="has not issued the server's certificate"):
                await shake_hands(socket, EDGE, service.secrets[EDGE], other, SPOOL)

    run(story())


def test_a_leaf_is_short_lived_and_renewed_for_later_connections(tmp_path):
    async def story():
        async with listening(tmp_path) as service:
            first = await leaf_of(service)
            service.listener.renew_leaf()
            second = await leaf_of(service)
            assert first != second
            trust, now = service.key.public_key(), datetime.now(UTC)  # noqa: TID251
            later = now + timedelta(days=listening_module.LEAF_DAYS + 1)
            handshake.check_leaf(second, trust, now)
            with pytest.raises(LinkRefusedError, match="is valid from"):
                handshake.check_leaf(second, trust, later)
            async with service.dial():
                assert service.listener.connected() == (EDGE,)

    run(story())


async def leaf_of(service):
    async with dialled(service.port) as socket:
        return socket.transport.get_extra_info("ssl_object").getpeercert(binary_form=True)


def test_tls_before_1_3_is_refused(tmp_path):
    async def story():
        context = client_tls()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        async with listening(tmp_path) as service:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                async with dialled(service.port, context):
                    pass

    run(story())


def test_a_revoked_edge_is_cut_off_and_not_let_in_again(tmp_path):
    async def story():
        async with listening(tmp_path) as service, service.dial() as edge:
            del service.pinned[EDGE]
            await service.listener.recheck()
            assert await closed_code(edge.socket) == 4403
            with pytest.raises(ConnectionClosed):
                async with service.dial():
                    pass
            assert service.listener.connected() == ()

    run(story())


def test_edges_are_let_in_with_their_pinned_keys_unless_one_of_them_is_revoked():
    intent = draft("mora", "kousseri").intent()
    keys = {n: d.public_key for n, d in intent.devices.items() if d.public_key}
    assert len(keys) > 1
    assert admitted_edges(intent, ()) == keys
    name, key = next(iter(keys.items()))
    left = {other: own for other, own in keys.items() if other != name}
    assert admitted_edges(intent, {key}) == left
    moving = replace(intent.devices[name], next_key="the next one")
    moved = replace(intent, devices={**intent.devices, name: moving})
    assert admitted_edges(moved, {"the next one"}) == left


@pytest.mark.parametrize("given", ["no JSON", "[1]", '{"hello": 2}', '{"hello": 1}', "{" * 5000])
def test_what_is_no_handshake_is_refused(tmp_path, given):
    async def story():
        async with listening(tmp_path) as service, dialled(service.port) as socket:
            await socket.send(given)
            assert await closed_code(socket) in {4401, 1009}

    run(story())


def test_a_stranger_gets_no_room_for_a_frame(tmp_path, caplog):
    async def story():
        async with listening(tmp_path) as service, dialled(service.port) as socket:
            await socket.send(bytes(100_000))
            assert await closed_code(socket) == 1009
            assert service.listener.counts["refused-too-large"] == 1
        assert "sent more octets than any frame has" in caplog.text

    run(story())


def test_what_is_no_frame_ends_the_connection_with_a_sentence(tmp_path, caplog):
    async def story():
        async with listening(tmp_path) as service, service.dial() as edge:
            await edge.socket.send(b"\x11\x00 no frame")
            assert await closed_code(edge.socket) == 4400
            assert service.listener.counts["refused-4400"] == 1
        assert f"{EDGE}: sent what is no frame" in caplog.text

    run(story())


def test_a_frame_of_another_edge_is_refused(tmp_path, caplog):
    async def story():
        async with listening(tmp_path) as service, service.dial() as edge:
            await edge.send(minute(1, NOON, device="mora-e2"))
            assert await closed_code(edge.socket) == 4400
            assert service.heard == []
        assert f"{EDGE}: sent a frame of mora-e2" in caplog.text

    run(story())


def test_a_frame_before_the_handshake_is_refused(tmp_path):
    async def story():
        async with listening(tmp_path) as service, dialled(service.port) as socket:
            await socket.send(encode(minute(1, NOON)))
            assert await closed_code(socket) == 4401
            assert service.heard == []

    run(story())


def test_another_path_is_not_found(tmp_path):
    async def story():
        async with listening(tmp_path) as service:
            with pytest.raises(InvalidStatus, match="404"):
                async with dialled(service.port, path="/api/v1"):
                    pass

    run(story())


def test_somebody_who_looks_has_an_edge_send_live_seconds(tmp_path):
    async def story():
        async with listening(tmp_path) as service, service.dial() as edge:
            await service.listener.look(EDGE, 60)
            assert json.loads(await edge.socket.recv()) == {"look_s": 60}
            async with service.dial() as again:
                assert 0 < again.welcome.look_s <= 60

    run(story())


def test_many_edges_at_once_each_get_their_own_acknowledgements(tmp_path):
    names = [f"edge-{number}" for number in range(40)]

    async def story():
        async with listening(tmp_path, names) as service, AsyncExitStack() as stack:
            edges = [await stack.enter_async_context(service.dial(name)) for name in names]
            for number in range(1, 11):
                for name, edge in zip(names, edges, strict=True):
                    await edge.send(minute(number, NOON + 60 * number, device=name))
            for edge in edges:
                while await edge.acknowledged() < 10:
                    pass
            assert service.intake.counts[Outcome.STORED] == 400
            assert len(service.heard) == 400

    run(story())


def test_a_slow_handshake_is_given_up(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(listening_module, "HANDSHAKE_S", 0.2)

    async def story():
        async with listening(tmp_path) as service, dialled(service.port) as socket:
            assert await closed_code(socket) == 4408
        assert "an edge: too slow with its handshake" in caplog.text

    run(story())


def test_more_strangers_than_there_is_room_for_are_sent_away(tmp_path, monkeypatch):
    monkeypatch.setattr(listening_module, "_MOST_STRANGERS", 0)

    async def story():
        async with listening(tmp_path) as service, dialled(service.port) as socket:
            with pytest.raises(ConnectionClosed) as caught:
                await socket.recv()
            assert caught.value.rcvd == Close(4429, "retry_s=30")

    run(story())


def test_a_connection_is_used_with_the_right_device(tmp_path):
    async def story():
        async with listening(tmp_path, ("mora-e1", "mora-e2")) as service:
            secret, trust = service.secrets["mora-e2"], service.key.public_key()
            with pytest.raises(LinkRefusedError):
                async with connected(service.port, "mora-e1", secret, trust, SPOOL):
                    pass

    run(story())


def test_what_an_edge_tells_of_itself_is_handed_on_and_other_words_are_not(tmp_path):
    told = []

    async def story():
        async with listening(tmp_path) as service, service.dial() as edge:
            service.listener.told = lambda device, facts: told.append((device, facts))
            for text in ("no JSON", "[]", "{}", '{"about": 7}', '{"about": {"version": "0.2.0"}}'):
                await edge.socket.send(text)
            await edge.send(minute(1, NOON))
            assert await edge.acknowledged() == 1

    run(story())
    assert told == [(EDGE, {"version": "0.2.0"})]
