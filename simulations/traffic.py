"""A call-like flow between two hosts, judged second by second at each receiver.

As a program, 'python -m simulations.traffic' is one end of a flow: it says "ready", is told on
stdin when to start, sends and receives, prints one line of JSON per second of the call and one for
the whole of it, and ends by itself. Standard library only.
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
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import Final

# A packet later than this is of no use to a call: it counts as lost.
GRACE_S: Final = 1.0
LONGEST_S: Final = 3600
READY: Final = "ready"
_HEADER: Final = struct.Struct("!Id")
_STAMP: Final = struct.Struct("ll")
_STAMP_OPTION: Final = 35  # SO_TIMESTAMPNS, which the socket module does not name
_TOLD_OCTETS: Final = 64


@dataclass(frozen=True, slots=True)
class Profile:
    """What a flow is like: its pace, octets of UDP payload, type of service, usual port."""

    packets_per_s: int
    payload: int
    tos: int
    port: int


# The audio of a consultation is marked EF (RFC 3246), its video AF41 (RFC 2597): 1 Mbit/s.
VOICE: Final = Profile(50, 172, 0xB8, 16_384)
VIDEO: Final = Profile(104, 1200, 0x88, 16_386)
PROFILES: Final = {"voice": VOICE, "video": VIDEO}


@dataclass(frozen=True, slots=True)
class Second:
    """One second of a call in one direction, by the time of sending; times in ms.

    silence_ms is the longest time without a packet that lay in, or reached into, this second, had
    every packet been sent when it was due.
    duplicates are copies of packets that had come, reordered those that came after a later one
    (RFC 4737).
    """

    second: int
    sent: int
    received: int
    lost: int
    silence_ms: float
    delay_p50_ms: float | None
    delay_p95_ms: float | None
    jitter_ms: float | None
    delay_p99_ms: float | None = None
    delay_max_ms: float | None = None
    duplicates: int = 0
    reordered: int = 0


@dataclass(slots=True)
class PacketCounts:
    """What one receiver heard; every instant is on the machine's monotonic clock."""

    start: float
    profile: Profile = VOICE
    delays: dict[int, float] = field(default_factory=dict)
    arrivals: list[float] = field(default_factory=list)
    copies: list[int] = field(default_factory=list)
    overtaken: list[int] = field(default_factory=list)
    newest: int = -1

    def heard(self, sequence: int, sent_at: float, now: float) -> None:
        """Note a packet; a copy, or one that comes too late, is not received again."""
        if sequence in self.delays:
            self.copies.append(sequence)
        elif now - sent_at <= GRACE_S:
            self.delays[sequence] = now - sent_at
            # As if it had been sent when it was due: a late sender is no silence of the network.
            due = self.start + sequence / self.profile.packets_per_s
            self.arrivals.append(due + self.delays[sequence])
            if sequence < self.newest:
                self.overtaken.append(sequence)
            self.newest = max(self.newest, sequence)

    def second(self, number: int) -> Second:
        """Return one second of the call, complete once its grace time has passed."""
        return self._span(number, 1)

    def total(self, seconds: int) -> Second:
        """Return the whole call as if it were one second; its number is how many there were."""
        return replace(self._span(0, seconds), second=seconds)

    def _span(self, number: int, seconds: int) -> Second:
        pace = self.profile.packets_per_s
        sequences = range(number * pace, (number + seconds) * pace)
        delays = [self.delays[s] * 1000 for s in sequences if s in self.delays]
        return Second(
            second=number,
            sent=len(sequences),
            received=len(delays),
            lost=len(sequences) - len(delays),
            silence_ms=round(self.silence_s(number, seconds) * 1000, 1),
            delay_p50_ms=percentile_of(delays, 0.50),
            delay_p95_ms=percentile_of(delays, 0.95),
            jitter_ms=_variation(delays),
            delay_p99_ms=percentile_of(delays, 0.99),
            delay_max_ms=percentile_of(delays, 1.0),
            duplicates=sum(s in sequences for s in self.copies),
            reordered=sum(s in sequences for s in self.overtaken),
        )

    def silence_s(self, number: int, seconds: int = 1) -> float:
        """Return the longest gap between arrivals that touches some seconds of the call."""
        begin, end = self.start + number, self.start + number + seconds
        marks = [self.start, *sorted(self.arrivals)]
        gaps = zip(marks, [*marks[1:], max(end, marks[-1])], strict=True)
        return max((b - a for a, b in gaps if a < end and b > begin), default=0.0)


