"""The asking end of a STAMP session: one path, measured from here (RFC 8762).

One timer serves a session: it sends, notices answers that are overdue, and settles. Whatever waits
in the socket is read first, and judged by when the kernel received it.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from math import inf
from typing import Final

from edge.policy.model import STAMP_PORT
from edge.probes.burst import FLOOR_S, ProbeBurst
from edge.probes.delays import OneWay, Patience, Sample
from edge.probes.loss_direction import LossDirection
from edge.probes.outstanding import AnswerKind, OutstandingPackets, PacketOutcome
from edge.probes.packet import StampAnswer, StampRequest, between_s, read_answer, write_request
from edge.probes.receiver import OneWayStats
from edge.probes.reflector import SessionReflector
from edge.probes.stall_clock import StallClock
from edge.probes.udp_socket import GONE, Arrival, StampSocket
from inventory.errors import EdgeError
from topology.quality.health import Measurement, PathName

IDLE_S: Final = 0.1
# An answer that becomes overdue so shortly before the next packet is looked for with that one.
TOGETHER_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class Target:
    """A path's two ends; key is that of an authenticated session."""

    path: PathName
    local: IPv4Address
    remote: IPv4Address
    interface: str = ""
    port: int = STAMP_PORT
    key: bytes | None = None


@dataclass(slots=True)
class SenderCounters:
    """What a session saw since it was made.

    waited counts answers that came in time and were read when their time was up, voided packets
    without an answer that say nothing because this process was stalled for long or its socket
    dropped packets, refused packets that this host itself would not send.
    """

    sent: int = 0
    answered: int = 0
    late: int = 0
    duplicated: int = 0
    reordered: int = 0
    lost_out: int = 0
    lost_in: int = 0
    waited: int = 0
    voided: int = 0
    socket_drops: int = 0
    late_loops: int = 0
    malformed: int = 0
    refused: int = 0


