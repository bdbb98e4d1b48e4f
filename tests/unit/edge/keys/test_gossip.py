"""Neighbours tell each other of revoked keys, over real sockets of the loopback."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.keys import gossip
from edge.keys.gossip import PORT, RevocationGossip
from edge.keys.revoked import RevokedKeys
from edge.signed import revocation_envelope
from tests.rigs.edge.edge_policies import SIGNER, edge_policy
from vpn.people.revocation_list import RevocationList
from vpn.wireguard import keys

AT = datetime(2026, 11, 27, tzinfo=UTC)
KEYS = tuple(keys.public_of(keys.generate_private()) for _ in range(3))
ADDRESSES = {name: IPv4Address(f"127.86.0.{n}") for n, name in enumerate("abc", 1)}


def listed(serial, signer=SIGNER):
    return revocation_envelope.sign_revocation_list(
        RevocationList(serial, AT, KEYS[:serial]), signer
    )


def check(envelope, file):
    return revocation_envelope.verify_revocation_list(envelope, file, SIGNER.public_key())


class Node:
    """A device that knows some of the others."""

    def __init__(self, folder, name, *peers):
        (folder / name).mkdir()
        self.name = name
        self.revoked = RevokedKeys(folder / name, check)
        self.neighbours = RevocationGossip(self.revoked, self.revoked.take)
        base = edge_policy()
        (peer, *_) = base.peers
        known = (replace(peer, device=one, loopback=ADDRESSES[one]) for one in peers)
        self.policy = replace(base, loopback=ADDRESSES[name], peers=tuple(known))
        self.peers = peers

    async def tell(self, now_s=0.0):
        self.neighbours.send_to(self.peers, now_s)
        await self.neighbours.done()


def run(work, *nodes):
    """Do something while devices listen."""

    async def all_of_it():
        for node in nodes:
            await node.neighbours.follow(node.policy)
        try:
            await work()
        finally:
            for node in nodes:
                await node.neighbours.close()

    asyncio.run(all_of_it())


@pytest.fixture
def chain(tmp_path):
    """Return three devices in a row: the first does not know the last."""
    return Node(tmp_path, "a", "b"), Node(tmp_path, "b", "a", "c"), Node(tmp_path, "c", "b")


def test_a_list_comes_from_one_neighbour_to_the_next(chain):
    a, b, c = chain

    async def work():
        await a.revoked.take(listed(2))
        await a.tell()
        assert b.revoked.serial == 2
        assert c.revoked.serial == 0
        await b.tell()

    run(work, a, b, c)
    assert c.revoked.keys == set(KEYS[:2])
    assert c.revoked.envelope == listed(2)
    assert c.neighbours.notes == ["b sent revoked keys: list 2"]


def test_whoever_asks_with_an_older_list_is_given_the_newer_one(chain):
    a, b, _ = chain

    async def work():
        await b.revoked.take(listed(3))
        await a.revoked.take(listed(1))
        await a.tell()

    run(work, a, b)
    assert (a.revoked.serial, b.revoked.serial) == (3, 3)


def test_nothing_is_said_to_who_has_it_and_to_nobody_without_a_list(chain, monkeypatch):
    a, b, c = chain
    spoken = []
    real = RevocationGossip._speak

    async def counted(self, name, address):
        spoken.append(address)
        await real(self, name, address)

    monkeypatch.setattr(RevocationGossip, "_speak", counted)

    async def work():
        await a.tell()
        assert spoken == []
        await a.revoked.take(listed(1))
        for _ in range(3):
            await a.tell()
            await b.tell()
            await c.tell()

    run(work, a, b, c)
    assert spoken == [ADDRESSES["b"], ADDRESSES["c"]]


def test_who_does_not_listen_is_told_as_soon_as_it_does(chain):
    a, b, _ = chain

    async def alone():
        await a.revoked.take(listed(1))
        await a.tell()
        assert a.neighbours.behind(["b"]) == ("b",)

    async def later():
        # Who did not answer is not asked again at once.
        await a.tell(gossip.FIRST_S - 1)
        assert b.revoked.serial == 0
        await a.tell(gossip.FIRST_S + 1)

    run(alone, a)
    run(later, a, b)
    assert b.revoked.serial == 1
    assert a.neighbours.behind(["b"]) == ()


def test_a_list_that_the_controller_has_not_signed_goes_no_further(chain):
    a, b, _ = chain
    a.revoked.serial, a.revoked.envelope = 9, listed(3, Ed25519PrivateKey.generate())

    run(a.tell, a, b)
    assert (b.revoked.serial, b.revoked.keys) == (0, frozenset())
    assert a.neighbours.behind(["b"]) == ("b",)


async def _said(address, what, source="127.0.0.1"):
    """Return what a device answers somebody."""
    reader, writer = await asyncio.open_connection(str(address), PORT, local_addr=(source, 0))
    try:
        writer.write(what)
        await writer.drain()
        return await asyncio.wait_for(reader.readline(), 10)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def test_strangers_are_told_nothing(chain):
    a, b, _ = chain

    async def work():
        await b.revoked.take(listed(1))
        assert await _said(ADDRESSES["b"], b'{"serial": 0}\n') == b""
        # The control: a peer is answered.
        assert await _said(ADDRESSES["b"], b'{"serial": 0}\n', str(ADDRESSES["a"]))

    run(work, a, b)


@pytest.mark.parametrize(
    "what",
    [b"\n", b"[]\n", b"{}\n", b'{"serial": "x"}\n', b'{"serial": 5}\n{"envelope": 3}\n',
     b'{"serial": 5}\n[]\n', b'{"serial": null}\n', b"\xff\xfe\n", b"{" * 5000 + b"\n",
     b'{"serial": 1e999}\n', b'{"serial": -1}\n', b"[" * 9000 + b"\n", b'{"serial": true}\n'],
)  # fmt: skip
def test_whatever_a_neighbour_says_a_device_goes_on(chain, what):
    a, b, _ = chain

    async def work():
        await _said(ADDRESSES["b"], what, str(ADDRESSES["a"]))
        await a.revoked.take(listed(1))
        await a.tell()

    run(work, a, b)
    assert b.revoked.serial == 1


def test_more_than_a_list_can_have_is_not_read(chain, monkeypatch):
    a, b, _ = chain
    monkeypatch.setattr(gossip, "LARGEST", 1000)

    async def work():
        await _said(ADDRESSES["b"], b"x" * 100_000, str(ADDRESSES["a"]))
        assert b.revoked.serial == 0

    run(work, a, b)


def test_the_largest_list_fits():
    many = tuple(KEYS[0] for _ in range(revocation_envelope.MOST_KEYS))
    said = revocation_envelope.sign_revocation_list(RevocationList(1, AT, many), SIGNER)
    assert len(said) < gossip.LARGEST * 0.98


@pytest.mark.parametrize("what", [b'{"serial": 1e999}\n', b"[" * 9000 + b"\n", b"\n", b""])
def test_whatever_a_neighbour_answers_a_device_goes_on(chain, what):
    a, *_ = chain

    async def answer(reader, writer):
        await reader.readline()
        writer.write(what)
        await writer.drain()
        writer.close()

    async def work():
        server = await asyncio.start_server(answer, str(ADDRESSES["b"]), PORT)
        async with server:
            await a.revoked.take(listed(1))
            await a.tell()

    run(work, a)
    assert a.neighbours.behind(["b"]) == ("b",)


def test_who_comes_back_is_told_again_for_it_may_be_another_device(chain):
    a, b, _ = chain

    async def work():
        await a.revoked.take(listed(1))
        await a.tell()
        assert a.neighbours.behind(["b"]) == ()
        a.neighbours.send_to([], 1.0)
        assert a.neighbours.behind(["b"]) == ("b",)

    run(work, a, b)


def test_a_large_list_comes_over_in_pieces(chain):
    a, b, _ = chain
    many = tuple(keys.public_of(keys.generate_private()) for _ in range(2000))
    large = revocation_envelope.sign_revocation_list(RevocationList(7, AT, many), SIGNER)

    async def work():
        await a.revoked.take(large)
        await a.tell()

    run(work, a, b)
    assert b.revoked.keys == set(many)


def test_a_neighbour_that_never_comes_to_an_end_keeps_no_other_from_being_told(chain):
    a, b, c = chain

    ended = asyncio.Event()

    async def dawdle(reader, writer):
        writer.write(b"{")
        await reader.read()
        writer.close()
        await writer.wait_closed()
        ended.set()

    async def work():
        server = await asyncio.start_server(dawdle, str(ADDRESSES["a"]), PORT)
        async with server:
            await b.revoked.take(listed(2))
            b.neighbours.send_to(["a", "c"], 0.0)
            async with asyncio.timeout(10):
                while c.revoked.serial != 2 or "c" in b.neighbours._talks:
                    await asyncio.sleep(0.01)
            # It is still spoken to, and once only.
            b.neighbours.send_to(["a", "c"], gossip.LONGEST_S)
            assert list(b.neighbours._talks) == ["a"]
            await b.neighbours.close()
            await asyncio.wait_for(ended.wait(), 10)

    run(work, b, c)
    assert a.revoked.serial == 0


def test_a_neighbour_speaks_once_at_a_time(chain):
    a, b, _ = chain

    async def work():
        await b.revoked.take(listed(1))
        source = (str(ADDRESSES["a"]), 0)
        first = await asyncio.open_connection(str(ADDRESSES["b"]), PORT, local_addr=source)
        assert await asyncio.wait_for(first[0].readline(), 10)
        assert await _said(ADDRESSES["b"], b"", str(ADDRESSES["a"])) == b""
        first[1].close()
        await first[1].wait_closed()
        async with asyncio.timeout(10):
            while b.neighbours._callers:
                await asyncio.sleep(0.01)
        # It has ended by itself, and may speak again.
        assert await _said(ADDRESSES["b"], b'{"serial": 0}\n', str(ADDRESSES["a"]))

    run(work, b)
    assert a.revoked.serial == 0
