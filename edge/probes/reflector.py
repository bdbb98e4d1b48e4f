"""The answering end of a STAMP session: stateful, and silent towards strangers (RFC 8762).

An answer is never longer than its request, at most RATE of them go to a peer each second, and a
copy of a request is counted and not answered, so that the reflector cannot be used to amplify.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Final

from edge.policy.model import STAMP_PORT
from edge.probes.packet import StampAnswer, StampRequest, between_s, read_request, write_answer
from edge.probes.receiver import OneWayStats, PeerReceiver
from edge.probes.stall_clock import StallClock
from edge.probes.udp_socket import Arrival, StampSocket

# Twice what the quickest of sessions sends.
RATE: Final = 400.0


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a reflector listens: an address of its own, on an interface unless that is empty."""

    local: IPv4Address
    interface: str = ""
    port: int = STAMP_PORT


@dataclass(slots=True)
class ReflectorCounters:
    """What a reflector did since it was made; strangers and excess were not answered."""

    answered: int = 0
    malformed: int = 0
    strangers: int = 0
    excess: int = 0
    duplicated: int = 0
    refused: int = 0
    socket_drops: int = 0
    late_loops: int = 0


@dataclass(slots=True)
class _Peer:
    key: bytes | None
    hearing: PeerReceiver | None = None
    allowance: float = RATE
    asked_s: float = 0.0
    waiting: OneWayStats | None = field(default=None)

    def admit(self, now_s: float) -> bool:
        """Return whether one more answer stays within the rate."""
        earned = max(0.0, now_s - self.asked_s) * RATE
        self.allowance, self.asked_s = min(RATE, self.allowance + earned), now_s
        if self.allowance < 1:
            return False
        self.allowance -= 1
        return True


class SessionReflector:
    """Answers the test packets of its peers, and counts what it received from each.

    peers are addresses with the key of authenticated sessions, or None for unauthenticated ones.
    """

    def __init__(
        self,
        listening: Listening,
        peers: Mapping[IPv4Address, bytes | None],
        *,
        clock: Callable[[], float] = time.monotonic,
        stall_clock: StallClock | None = None,
    ) -> None:
        self.counters = ReflectorCounters()
        self._listening = listening
        self._time = stall_clock or StallClock(clock)
        self._port: StampSocket | None = None
        self._peers: dict[str, _Peer] = {}
        self.allow(peers)

    def allow(self, peers: Mapping[IPv4Address, bytes | None]) -> None:
        """Answer these peers and no others from now on; those that stay are not disturbed."""
        known = self._peers
        self._peers = {str(address): _Peer(key) for address, key in peers.items()}
        for address, peer in self._peers.items():
            if address in known and known[address].key == peer.key:
                self._peers[address] = known[address]

    async def open(self) -> None:
        """Begin to answer. Raises EdgeError when the address or the interface is not there."""
        await asyncio.sleep(0)
        self._open()

    def close(self) -> None:
        """Stop answering."""
        if self._port:
            asyncio.get_running_loop().remove_reader(self._port.socket)
            self._port.close()
            self._port = None

    def refresh(self) -> bool:
        """Open the socket again if its interface was made again; return whether it was.

        Raises EdgeError when the interface is gone.
        """
        if self._port and not self._port.stale:
            return False
        self._open()
        return True

    def heard(self, remote: IPv4Address) -> OneWayStats:
        """Return what a peer's own test packets showed since the last call."""
        self._read()
        hearing = self._hearing(remote)
        return hearing.take(self._time.now()) if hearing else OneWayStats()

    def heard_since(self, remote: IPv4Address, since_s: float) -> bool:
        """Return whether a packet of a peer arrived after a monotonic instant."""
        hearing = self._hearing(remote)
        return bool(hearing and (hearing.last_heard_s or 0.0) > since_s)

    def silent(self, remote: IPv4Address) -> bool:
        """Return whether a peer that used to send has fallen silent."""
        hearing = self._hearing(remote)
        return bool(hearing and hearing.silent(self._time.now()))

    def _open(self) -> None:
        self.close()
        listening = self._listening
        local = (listening.local, listening.port)
        self._port = StampSocket(local, listening.interface, self._time)
        asyncio.get_running_loop().add_reader(self._port.socket, self._read)

    def _hearing(self, remote: IPv4Address) -> PeerReceiver | None:
        peer = self._peers.get(str(remote))
        return peer.hearing if peer else None

    def _read(self) -> None:
        if not self._port:
            return
        for arrival in self._port.arrivals():
            if arrival.dropped:
                self._excuse(arrival.dropped)
            peer = self._peers.get(arrival.source[0])
            if peer is None:
                self.counters.strangers += 1
                continue
            request = read_request(arrival.octets, peer.key)
            if request is None:
                self.counters.malformed += 1
                continue
            # Only what deserves attention can show that this process was late for it.
            if self._time.late(arrival.at_s, arrival.at_s + arrival.waited_s):
                self.counters.late_loops += 1
            if self._note(peer, request, arrival):
                self._answer(peer, request, arrival)

    def _excuse(self, dropped: int) -> None:
        self.counters.socket_drops += dropped
        for peer in self._peers.values():
            if peer.hearing:
                peer.hearing.excuse(dropped)

    def _note(self, peer: _Peer, request: StampRequest, arrival: Arrival) -> bool:
        """Take note of a request; return whether it deserves an answer."""
        if not peer.admit(arrival.at_s):
            self.counters.excess += 1
            return False
        if peer.hearing is None or peer.hearing.port != arrival.source[1]:
            peer.hearing = PeerReceiver(arrival.source[1])
        delay_s = between_s(request.stamp, self._time.stamp(arrival.at_s))
        if not peer.hearing.hear(request.sequence, arrival.at_s, delay_s):
            self.counters.duplicated += 1
            return False
        return True

    def _answer(self, peer: _Peer, request: StampRequest, arrival: Arrival) -> None:
        if not (self._port and peer.hearing):
            return
        number = peer.hearing.take_number()
        received, now = self._time.stamp(arrival.at_s), self._time.stamp(self._time.now())
        answer = StampAnswer(number, now, received, request, arrival.ttl)
        try:
            self._port.socket.sendto(write_answer(answer, peer.key), arrival.source)
        except OSError:
            self.counters.refused += 1
        else:
            self.counters.answered += 1