class SessionSender:
    """Measures one path; give it the reflector of the same peer to know both directions.

    All sessions and reflectors of a process best share one stall_clock. quicken allows probing a
    path more closely for a moment after it missed an answer.
    """

    def __init__(
        self,
        target: Target,
        *,
        clock: Callable[[], float] = time.monotonic,
        reflector: SessionReflector | None = None,
        stall_clock: StallClock | None = None,
        quicken: bool = True,
    ) -> None:
        self.target = target
        self.counters = SenderCounters()
        self._time = stall_clock or StallClock(clock)
        self._reflector = reflector
        self._suspicion = ProbeBurst(quicken)
        self._ledger = OutstandingPackets(self._time.stalled_s)
        self._patience = Patience()
        self._one_way = OneWay()
        self._samples: list[Sample] = []
        self._dropped = 0
        # The packet that this process was last stopped in sending: its round trip says nothing.
        self._interrupted: int | None = None
        self._held_s = 0.0
        self._pace_s = IDLE_S
        self._port: StampSocket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._sent_s = self._due_s = self._wake_s = self._heard_s = self._time.now()
        self._measured_s = self._heard_s
        # When the newest test packet that was answered had been sent.
        self.answered_sent_s = -inf

    @property
    def pace_s(self) -> float:
        """Return the seconds between test packets when nothing is suspected, 5 ms at least."""
        return self._pace_s

    @pace_s.setter
    def pace_s(self, pace_s: float) -> None:
        if pace_s != self._pace_s:
            self._pace_s = max(FLOOR_S, pace_s)
            self._reschedule()

    @property
    def quicken(self) -> bool:
        """Return whether suspicion may quicken the pace."""
        return self._suspicion.allowed

    @quicken.setter
    def quicken(self, allowed: bool) -> None:
        self._suspicion.allowed = allowed
        self._reschedule()

    async def open(self) -> None:
        """Begin to measure. Raises EdgeError when the address or the interface is not there."""
        await asyncio.sleep(0)
        self._open()
        self._due_s = self._heard_s = self._measured_s = self._time.now()
        self._set_timer()

    def close(self) -> None:
        """Stop measuring."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._close_port()

    def refresh(self) -> bool:
        """Open the socket again if its interface was made again; return whether it was.

        Raises EdgeError when the interface is gone.
        """
        if self._port and not self._port.stale:
            return False
        self._open()
        return True

    def suspect(self, for_s: float) -> None:
        """Probe more closely for a while, because something else casts doubt on the path."""
        self._suspicion.arise(self._time.now(), for_s)
        self._reschedule()

    def measure(self) -> Measurement:
        """Return what was settled since the last call; whatever waits in the socket counts."""
        # The caller may come before a timer that is late because the whole process was.
        began_s = min(self._wake_s, self._time.now()) if self._timer else self._time.now()
        self._read()
        passive = self._passive()
        now = self._time.now()
        self._note_lateness(began_s, now)
        self._settle(now)
        if self._timer and self._due_s < self._wake_s:
            self._timer.cancel()
            self._set_timer()
        settled, samples = self._drain()
        overdue = self._ledger.waiting(now, self._patience.expected_s).overdue
        held_s, self._held_s = self._held_s, 0.0
        late_s = self._late_s(passive, now)
        stalled = self._stalled(settled, passive, now)
        if passive.last_heard_s is not None:
            self._heard_s = max(self._heard_s, passive.last_heard_s)
        return Measurement(
            at_s=now,
            sent=settled.answered + settled.out + settled.back,
            lost_out=settled.out,
            lost_in=settled.back + passive.lost,
            heard_in=passive.count,
            round_trips_ms=tuple(sample.round_trip_ms for sample in samples),
            out_ms=tuple(sample.out_ms for sample in samples),
            in_ms=tuple(sample.in_ms for sample in samples),
            reordered=settled.reordered + passive.reordered,
            duplicated=settled.duplicated + passive.duplicated,
            overdue=overdue,
            silent_s=max(0.0, now - self._heard_s),
            pace_s=self._pace_s,
            stalled=stalled,
            held_ms=held_s * 1e3,
            late_s=late_s,
        )

    def _drain(self) -> tuple[PacketOutcome, list[Sample]]:
        settled, samples = self._ledger.take(), self._samples
        self._samples = []
        self.counters.lost_out += settled.out
        self.counters.lost_in += settled.back
        self.counters.voided += settled.voided
        self.counters.reordered += settled.reordered
        return settled, sorted(samples, key=_sequence)

    def _passive(self) -> OneWayStats:
        return self._reflector.heard(self.target.remote) if self._reflector else OneWayStats()

    def _late_s(self, passive: OneWayStats, now_s: float) -> float:
        """Return how long the process was late since the last measurement; drops make it all."""
        if self._dropped or passive.dropped:
            return inf
        return self._time.stalled_s(self._measured_s, now_s)

    def _stalled(self, settled: PacketOutcome, passive: OneWayStats, now_s: float) -> bool:
        """Return whether the process was late while what is reported now was under way."""
        dropped, self._dropped = self._dropped + passive.dropped, 0
        since_s = min(self._measured_s, now_s - self._patience.expected_s)
        self._measured_s = now_s
        return bool(dropped or settled.voided or self._time.stalled_s(since_s, now_s))

    def _open(self) -> None:
        self._close_port()
        target = self.target
        remote = (target.remote, target.port)
        self._port = StampSocket((target.local, 0), target.interface, self._time, remote)
        # Another source port is another session to the far end, which counts from zero.
        self._ledger.forget_way()
        asyncio.get_running_loop().add_reader(self._port.socket, self._read)

    def _close_port(self) -> None:
        if self._port:
            asyncio.get_running_loop().remove_reader(self._port.socket)
            self._port.close()
            self._port = None

    def _wake(self) -> None:
        self._note_lateness(self._wake_s, self._time.now())
        self._read()
        began_s = now = self._time.now()
        self._settle(now)
        if now >= self._due_s:
            self._send(now)
        self._set_timer()
        # A process can be stopped in the middle of its work as well as between.
        self._note_lateness(began_s, self._time.now())

    def _reschedule(self) -> None:
        if not self._timer:
            return
        self._timer.cancel()
        now = self._time.now()
        self._due_s = max(now, self._sent_s + self._suspicion.pace_s(now, self._pace_s))
        self._set_timer()

    def _set_timer(self) -> None:
        """Wake for the next packet, or when the next answer becomes overdue, whichever is first."""
        now = self._time.now()
        waiting = self._ledger.waiting(now, self._patience.expected_s)
        due_s = self._due_s
        if waiting.next_s is not None and waiting.next_s < due_s - TOGETHER_S:
            due_s = waiting.next_s
        self._wake_s = max(now, due_s)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._wake_s - now, self._wake)

    def _note_lateness(self, expected_s: float, now_s: float) -> None:
        if self._time.late(expected_s, now_s):
            self.counters.late_loops += 1

    def _settle(self, now_s: float) -> None:
        """Settle what was waited for long enough, and suspect a path that misses an answer."""
        lost = self._ledger.settle(now_s, self._patience.settled_s(self._pace_s), self._unknown_way)
        expected_s = self._patience.expected_s
        if lost or self._ledger.waiting(now_s, expected_s).overdue:
            self._suspicion.arise(now_s)
            pace_s = self._suspicion.pace_s(now_s, self._pace_s)
            self._due_s = min(self._due_s, max(now_s, self._sent_s + pace_s))

    def _unknown_way(self, sent_s: float) -> LossDirection:
        """Blame the direction back if the peer itself has fallen silent, else the direction out."""
        heard = self._reflector
        if heard and not heard.heard_since(self.target.remote, sent_s):
            return LossDirection.IN if heard.silent(self.target.remote) else LossDirection.OUT
        return LossDirection.OUT

    def _send(self, now_s: float) -> None:
        self._suspicion.spend(now_s - self._sent_s, self._pace_s)
        self.counters.sent += 1
        # As late as can be: a stop between the stamp and the packet would pass for delay.
        now_s = self._time.now()
        stamp = self._time.stamp(now_s)
        request = StampRequest(self._ledger.send(now_s), stamp)
        self._transmit(write_request(request, self.target.key))
        if self._time.late(now_s, self._time.now()):
            self._interrupted = request.sequence
        self._sent_s = now_s
        pace_s = self._suspicion.pace_s(now_s, self._pace_s)
        self._due_s = max(self._due_s, now_s - pace_s) + pace_s

    def _transmit(self, octets: bytes) -> None:
        """Hand a packet to the kernel; one that it refuses is as lost as any other."""
        try:
            if self._port is None:
                self._open()
            if self._port:
                self._port.socket.send(octets)
        except EdgeError:
            self.counters.refused += 1
        except OSError as error:
            self.counters.refused += 1
            if error.errno in GONE:
                self._close_port()

    def _read(self) -> None:
        if not self._port:
            return
        for arrival in self._port.arrivals():
            self._note_lateness(arrival.at_s, arrival.at_s + arrival.waited_s)
            if arrival.dropped:
                self._dropped += arrival.dropped
                self.counters.socket_drops += arrival.dropped
                self._ledger.excuse()
            answer = read_answer(arrival.octets, self.target.key)
            if answer is None:
                self.counters.malformed += 1
            else:
                self._take(answer, arrival)

    def _take(self, answer: StampAnswer, arrival: Arrival) -> None:
        verdict, sequence, sent_s = self._ledger.answer(answer.request.sequence, answer.sequence)
        self._count(verdict)
        if verdict is AnswerKind.UNASKED:
            return
        self._heard_s = max(self._heard_s, arrival.at_s)
        if verdict is AnswerKind.DUPLICATE:
            return
        elapsed_s = arrival.at_s - sent_s
        held_s = _held_s(answer, elapsed_s)
        round_trip_s = max(0.0, elapsed_s - held_s)
        if verdict is AnswerKind.FIRST:
            self.answered_sent_s = max(self.answered_sent_s, sent_s)
            self._held_s = max(self._held_s, held_s)
        if answer.request.sequence == self._interrupted:
            return
        self._patience.learn(round_trip_s)
        if verdict is AnswerKind.FIRST:
            read_s = arrival.at_s + arrival.waited_s
            patience_s = self._patience.settled_s(self._pace_s)
            self.counters.waited += arrival.at_s - sent_s < patience_s <= read_s - sent_s
            self._sample(answer, sequence, round_trip_s)

    def _count(self, verdict: AnswerKind) -> None:
        counters = self.counters
        counters.answered += verdict is AnswerKind.FIRST
        counters.late += verdict is AnswerKind.LATE
        counters.duplicated += verdict is AnswerKind.DUPLICATE
        counters.malformed += verdict is AnswerKind.UNASKED

    def _sample(self, answer: StampAnswer, sequence: int, round_trip_s: float) -> None:
        outward_s = between_s(answer.request.stamp, answer.received)
        out_s, in_s = self._one_way.split(outward_s, round_trip_s)
        self._samples.append(Sample(sequence, round_trip_s * 1e3, out_s * 1e3, in_s * 1e3))


def _held_s(answer: StampAnswer, elapsed_s: float) -> float:
    """Return how long the far end kept the packet; 0 where its stamps make no sense."""
    held_s = between_s(answer.received, answer.stamp)
    return held_s if 0.0 <= held_s <= elapsed_s else 0.0


def _sequence(sample: Sample) -> int:
    return sample.sequence
