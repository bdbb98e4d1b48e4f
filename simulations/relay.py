"""The user-space link emulator: one process, a pair of TAP interfaces per circuit.

Used where the kernel has no netem. Started as 'python -m simulations.relay SPEC SOCKET PIDFILE';
it returns once every interface is there and goes on in the background. Orders are JSON
messages, one per connection (abstract datagram addresses would not cross namespaces).
"""

import errno
import fcntl
import gc
import heapq
import json
import os
import random
import select
import socket
import struct
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from inventory.errors import LabError
from simulations.impairment import CALM, Impairment, Pacer, Weather, with_weather
from simulations.netns.namespaces import entered_namespace

TUNSETIFF: Final = 0x400454CA
TUNSETCARRIER: Final = 0x400454E2
IFF_TAP_NO_PI: Final = 0x1002
LARGEST_FRAME: Final = 65_535
READS_PER_EVENT: Final = 16
MAX_WAIT_S: Final = 1.0
# A TAP refuses a frame while its interface is down or its queue full: the frame is lost, no more.
REFUSALS: Final = frozenset({errno.EIO, errno.EAGAIN, errno.ENOBUFS, errno.EINVAL})


@dataclass(slots=True)
class Direction:
    """Frames read from one TAP and written, later, to the other; wanted is without weather."""

    source: int
    target: int
    wanted: Impairment
    pacer: Pacer

    def shape(self, weather: Weather) -> None:
        """Let every frame from now on meet what is wanted and the weather."""
        self.pacer.impairment = with_weather(self.wanted, weather)


