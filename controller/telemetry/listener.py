"""Listener for edges: TLS 1.3, one WebSocket for each edge, and acknowledgements after commits.

A connection costs bounded memory: a frame has a bounded size, and what is not committed yet has a
window for each edge and a budget for all together. Edges ping nobody: a silent one is closed.
"""

import asyncio
import logging
import os
import secrets
import socket
import ssl
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from threading import Lock
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from controller.clock import Clock
from controller.telemetry import link_session
from controller.telemetry.intake import Intake, Lane, Outcome
from controller.telemetry.link_session import (
    Admitted,
    Desk,
    LinkSession,
    Opened,
    Received,
    Refused,
    Say,
    Told,
)
from controller.telemetry.series import Arrival
from controller.transport.netns import inside
from edge.telemetry import handshake
from edge.telemetry.frames import LARGEST_FRAME
from inventory.model import DeviceName

HANDSHAKE_S: Final = 10.0
# Edges report once a minute; a silent connection is closed, and the edge dials again.
SILENT_S: Final = 200.0
LEAF_DAYS: Final = 7
_RENEW_AFTER_S: Final = 3 * 86_400.0
# Octets of frames that wait for their commit, of all edges together.
_BUDGET: Final = 32 * 1024 * 1024
_MOST_STRANGERS: Final = 512
_BUSY_RETRY_S: Final = 30
_BACKLOG: Final = 1024
# How long the kernel sends again before it gives a connection up.
_USER_TIMEOUT_MS: Final = 30_000
_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class _Link:
    """A connection that is open, what it waits for, and its spool."""

    socket: ServerConnection
    session: LinkSession
    welcomed: bool = False
    spool: str = ""
    spool_began_s: int = 0
    lane: Lane = field(default_factory=Lane)
    window: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(link_session.WINDOW)
    )


@dataclass(frozen=True, slots=True)
class _Settled:
    """A message of a connection, and what became of it."""

    link: _Link
    arrival: Arrival
    outcome: Outcome


