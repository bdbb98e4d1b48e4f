"""The edge's end of the telemetry link: one WebSocket over TLS 1.3, kept open, dialled from here.

See docs/design/telemetry-link.md. Nothing that happens here reaches the rest of the edge: a
controller that is away, wrong or slow costs a try now and then, and bounded memory.
"""

import asyncio
import json
import logging
import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from secrets import token_bytes
from typing import TYPE_CHECKING, Any, Final

from edge.clock import Moment
from edge.reporting import dialling
from edge.reporting.dialling import Way
from edge.reporting.disk import SpoolThread, ready_frame
from edge.reporting.records import Record
from edge.telemetry.dictionary import DICTIONARIES
from inventory.errors import SanagaError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from websockets.asyncio.client import ClientConnection

HANDSHAKE_S: Final = 15.0
# Without an acknowledgement for so long a connection is taken for dead.
ACKNOWLEDGED_WITHIN_S: Final = 20.0
LARGEST_TEXT: Final = 64 * 1024
LONGEST_LOOK_S: Final = 600
# What was spooled is sent no faster, so that it leaves room for others on a narrow circuit.
REPLAY_OCTETS_PER_S: Final = 48_000
REPORT_WHILE_REPLAYING_S: Final = 10.0
MOST_AT_ONCE: Final = 32
# How often an edge tells its version and how full its disk is.
ABOUT_S: Final = 3600.0
_log = logging.getLogger(__name__)


class LinkLostError(SanagaError):
    """A connection that no longer answers, or that must be made again."""


@dataclass(frozen=True, slots=True)
class LinkIdentity:
    """Who this edge is, and whom it trusts; both may change while it runs.

    private_keys are all keys that the device ever made.
    """

    device: str
    trust: "Callable[[], Ed25519PublicKey]"
    private_keys: Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class LinkHooks:
    """What the link asks of the rest of telemetry.

    full_state returns a live frame, None when there is nothing to say; heard_clock takes the
    controller's time of day; clock_trusted says whether this machine's is right; renumbered takes
    the last number when another spool begins; announced takes the controller's list of
    consultations, whatever it is; about returns what this edge tells of itself.
    """

    full_state: Callable[[], bytes | None]
    heard_clock: Callable[[float], None]
    clock_trusted: Callable[[], bool]
    renumbered: Callable[[int], None]
    announced: Callable[[object], None] = lambda _: None
    about: Callable[[], Mapping[str, Any]] = dict


@dataclass(slots=True)
class LinkState:
    """What a person asks about the link; times are UNIX times."""

    controller: str = ""
    connected_unix_s: float | None = None
    acknowledged: int = 0
    acknowledged_unix_s: float | None = None
    trouble: str = ""
    tries: int = 0


