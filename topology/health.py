"""How well a path does, folded from what its test packets showed.

A path is judged by what its medium can do: 600 ms are no fault of a geostationary satellite, and a
low-orbit one changes its satellite every 15 s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from inventory.model import Medium

PathName: TypeAlias = str


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a path showed since the last measurement, by one end's monotonic clock.

    Every test packet is settled once, when its answer came or its time was up: sent are those
    settled now, lost_out of them never reached the far end, lost_in were lost on the way back
    (RFC 7680). round_trips_ms are of the answered ones in order of sending; out_ms and in_ms their
    one-way delays above an unknown constant (clocks differ, RFC 3393). lost_in also counts the far
    end's own test packets that were missed here, heard_in how many of those came. overdue are the
    newest test packets in a row whose answer is late; silent_s is the time since anything was
    heard. stalled says that this process itself was late or its socket dropped packets, so that the
    measurement says nothing against the path.
    """

    at_s: float
    sent: int = 0
    lost_out: int = 0
    lost_in: int = 0
    heard_in: int = 0
    round_trips_ms: tuple[float, ...] = ()
    out_ms: tuple[float, ...] = ()
    in_ms: tuple[float, ...] = ()
    reordered: int = 0
    duplicated: int = 0
    overdue: int = 0
    silent_s: float = 0.0
    pace_s: float = 0.1
    stalled: bool = False


@dataclass(frozen=True, slots=True)
class LinkHealth:
    """What is known of a path; delay_ms is the round trip, loss a share, burst G.107's BurstR.

    base_ms is the smallest round trip of the last minutes: what the path can do. jitter_ms is the
    spread (95th percentile above the smallest) of the worse direction. handover says that a
    change of satellite is going on, which is not held against the path.
    """

    medium: Medium
    at_s: float
    delay_ms: float | None = None
    base_ms: float | None = None
    jitter_ms: float = 0.0
    loss_out: float = 0.0
    loss_in: float = 0.0
    burst: float = 1.0
    overdue: int = 0
    silent_s: float = 0.0
    dead: bool = False
    handover: bool = False
    stalled: bool = False
    r: float | None = None
    mos: float | None = None


def unknown(medium: Medium, now_s: float) -> LinkHealth:
    """Return the health of a path of which nothing has been heard yet."""
    return LinkHealth(medium, now_s)


def fold(health: LinkHealth, measurement: Measurement) -> LinkHealth:
    """Return the health of a path after one more measurement."""
    raise NotImplementedError


def folded(health: LinkHealth, measurements: Sequence[Measurement]) -> LinkHealth:
    """Return the health of a path after several measurements in order."""
    for measurement in measurements:
        health = fold(health, measurement)
    return health
