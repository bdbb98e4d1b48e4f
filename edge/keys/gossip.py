"""Gossip of revoked keys: an edge that the controller does not reach gets them from its peers.

An edge with a newer list than a peer is known to have sends that peer, over the tunnels, a line of
JSON with its serial, answered by one with the peer's. Then the newer list goes to the end that
lacks it. Each end verifies the controller's signature itself.
"""

import asyncio
import json
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from ipaddress import IPv4Address
from typing import Any, Final, Protocol, TypeAlias

from edge.policy.model import EdgePolicy
from edge.signed.serials import parse_serial
from inventory.errors import EdgeError, SanagaError
from inventory.model import DeviceName

Json: TypeAlias = Mapping[str, Any]

PORT: Final = 8_620
# How long a neighbour may say nothing; a large list over a slow circuit takes longer in all.
SILENCE_S: Final = 20.0
# However little at a time a neighbour says, an exchange lasts so long at most.
TALK_S: Final = 900.0
# A list of revocations.MOST_KEYS keys has less.
LARGEST: Final = 1_000_000
CHUNK: Final = 16_384
# With so many peers at once.
TOGETHER: Final = 16
# A peer that was not reached is tried again after so long, then ever more rarely.
FIRST_S: Final = 5.0
LONGEST_S: Final = 600.0
_IP_FREEBIND: Final = 15
_FAULTS: Final = (
    OSError,
    EOFError,
    SanagaError,
    ValueError,
    KeyError,
    TypeError,
    RecursionError,
)


class Lists(Protocol):
    """The list of revoked keys that a device has."""

    @property
    def serial(self) -> int:
        """Return the serial of the list; 0 if there is no list."""
        ...

    @property
    def envelope(self) -> str:
        """Return the list in its signed envelope."""
        ...


# Takes a list that a neighbour brought. Raises SanagaError, OSError.
Take: TypeAlias = Callable[[str], Any]


