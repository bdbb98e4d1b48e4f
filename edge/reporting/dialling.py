"""Connections to the controller: which way and when to try, TLS 1.3, and who answers.

The first try follows the routes, and so goes through a tunnel where one leads there. Each further
one is bound to one underlay, so that any that works is enough.
"""

import asyncio
import random
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from edge.telemetry.handshake import LinkRefusedError
from inventory.errors import EdgeError
from vpn.model import Endpoint

CONNECT_S: Final = 10.0
# A peer that does not confirm what was sent for so long is gone (RFC 5482).
USER_TIMEOUT_MS: Final = 15_000
# Pause before the first try, and at most: edges that lost the controller together come back apart.
FIRST_PAUSE_S: Final = 4.0
LONGEST_PAUSE_S: Final = 120.0
NEXT_WAY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Way:
    """One way to dial: an endpoint, and the mark of an underlay or 0 for the routes."""

    endpoint: Endpoint
    mark: int

    def __str__(self) -> str:
        """Return the endpoint as people write it."""
        return str(self.endpoint)


def ways_to_dial(endpoints: Sequence[Endpoint], marks: Sequence[int]) -> tuple[Way, ...]:
    """Return every way to try, the routes first."""
    return tuple(Way(endpoint, mark) for mark in (0, *marks) for endpoint in endpoints)


def pauses_s(ways: int, chance: random.Random) -> Iterator[float]:
    """Yield how long to wait before each try: short between ways, longer after all of them."""
    longest_s = FIRST_PAUSE_S
    while True:
        yield chance.uniform(0.0, longest_s)
        for _ in range(ways - 1):
            yield chance.uniform(0.0, NEXT_WAY_S)
        longest_s = min(LONGEST_PAUSE_S, 2 * longest_s)


def tls_context() -> ssl.SSLContext:
    """Return what a connection is encrypted by; who answers is checked by its leaf afterwards."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    # The library knows no authority without a certificate of its own; check_leaf() does.
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def leaf_of(transport: asyncio.BaseTransport) -> bytes:
    """Return the certificate of the server, in DER. Raises LinkRefusedError without one."""
    secured = transport.get_extra_info("ssl_object")
    leaf = secured.getpeercert(binary_form=True) if secured else None
    if not leaf:
        raise LinkRefusedError("the server shows no certificate")
    return bytes(leaf)


async def connect(way: Way) -> socket.socket:
    """Return a connected socket. Raises EdgeError, OSError, TimeoutError."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_S):
        found = await loop.getaddrinfo(
            way.endpoint.host, way.endpoint.port, type=socket.SOCK_STREAM
        )
        if not found:
            raise EdgeError(f"{way}: this name has no address")
        family, kind, protocol, _, address = found[0]
        opened = socket.socket(family, kind | socket.SOCK_CLOEXEC, protocol)
        try:
            _prepare(opened, way.mark)
            await loop.sock_connect(opened, address)
        except BaseException:
            opened.close()
            raise
    return opened


def _prepare(opened: socket.socket, mark: int) -> None:
    opened.setblocking(False)  # noqa: FBT003 - the library's signature
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    if mark:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
