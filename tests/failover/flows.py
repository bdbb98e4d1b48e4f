"""Call-like flows between the LAN host and the server, both ways, with the kernel's time stamps.

As a program, 'python -m tests.failover.flows LAN_NAMESPACE SERVER_NAMESPACE [beside]' serves
one world: every line on its input orders a call, every line on its output tells what was heard.
"""

import gc
import json
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Final, Self, TypeAlias

from simulations.netns.namespaces import entered_namespace
from tests.rigs.edge.edge_rig import LAN_HOST, ROOT, SERVER, World

Kind: TypeAlias = tuple[str, int, int, int]
# Packets a second, octets of payload, type of service: sound (EF) and picture (AF41).
VOICE: Final[Kind] = ("voice", 50, 172, 0xB8)
VIDEO: Final[Kind] = ("video", 104, 1200, 0x88)
WAYS: Final = ("up", "down")
# A consultation beside the measured flows, in a class of its own (AF31): 20 small packets a second.
BESIDE: Final[Kind] = ("beside", 20, 60, 0x68)
PORTS: Final = {"voice": 16_384, "video": 16_386, "beside": 16_388}
# After this a packet that has not come will not.
GRACE_S: Final = 0.7
LEAD_S: Final = 0.05
LATE_MS: Final = 150
_HEADER: Final = struct.Struct("!IIQ")
_STAMP: Final = struct.Struct("ll")
_STAMP_OPTION: Final = 35  # SO_TIMESTAMPNS, which the socket module does not name
_BUFFER_OPTION: Final = 33  # SO_RCVBUFFORCE, likewise
_BUFFER: Final = 1 << 22


@dataclass(frozen=True, slots=True)
class Heard:
    """What one end heard of one flow; times in ms.

    gap_ms is the longest time without a packet, up to the end of the call. reordered counts
    packets that came after a later one, displaced_ms is by how much at most, late those more than
    150 ms on their way. trouble_s is when (s into the call) the last packet was sent that was lost
    or late, None when none was. packets has when each was sent (s into the call) and its delay
    (ms), None for one that was lost, if the call was ordered with it.
    """

    sent: int
    lost: int
    duplicated: int
    reordered: int
    displaced_ms: float
    late: int
    gap_ms: float
    gap_start_s: float
    delay_p50_ms: float
    delay_p99_ms: float
    delay_max_ms: float
    trouble_s: float | None
    packets: Sequence[tuple[float, float | None]] = ()


@dataclass(frozen=True, slots=True)
class Called:
    """A whole call: what was heard of each flow, by its direction; how late the sender was."""

    heard: dict[str, Heard]
    sender_late_ms: float

    @property
    def lost(self) -> int:
        """Return how many packets of all flows were lost."""
        return sum(heard.lost for heard in self.heard.values())

    @property
    def voice_gap_ms(self) -> float:
        """Return the longest silence of the sound, in the worse direction."""
        return max(self.heard[f"voice {way}"].gap_ms for way in WAYS)

    @property
    def network_gap_ms(self) -> float:
        """Return the longest silence of the sound without what the sender was late by itself."""
        return self.voice_gap_ms - self.sender_late_ms


@dataclass(slots=True)
class _Flow:
    """One flow in one direction while it runs; instants are ns of the machine's clock."""

    name: str
    source: socket.socket
    target: socket.socket
    address: tuple[str, int]
    pps: int
    size: int
    sent: list[int] = field(default_factory=list)
    arrived: list[tuple[int, int]] = field(default_factory=list)


class Program:
    """The sockets of both ends, and the call that runs over them."""

    def __init__(self, lan: str, server: str, kinds: Iterable[Kind]) -> None:
        self.number = 0
        self.flows: list[_Flow] = []
        for name, pps, size, tos in kinds:
            here = _opened(lan, str(LAN_HOST), PORTS[name], tos)
            there = _opened(server, str(SERVER), PORTS[name], tos)
            to_server, to_lan = (str(SERVER), PORTS[name]), (str(LAN_HOST), PORTS[name])
            self.flows.append(_Flow(f"{name} up", here, there, to_server, pps, size))
            self.flows.append(_Flow(f"{name} down", there, here, to_lan, pps, size))

    def call(self, start: float, seconds: float, *, each: bool = False) -> Called:
        """Run a call from start (monotonic s) on and return what was heard, of each packet too."""
        self.number += 1
        zero_ns = time.time_ns() + round((start - time.monotonic()) * 1e9)
        for flow in self.flows:
            flow.sent, flow.arrived = [], []
        by_socket = {flow.target.fileno(): flow for flow in self.flows}
        late, ends = 0.0, start + seconds
        while (now := time.monotonic()) < ends + GRACE_S:
            late = max(late, self._send_due(start, now, ends))
            following = self._following(start, ends, now)
            wait = max(0.0, following - time.monotonic())
            for descriptor in select.select(list(by_socket), [], [], wait)[0]:
                self._take(by_socket[descriptor])
        judged = {
            flow.name: _judge(flow, seconds, zero_ns if each else None)
            for flow in self.flows
            if not flow.name.startswith(BESIDE[0])
        }
        return Called(judged, round(late * 1000, 1))

    def _send_due(self, start: float, now: float, ends: float) -> float:
        """Send what is due and return by how much the latest of it was late."""
        late = 0.0
        for flow in self.flows:
            while (due := start + len(flow.sent) / flow.pps) <= now and due < ends:
                late = max(late, now - due)
                stamp = time.time_ns()
                packet = _HEADER.pack(self.number, len(flow.sent), stamp).ljust(flow.size, b"\0")
                flow.sent.append(stamp)
                _try_send(flow, packet)
        return late

    def _following(self, start: float, ends: float, now: float) -> float:
        due = [start + len(flow.sent) / flow.pps for flow in self.flows]
        return min([*(d for d in due if d < ends), max(now + 0.05, ends)])

    def _take(self, flow: _Flow) -> None:
        while True:
            try:
                packet, options, _, _ = flow.target.recvmsg(2048, 64)
            except OSError:
                return
            if len(packet) >= _HEADER.size:
                number, sequence, _ = _HEADER.unpack_from(packet)
                if number == self.number:
                    seconds, ns = _STAMP.unpack(options[0][2])
                    flow.arrived.append((sequence, seconds * 1_000_000_000 + ns))


