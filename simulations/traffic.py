"""A call-like flow between two hosts, judged second by second at each receiver.

As a program, 'python -m simulations.traffic' is one end of a flow: it sends and receives, prints
one line of JSON per second of the call, and ends by itself. Standard library only.
"""

import argparse
import json
import math
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Final

PORT: Final = 16_384
PACKETS_PER_S: Final = 50
PAYLOAD: Final = 172
# Expedited forwarding (RFC 3246), as the audio of a consultation is marked.
TOS: Final = 0xB8
# A packet later than this is of no use to a call: it counts as lost.
GRACE_S: Final = 1.0
LONGEST_S: Final = 3600
_HEADER: Final = struct.Struct("!Id")


@dataclass(frozen=True, slots=True)
class Second:
    """One second of a call in one direction, by the time of sending; times in ms.

    silence_ms is the longest time without a packet that lay in, or reached into, this second.
    """

    second: int
    sent: int
    received: int
    lost: int
    silence_ms: float
    delay_p50_ms: float | None
    delay_p95_ms: float | None
    jitter_ms: float | None


@dataclass(slots=True)
class Ledger:
    """What one receiver heard; every instant is on the machine's monotonic clock."""

    start: float
    delays: dict[int, float] = field(default_factory=dict)
    arrivals: list[float] = field(default_factory=list)

    def heard(self, sequence: int, sent_at: float, now: float) -> None:
        """Note a packet; a copy or one that comes too late changes nothing."""
        if sequence not in self.delays and now - sent_at <= GRACE_S:
            self.delays[sequence] = now - sent_at
            self.arrivals.append(now)

    def second(self, number: int) -> Second:
        """Return one second of the call, complete once its grace time has passed."""
        first = number * PACKETS_PER_S
        sequences = range(first, first + PACKETS_PER_S)
        delays = [self.delays[s] * 1000 for s in sequences if s in self.delays]
        return Second(
            second=number,
            sent=PACKETS_PER_S,
            received=len(delays),
            lost=PACKETS_PER_S - len(delays),
            silence_ms=round(self.silence_s(number) * 1000, 1),
            delay_p50_ms=percentile(delays, 0.50),
            delay_p95_ms=percentile(delays, 0.95),
            jitter_ms=_variation(delays),
        )

    def silence_s(self, number: int) -> float:
        """Return the longest gap between arrivals that touches a second of the call."""
        begin, end = self.start + number, self.start + number + 1
        marks = [self.start, *sorted(self.arrivals)]
        gaps = zip(marks, [*marks[1:], max(end, marks[-1])], strict=True)
        return max((b - a for a, b in gaps if a < end and b > begin), default=0.0)


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value below which a share of the values lies (nearest rank)."""
    if not values:
        return None
    return round(sorted(values)[max(0, math.ceil(share * len(values)) - 1)], 3)


def _variation(delays: Sequence[float]) -> float | None:
    """Return the mean difference of consecutive delays (RFC 3393)."""
    if len(delays) < 2:
        return None
    steps = [abs(b - a) for a, b in pairwise(delays)]
    return round(sum(steps) / len(steps), 3)


@dataclass(frozen=True, slots=True)
class Call:
    """One end of a flow: whom it speaks with, from when on (monotonic s) and for how long."""

    local: str
    peer: str
    port: int
    start: float
    seconds: int

    def run(self) -> Iterator[Second]:
        """Send and receive until the call is over; yield each second once it is settled."""
        ledger, sent, told = Ledger(self.start), 0, 0
        with _door(self.local, self.port) as door:
            while told < self.seconds:
                now = time.monotonic()
                sent = self._send_due(door, sent, now)
                if now >= self.start + told + 1 + GRACE_S:
                    yield ledger.second(told)
                    told += 1
                self._listen(door, ledger, self._next_event(sent, told))

    def _send_due(self, door: socket.socket, sent: int, now: float) -> int:
        """Send every packet that is due and return how many are sent altogether."""
        due = min(self.seconds * PACKETS_PER_S, math.floor((now - self.start) * PACKETS_PER_S) + 1)
        for sequence in range(sent, due):
            packet = _HEADER.pack(sequence, time.monotonic()).ljust(PAYLOAD, b"\0")
            # Without a route the packet is lost like any other.
            _try_send(door, packet, (self.peer, self.port))
        return max(sent, due)

    def _next_event(self, sent: int, told: int) -> float:
        report = self.start + told + 1 + GRACE_S
        packet = self.start + sent / PACKETS_PER_S
        return min(report, packet) if sent < self.seconds * PACKETS_PER_S else report

    @staticmethod
    def _listen(door: socket.socket, ledger: Ledger, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            if not select.select([door], [], [], left)[0]:
                return
            packet = _try_receive(door)
            if len(packet) >= _HEADER.size:
                sequence, sent_at = _HEADER.unpack_from(packet)
                ledger.heard(sequence, sent_at, time.monotonic())


def _door(address: str, port: int) -> socket.socket:
    door = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    if door.family == socket.AF_INET:
        door.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, TOS)
    else:
        door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, TOS)
    door.bind((address, port))
    return door


def _try_send(door: socket.socket, packet: bytes, target: tuple[str, int]) -> None:
    try:
        door.sendto(packet, target)
    except OSError:
        return


def _try_receive(door: socket.socket) -> bytes:
    """Return a packet; an ICMP error that the kernel reports instead is an empty one."""
    try:
        return door.recv(2048)
    except OSError:
        return b""


def _arguments() -> Call:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("local", help="own address")
    parser.add_argument("peer", help="the other end's address")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--start", type=float, required=True, help="monotonic time of the start")
    parser.add_argument("--seconds", type=int, default=60)
    call = Call(**vars(parser.parse_args()))
    if not 0 < call.seconds <= LONGEST_S:
        parser.error(f"--seconds must be 1 to {LONGEST_S}")
    return call


if __name__ == "__main__":
    for second in _arguments().run():
        sys.stdout.write(json.dumps(asdict(second)) + "\n")
        sys.stdout.flush()
