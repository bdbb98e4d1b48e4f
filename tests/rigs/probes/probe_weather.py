"""Test packets through simulated weather: what a prober would measure, without sockets or waiting.

The rules by which an answer is overdue and a packet lost are those of edge.probes. Losses, delays,
holes and stalls of the far end are drawn from a seeded generator, so that each run repeats.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf
from random import Random
from typing import NamedTuple

from inventory.model import Medium
from topology.quality.health import Measurement

Span = tuple[float, float]
NEVER: Span = (inf, inf)


@dataclass(frozen=True, slots=True)
class Sky:
    """What a path does to packets: least one-way delay, mean of what is added, shares lost.

    clock_ms is by how much the far end's clock is ahead; uniform spreads what is added evenly.
    """

    delay_ms: float
    jitter_ms: float
    out: float = 0.0
    back: float = 0.0
    clock_ms: float = 0.0
    uniform: bool = False


Weather = Callable[[float], Sky]
# At the worse end of what is usual: loss each way, and exponential variation.
FAIR = {
    Medium.FIBRE: Sky(6, 0.3, 0.00002, 0.00002),
    Medium.MICROWAVE: Sky(8, 1, 0.0005, 0.0005),
    Medium.LEO: Sky(26, 4, 0.012, 0.012),
    Medium.LTE: Sky(35, 8, 0.015, 0.015),
    Medium.VSAT: Sky(295, 10, 0.007, 0.007),
}


def steady(sky: Sky) -> Weather:
    """Return weather that never changes."""
    return lambda _at_s: sky


def spoilt(sky: Sky, kind: str, strength: float = 0.0) -> Sky:
    """Return a sky with a fault of some kind; strength 0 to 1."""
    share = 0.03 + 0.5 * strength
    return {
        "hole": replace(sky, out=1.0, back=1.0),
        "hole-out": replace(sky, out=1.0),
        "hole-in": replace(sky, back=1.0),
        "loss": replace(sky, out=max(share, sky.out), back=max(share, sky.back)),
        "jitter": replace(sky, jitter_ms=70 + 200 * strength, uniform=True),
        "slow": replace(sky, delay_ms=sky.delay_ms + 160 + 300 * strength),
    }[kind]


class Packet(NamedTuple):
    """A test packet under way; it never arrives when it is lost."""

    sequence: int
    sent_s: float
    arrives_s: float
    lost_out: bool
    out_ms: float
    in_ms: float
    held_ms: float

    @property
    def trip_ms(self) -> float:
        """Return the round trip without what the far end kept the packet for, as STAMP has it."""
        return self.out_ms + self.in_ms


@dataclass(slots=True)
class Road:
    """One path under test: packets under way and what was learnt of the round trip.

    chatty says that the far end sends test packets of its own; far_stall is when it does nothing,
    stamped whether its kernel tells it when packets came that it reads late.
    """

    weather: Weather
    random: Random
    pace_s: float
    chatty: bool = True
    stamped: bool = True
    far_stall: Span = NEVER
    next_s: float = 0.0
    sequence: int = 0
    highest: int = -1
    smoothed_ms: float = 0.0
    variation_ms: float = 0.0
    heard_s: float = 0.0
    under_way: list[Packet] = field(default_factory=list)
    given_up: list[Packet] = field(default_factory=list)
    coming: list[tuple[float, bool]] = field(default_factory=list)

    def measure(self, now_s: float, *, stalled: bool = False) -> Measurement:
        """Return what happened until now, and then send what is due."""
        found = self._read(now_s, stalled=stalled)
        if self.next_s <= now_s + 1e-9:
            self._ask(now_s)
            if self.chatty:
                self._chat(now_s)
            self.next_s = max(self.next_s + self.pace_s, now_s + self.pace_s / 2)
        return found

    def _added(self, sky: Sky) -> float:
        share = self.random.random()
        return share * sky.jitter_ms if sky.uniform else self.random.expovariate(1) * sky.jitter_ms

    def _awake(self, at_s: float) -> float:
        """Return when the far end handles what reaches it at an instant."""
        return self.far_stall[1] if self.far_stall[0] <= at_s < self.far_stall[1] else at_s

    def _ask(self, now_s: float) -> None:
        there = self.weather(now_s)
        out_ms = there.delay_ms + self._added(there)
        arrived_s = now_s + out_ms / 1e3
        turned_s = self._awake(arrived_s)
        back = self.weather(turned_s)
        back_ms = back.delay_ms + self._added(back)
        lost_out = self.random.random() < there.out
        lost = lost_out or self.random.random() < back.back
        arrives_s = inf if lost else turned_s + back_ms / 1e3
        kept_ms = (turned_s - arrived_s) * 1e3
        # Without its kernel's stamp, what the far end kept it for looks like the way there.
        out_ms += there.clock_ms + (0.0 if self.stamped else kept_ms)
        in_ms = back_ms - there.clock_ms
        held_ms = kept_ms if self.stamped else 0.0
        packet = Packet(self.sequence, now_s, arrives_s, lost_out, out_ms, in_ms, held_ms)
        self.under_way.append(packet)
        self.sequence += 1

    def _chat(self, now_s: float) -> None:
        sent_s = self._awake(now_s)
        sky = self.weather(sent_s)
        lost = self.random.random() < sky.back
        # That one is missing is known when a later one comes.
        at_s = sent_s + (sky.delay_ms + self._added(sky)) / 1e3 + (self.pace_s if lost else 0.0)
        self.coming.append((at_s, lost))

    def _read(self, now_s: float, *, stalled: bool) -> Measurement:
        answered = [packet for packet in self.under_way if packet.arrives_s <= now_s]
        late = [packet for packet in self.given_up if packet.arrives_s <= now_s]
        self.given_up = [packet for packet in self.given_up if packet.arrives_s > now_s]
        for packet in (*late, *answered):
            self._learn(packet.trip_ms)
            self.highest = max(self.highest, packet.sequence)
            self.heard_s = max(self.heard_s, packet.arrives_s)
        late_s = 1.0
        if self.smoothed_ms:
            late_s = (self.smoothed_ms + max(15.0, 4 * self.variation_ms)) / 1e3
        patience_s = max(0.25, late_s + 3 * min(self.pace_s, 0.1))
        left = [packet for packet in self.under_way if packet.arrives_s > now_s]
        gone = [packet for packet in left if now_s - packet.sent_s >= patience_s]
        self.under_way = [packet for packet in left if now_s - packet.sent_s < patience_s]
        self.given_up += [packet for packet in gone if packet.arrives_s < inf]
        lost_out = sum(packet.lost_out for packet in gone)
        due = [packet.sequence for packet in left if now_s - packet.sent_s >= late_s]
        heard, missed = self._hear(now_s)
        return Measurement(
            at_s=now_s,
            sent=len(answered) + len(gone),
            lost_out=lost_out,
            lost_in=len(gone) - lost_out + missed,
            heard_in=heard,
            round_trips_ms=tuple(packet.trip_ms for packet in answered),
            out_ms=tuple(packet.out_ms for packet in answered),
            in_ms=tuple(packet.in_ms for packet in answered),
            overdue=max(0, due[-1] - self.highest) if due else 0,
            silent_s=now_s - self.heard_s,
            pace_s=self.pace_s,
            stalled=stalled,
            held_ms=max((packet.held_ms for packet in answered), default=0.0),
        )

    def _learn(self, trip_ms: float) -> None:
        if not self.smoothed_ms:
            self.smoothed_ms, self.variation_ms = trip_ms, trip_ms / 2
        self.variation_ms += (abs(self.smoothed_ms - trip_ms) - self.variation_ms) / 4
        self.smoothed_ms += (trip_ms - self.smoothed_ms) / 8

    def _hear(self, now_s: float) -> tuple[int, int]:
        due = [(at_s, lost) for at_s, lost in self.coming if at_s <= now_s]
        if not due:
            return 0, 0
        self.coming = [(at_s, lost) for at_s, lost in self.coming if at_s > now_s]
        came = [at_s for at_s, lost in due if not lost]
        self.heard_s = max([self.heard_s, *came])
        # Nothing is known of losses while nothing comes at all.
        return len(came), len(due) - len(came)