class Uplink:
    """Keeps one connection to the controller while there is somewhere to dial."""

    def __init__(
        self,
        identity: LinkIdentity,
        disk: SpoolThread,
        clock: Callable[[], Moment],
        hooks: LinkHooks,
    ) -> None:
        self._identity = identity
        self._disk = disk
        self._clock = clock
        self._hooks = hooks
        self._ways: tuple[Way, ...] = ()
        self._changed = asyncio.Event()
        self._wake = asyncio.Event()
        self._live: deque[bytes] = deque(maxlen=4)
        self._outstanding: deque[tuple[int, float]] = deque()
        self._cursor = 0
        self._window = 1
        self._look_until_s = 0.0
        self._chance = random.Random()  # noqa: S311 - spreads tries, is no secret
        self._least_pause_s = 0.0
        self.caught_up = False
        self.settled = asyncio.Event()
        self.state = LinkState()

    @property
    def connected(self) -> bool:
        """Return whether the controller has welcomed this edge and the connection stands."""
        return self.state.connected_unix_s is not None

    def is_watched(self) -> bool:
        """Return whether somebody looks at this edge just now."""
        return self._clock().monotonic_s < self._look_until_s

    def follow(self, ways: tuple[Way, ...]) -> None:
        """Dial these ways from now on; with none the connection ends."""
        if ways != self._ways:
            self._ways = ways
            self._changed.set()

    def wake(self) -> None:
        """Send what is new in the spool."""
        self.settled.clear()
        self._wake.set()

    def send_live(self, frame: bytes) -> None:
        """Send a live report, if there is a connection; the oldest give way when it is slow."""
        if self.connected:
            self._live.append(frame)
            self._wake.set()

    async def run(self) -> None:
        """Dial and stay connected until this is cancelled."""
        while True:
            self._changed.clear()
            if not self._ways:
                await self._changed.wait()
                continue
            dialled = asyncio.ensure_future(self._dial(self._ways))
            changed = asyncio.ensure_future(self._changed.wait())
            try:
                await asyncio.wait({dialled, changed}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (dialled, changed):
                    task.cancel()
                await asyncio.gather(dialled, changed, return_exceptions=True)

    async def _dial(self, ways: tuple[Way, ...]) -> None:
        """Try the ways in turn; whatever goes wrong is noted, and the next one is tried."""
        while True:
            pauses = dialling.pauses_s(len(ways), self._chance)
            for number, pause_s in enumerate(pauses):
                await asyncio.sleep(max(pause_s, self._least_pause_s))
                self._least_pause_s = 0.0
                self.state.tries += 1
                if await self._visit(ways[number % len(ways)]):
                    # It was welcome there, so that pauses are short again.
                    break

    async def _visit(self, way: Way) -> bool:
        """Connect and stay as long as it goes; return whether the controller welcomed us."""
        try:
            await self._connected(way)
        except Exception as error:  # noqa: BLE001 - the one guard: the edge goes on whatever comes
            self.state.trouble = _in_words(way, error)
            self._least_pause_s = _asked_pause_s(error)
            _log.debug("telemetry: %s", self.state.trouble)
        finally:
            welcomed = self.connected
            self.state.connected_unix_s = None
            self.caught_up = False
            self._live.clear()
            self._outstanding.clear()
        return welcomed

    async def _connected(self, way: Way) -> None:
        # An edge that reports to nobody carries neither; loading them takes a while.
        await asyncio.to_thread(_load_libraries)
        from websockets.asyncio.client import connect  # noqa: PLC0415

        from edge.telemetry import handshake  # noqa: PLC0415

        opened = await dialling.connect(way)
        async with connect(
            f"wss://{handshake.SERVER_NAME}{handshake.PATH}",
            sock=opened,
            ssl=dialling.tls_context(),
            server_hostname=handshake.SERVER_NAME,
            subprotocols=[handshake.SUBPROTOCOL],  # type: ignore[list-item]
            compression=None,
            ping_interval=None,
            user_agent_header=None,
            proxy=None,
            max_size=LARGEST_TEXT,
            open_timeout=HANDSHAKE_S,
            close_timeout=1.0,
            logger=_log,
        ) as link:
            async with asyncio.timeout(HANDSHAKE_S):
                await self._introduce(link)
            self.state.controller, self.state.trouble = str(way), ""
            await _first_of(self._receive(link), self._send(link))

    async def _introduce(self, link: "ClientConnection") -> None:
        """Do the handshake. Raises LinkRefusedError, LinkLostError."""
        from edge.telemetry import handshake  # noqa: PLC0415

        now, trust = self._clock(), self._identity.trust()
        dated = now.instant if self._hooks.clock_trusted() else None
        leaf = handshake.check_leaf(dialling.leaf_of(link.transport), trust, dated)
        session = handshake.Session(self._identity.device, leaf, token_bytes(32))
        await link.send(json.dumps(handshake.hello(session, DICTIONARIES)))
        secret = handshake.open_challenge(
            _object(await link.recv()), session, trust, self._identity.private_keys()
        )
        identity, number = await self._disk.run(lambda held: (held.identity, held.next_number))
        state = await self._disk.state()
        proof = handshake.proof(secret, session, identity)
        message = handshake.proof_message(proof, identity, number, state.oldest)
        await link.send(json.dumps(message))
        await self._welcomed(handshake.read_welcome(_object(await link.recv())))

    async def _welcomed(self, welcome: Any) -> None:
        known = welcome.acknowledged, welcome.boot, welcome.uptime_ms
        if not await self._disk.run(lambda held: held.is_known(*known)):
            self._hooks.renumbered(await self._disk.begin_again())
            raise LinkLostError("the controller knows other messages by these numbers")
        self._window = welcome.window
        self._cursor = welcome.acknowledged
        self._hooks.heard_clock(welcome.unix_s)
        await self._acknowledge(welcome.acknowledged)
        self._look(welcome.look_s)
        self.state.connected_unix_s = self._clock().unix_s
        self._wake.set()

    async def _receive(self, link: "ClientConnection") -> None:
        async for text in link:
            message = _object(text)
            if isinstance(number := message.get("acknowledged"), int):
                await self._acknowledge(number)
            if isinstance(look_s := message.get("look_s"), int):
                self._look(look_s)
            if "consultations" in message:
                self._hooks.announced(message["consultations"])
        raise LinkLostError("the controller closed the connection")

    async def _acknowledge(self, number: int) -> None:
        while self._outstanding and self._outstanding[0][0] <= number:
            self._outstanding.popleft()
        await self._disk.run(lambda held: held.acknowledge(number))
        if number > self.state.acknowledged or self.state.acknowledged_unix_s is None:
            self.state.acknowledged_unix_s = self._clock().unix_s
        self.state.acknowledged = number
        self._wake.set()

    def _look(self, seconds: int) -> None:
        self._look_until_s = self._clock().monotonic_s + max(0, min(LONGEST_LOOK_S, seconds))

    async def _send(self, link: "ClientConnection") -> None:
        """Send live reports as they come, and what is spooled as far as the window allows."""
        if (frame := self._hooks.full_state()) is not None:
            await _put(link, frame)
        told_s = self._clock().monotonic_s
        about_s = told_s - ABOUT_S
        while True:
            self._wake.clear()
            if self._clock().monotonic_s - about_s >= ABOUT_S:
                about_s = self._clock().monotonic_s
                await _put(link, json.dumps({"about": dict(self._hooks.about())}))
            while self._live:
                await _put(link, self._live.popleft())
            octets = await self._send_spooled(link)
            self._require_answers()
            if octets:
                await asyncio.sleep(octets / REPLAY_OCTETS_PER_S)
                if self._clock().monotonic_s - told_s > REPORT_WHILE_REPLAYING_S:
                    told_s = self._clock().monotonic_s
                    if (frame := self._hooks.full_state()) is not None:
                        await _put(link, frame)
            else:
                # wait_for() of Python 3.11 may swallow a cancellation.
                with suppress(TimeoutError):
                    async with asyncio.timeout(ACKNOWLEDGED_WITHIN_S / 4):
                        await self._wake.wait()

    async def _send_spooled(self, link: "ClientConnection") -> int:
        """Send the next records; return how many octets of history that were."""
        room = min(MOST_AT_ONCE, self._window - len(self._outstanding))
        records = await self._disk.to_send(self._cursor, room) if room > 0 else ()
        self.caught_up = room > len(records)
        if self.caught_up and not records and not self._outstanding:
            self.settled.set()
        history = 0
        for record in records:
            history += await self._send_record(link, record)
        return history

    async def _send_record(self, link: "ClientConnection", record: Record) -> int:
        now = self._clock()
        fresh = self._disk.is_fresh(record.number, now)
        frame = ready_frame(record, now, fresh=fresh, trusted=self._hooks.clock_trusted())
        self._outstanding.append((record.number, now.monotonic_s))
        self._cursor = record.number
        await _put(link, frame)
        return 0 if fresh else len(frame)

    def _require_answers(self) -> None:
        if not self._outstanding:
            return
        number, sent_s = self._outstanding[0]
        if self._clock().monotonic_s - sent_s > ACKNOWLEDGED_WITHIN_S:
            raise LinkLostError(f"number {number} was not acknowledged in time")


async def _first_of(*works: Any) -> None:
    """Wait until one of some coroutines ends, end the others, and raise what it raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _load_libraries() -> None:
    import_module("edge.telemetry.handshake")
    import_module("websockets.asyncio.client")


async def _put(link: "ClientConnection", frame: bytes | str) -> None:
    """Send a frame or a text. Raises TimeoutError when the other end takes nothing."""
    async with asyncio.timeout(ACKNOWLEDGED_WITHIN_S):
        await link.send(frame)


def _object(text: str | bytes) -> Mapping[str, Any]:
    """Return a control message. Raises LinkLostError when it is none."""
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise LinkLostError("the controller sent what is no control message")
    return found


def _in_words(way: Way, error: Exception) -> str:
    said = str(error) or type(error).__name__
    return f"{way}: {said[:300]}"


def _asked_pause_s(error: Exception) -> float:
    """Return for how long the controller asked not to be dialled, in seconds."""
    closed = getattr(error, "rcvd", None)
    reason = str(getattr(closed, "reason", ""))
    name, _, number = reason.partition("=")
    asked = name == "retry_s" and number.isascii() and number.isdigit() and len(number) < 5
    return min(600.0, float(number)) if asked else 0.0
