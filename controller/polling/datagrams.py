"""A UDP socket that loses little in a burst, and counts what it lost."""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from controller.snmp.traps import Sender
from controller.transport.netns import inside

BUFFER_OCTETS: Final = 8 * 1024 * 1024
# <asm-generic/socket.h>; Python has no names for them.
SO_RXQ_OVFL: Final = 40
SO_RCVBUFFORCE: Final = 33
LARGEST: Final = 65_535
AT_ONCE: Final = 512
ANCILLARY: Final = socket.CMSG_SPACE(4)
Receive: TypeAlias = Callable[[bytes, Sender], bytes]


@dataclass(slots=True)
class Received:
    """How many datagrams came, how many the kernel dropped, and how many were not taken."""

    taken: int = 0
    refused: int = 0
    dropped: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def refuse(self, reason: str) -> None:
        """Count a datagram that was not taken; reasons come from a fixed set of sentences."""
        self.refused += 1
        self.reasons[reason] = self.reasons.get(reason, 0) + 1


class DatagramListener:
    """Hands every datagram of a socket, with its sender's address, to a function.

    What the function returns goes back to the sender, if it is not empty.
    """

    def __init__(self, receive: Receive, count: Received) -> None:
        self._receive = receive
        self._count = count
        self._socket: socket.socket | None = None

    def start(self, address: str, port: int, namespace: str | None = None) -> int:
        """Listen and return the port; within a running event loop.

        Raises OSError when the address is taken or privileged.
        """
        self._socket = inside(namespace, lambda: _opened(address, port))
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        return int(self._socket.getsockname()[1])

    def stop(self) -> None:
        """End listening."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _read(self) -> None:
        """Take what has come, but not for so long that nothing else gets its turn."""
        for _ in range(AT_ONCE):
            if self._socket is None or not self._read_one(self._socket):
                return

    def _read_one(self, link: socket.socket) -> bool:
        try:
            data, ancillary, _, sender = link.recvmsg(LARGEST, ANCILLARY)
        except OSError:
            return False
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, SO_RXQ_OVFL):
                self._count.dropped = struct.unpack("=I", content)[0]
        if answer := self._receive(data, sender[:2]):
            self.send(answer, sender)
        return True

    def send(self, data: bytes, sender: Sender) -> None:
        """Send an answer; also from another thread. What cannot be sent is lost."""
        link = self._socket
        if link is not None:
            with suppress(OSError):
                link.sendto(data, sender)


def _opened(address: str, port: int) -> socket.socket:
    link = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        link.settimeout(0)
        link.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
        _widen(link)
        link.bind((address, port))
    except OSError:
        link.close()
        raise
    return link


def _widen(link: socket.socket) -> None:
    """Ask for a large buffer; without privilege the kernel gives what net.core.rmem_max allows."""
    try:
        link.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_OCTETS)
    except PermissionError:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_OCTETS)
