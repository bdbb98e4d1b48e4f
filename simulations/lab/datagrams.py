"""Datagrams between the hosts of a laboratory: which arrive, and which answers come back."""

import select
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, TypeAlias

from simulations.lab.probe import Address
from simulations.netns.blueprint import Host
from simulations.netns.namespaces import entered_namespace

# From one address to another.
Way: TypeAlias = tuple[Address, Address]
# The port of the echo service (RFC 862).
PORT: Final = 7
# Circuits lose a packet now and then, so whatever is to be dropped is sent so often.
ROUNDS: Final = 3
ROUND_S: Final = 1.0
_ASK, _ANSWER = b"sanaga ask", b"sanaga answer"


@dataclass(frozen=True, slots=True)
class Exchange:
    """The hosts' sockets by address, the ways on which a datagram arrived, those answered."""

    doors: Mapping[Address, socket.socket]
    arrived: set[Way] = field(default_factory=set)
    answered: set[Way] = field(default_factory=set)

    def try_ways(self, shut: frozenset[Way], open_: frozenset[Way], *, within_s: float) -> None:
        """Send on every way, on those that should be open until all of them have answered."""
        deadline, rounds = time.monotonic() + within_s, 0
        while rounds < ROUNDS or not (open_ <= self.answered or time.monotonic() > deadline):
            rounds += 1
            # What is shut goes first, so that it would have come when the last answer has.
            self._ask(shut)
            self._ask(open_)
            self._hear(open_)

    def _ask(self, ways: Iterable[Way]) -> None:
        for source, target in ways:
            self._send(source, target, _ASK)

    def _send(self, source: Address, target: Address, what: bytes) -> None:
        # Without a route nothing arrives, which is what is asked.
        with suppress(OSError):
            self.doors[source].sendto(what, (str(target), PORT))

    def _hear(self, open_: frozenset[Way]) -> None:
        """Take what comes for a second, or until all open ways have answered once more."""
        until, by_socket = time.monotonic() + ROUND_S, {d: a for a, d in self.doors.items()}
        missing = set(open_)
        while (missing or not open_) and (left := until - time.monotonic()) > 0:
            ready, _, _ = select.select(list(by_socket), (), (), left)
            missing -= {way for door in ready if (way := self._take(door, by_socket[door]))}

    def _take(self, door: socket.socket, here: Address) -> Way | None:
        """Take a datagram, and return the way that it is an answer on."""
        said, (name, *_) = door.recvfrom(64)
        there = ip_address(name)
        if said == _ASK:
            self.arrived.add((there, here))
            self._send(here, there, _ANSWER)
        elif said == _ANSWER:
            self.answered.add((here, there))
            return here, there
        return None


@contextmanager
def exchange_between(hosts: Iterable[Host]) -> Iterator[Exchange]:
    """Let hosts send datagrams to each other and answer them."""
    with ExitStack() as held:
        doors: dict[Address, socket.socket] = {}
        for host in hosts:
            with entered_namespace(host.namespace):
                for address in (host.ipv4.ip, host.ipv6.ip):
                    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
                    door = held.enter_context(socket.socket(family, socket.SOCK_DGRAM))
                    door.bind((str(address), PORT))
                    doors[address] = door
        yield Exchange(doors)
