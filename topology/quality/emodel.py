"""Voice quality from delay and loss, by the E-model of ITU-T G.107.

All parameters of the model but delay, loss and codec keep their default values, for which G.107
gives R = 93.2 without delay and loss. Delay impairment is the usual two-piece fit to G.107's Idd
and Idte at these defaults (Cole and Rosenbluth 2001): 0.024 per ms, and 0.11 more per ms beyond
177.3 ms.
"""

from dataclasses import dataclass
from typing import Final

BEST_R: Final = 93.2
DELAY_SLOPE: Final = 0.024
LATE_SLOPE: Final = 0.11
LATE_MS: Final = 177.3
WORST_IMPAIRMENT: Final = 95.0
BEST_MOS: Final = 4.5
# What the two hosts and their LANs add to the delay of the circuits: one voice frame of 20 ms is
# gathered before it can be sent. A project choice, the same for every service.
END_SYSTEM_MS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec as the E-model knows it: Ie without loss, and Bpl, its robustness to loss."""

    name: str
    impairment: float
    robustness: float


# ITU-T G.113 Appendix I, for random loss.
G711: Final = Codec("G.711", 0.0, 4.3)
G711_PLC: Final = Codec("G.711 with concealment", 0.0, 25.1)
G729A: Final = Codec("G.729A", 11.0, 19.0)
GSM_EFR: Final = Codec("GSM EFR", 5.0, 10.0)
# G.113 has no narrow-band figures for Opus; it is taken to be no worse than G.711 with concealment.
OPUS: Final = Codec("Opus", 0.0, 25.1)


def r_factor(delay_ms: float, loss: float, *, codec: Codec = OPUS, burst: float = 1.0) -> float:
    """Return the transmission rating R, 0 to 93.2.

    delay_ms is one way from mouth to ear (the path's delay, jitter buffer and codec together),
    loss the share of packets lost or come too late, 0 to 1, burst its BurstR: 1 at random, more
    when losses come in a row. Raises ValueError.
    """
    if not (delay_ms >= 0 and 0 <= loss <= 1 and burst >= 1):
        raise ValueError(f"delay {delay_ms} ms, loss {loss} or burst {burst} is outside its range")
    late = max(0.0, delay_ms - LATE_MS)
    delay = DELAY_SLOPE * delay_ms + LATE_SLOPE * late
    return max(0.0, BEST_R - delay - _effective_impairment(loss * 100, codec, burst))


def _effective_impairment(loss_percent: float, codec: Codec, burst: float) -> float:
    """Return Ie-eff (G.107, clause 7.5)."""
    weight = loss_percent / (loss_percent / burst + codec.robustness)
    return codec.impairment + (WORST_IMPAIRMENT - codec.impairment) * weight


def mos(r: float) -> float:
    """Return the estimated mean opinion score, 1 to 4.5 (G.107, annex B).

    The cubic of the recommendation dips below 1 for R under 6.5; there the score is 1.
    """
    if r >= 100:
        return BEST_MOS
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6) if r > 0 else 1.0
