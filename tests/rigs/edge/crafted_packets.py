"""Packets made by hand, sent with any source and recognised where they come out, for tests."""

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, TypeAlias

from simulations.netns.namespaces import entered_namespace

Address: TypeAlias = IPv4Address | IPv6Address
# tcp, udp or icmp.
Protocol: TypeAlias = str
PROTOCOLS: Final[tuple[Protocol, ...]] = ("tcp", "udp", "icmp")
_NUMBERS: Final[dict[tuple[Protocol, int], int]] = {
    ("tcp", 4): socket.IPPROTO_TCP,
    ("tcp", 6): socket.IPPROTO_TCP,
    ("udp", 4): socket.IPPROTO_UDP,
    ("udp", 6): socket.IPPROTO_UDP,
    ("icmp", 4): socket.IPPROTO_ICMP,
    ("icmp", 6): socket.IPPROTO_ICMPV6,
}
_NAMES: Final = {(number, version): name for (name, version), number in _NUMBERS.items()}
_ECHO: Final = {4: 8, 6: 128}
_HEADER6: Final = 40
_SYN: Final = 0x02
_ROOM: Final = 1 << 23


@dataclass(frozen=True, slots=True)
class Crafted:
    """A packet: a SYN, a datagram or an echo request, for which port is the identifier.

    room is how many octets it carries; neither that nor dscp makes it another packet.
    """

    source: Address
    target: Address
    protocol: Protocol
    port: int
    source_port: int = 40_000
    dscp: int = field(default=0, compare=False)
    room: int = field(default=0, compare=False)

    @property
    def answer(self) -> "Crafted":
        """Return what its target may send back: the same with both ends changed."""
        ports = self.source_port, self.port
        return Crafted(self.target, self.source, self.protocol, *ports)

    def octets(self) -> bytes:
        """Return it as it goes on the wire, from its IP header on."""
        number = _NUMBERS[self.protocol, self.source.version]
        inner = self._inner(0)
        pseudo = self.source.packed + self.target.packed + struct.pack("!II", len(inner), number)
        summed = b"" if (self.protocol, self.source.version) == ("icmp", 4) else pseudo
        inner = self._inner(_checksum(summed + inner))
        return self._header(number, len(inner)) + inner

    def _inner(self, checksum: int) -> bytes:
        if self.protocol == "icmp":
            kind = _ECHO[self.source.version]
            head = struct.pack("!BBHHH", kind, 0, checksum, self.port, self.source_port)
            return head + bytes(self.room)
        ends = struct.pack("!HH", self.source_port, self.port)
        if self.protocol == "udp":
            return ends + struct.pack("!HH", 8 + self.room, checksum) + bytes(self.room)
        return ends + struct.pack("!IIBBHHH", 1, 0, 5 << 4, _SYN, 65_535, checksum, 0)

    def _header(self, number: int, length: int) -> bytes:
        tos = self.dscp << 2
        ends = self.source.packed + self.target.packed
        if self.source.version == 6:
            return struct.pack("!IHBB", 6 << 28 | tos << 20, length, number, 64) + ends
        return struct.pack("!BBHHHBBH", 0x45, tos, 20 + length, 1, 0, 64, number, 0) + ends


def _checksum(octets: bytes) -> int:
    padded = octets + b"\0" * (len(octets) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def parsed(packet: bytes) -> Crafted | None:
    """Return what a packet says, None where it is none of ours."""
    version = packet[0] >> 4
    start = _HEADER6 if version == 6 else (packet[0] & 0xF) * 4
    kind = _NAMES.get((packet[6 if version == 6 else 9], version))
    at, length = (8, 16) if version == 6 else (12, 4)
    ends = packet[at : at + length], packet[at + length : at + 2 * length]
    if kind is None or len(packet) < start + 8:
        return None
    tos = int.from_bytes(packet[:2], "big") >> 4 if version == 6 else packet[1]
    return _said(packet[start:], kind, *(ip_address(end) for end in ends), tos=tos)


def _said(
    inner: bytes, kind: Protocol, source: Address, target: Address, *, tos: int = 0
) -> Crafted | None:
    first, second = struct.unpack_from("!HH", inner, 4 if kind == "icmp" else 0)
    ports = (first, second) if kind == "icmp" else (second, first)
    if kind == "icmp" and inner[0] != _ECHO[source.version]:
        return None
    return Crafted(source, target, kind, *ports, dscp=(tos & 0xFF) >> 2)


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends packets from a namespace as they are."""

    sockets: dict[int, socket.socket]

    def send(self, packet: Crafted) -> None:
        """Send a packet by the namespace's routes."""
        self.sockets[packet.source.version].sendto(packet.octets(), (str(packet.target), 0))


@contextmanager
def sender(space: str) -> Iterator[Sender]:
    """Open what sends packets from a namespace."""
    with ExitStack() as held, entered_namespace(space):
        made = {
            version: held.enter_context(socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW))
            for version, family in ((4, socket.AF_INET), (6, socket.AF_INET6))
        }
        yield Sender(made)


@dataclass(frozen=True, slots=True)
class Observer:
    """Sees what comes in at a namespace's interface, before its own rules."""

    door: socket.socket

    def heard(self) -> Iterator[Crafted]:
        """Yield what came since the last question."""
        while True:
            try:
                packet, (_, _, kind, *_) = self.door.recvfrom(2048)
            except BlockingIOError:
                return
            if kind != socket.PACKET_OUTGOING and (found := parsed(packet)):
                yield found


@contextmanager
def observer(space: str, interface: str) -> Iterator[Observer]:
    """Open what sees packets that arrive at an interface."""
    with entered_namespace(space):
        door = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    with door:
        door.setsockopt(socket.SOL_SOCKET, 33, _ROOM)  # SO_RCVBUFFORCE
        door.setblocking(False)  # noqa: FBT003 - the library's own way
        door.bind((interface, 0x0003))
        yield Observer(door)


@dataclass(frozen=True, slots=True)
class Inmate:
    """Sees what a namespace itself takes in, after its rules."""

    doors: dict[tuple[Protocol, int], socket.socket]

    def heard(self) -> Iterator[Crafted]:
        """Yield what came since the last question."""
        for (kind, version), door in self.doors.items():
            while True:
                try:
                    packet, extra, _, peer = door.recvmsg(2048, 256)
                except BlockingIOError:
                    break
                if version == 4:
                    found = parsed(packet)
                else:
                    target = ip_address(extra[0][2][:16])
                    found = _said(packet, kind, ip_address(peer[0].partition("%")[0]), target)
                if found:
                    yield found


@contextmanager
def inmate(space: str) -> Iterator[Inmate]:
    """Open what sees packets that are for a namespace itself."""
    with ExitStack() as held, entered_namespace(space):
        doors = {}
        for (kind, version), number in _NUMBERS.items():
            family = socket.AF_INET if version == 4 else socket.AF_INET6
            door = held.enter_context(socket.socket(family, socket.SOCK_RAW, number))
            door.setsockopt(socket.SOL_SOCKET, 33, _ROOM)
            door.setblocking(False)  # noqa: FBT003 - the library's own way
            if version == 6:
                door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            doors[kind, version] = door
        yield Inmate(doors)
