"""What a circuit does to packets: delay, jitter, loss, a rate, or swallowing them all.

Standard library only: the emulator process starts faster without the project's dependencies.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Final, TypeAlias

Draw: TypeAlias = Callable[[], float]

# Jitter (ms) and loss (share) of a healthy circuit, one way, mild ends of the published ranges.
MILD: Final[dict[str, tuple[float, float]]] = {
    "fibre": (0.05, 0.0),
    "microwave": (0.3, 0.0001),
    "leo": (4.0, 0.002),
    "lte": (8.0, 0.002),
    "vsat": (10.0, 0.002),
}
# Above this an emulator in Python is itself the bottleneck, so shaping would only cost time.
UNSHAPED_MBPS: Final = 1000.0
OCTETS_PER_S: Final = 125_000  # of a Mbit/s
BUFFER_S: Final = 0.2
SMALLEST_BUFFER: Final = 64_000
# netem counts packets, and keeps their order only behind a rate: this one holds nothing back.
FULL_PACKET: Final = 1500
UNSHAPED_PACKETS: Final = 10_000
KEEPS_ORDER: Final = "1000gbit"


@dataclass(frozen=True, slots=True)
class Impairment:
    """One direction of a circuit; jitter_ms is the half-width around delay_ms, loss a share.

    hole swallows everything without a sign, as a fault inside a provider's network does.
    """

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss: float = 0.0
    rate_mbps: float | None = None
    hole: bool = False
    reorder: bool = False

    def faults(self) -> tuple[str, ...]:
        """Return what makes no sense, in sentences; none when it can be emulated."""
        checks = (
            (0 <= self.delay_ms <= 10_000, "delay must be 0 to 10000 ms"),
            (0 <= self.jitter_ms <= 10_000, "jitter must be 0 to 10000 ms"),
            (0 <= self.loss <= 1, "loss must be a share from 0 to 1"),
            (self.rate_mbps is None or self.rate_mbps > 0, "rate must be above 0 Mbit/s"),
        )
        return tuple(text for holds, text in checks if not holds)


@dataclass(frozen=True, slots=True)
class Weather:
    """What the sky adds to a circuit in both directions, whatever else is done to it.

    delay_ms and jitter_ms are added (a fine sky takes delay away), loss strikes beside the
    circuit's own; an outage swallows everything.
    """

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss: float = 0.0
    outage: bool = False


CALM: Final = Weather()


def with_weather(impairment: Impairment, weather: Weather) -> Impairment:
    """Return what a direction does in some weather; what was done to it on purpose remains."""
    return replace(
        impairment,
        delay_ms=max(0.0, impairment.delay_ms + weather.delay_ms),
        jitter_ms=max(0.0, impairment.jitter_ms + weather.jitter_ms),
        loss=impairment.loss + weather.loss * (1 - impairment.loss),
        hole=impairment.hole or weather.outage,
    )


def of_medium(medium: str, delay_ms: float, rate_mbps: float) -> Impairment:
    """Return what a healthy circuit of a medium does in one direction."""
    jitter_ms, loss = MILD[medium]
    rate = rate_mbps if rate_mbps < UNSHAPED_MBPS else None
    return Impairment(delay_ms, min(jitter_ms, delay_ms), loss, rate)


def netem_arguments(impairment: Impairment) -> tuple[str, ...]:
    """Return the same for the kernel's netem queue, which cannot reorder at a given rate."""
    words = ["delay", f"{impairment.delay_ms:g}ms", f"{impairment.jitter_ms:g}ms"]
    loss = 1.0 if impairment.hole else impairment.loss
    words += ["loss", f"{loss * 100:g}%"]
    if impairment.rate_mbps is not None:
        words += ["rate", f"{impairment.rate_mbps:g}mbit"]
    elif not impairment.reorder:
        words += ["rate", KEEPS_ORDER]
    return (*words, "limit", str(_packets(impairment)))


def _packets(impairment: Impairment) -> int:
    """Return how many full packets are on their way or waiting before the next one is dropped."""
    if impairment.rate_mbps is None:
        return UNSHAPED_PACKETS
    octets_per_s = impairment.rate_mbps * OCTETS_PER_S
    on_their_way = octets_per_s * (impairment.delay_ms + impairment.jitter_ms) / 1000
    return ceil((_buffer(octets_per_s) + on_their_way) / FULL_PACKET)


def _buffer(octets_per_s: float) -> float:
    """Return how many octets wait at most before a circuit of that rate."""
    return max(SMALLEST_BUFFER, octets_per_s * BUFFER_S)


@dataclass(slots=True)
class Counters:
    """What happened in one direction: packets and bytes forwarded, packets lost and why."""

    packets: int = 0
    octets: int = 0
    lost: int = 0
    overflowed: int = 0
    swallowed: int = 0


@dataclass(slots=True)
class Pacer:
    """Decides when each packet of one direction leaves, or that it never does."""

    impairment: Impairment
    counters: Counters = field(default_factory=Counters)
    clock: float = 0.0
    last: float = 0.0

    def due(self, size: int, now: float, draw: Draw) -> float | None:
        """Return the instant (s) at which a packet of size octets leaves, or None to drop it."""
        shape = self.impairment
        if shape.hole:
            self.counters.swallowed += 1
            return None
        if shape.loss and draw() < shape.loss:
            self.counters.lost += 1
            return None
        sent = self._transmitted(size, now)
        if sent is None:
            self.counters.overflowed += 1
            return None
        return self._arrival(sent, draw)

    def _transmitted(self, size: int, now: float) -> float | None:
        """Return when the last bit has left at the circuit's rate; None when its buffer is full."""
        if self.impairment.rate_mbps is None:
            return now
        octets_per_s = self.impairment.rate_mbps * OCTETS_PER_S
        start = max(self.clock, now)
        if (start - now) * octets_per_s > _buffer(octets_per_s):
            return None
        self.clock = start + size / octets_per_s
        return self.clock

    def _arrival(self, sent: float, draw: Draw) -> float:
        shape = self.impairment
        arrival = sent + shape.delay_ms / 1000
        if shape.jitter_ms:
            arrival = max(sent, arrival + (2 * draw() - 1) * shape.jitter_ms / 1000)
        if not shape.reorder:
            arrival = self.last = max(arrival, self.last)
        return arrival
