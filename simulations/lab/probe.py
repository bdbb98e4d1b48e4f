"""Which addresses answer pings, many at once and without starting a process."""

import socket
import struct
import time
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

from simulations.netns.namespaces import entered_namespace

Address: TypeAlias = IPv4Address | IPv6Address
ECHO_REQUEST: Final = {4: 8, 6: 128}
# Circuits lose a packet now and then, so whoever has not answered is asked again.
AGAIN_S: Final = 0.3


def answering_devices(
    namespace: str, targets: Iterable[Address], *, within_s: float
) -> frozenset[Address]:
    """Return those of the targets that answer pings from the namespace."""
    wanted = frozenset(targets)
    return frozenset().union(
        *(
            _answering_version(namespace, version, some, within_s)
            for version in (4, 6)
            if (some := frozenset(t for t in wanted if t.version == version))
        )
    )


def _answering_version(
    namespace: str, version: int, targets: frozenset[Address], within_s: float
) -> frozenset[Address]:
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    protocol = socket.IPPROTO_ICMP if version == 4 else socket.IPPROTO_ICMPV6
    with entered_namespace(namespace):
        door = socket.socket(family, socket.SOCK_DGRAM, protocol)
    found, deadline = frozenset[Address](), time.monotonic() + within_s
    with door:
        while found < targets and (now := time.monotonic()) < deadline:
            missing = targets - found
            for target in missing:
                _send(door, version, target)
            found |= _collect(door, missing, min(deadline, now + AGAIN_S))
    return found


def _send(door: socket.socket, version: int, target: Address) -> None:
    # The kernel fills in the checksum and the identifier.
    packet = struct.pack("!BBHHH", ECHO_REQUEST[version], 0, 0, 0, 1) + bytes(16)
    try:
        door.sendto(packet, (str(target), 0))
    except OSError:
        return


def _collect(
    door: socket.socket, targets: frozenset[Address], deadline: float
) -> frozenset[Address]:
    found: set[Address] = set()
    while found < targets and (left := deadline - time.monotonic()) > 0:
        door.settimeout(left)
        try:
            _, source = door.recvfrom(2048)
        except OSError:
            continue
        found |= {target for target in targets if str(target) == source[0]}
    return frozenset(found)