def percentile_of(values: Sequence[float], share: float) -> float | None:
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
class TrafficCall:
    """One end of a flow: whom it speaks with, from when on (monotonic s) and for how long."""

    peer: str
    port: int
    start: float
    seconds: int
    profile: Profile = VOICE

    def run(self, door: socket.socket) -> Iterator[Second]:
        """Send and receive until the call is over.

        Yields each second once it is settled, and at last the whole call, numbered by its length.
        """
        ledger, sent, told = PacketCounts(self.start, self.profile), 0, 0
        while told < self.seconds:
            now = time.monotonic()
            sent = self._send_due(door, sent, now)
            if now >= self.start + told + 1 + GRACE_S:
                yield ledger.second(told)
                told += 1
            self._listen(door, ledger, self._next_event(sent, told))
        yield ledger.total(self.seconds)

    def _send_due(self, door: socket.socket, sent: int, now: float) -> int:
        """Send every packet that is due and return how many are sent altogether."""
        pace = self.profile.packets_per_s
        due = min(self.seconds * pace, math.floor((now - self.start) * pace) + 1)
        for sequence in range(sent, due):
            packet = _HEADER.pack(sequence, time.monotonic()).ljust(self.profile.payload, b"\0")
            # Without a route the packet is lost like any other.
            _try_send(door, packet, (self.peer, self.port))
        return max(sent, due)

    def _next_event(self, sent: int, told: int) -> float:
        pace = self.profile.packets_per_s
        report = self.start + told + 1 + GRACE_S
        return min(report, self.start + sent / pace) if sent < self.seconds * pace else report

    @staticmethod
    def _listen(door: socket.socket, ledger: PacketCounts, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            if not select.select([door], [], [], left)[0]:
                return
            packet, arrived_at = _try_receive(door)
            if len(packet) >= _HEADER.size:
                sequence, sent_at = _HEADER.unpack_from(packet)
                ledger.heard(sequence, sent_at, arrived_at)


def _door(address: str, port: int, tos: int) -> socket.socket:
    door = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    if door.family == socket.AF_INET:
        door.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
    else:
        door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, tos)
    # When this process gets to a packet depends on the machine; when the kernel has it does not.
    door.setsockopt(socket.SOL_SOCKET, _STAMP_OPTION, 1)
    door.bind((address, port))
    return door


def _try_send(door: socket.socket, packet: bytes, target: tuple[str, int]) -> None:
    try:
        door.sendto(packet, target)
    except OSError:
        return


def _try_receive(door: socket.socket) -> tuple[bytes, float]:
    """Return a packet and when the kernel had it; an ICMP error instead is an empty packet."""
    try:
        packet, told, _, _ = door.recvmsg(2048, _TOLD_OCTETS)
    except OSError:
        return b"", time.monotonic()
    now, now_ns = time.monotonic(), time.time_ns()
    stamps = [_STAMP.unpack(data) for _, kind, data in told if kind == _STAMP_OPTION]
    waited_s = max((now_ns - s * 1_000_000_000 - ns) / 1e9 for s, ns in stamps) if stamps else 0.0
    # A clock that was set meanwhile says nothing.
    return packet, now - waited_s if 0 <= waited_s <= GRACE_S else now


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("local", help="own address")
    parser.add_argument("peer", help="the other end's address")
    parser.add_argument("--profile", choices=PROFILES, default="voice")
    parser.add_argument("--port", type=int, help="UDP port of both ends, else the profile's own")
    parser.add_argument("--seconds", type=int, default=60)
    said = parser.parse_args()
    if not 0 < said.seconds <= LONGEST_S:
        parser.error(f"--seconds must be 1 to {LONGEST_S}")
    return said


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(said: argparse.Namespace) -> None:
    """Be one end: say that it listens, take the start's monotonic time from stdin, and speak."""
    profile = PROFILES[said.profile]
    port = said.port or profile.port
    with _door(said.local, port, profile.tos) as door:
        _say(READY)
        start = float(sys.stdin.readline())
        for second in TrafficCall(said.peer, port, start, said.seconds, profile).run(door):
            _say(json.dumps(asdict(second)))


if __name__ == "__main__":
    main(_arguments())
