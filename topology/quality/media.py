"""What a medium does when nothing is wrong with it, and how sure one must be that something is.

Loss and jitter of fibre, LTE, low-orbit and geostationary satellites follow published figures; what
is called usual lies at the worse end of them, so that a path in order is never blamed. The limits
of the tests are project choices.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from inventory.model import Medium


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual for a path over one medium, one way, and when it is no longer.

    loss is the largest usual share, excess the share that is to be told from it; evidence is the
    sum of log-likelihood ratios that proves it, gathered in grains of grain_s of which none counts
    for more than a part. unanswered is the share of round trips that may fail when all is well;
    allowance_ms is how much longer than three paces a path in order may be silent.
    """

    delay_ms: float
    jitter_ms: float
    loss: float
    excess: float
    evidence: float
    grain_s: float
    unanswered: float
    allowance_ms: float


# Fibre's evidence is three separate losses within 260 packets, which 3 % of loss gives in about a
# second of a consultation's probing; at a loss of 1e-5 it comes by chance once in years. That of
# LEO and LTE does not come in thousands of hours at a usual loss of 2 and 3 %.
USUAL: Final[Mapping[Medium, Usual]] = {
    Medium.FIBRE: Usual(60, 10, 0.000005, 0.03, 18.0, 0.1, 0.0005, 10),
    Medium.MICROWAVE: Usual(60, 15, 0.0005, 0.03, 16.0, 0.1, 0.002, 15),
    Medium.LEO: Usual(160, 90, 0.025, 0.08, 18.0, 0.5, 0.05, 30),
    Medium.LTE: Usual(150, 100, 0.035, 0.10, 18.0, 0.5, 0.06, 40),
    Medium.VSAT: Usual(330, 90, 0.015, 0.06, 14.0, 0.5, 0.03, 60),
}
