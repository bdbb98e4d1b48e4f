"""The edge's end of the telemetry link as tests and benchmarks need it: no spool, no daemon."""

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from edge.telemetry import handshake
from edge.telemetry.frames import encode
from edge.telemetry.model import TelemetryMessage
from vpn.wireguard.keys import Secret

NONCE = bytes(range(32))


@dataclass
class Sender:
    """An edge that is connected: its socket, and how it was welcomed."""

    socket: ClientConnection
    welcome: handshake.Welcome

    async def send(self, message: TelemetryMessage) -> None:
        """Send one message."""
        await self.socket.send(encode(message))

    async def acknowledged(self) -> int:
        """Return the next number that is acknowledged."""
        while True:
            told = json.loads(await self.socket.recv())
            if "acknowledged" in told:
                return int(told["acknowledged"])


def client_tls() -> ssl.SSLContext:
    """Return TLS as an edge speaks it: the leaf is checked afterwards."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@asynccontextmanager
async def dialled(
    port: int, context: ssl.SSLContext | None = None, path: str = handshake.PATH
) -> AsyncIterator[ClientConnection]:
    """Give a WebSocket over TLS to a listener on loopback, before any handshake."""
    async with connect(
        f"wss://127.0.0.1:{port}{path}",
        ssl=context or client_tls(),
        server_hostname=handshake.SERVER_NAME,
        subprotocols=[Subprotocol(handshake.SUBPROTOCOL)],
        compression=None,
        ping_interval=None,
        open_timeout=60,
    ) as socket:
        yield socket


async def shake_hands(
    socket: ClientConnection, device: str, secret: Secret, trust: Ed25519PublicKey, spool: str
) -> handshake.Welcome:
    """Prove to be a device, and return how the controller welcomes it."""
    tls = socket.transport.get_extra_info("ssl_object")
    leaf = handshake.check_leaf(tls.getpeercert(binary_form=True), trust, None)
    session = handshake.Session(device, leaf, NONCE)
    await socket.send(json.dumps(handshake.hello(session, [1])))
    challenge = json.loads(await socket.recv())
    opened = handshake.open_challenge(challenge, session, trust, [secret.octets])
    proof = handshake.proof(opened, session, spool)
    await socket.send(json.dumps(handshake.proof_message(proof, spool, 1, None)))
    return handshake.read_welcome(json.loads(await socket.recv()))


@asynccontextmanager
async def connected(
    port: int, device: str, secret: Secret, trust: Ed25519PublicKey, spool: str
) -> AsyncIterator[Sender]:
    """Give an edge that is connected and known."""
    async with dialled(port) as socket:
        yield Sender(socket, await shake_hands(socket, device, secret, trust, spool))