class RevocationGossip:
    """Exchanges revoked keys with the peers of a running edge; notes are for the journal."""

    def __init__(self, lists: Lists, take: Take) -> None:
        self._lists = lists
        self._take = take
        self._server: asyncio.Server | None = None
        self._own: IPv4Address | None = None
        self._peers: Mapping[IPv4Address, DeviceName] = {}
        self._sent: dict[DeviceName, int] = {}
        self._waits: dict[DeviceName, tuple[float, float]] = {}
        self._talks: dict[DeviceName, asyncio.Task[None]] = {}
        self._callers: set[DeviceName] = set()
        self.notes: list[str] = []

    async def follow(self, policy: EdgePolicy | None) -> None:
        """Listen for the peers of a policy from now on; without any nowhere. Raises EdgeError."""
        peers = policy.peers if policy else ()
        self._peers = {peer.loopback: peer.device for peer in peers}
        own = policy.loopback if policy else None
        if own != self._own:
            await self.close()
            self._server = await self._listening(own) if own else None
            self._own = own

    async def close(self) -> None:
        """Listen and speak no more."""
        for talk in self._talks.values():
            talk.cancel()
        await self.done()
        if self._server:
            self._server.close()
            self._server = None
        self._own = None

    def behind(self, alive: Collection[DeviceName]) -> tuple[DeviceName, ...]:
        """Return those of some peers that are not known to have this device's list."""
        serial = self._lists.serial
        return tuple(name for name in sorted(alive) if self._sent.get(name, 0) < serial)

    def send_to(self, alive: Collection[DeviceName], now_s: float) -> None:
        """Begin to send our list to peers that may not have it; no peer waits for another.

        A peer that does not answer is tried later. A peer that comes back may have lost its list,
        so it is tried again.
        """
        self._sent = {name: serial for name, serial in self._sent.items() if name in alive}
        self._waits = {name: wait for name, wait in self._waits.items() if name in alive}
        if self._own is None:
            return
        addresses = {name: address for address, name in self._peers.items()}
        for name in self.behind(addresses.keys() & set(alive)):
            due_s, wait_s = self._waits.get(name, (0.0, FIRST_S))
            if due_s <= now_s and name not in self._talks and len(self._talks) < TOGETHER:
                self._waits[name] = (now_s + wait_s, min(LONGEST_S, 2 * wait_s))
                self._talks[name] = asyncio.create_task(self._send_one(name, addresses[name]))

    async def done(self) -> None:
        """Wait until every exchange that we began is over."""
        await asyncio.gather(*self._talks.values(), return_exceptions=True)

    async def _send_one(self, name: DeviceName, address: IPv4Address) -> None:
        try:
            with suppress(*_FAULTS):
                async with asyncio.timeout(TALK_S):
                    await self._speak(name, address)
                self._waits.pop(name, None)
        finally:
            del self._talks[name]

    async def _listening(self, own: IPv4Address) -> asyncio.Server:
        door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # The address goes and comes with the care tunnel's interface.
            door.setsockopt(socket.SOL_IP, _IP_FREEBIND, 1)
            door.bind((str(own), PORT))
            return await asyncio.start_server(self._heard, sock=door)
        except OSError as error:
            door.close()
            raise EdgeError(f"{own} port {PORT}: neighbours cannot be reached: {error}") from error

    async def _heard(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Answer a neighbour; others get nothing."""
        try:
            # When the daemon ends, so does what was being said.
            with suppress(*_FAULTS, asyncio.CancelledError):
                name = self._peers[IPv4Address(writer.get_extra_info("peername")[0])]
                if name not in self._callers:
                    await self._answered(name, reader, writer)
        finally:
            writer.close()

    async def _answered(self, name: DeviceName, reader: StreamReader, writer: StreamWriter) -> None:
        """Answer a neighbour, which speaks once at a time."""
        self._callers.add(name)
        try:
            async with asyncio.timeout(TALK_S):
                await self._exchange(name, reader, writer)
        finally:
            self._callers.discard(name)

    async def _speak(self, name: DeviceName, address: IPv4Address) -> None:
        source = (str(self._own), 0)
        async with asyncio.timeout(SILENCE_S):
            reader, writer = await asyncio.open_connection(str(address), PORT, local_addr=source)
        try:
            await self._exchange(name, reader, writer)
        finally:
            writer.close()

    async def _exchange(self, name: DeviceName, reader: StreamReader, writer: StreamWriter) -> None:
        """Exchange the serials of both lists, then hand the newer list over."""
        serial = self._lists.serial
        await _say(writer, {"serial": serial})
        theirs = parse_serial((await _hear(reader))["serial"])
        if theirs < serial:
            await _say(writer, {"envelope": self._lists.envelope})
            theirs = parse_serial((await _hear(reader))["serial"])
        elif theirs > serial:
            envelope = str((await _hear(reader))["envelope"])
            # What has begun is done, however long that takes and whatever becomes of the talk.
            await asyncio.shield(asyncio.ensure_future(self._take(envelope)))
            self.notes.append(f"{name} sent revoked keys: list {self._lists.serial}")
            self._sent[name] = theirs
            await _say(writer, {"serial": self._lists.serial})
        self._sent[name] = theirs


async def _say(writer: StreamWriter, what: Json) -> None:
    octets = json.dumps(what).encode() + b"\n"
    for place in range(0, len(octets), CHUNK):
        writer.write(octets[place : place + CHUNK])
        async with asyncio.timeout(SILENCE_S):
            await writer.drain()


async def _hear(reader: StreamReader) -> Json:
    """Return a neighbour's line. Raises ValueError if it is not a JSON object, and EOFError."""
    line = bytearray()
    while not line.endswith(b"\n"):
        async with asyncio.timeout(SILENCE_S):
            # The end that begins sends one line, and then waits.
            line += (piece := await reader.read(CHUNK))
        if not piece:
            raise EOFError("the neighbour has gone")
        if len(line) > LARGEST:
            raise ValueError("this is no list of revoked keys")
    found = json.loads(line)
    if not isinstance(found, dict):
        raise ValueError("this is no JSON object")  # noqa: TRY004 - one kind of error for all
    return found
