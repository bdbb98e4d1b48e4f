"""Probe sessions for tests: addresses of their own, far ends that misbehave, and waiting."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from secrets import randbelow
from threading import Event, Thread
from time import monotonic
from typing import TypeVar

from edge.probes.packet import StampAnswer, read_request, write_answer
from edge.probes.reflector import Listening, SessionReflector
from edge.probes.sender import SessionSender, Target
from edge.probes.stall_clock import StallClock
from topology.quality.health import Measurement

PORT = 8862
T = TypeVar("T")


def addresses() -> tuple[IPv4Address, IPv4Address]:
    """Return two addresses of this host that nobody else probes between."""
    block = f"127.{1 + randbelow(254)}.{randbelow(256)}"
    return IPv4Address(f"{block}.1"), IPv4Address(f"{block}.2")


async def until(check: Callable[[], object], what: str, within_s: float = 20.0) -> None:
    """Wait until check holds, or fail."""
    deadline = monotonic() + within_s
    while not check():
        assert monotonic() < deadline, f"not within {within_s} s: {what}"
        await asyncio.sleep(0.005)


def stall(seconds: float) -> None:
    """Hold the whole loop up."""
    Event().wait(seconds)


@dataclass
class End:
    """One end of a path: it asks and it answers."""

    session: SessionSender
    reflector: SessionReflector
    seen: list[Measurement] = field(default_factory=list)

    def measure(self) -> Measurement:
        """Return the session's measurement, and keep it."""
        self.seen.append(self.session.measure())
        return self.seen[-1]

    def total(self, name: str) -> int:
        """Return the sum of a count over all measurements."""
        return sum(getattr(measurement, name) for measurement in self.seen)

    def all(self, name: str) -> list[float]:
        """Return the samples of all measurements."""
        return [value for measurement in self.seen for value in getattr(measurement, name)]

    def close(self) -> None:
        """Close both."""
        self.session.close()
        self.reflector.close()


def end(
    local: IPv4Address,
    remote: IPv4Address,
    *,
    key: bytes | None = None,
    stall_clock: StallClock | None = None,
    interface: str = "",
) -> End:
    """Return one end of a path, still closed."""
    reflector = SessionReflector(
        Listening(local, interface, PORT), {remote: key}, stall_clock=stall_clock
    )
    target = Target("path", local, remote, interface, PORT, key)
    return End(SessionSender(target, reflector=reflector, stall_clock=stall_clock), reflector)


async def probed(ends: Sequence[End], packets: int, within_s: float = 60.0) -> None:
    """Let ends probe, and be asked every now and then, until each settled that many packets."""
    deadline = monotonic() + within_s
    while min(one.total("sent") for one in ends) < packets:
        assert monotonic() < deadline, [one.session.counters for one in ends]
        await asyncio.sleep(0.05)
        for one in ends:
            one.measure()


def run(test: Callable[[], Awaitable[T]]) -> T:
    """Run an asynchronous test."""

    async def body() -> T:
        return await test()

    return asyncio.run(body())


@dataclass
class FarEnd:
    """A plain socket where a reflector should be; answers itself only when told to."""

    socket: socket.socket
    delay_s: float = 0.0
    number: int = 0

    def take(self) -> tuple[bytes, tuple[str, int]]:
        """Return the next request and who asked."""
        octets, asker = self.socket.recvfrom(2048)
        return octets, asker

    def answer(self, octets: bytes, asker: tuple[str, int], stamp: int = 0) -> None:
        """Answer a request as a reflector would; stamp is when it came and was answered."""
        request = read_request(octets)
        assert request
        at = stamp or request.stamp
        self.socket.sendto(write_answer(StampAnswer(self.number, at, at, request, 64)), asker)
        self.number += 1

    def serve(self) -> None:
        """Answer everything until the socket is closed or shut down."""
        while True:
            try:
                octets, asker = self.take()
            except OSError:
                return
            if not octets:
                return
            Event().wait(self.delay_s)
            self.answer(octets, asker)


@contextmanager
def far_end(
    address: IPv4Address, *, serving: bool = False, delay_s: float = 0.0
) -> Iterator[FarEnd]:
    """Give a far end; when serving, it answers from a thread of its own, after a delay."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind((str(address), PORT))
        opened.settimeout(10)
        made = FarEnd(opened, delay_s)
        thread = Thread(target=made.serve)
        if serving:
            thread.start()
        yield made
        if serving:
            opened.sendto(b"", (str(address), PORT))
            thread.join()