def _opened(namespace: str, address: str, port: int, tos: int) -> socket.socket:
    with entered_namespace(namespace):
        door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.setblocking(False)  # noqa: FBT003 - the library's signature
    door.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
    door.setsockopt(socket.SOL_SOCKET, _STAMP_OPTION, 1)
    door.setsockopt(socket.SOL_SOCKET, _BUFFER_OPTION, _BUFFER)
    door.bind((address, port))
    return door


def _try_send(flow: _Flow, packet: bytes) -> None:
    try:
        flow.source.sendto(packet, flow.address)
    except OSError:
        # Without a route, or after an ICMP error, the packet is lost like any other.
        return


def _judge(flow: _Flow, seconds: float, zero_ns: int | None) -> Heard:
    first: dict[int, int] = {}
    for sequence, at in flow.arrived:
        first.setdefault(sequence, at)
    displaced = _displaced(first)
    begin = flow.sent[0]
    delays = {s: (at - flow.sent[s]) / 1e6 for s, at in first.items()}
    gap, gap_start = _longest_gap(begin, sorted(first.values()), begin + int(seconds * 1e9))
    bad = [s for s in range(len(flow.sent)) if delays.get(s, LATE_MS + 1) > LATE_MS]
    ordered = sorted(delays.values()) or [0.0]
    return Heard(
        sent=len(flow.sent),
        lost=len(flow.sent) - len(first),
        duplicated=len(flow.arrived) - len(first),
        reordered=len(displaced),
        displaced_ms=round(max(displaced, default=0) / 1e6, 1),
        late=sum(delay > LATE_MS for delay in delays.values()),
        gap_ms=round(gap / 1e6, 1),
        gap_start_s=round(gap_start / 1e9, 3),
        delay_p50_ms=round(ordered[len(ordered) // 2], 1),
        delay_p99_ms=round(ordered[int(len(ordered) * 0.99)], 1),
        delay_max_ms=round(ordered[-1], 1),
        trouble_s=round(bad[-1] / flow.pps, 3) if bad else None,
        packets=() if zero_ns is None else _packets(flow, delays, zero_ns),
    )


def _packets(
    flow: _Flow, delays: Mapping[int, float], zero_ns: int
) -> Sequence[tuple[float, float | None]]:
    return [((at - zero_ns) / 1e9, delays.get(s)) for s, at in enumerate(flow.sent)]


def _displaced(first: Mapping[int, int]) -> list[int]:
    """Return, for each packet that came after a later one, by how many ns it did."""
    displaced, earliest_later = [], None
    for sequence in sorted(first, reverse=True):
        at = first[sequence]
        if earliest_later is not None and at > earliest_later:
            displaced.append(at - earliest_later)
        else:
            earliest_later = at
    return displaced


def _longest_gap(begin: int, arrivals: Sequence[int], end: int) -> tuple[int, int]:
    """Return the longest time without an arrival and when it began, after begin."""
    marks = [begin, *arrivals, max(end, *arrivals[-1:], begin)]
    gap, start = max((b - a, a) for a, b in pairwise(marks))
    return gap, start - begin


class Flows:
    """A world's flow program, kept running; leave its context to end it."""

    def __init__(self, world: World, *, beside: bool = False) -> None:
        module = [sys.executable, "-m", "tests.failover.flows"]
        self.process = subprocess.Popen(
            [*module, world.namespace("lan"), world.namespace("server"), *(["beside"] * beside)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def __enter__(self) -> Self:
        """Return the program once it serves."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n", "the flow program did not start"
        return self

    def __exit__(self, *_: object) -> None:
        """End the program."""
        self.process.kill()
        self.process.communicate()

    def begin(self, seconds: float, *, each: bool = False) -> float:
        """Order a call and return when it starts (monotonic s); each asks for every delay."""
        assert self.process.stdin is not None
        start = time.monotonic() + LEAD_S
        order = {"start": start, "seconds": seconds, "each": each}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return start

    def result(self) -> Called:
        """Wait for the end of the call that was ordered and return what was heard."""
        assert self.process.stdout is not None
        told = json.loads(self.process.stdout.readline())
        heard = {name: Heard(**values) for name, values in told["heard"].items()}
        return Called(heard, told["sender_late_ms"])


def main() -> None:
    """Serve the orders on standard input until it ends."""
    beside = (BESIDE,) if "beside" in sys.argv[3:] else ()
    program = Program(sys.argv[1], sys.argv[2], (VOICE, VIDEO, *beside))
    gc.disable()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        called = program.call(**json.loads(line))
        sys.stdout.write(json.dumps(asdict(called)) + "\n")
        sys.stdout.flush()
        gc.collect()


if __name__ == "__main__":
    main()