class Listener:
    """Accepts edges on a port of its own, within one event loop."""

    def __init__(
        self, key: Ed25519PrivateKey, admitted: Admitted, intake: Intake, clock: Clock
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._desk = Desk(key, admitted)
        self._intake = intake
        self._clock = clock
        self._links: dict[DeviceName, _Link] = {}
        self._looks: dict[DeviceName, float] = {}
        # What an edge is told of announced consultations; "" while that is not known.
        self.announced: Callable[[DeviceName], str] = lambda _: ""
        self.told: Callable[[DeviceName, Mapping[str, Any]], None] = lambda _device, _facts: None
        self._budget = _Budget(_BUDGET)
        self._tls, self._leaf = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), b""
        self._server: Server | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._shaking = 0

    async def start(self, host: str, port: int, namespace: str | None = None) -> int:
        """Listen, and return the port: another one than 0 if that was asked for.

        Raises OSError when the address is taken, or the network namespace is not there.
        """
        self._settled = _Mailbox(self._settle)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_3
        self.renew_leaf()
        self._server = await serve(
            self._serve_edge,
            sock=inside(namespace, lambda: socket.create_server((host, port), backlog=_BACKLOG)),
            ssl=self._tls,
            compression=None,
            ping_interval=None,
            # A stranger has little room; an edge that has proved itself gets more.
            max_size=link_session.LONGEST_TEXT,
            max_queue=4,
            open_timeout=HANDSHAKE_S,
            close_timeout=5,
            subprotocols=[Subprotocol(handshake.SUBPROTOCOL)],
            process_request=self._admit_request,
            server_header=None,
            logger=_log.getChild("websocket"),
        )
        self._renewal = asyncio.create_task(self._renew())
        port_there: int = next(iter(self._server.sockets)).getsockname()[1]
        return port_there

    async def stop(self) -> None:
        """Close all connections and listen no more."""
        if self._renewal:
            self._renewal.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewal
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    def connected(self) -> tuple[DeviceName, ...]:
        """Return the edges that are connected."""
        return tuple(sorted(self._links))

    def renew_leaf(self) -> None:
        """Issue another TLS leaf; connections from now on see it."""
        leaf = handshake.issue_leaf(self._desk.key, self._clock.instant(), LEAF_DAYS)
        _load_leaf(self._tls, leaf)
        self._leaf = sha256(ssl.PEM_cert_to_DER_cert(leaf.certificate.decode())).digest()

    async def look(self, device: DeviceName, seconds: int) -> None:
        """Have an edge send live seconds for so long from now; 0 ends them."""
        self._looks[device] = self._clock.now() + seconds
        if link := self._links.get(device):
            with suppress(ConnectionClosed):
                await link.socket.send(link_session.look(seconds))

    async def announce(self, device: DeviceName) -> None:
        """Tell an edge again what is announced, if it is connected."""
        link = self._links.get(device)
        if link and link.welcomed and (text := self.announced(device)):
            with suppress(ConnectionClosed):
                await link.socket.send(text)

    async def recheck(self) -> None:
        """Close the connections of edges that are not let in any more."""
        for device, link in [*self._links.items()]:
            if self._desk.admitted(device) is None:
                sentence = f"{device}: not let in any more; its connection is closed"
                await self._refuse(link.socket, Refused(link_session.NOT_ADMITTED, sentence))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_AFTER_S)
            self.renew_leaf()

    def _admit_request(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path != handshake.PATH:
            return connection.respond(HTTPStatus.NOT_FOUND, "edges dial another path\n")
        return None

    async def _serve_edge(self, connection: ServerConnection) -> None:
        _give_up_soon(connection)
        session = LinkSession(self._desk, self._leaf, secrets.token_bytes(handshake.SECRET_OCTETS))
        link = _Link(connection, session)
        try:
            await self._shake_hands(link)
            await self._receive(link)
        except _RefusedError as error:
            await self._refuse(connection, error.refused)
        except ConnectionClosed as error:
            self._note_end(link, error)
        finally:
            if self._links.get(session.device) is link:
                del self._links[session.device]

    def _note_end(self, link: _Link, error: ConnectionClosed) -> None:
        self.counts["closed"] += 1
        if error.sent and error.sent.code == CloseCode.MESSAGE_TOO_BIG:
            self.counts["refused-too-large"] += 1
            name = link.session.device or "an edge"
            _log.warning("%s: sent more octets than any frame has; its connection is closed", name)

    async def _shake_hands(self, link: _Link) -> None:
        if self._shaking >= _MOST_STRANGERS:
            raise _RefusedError(Refused(link_session.BUSY, "too many handshakes at once"))
        self._shaking += 1
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                while not link.session.open:
                    await self._answer(link, await link.socket.recv())
        except TimeoutError:
            sentence = f"{link.session.device or 'an edge'}: too slow with its handshake"
            raise _RefusedError(Refused(link_session.TOO_SLOW, sentence)) from None
        finally:
            self._shaking -= 1

    async def _receive(self, link: _Link) -> None:
        while True:
            try:
                async with asyncio.timeout(SILENT_S):
                    given = await link.socket.recv()
            except TimeoutError:
                sentence = f"{link.session.device}: silent for {SILENT_S:.0f} s"
                raise _RefusedError(Refused(link_session.TOO_SLOW, sentence)) from None
            await self._answer(link, given)

    async def _answer(self, link: _Link, given: str | bytes) -> None:
        match link.session.receive(given, self._clock.instant()):
            case Say(text=text):
                await link.socket.send(text)
            case Opened(device=device, spool=spool):
                await self._welcome(link, device, spool)
            case Received() as received:
                await self._take(link, received)
            case Told(device=device, facts=facts):
                self.told(device, facts)
            case Refused() as refused:
                raise _RefusedError(refused)

    async def _welcome(self, link: _Link, device: DeviceName, spool: str) -> None:
        before, self._links[device] = self._links.get(device), link
        if before:
            sentence = f"{device}: connected again; the older connection is closed"
            await self._refuse(before.socket, Refused(link_session.REPLACED, sentence))
        link.socket.protocol.max_message_size = LARGEST_FRAME
        last = await asyncio.to_thread(self._intake.series.last_message, device, spool)
        now_s = self._clock.instant().timestamp()
        link.spool = spool
        link.spool_began_s = int(now_s) if last.spool_began_s is None else last.spool_began_s
        look_s = max(0, round(self._looks.get(device, 0.0) - self._clock.now()))
        await link.socket.send(link_session.welcome(last, now_s, look_s))
        link.welcomed = True
        self.counts["opened"] += 1
        await self.announce(device)

    async def _take(self, link: _Link, received: Received) -> None:
        message, frame = received.message, received.frame
        received_s = self._clock.instant().timestamp()
        arrival = Arrival(link.spool, link.spool_began_s, message, frame, received_s)
        self.counts["frames"] += 1
        if message.live:
            self._intake.publish(arrival)
            return
        await link.window.acquire()
        await self._budget.take(len(frame))
        self._intake.offer(arrival, link.lane, self._when_done(link, arrival))

    def _when_done(self, link: _Link, arrival: Arrival) -> Callable[[Outcome], None]:
        return lambda outcome: self._settled.put(_Settled(link, arrival, outcome))

    def _settle(self, settled: Sequence[_Settled]) -> None:
        """Acknowledge what a commit settled, once for each connection."""
        last: dict[int, _Settled] = {}
        for one in settled:
            one.link.window.release()
            self._budget.give(len(one.arrival.frame))
            last[id(one.link)] = one
        for one in last.values():
            task = asyncio.create_task(self._acknowledge(one))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _acknowledge(self, settled: _Settled) -> None:
        message, connection = settled.arrival.message, settled.link.socket
        with suppress(ConnectionClosed):
            if settled.outcome is not Outcome.REFUSED:
                await connection.send(link_session.acknowledgement(message.sequence))
                return
            sentence = f"{message.device}: not stored; it is to come again later"
            await self._refuse(connection, Refused(link_session.BUSY, sentence))

    async def _refuse(self, connection: ServerConnection, refused: Refused) -> None:
        self.counts[f"refused-{refused.code}"] += 1
        _log.warning("%s (from %s)", refused.sentence, _peer(connection))
        retry = f"retry_s={_BUSY_RETRY_S}" if refused.code == link_session.BUSY else ""
        await connection.close(refused.code, retry)


class _Budget:
    """So many octets for all connections together; who asks for more waits."""

    def __init__(self, octets: int) -> None:
        self._left = octets
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, octets: int) -> None:
        """Wait for octets, in order of asking."""
        if self._left >= octets and not self._waiting:
            self._left -= octets
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((octets, turn))
        await turn

    def give(self, octets: int) -> None:
        """Give octets back."""
        self._left += octets
        while self._waiting and self._left >= self._waiting[0][0]:
            wanted, turn = self._waiting.popleft()
            if not turn.done():
                self._left -= wanted
                turn.set_result(None)


