"""What one end measures of a path, and what is known of it from that."""

from dataclasses import dataclass, field
from math import inf
from typing import Final, TypeAlias

from inventory.model import Medium
from topology.quality.handover import Rhythm
from topology.quality.jitter import Base, Variation
from topology.quality.loss import Losses

PathName: TypeAlias = str

# So many answers missing in a row are never chance.
MOST_MISSES: Final = 10


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
    measurement says nothing against the path; losses that this explains are not counted in a later
    one either; late_s is for how long of the time since the last measurement it was. held_ms is the
    longest time for which the far end kept a test packet before it answered.
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
    held_ms: float = 0.0
    late_s: float = inf


@dataclass(frozen=True, slots=True)
class LinkHealth:
    """What is known of a path; delay_ms is the round trip, loss a share, burst G.107's BurstR.

    base_ms is the smallest round trip of the last minutes: what the path can do. jitter_ms is the
    spread (95th percentile above the smallest) of the worse direction, as far as it lasts, and
    widest_ms the whole of it. handover says that a change of satellite is going on, which is not
    held against the path. lossy says that more is lost than is usual for the medium, suspect that a
    closer look is due. overdue and silent_s do not count what this host's own stalls explain.
    unanswered is for how many paces no answer has come while this host was not late, answered_at_s
    when one last came, steady_since_s when answers last began to come after several were missing.
    down_at_s is when an outage last went on; kept are the losses without one that may be beginning.
    alive_s is how long answers have come, once they began to after several were missing, counting
    only time in which this host was not late.
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
    lossy: bool = False
    suspect: bool = False
    pace_s: float = 0.1
    spread_ms: float = 0.0
    answered_at_s: float = -inf
    steady_since_s: float = -inf
    stalled_at_s: float = -inf
    reviewed_at_s: float = -inf
    misses: int = MOST_MISSES
    talk: float = 0.0
    window: Variation = field(default_factory=Variation)
    losses: Losses = field(default_factory=Losses)
    rhythm: Rhythm = field(default_factory=Rhythm)
    base: Base = field(default_factory=Base)
    unanswered: float = 0.0
    down_at_s: float = -inf
    kept: Losses = field(default_factory=Losses)
    widest_ms: float = 0.0
    alive_s: float = 0.0
