"""A small controller's end of the telemetry link: real TLS and WebSocket, messages in memory."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from edge.telemetry import frames, handshake
from edge.telemetry.handshake import LinkRefusedError
from edge.telemetry.model import TelemetryMessage

CONTROLLER = Ed25519PrivateKey.from_private_bytes(b"c" * 32)
SECRET = b"x" * 32


@dataclass
class SmallController:
    """Stores every message once by its number, and acknowledges what it has stored.

    With acknowledges unset it stores and says nothing; with close_code set it closes each
    connection after the hello; closes_after ends a connection after so many frames.
    """

    keys: Mapping[str, str]
    key: Ed25519PrivateKey = CONTROLLER
    issuer: Ed25519PrivateKey = CONTROLLER
    acknowledges: bool = True
    close_code: int = 0
    close_reason: str = ""
    closes_after: int = 0
    look_s: int = 0
    unix_s: float | None = None
    stored: dict[str, list[TelemetryMessage]] = field(default_factory=dict)
    live: list[TelemetryMessage] = field(default_factory=list)
    told: list[Mapping[str, Any]] = field(default_factory=list)
    dropped: int = 0
    connections: int = 0
    refused: list[str] = field(default_factory=list)
    loop: asyncio.AbstractEventLoop | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    _links: set[ServerConnection] = field(default_factory=set)
    _leaf: bytes = b""

    @property
    def messages(self) -> list[TelemetryMessage]:
        """Return what is stored, spool after spool."""
        return [message for spool in self.stored.values() for message in spool]

    def numbers(self) -> list[int]:
        """Return every number that the stored messages stand for."""
        return [n for one in self.messages for n in range(one.first, one.sequence + 1)]

    @asynccontextmanager
    async def serving(
        self, folder: Path, port: int = 0, host: str = "127.0.0.1"
    ) -> AsyncIterator[int]:
        """Listen while the block runs; yield the port."""
        server = await self._listen(folder, port, host)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for link in tuple(self._links):
                link.transport.abort()
            await server.wait_closed()

    async def _listen(self, folder: Path, port: int, host: str) -> Server:
        leaf = handshake.issue_leaf(self.issuer, datetime.now(tz=UTC))  # noqa: TID251
        certificate, private = folder / "leaf.pem", folder / "leaf.key"
        certificate.write_bytes(leaf.certificate)
        private.write_bytes(leaf.private_key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, private)
        made = x509.load_pem_x509_certificate(leaf.certificate)
        self._leaf = sha256(made.public_bytes(Encoding.DER)).digest()
        return await serve(
            self._attend,
            host,
            port,
            ssl=context,
            subprotocols=[handshake.SUBPROTOCOL],  # type: ignore[list-item]
            compression=None,
            ping_interval=None,
        )

    def tell(self, **message: Any) -> None:
        """Send a control message to every edge, from another thread than the controller's."""
        assert self.loop
        asyncio.run_coroutine_threadsafe(self.say(**message), self.loop).result()

    async def say(self, **message: Any) -> None:
        """Send a control message to every edge."""
        for link in self._links:
            await link.send(json.dumps(message))

    async def _attend(self, link: ServerConnection) -> None:
        self.connections += 1
        self._links.add(link)
        try:
            await self._talk(link)
        except (ConnectionClosed, LinkRefusedError) as error:
            self.refused.append(str(error))
        finally:
            self._links.discard(link)
            self.news.set()

    async def _talk(self, link: ServerConnection) -> None:
        session = handshake.read_hello(json.loads(await link.recv()), self._leaf)
        if self.close_code:
            await link.close(self.close_code, self.close_reason)
            return
        now = datetime.now(tz=UTC)  # noqa: TID251
        public = self.keys[session.device]
        challenge = handshake.seal_challenge(session, public, SECRET, self.key, now)
        await link.send(json.dumps(challenge))
        answer = json.loads(await link.recv())
        if not handshake.holds(answer, SECRET, session):
            raise LinkRefusedError("no proof")
        spool = answer["spool"]
        await link.send(json.dumps({"welcome": self._welcome(spool, now.timestamp())}))
        count = 0
        async for frame in link:
            if isinstance(frame, str):
                self.told.append(json.loads(frame))
                self.news.set()
                continue
            await self._take(link, spool, frames.decode(frame))
            count += 1
            if count == self.closes_after:
                link.transport.abort()
                return

    def _welcome(self, spool: str, unix_s: float) -> Mapping[str, Any]:
        held = self.stored.get(spool, [])
        last = held[-1] if held else None
        return {
            "acknowledged": last.sequence if last else 0,
            "boot": last.boot if last else "",
            "uptime_ms": round(last.uptime_s * 1000) if last else 0,
            "unix_s": unix_s if self.unix_s is None else self.unix_s,
            "window": 16,
            "look_s": self.look_s,
        }

    async def _take(self, link: ServerConnection, spool: str, message: TelemetryMessage) -> None:
        if message.live:
            self.live.append(message)
        else:
            held = self.stored.setdefault(spool, [])
            if held and message.first <= held[-1].sequence:
                self.dropped += 1
            else:
                held.append(message)
            if self.acknowledges:
                await link.send(json.dumps({"acknowledged": held[-1].sequence}))
        self.news.set()