@dataclass(slots=True)
class RelayedWire:
    """A circuit: its two directions, whether the cable is whole, and the weather it is under."""

    ab: Direction
    ba: Direction
    up: bool = True
    weather: Weather = CALM

    def sides(self) -> dict[str, Direction]:
        """Return the directions by name."""
        return {"ab": self.ab, "ba": self.ba}

    def impair(self, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Change what is wanted of directions, all at once or, upon a bad order, not at all."""
        wanted = {
            name: replace(side.wanted, **changes[name])
            for name, side in self.sides().items()
            if name in changes
        }
        for name, impairment in wanted.items():
            self.sides()[name].wanted = impairment
        self.meet(self.weather)

    def meet(self, weather: Weather) -> None:
        """Put both directions under a weather."""
        self.weather = weather
        for side in self.sides().values():
            side.shape(weather)


def open_tap(namespace: str, interface: str) -> int:
    """Create a TAP interface in a namespace and return its descriptor; closing it removes both."""
    with entered_namespace(namespace):
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        request = struct.pack("16sH22x", interface.encode(), IFF_TAP_NO_PI)
        fcntl.ioctl(descriptor, TUNSETIFF, request)
    return descriptor


def open_wire(spec: dict[str, Any]) -> RelayedWire:
    """Create both ends of a circuit as the specification says."""
    a, b = open_tap(*spec["a"]), open_tap(*spec["b"])
    ab, ba = Impairment(**spec["ab"]), Impairment(**spec["ba"])
    return RelayedWire(Direction(a, b, ab, Pacer(ab)), Direction(b, a, ba, Pacer(ba)))


@dataclass(slots=True)
class Relay:
    """All circuits of a laboratory, the frames under way on them, and the control socket."""

    wires: dict[str, RelayedWire]
    control: socket.socket
    epoll: select.epoll = field(default_factory=select.epoll)
    heap: list[tuple[float, int, Direction, bytes]] = field(default_factory=list)
    callers: dict[int, socket.socket] = field(default_factory=dict)
    sequence: int = 0

    def run(self) -> None:
        """Forward frames and obey orders until the process ends."""
        directions = {d.source: d for wire in self.wires.values() for d in (wire.ab, wire.ba)}
        for descriptor in (*directions, self.control.fileno()):
            self.epoll.register(descriptor, select.EPOLLIN)
        while True:
            self._wait()
            for descriptor, _ in self.epoll.poll(0):
                direction = directions.get(descriptor)
                if direction is not None:
                    self._take(direction)
                elif descriptor == self.control.fileno():
                    self._welcome()
                else:
                    self._obey(self.callers.pop(descriptor))
            self._release()

    def _wait(self) -> None:
        # epoll itself waits in whole milliseconds, select on it in microseconds.
        wait = self.heap[0][0] - time.monotonic() if self.heap else MAX_WAIT_S
        select.select([self.epoll.fileno()], [], [], max(0.0, wait))

    def _take(self, direction: Direction) -> None:
        for _ in range(READS_PER_EVENT):
            try:
                frame = os.read(direction.source, LARGEST_FRAME)
            except OSError:
                return
            now = time.monotonic()
            due = direction.pacer.due(len(frame), now, random.random)
            if due is None:
                continue
            if due <= now and not self.heap:
                _write(direction, frame)
            else:
                self.sequence += 1
                heapq.heappush(self.heap, (due, self.sequence, direction, frame))

    def _release(self) -> None:
        now = time.monotonic()
        while self.heap and self.heap[0][0] <= now:
            _, _, direction, frame = heapq.heappop(self.heap)
            _write(direction, frame)

    def _welcome(self) -> None:
        caller, _ = self.control.accept()
        caller.setblocking(False)  # noqa: FBT003 - the library's signature
        self.callers[caller.fileno()] = caller
        self.epoll.register(caller.fileno(), select.EPOLLIN)

    def _obey(self, caller: socket.socket) -> None:
        """Answer a caller's one order and hang up; closing also unregisters it."""
        with caller, suppress(OSError):
            order = caller.recv(LARGEST_FRAME)
            try:
                answer = self._answer(json.loads(order))
            except (KeyError, TypeError, ValueError) as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            caller.send(json.dumps(answer).encode())

    def _answer(self, order: dict[str, Any]) -> dict[str, Any]:
        if order["order"] == "status":
            return {name: _status(wire) for name, wire in self.wires.items()}
        wire = self.wires[order["circuit"]]
        if order["order"] == "carrier":
            _set_carrier(wire, up=bool(order["up"]))
        elif order["order"] == "impair":
            wire.impair(order["directions"])
        elif order["order"] == "weather":
            wire.meet(Weather(**order["weather"]))
        else:
            raise ValueError(f"unknown order {order['order']!r}")
        return _status(wire)


def _status(wire: RelayedWire) -> dict[str, Any]:
    return {"up": wire.up, "weather": asdict(wire.weather)} | {
        name: asdict(side.wanted) | {"counters": asdict(side.pacer.counters)}
        for name, side in wire.sides().items()
    }


def _set_carrier(wire: RelayedWire, *, up: bool) -> None:
    for descriptor in (wire.ab.source, wire.ba.source):
        fcntl.ioctl(descriptor, TUNSETCARRIER, struct.pack("i", up))
    wire.up = up


def _write(direction: Direction, frame: bytes) -> None:
    counters = direction.pacer.counters
    try:
        os.write(direction.target, frame)
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        counters.lost += 1
        return
    counters.packets += 1
    counters.octets += len(frame)


def _go_on_in_background(pid_file: Path, log: Path) -> None:
    """Let the starter return; the child keeps the interfaces and records who it is."""
    if os.fork():
        os._exit(0)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    errors = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor, source in ((0, null), (1, null), (2, errors)):
        os.dup2(source, descriptor)
    pid_file.write_text(f"{os.getpid()}\n", encoding="ascii")


def main(spec: Path, socket_path: Path, pid_file: Path) -> None:
    """Open every circuit of the specification, then serve in the background."""
    circuits = json.loads(spec.read_text(encoding="utf-8"))
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    control.bind(str(socket_path))
    socket_path.chmod(0o600)
    control.listen()
    wires = {name: open_wire(circuit) for name, circuit in circuits.items()}
    _go_on_in_background(pid_file, spec.with_suffix(".log"))
    gc.disable()
    # What keeps this machine busy is not to become the circuits' weather.
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -20)
    Relay(wires, control).run()


if __name__ == "__main__":
    try:
        main(*map(Path, sys.argv[1:4]))
    except (OSError, LabError) as problem:
        sys.exit(f"relay: {problem}")
