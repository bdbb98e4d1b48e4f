"""A UDP socket that reports when the kernel received a packet, its TTL, and what it dropped."""

import errno
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from struct import Struct
from typing import Final

from edge.probes.stall_clock import StallClock
from inventory.errors import EdgeError

# Expedited forwarding, as the traffic whose fate the test packets share (RFC 3246).
TOS: Final = 0xB8
TTL: Final = 255
# From linux/in.h and asm-generic/socket.h; this stamp is laid out alike on every processor.
IP_RECVTTL: Final = 12
SO_TIMESTAMPNS: Final = 64
SO_RXQ_OVFL: Final = 40
_TIMESPEC: Final = Struct("=qq")
_COUNT: Final = Struct("=I")
_LARGEST: Final = 2048
_ANCILLARY: Final = socket.CMSG_SPACE(_TIMESPEC.size) + 2 * socket.CMSG_SPACE(_COUNT.size)
# Packets read at one go at most, so that a flood cannot keep the process from its work.
_AT_ONCE: Final = 256
_OPTIONS: Final = (
    (socket.IPPROTO_IP, socket.IP_TOS, TOS),
    (socket.IPPROTO_IP, socket.IP_TTL, TTL),
    (socket.IPPROTO_IP, IP_RECVTTL, 1),
    (socket.SOL_SOCKET, SO_TIMESTAMPNS, 1),
    (socket.SOL_SOCKET, SO_RXQ_OVFL, 1),
)
# What a socket says once its interface or address has been taken away or made again.
GONE: Final = frozenset(
    {errno.ENODEV, errno.ENXIO, errno.EADDRNOTAVAIL, errno.ENETUNREACH, errno.EBADF}
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A packet: when it reached this host (monotonic), from whom, with which TTL left.

    waited_s is how long it lay in the socket, dropped how many were dropped there just before.
    """

    octets: bytes
    source: tuple[str, int]
    at_s: float
    waited_s: float
    ttl: int
    dropped: int


class StampSocket:
    """An open socket on one address and interface, connected when a remote end is given.

    Raises EdgeError naming the address and the interface.
    """

    def __init__(
        self,
        local: tuple[IPv4Address, int],
        interface: str,
        time: StallClock,
        remote: tuple[IPv4Address, int] | None = None,
    ) -> None:
        self._interface = interface
        self._time = time
        self._dropped = 0
        try:
            self.index = interface_index(interface)
            self.socket = _opened(local, interface, remote)
        except OSError as error:
            device = f" on {interface}" if interface else ""
            raise EdgeError(
                f"cannot probe from {local[0]} port {local[1]}{device}: {error.strerror}; "
                "is the tunnel up, and does nobody else hold the port?"
            ) from error
        self._empty_s = time.now()

    @property
    def stale(self) -> bool:
        """Return whether the interface is no longer the one that the socket was opened on."""
        return interface_index(self._interface) != self.index

    def close(self) -> None:
        """Give the socket back."""
        self.socket.close()

    def arrivals(self) -> Iterator[Arrival]:
        """Yield what has arrived; errors that the kernel reports in between are skipped."""
        for _ in range(_AT_ONCE):
            try:
                received = self.socket.recvmsg(_LARGEST, _ANCILLARY)
            except BlockingIOError:
                self._empty_s = self._time.now()
                return
            except OSError as error:
                if error.errno in GONE:
                    return
                continue
            yield self._arrival(*received)

    def _arrival(
        self,
        octets: bytes,
        ancillary: list[tuple[int, int, bytes]],
        _flags: int,
        source: tuple[str, int],
    ) -> Arrival:
        stamp_s, ttl, dropped = None, 0, self._dropped
        for level, kind, value in ancillary:
            if level == socket.IPPROTO_IP:
                ttl = _COUNT.unpack(value)[0]
            elif kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = _TIMESPEC.unpack(value)
                stamp_s = seconds + nanoseconds / 1e9
            elif kind == SO_RXQ_OVFL:
                dropped = _COUNT.unpack(value)[0]
        newly = (dropped - self._dropped) % (1 << 32)
        self._dropped = dropped
        at_s = self._time.arrived_s(stamp_s, self._empty_s)
        return Arrival(octets, source, at_s, self._time.now() - at_s, ttl, newly)


def interface_index(interface: str) -> int:
    """Return an interface's number; 0 when it has no name or does not exist."""
    with suppress(OSError):
        return socket.if_nametoindex(interface) if interface else 0
    return 0


def _opened(
    local: tuple[IPv4Address, int], interface: str, remote: tuple[IPv4Address, int] | None
) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        opened.setblocking(False)  # noqa: FBT003 - the library's signature
        for level, option, value in _OPTIONS:
            opened.setsockopt(level, option, value)
        if interface:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        opened.bind((str(local[0]), local[1]))
        if remote:
            opened.connect((str(remote[0]), remote[1]))
    except OSError:
        opened.close()
        raise
    return opened
