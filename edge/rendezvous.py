"""A gateway's door for devices in the field: a UDP port that is open while anybody is invited."""

import asyncio
import base64
import json
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from edge.mailboxes import Mailboxes, State
from inventory.errors import EdgeError
from vpn.rendezvous import LARGEST, Json

# Datagrams read at one go at most, so that a flood cannot keep the daemon from its work.
_AT_ONCE: Final = 64
_TEND_S: Final = 60.0
_KEY: Final = 32


class Rendezvous:
    """The mailboxes of a running edge and the port where devices ask; now_s is monotonic."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._boxes = Mailboxes()
        self._socket: socket.socket | None = None
        self._port = 0
        self._tending: asyncio.TimerHandle | None = None

    def asked(self, written: str) -> Json:
        """Do what the controller's desk asks in JSON and return the answer.

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
        if self._socket:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _open(self, request: Json) -> Json:
        port, key = int(request["port"]), base64.b64decode(request["key"], validate=True)
        if len(key) != _KEY or not 0 < port < 65536:
            raise ValueError("a key has 32 octets, and a port a number")
        name = bytes.fromhex(request["name"]).hex()
        self._listen(port)
        self._boxes.open(name, key, float(request["lasts_s"]), self._now_s())
        return {}

    def _look(self, request: Json) -> Json:
        leave = tuple(map(str, request["leave"]))
        return self._boxes.look(str(request["name"]), int(request["have"]), leave, self._now_s())

    def _end(self, request: Json) -> Json:
        self._boxes.end(str(request["name"]), State(request["state"]), self._now_s())
        return {}

    def _listen(self, port: int) -> None:
        """Listen at a port of all addresses, unless that is done already. Raises EdgeError."""
        if self._socket and self._port == port:
            return
        self.close()
        self._socket, self._port = _opened(port), port
        loop = asyncio.get_running_loop()
        loop.add_reader(self._socket, self._hear, self._socket)
        self._tending = loop.call_later(_TEND_S, self._tend)

    def _tend(self) -> None:
        """Close the port when nobody could ask about anything any more."""
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
                    own = [one for one in ancillary if one[1] == socket.IPV6_PKTINFO]
                    with suppress(OSError):
                        door.sendmsg([answer], [(a, b, _anywhere(c)) for a, b, c in own], 0, source)


_ANCILLARY: Final = socket.CMSG_SPACE(20)


def _anywhere(info: bytes) -> bytes:
    """Return an in6_pktinfo with its address alone, so that routing chooses the interface."""
    return info[:16] + bytes(4)


def _opened(port: int) -> socket.socket:
    door = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        door.bind(("::", port))
    except OSError as error:
        door.close()
        raise EdgeError(
            f"UDP port {port}: {error.strerror}; name another enrolment_port in gateways, and say "
            "'sanaga vpn apply'"
        ) from error
    return door
