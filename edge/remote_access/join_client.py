"""A device's line to the gateway that an invitation names: over UDP, from behind whatever there is.

The device alone speaks first, so address translation and firewalls that let answers back are no
hindrance; it speaks again until it is answered.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final, Self, TypeAlias

from edge.remote_access import join_messages
from edge.remote_access.join_code import Invitation
from edge.remote_access.join_messages import LARGEST, Json
from inventory.errors import EdgeError

AGAIN_S: Final = 1.0
FIRST_S: Final = 20.0
SILENCE_S: Final = 90.0

Clock: TypeAlias = Callable[[], float]


class SilentError(EdgeError):
    """A gateway does not answer, so that what became of the last request is not known."""


class JoinClient:
    """Asks one gateway; first_s is how long it may say nothing at all, then silence_s."""

    def __init__(
        self,
        invited: Invitation,
        *,
        first_s: float = FIRST_S,
        silence_s: float = SILENCE_S,
        clock: Clock = time.monotonic,
    ) -> None:
        """Look up where the gateway is. Raises EdgeError."""
        self._invited = invited
        self._first_s, self._silence_s = first_s, silence_s
        self._clock = clock
        self._answered = False
        self._refused = False
        self._sockets = tuple(self._connected())
        if not self._sockets:
            raise EdgeError(f"{invited.where}: no way leads there; is this device on a network?")

    def __enter__(self) -> Self:
        """Return the line, which is hung up at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        for one in self._sockets:
            one.close()

    def ask(self, body: Json) -> Json:
        """Return the answer to a request, which is made again and again. Raises SilentError."""
        name, key = self._invited.name, self._invited.mailbox_key
        asking = join_messages.seal_request(name, key, body)
        deadline = self._clock() + (self._silence_s if self._answered else self._first_s)
        while self._clock() < deadline:
            for one in self._sockets:
                self._send(one, asking)
                for datagram in self._heard(one):
                    if (answer := join_messages.open_answer(datagram, asking, key)) is not None:
                        self._keep(one)
                        return answer
        raise SilentError(self._silent())

    def _keep(self, chosen: socket.socket) -> None:
        """Speak to the address that answered, and to no other any more."""
        for one in self._sockets:
            if one is not chosen:
                one.close()
        self._sockets, self._answered = (chosen,), True

    def _send(self, one: socket.socket, asking: bytes) -> None:
        try:
            one.send(asking)
        except OSError as error:
            self._refused |= isinstance(error, ConnectionRefusedError)

    def _heard(self, one: socket.socket) -> Iterator[bytes]:
        """Yield what comes until it is time to ask again."""
        until = self._clock() + AGAIN_S
        while (left := until - self._clock()) > 0:
            one.settimeout(left)
            try:
                yield one.recv(LARGEST)
            except TimeoutError:
                return
            except OSError as error:
                # An answer to what was asked before may say that nobody is there (RFC 792).
                self._refused |= isinstance(error, ConnectionRefusedError)

    def _connected(self) -> Iterator[socket.socket]:
        where = self._invited.where
        try:
            found = socket.getaddrinfo(where.host, where.port, type=socket.SOCK_DGRAM)
        except OSError as error:
            raise EdgeError(
                f"{where.host}: {error.strerror}; is this device on a network, and the code right?"
            ) from None
        for family, kind, protocol, _, address in found:
            with suppress(OSError):
                yield _towards(address, family, kind, protocol)

    def _silent(self) -> str:
        where = f"{self._invited.where.host} port {self._invited.where.port}"
        if self._answered:
            return f"{where} has fallen silent; ask for another code where the network is better"
        if self._refused:
            return (
                f"{where} takes nobody in now; the code has expired, its gateway restarted, or the "
                "part before '/' is another one"
            )
        return (
            f"nothing answers at {where} over UDP; the code has expired, or this network lets no "
            "UDP through: try another one, such as a telephone's"
        )


def _towards(address: Any, *kind: int) -> socket.socket:
    one = socket.socket(*kind)
    try:
        one.connect(address)
    except OSError:
        one.close()
        raise
    return one
