"""ICMP echo (RFC 792): which of many addresses answer, asked at the same time."""

import asyncio
import os
import socket
import struct
import subprocess
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from time import monotonic
from typing import Final, TypeAlias

from edge.policy.model import Peer
from inventory.model import DeviceName

_PINGS_AT_ONCE: Final = 32
_PING_S: Final = 10
_THROUGH_S: Final = 1.0
_ECHO: Final = 8

Address: TypeAlias = IPv4Address | IPv6Address


async def ping_peers(interface: str, peers: Collection[Peer]) -> frozenset[DeviceName]:
    """Return the peers whose loopbacks answer a packet that leaves by an interface."""
    by_loopback = {peer.loopback: peer.device for peer in peers}
    answered = await asyncio.to_thread(ping_through, interface, tuple(by_loopback))
    return frozenset(by_loopback[address] for address in answered)


def unreached_targets(source: Address | None, targets: Sequence[Address]) -> tuple[Address, ...]:
    """Return the targets that do not answer a ping from an address, or from any when it is None."""
    with ThreadPoolExecutor(_PINGS_AT_ONCE) as pool:
        answers = list(pool.map(lambda target: _answers(source, target), targets))
    return tuple(t for t, answered in zip(targets, answers, strict=True) if not answered)


def _answers(source: Address | None, target: Address) -> bool:
    bound = ["-I", str(source)] if source and source.version == target.version else []
    return _done(["ping", "-n", "-q", "-c", "3", "-i", "0.2", "-W", "1", *bound, str(target)])


def _done(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - addresses alone, no text of anybody's
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PING_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def ping_through(interface: str, targets: Sequence[IPv4Address]) -> frozenset[IPv4Address]:
    """Return the targets that answer within a second an ICMP echo that leaves by an interface.

    Answers may come by any other; a program bound to the interface would not receive them.
    Raises OSError.
    """
    name = os.urandom(2)
    with _raw() as sender, _raw() as receiver:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        for target in targets:
            with suppress(OSError):
                sender.sendto(_echo(name), (str(target), 0))
        return frozenset(_answering(receiver, name, frozenset(targets)))


def _raw() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


def _echo(name: bytes) -> bytes:
    """Return an echo request (RFC 792) with an identifier."""
    body = name + b"\0\1"
    words = struct.unpack("!HH", body)
    total = (_ECHO << 8) + sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    return struct.pack("!BBH", _ECHO, 0, checksum) + body


def _answering(
    receiver: socket.socket, name: bytes, targets: frozenset[IPv4Address]
) -> Iterator[IPv4Address]:
    """Yield the targets that answer, until all have or the time is over."""
    deadline, left = monotonic() + _THROUGH_S, set(targets)
    while left and (rest := deadline - monotonic()) > 0:
        receiver.settimeout(rest)
        try:
            packet, (address, _) = receiver.recvfrom(2048)
        except TimeoutError:
            return
        header = 4 * (packet[0] & 0x0F)
        target, ours = IPv4Address(address), packet[header + 4 : header + 6] == name
        if ours and packet[header] == 0 and target in left:
            left.remove(target)
            yield target
