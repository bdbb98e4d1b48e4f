"""A gateway's door for devices in the field: a UDP port that is open while anybody is invited."""

import asyncio
import base64
import errno
import json
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from edge.remote_access.join_messages import LARGEST, Json
from edge.remote_access.mailbox import Mailboxes, State
from inventory.errors import EdgeError

# Datagrams read at one go at most, so that a flood cannot keep the daemon from its work.
_AT_ONCE: Final = 16
_TEND_S: Final = 60.0
_KEY: Final = 32


class JoinProxy:
    """The mailboxes of a running edge and the ports where devices ask; now_s is monotonic."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._boxes = Mailboxes()
        self._doors: dict[int, socket.socket] = {}
        self._tending: asyncio.TimerHandle | None = None

    def asked(self, written: str) -> Json:
        """Do what the controller asks in JSON and return the answer.

        Raises EdgeError, KeyError, TypeError and ValueError.
        """
        request = json.loads(written)
        work: Mapping[str, Callable[[Json], Json]] = {
            "open": self._open,
            "look": self._look,
            "end": self._end,
        }
        return work[str(request["do"])](request)

    def close(self) -> None:
        """Listen no more."""
        if self._tending:
            self._tending.cancel()
            self._tending = None
        for door in self._doors.values():
            asyncio.get_running_loop().remove_reader(door)
            door.close()
        self._doors = {}

    def _open(self, request: Json) -> Json:
        port, lasts_s = request["port"], request["lasts_s"]
        key = base64.b64decode(request["key"], validate=True)
        if len(key) != _KEY or type(port) is not int or not 0 < port < 65536:
            raise ValueError("a key has 32 octets, and a port a number")
        if type(lasts_s) is not int:
            raise ValueError("an invitation lasts whole seconds")
        name = bytes.fromhex(request["name"]).hex()
        self._listen(port)
        self._boxes.open(name, key, lasts_s, self._now_s())
        return {}

    def _look(self, request: Json) -> Json:
        have, leave = request["have"], tuple(map(str, request["leave"]))
        if type(have) is not int or have < 0:
            raise ValueError("this is no count")
        return self._boxes.look(str(request["name"]), have, leave, self._now_s())

    def _end(self, request: Json) -> Json:
        state, last = State(request["state"]), str(request["last"])
        return {"state": self._boxes.end(str(request["name"]), state, last, self._now_s())}

    def _listen(self, port: int) -> None:
        """Listen at a port of all addresses, unless that is done already. Raises EdgeError."""
        if port not in self._doors:
            door = self._doors[port] = _opened(port)
            asyncio.get_running_loop().add_reader(door, self._hear, door)
        if self._tending is None:
            self._tending = asyncio.get_running_loop().call_later(_TEND_S, self._tend)

    def _tend(self) -> None:
        """Close the ports when nobody could ask about anything any more."""
        self._tending = None
        self._boxes.tend(self._now_s())
        if self._boxes:
            self._tending = asyncio.get_running_loop().call_later(_TEND_S, self._tend)
        else:
            self.close()

    def _hear(self, door: socket.socket) -> None:
        with suppress(OSError):
            for _ in range(_AT_ONCE):
                datagram, ancillary, _flags, source = door.recvmsg(LARGEST, _ANCILLARY)
                if answer := self._boxes.answer(datagram, self._now_s()):
                    # From the address that was asked, which is the one that the device knows.
                    own = [(a, b, _anywhere(b, c)) for a, b, c in ancillary if b in _ADDRESSES]
                    with suppress(OSError):
                        door.sendmsg([answer], own, 0, source)


_ANCILLARY: Final = socket.CMSG_SPACE(20)
# From linux/in.h; with the address that a packet came to.
_IP_PKTINFO: Final = 8
_ADDRESSES: Final = frozenset({socket.IPV6_PKTINFO, _IP_PKTINFO})


def _anywhere(kind: int, info: bytes) -> bytes:
    """Return where a packet came to without the interface, which routing is to choose."""
    return info[:16] + bytes(4) if kind == socket.IPV6_PKTINFO else bytes(4) + info[4:8] + bytes(4)


def _opened(port: int) -> socket.socket:
    try:
        return _bound(port, socket.AF_INET6)
    except OSError as error:
        if error.errno not in _WITHOUT_IPV6:
            raise _taken(port, error) from error
    try:
        return _bound(port, socket.AF_INET)
    except OSError as error:
        raise _taken(port, error) from error


_WITHOUT_IPV6: Final = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})


def _taken(port: int, error: OSError) -> EdgeError:
    return EdgeError(
        f"UDP port {port}: {error.strerror}; name another enrolment_port in gateways, and say "
        "'sanaga vpn apply'"
    )


def _bound(port: int, family: socket.AddressFamily) -> socket.socket:
    """Return a socket at a port that reports the address at which packets arrived."""
    door = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if family == socket.AF_INET6:
            door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            door.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        door.bind(("", port))
    except OSError:
        door.close()
        raise
    return door