class _Mailbox:
    """Hands items of another thread to a loop, as many at once as there are."""

    def __init__(self, receive: Callable[[Sequence[_Settled]], None]) -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._items: deque[_Settled] = deque()
        self._called = False
        self._guard = Lock()

    def put(self, item: _Settled) -> None:
        """Hand an item over; when the loop has ended, nobody waits for it."""
        with self._guard:
            self._items.append(item)
            if self._called:
                return
            self._called = True
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._empty)

    def _empty(self) -> None:
        with self._guard:
            items, self._called = [*self._items], False
            self._items.clear()
        self._receive(items)


class _RefusedError(Exception):
    """A connection that is to be closed."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.sentence)
        self.refused = refused


def _load_leaf(context: ssl.SSLContext, leaf: handshake.Leaf) -> None:
    """Have a server use a leaf; its key goes through memory, never through a disk."""
    memory = os.memfd_create("leaf")
    try:
        os.write(memory, leaf.certificate + leaf.private_key)
        context.load_cert_chain(f"/proc/self/fd/{memory}")
    finally:
        os.close(memory)


def _give_up_soon(connection: ServerConnection) -> None:
    """Have the kernel give a connection up when what is sent is not confirmed for long."""
    opened = connection.transport.get_extra_info("socket")
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS)


def _peer(connection: ServerConnection) -> str:
    address = connection.remote_address
    return str(address[0]) if address else "a closed connection"
