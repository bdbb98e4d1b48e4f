"""When a low-orbit satellite is changed: a beat of 15 s whose phase is learnt from disturbances.

All terminals of Starlink are given their satellites again every 15 s, at the same instants (Mohan
et al., A Multifaceted Look at Starlink Performance, WWW 2024). The instants of short disturbances
are unit vectors on a circle of 15 s; their decaying mean is long only when they share a phase. All
times are monotonic, so that steps of the time of day change nothing.
"""

from dataclasses import dataclass, replace
from math import atan2, cos, hypot, inf, sin, tau
from typing import Final

PERIOD_S: Final = 15.0
# A disturbance is over when nothing was felt for so long; longer ones are outages, not handovers.
QUIET_S: Final = 0.3
LONGEST_S: Final = 0.5
# Signs within that time that make a disturbance.
SIGNS: Final = 2
# The mean remembers some fourteen disturbances; the phase is known when eight or more agree, among
# which a chance one may be.
DECAY: Final = 0.93
ENOUGH: Final = 6.0
AGREEMENT: Final = 0.85
# Around the beat: what is felt is felt a round trip later.
EARLY_S: Final = 0.5
LATE_S: Final = 0.8
# Before the phase is known, disturbances closer than this are not taken for handovers.
APART_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What was felt of handovers: the decaying sum of vectors, and the disturbance going on.

    hint_s is when a single sign was seen. since_s is when the last disturbance began and until_s
    when it was last felt; before_s when the one before began. learnt says that it is in the sum.
    """

    x: float = 0.0
    y: float = 0.0
    count: float = 0.0
    hint_s: float = -inf
    since_s: float = -inf
    until_s: float = -inf
    before_s: float = -inf
    learnt: bool = True


def note_disturbance(rhythm: Rhythm, at_s: float, signs: int) -> Rhythm:
    """Return the rhythm after a measurement with some signs of disturbance; 0 means none."""
    recent = at_s - rhythm.until_s < QUIET_S
    if not signs:
        return rhythm if rhythm.learnt or recent else _learnt(rhythm)
    if recent:
        return replace(rhythm, until_s=at_s)
    hinted = at_s - rhythm.hint_s < QUIET_S
    if signs < SIGNS and not hinted:
        return replace(rhythm, hint_s=at_s)
    known = rhythm if rhythm.learnt else _learnt(rhythm)
    since_s = rhythm.hint_s if hinted else at_s
    return replace(known, since_s=since_s, until_s=at_s, before_s=known.since_s, learnt=False)


def forgive_disturbance(rhythm: Rhythm, at_s: float) -> Rhythm:
    """Return the rhythm without a disturbance just felt, which the far end itself has caused."""
    if rhythm.learnt or at_s - rhythm.until_s >= QUIET_S:
        return rhythm
    began_s = rhythm.before_s
    return replace(
        rhythm, hint_s=-inf, since_s=began_s, until_s=began_s, before_s=-inf, learnt=True
    )


def _learnt(rhythm: Rhythm) -> Rhythm:
    """Return the rhythm after a disturbance ended; only short ones say something."""
    x, y, count = rhythm.x, rhythm.y, rhythm.count
    if rhythm.until_s - rhythm.since_s <= LONGEST_S:
        angle = rhythm.since_s % PERIOD_S / PERIOD_S * tau
        x, y, count = DECAY * x + cos(angle), DECAY * y + sin(angle), DECAY * count + 1
    return replace(rhythm, x=x, y=y, count=count, learnt=True)


def phase_s(rhythm: Rhythm) -> float | None:
    """Return where in the 15 s the beat lies, 0 to 15; None before it is known."""
    x, y, count = rhythm.x, rhythm.y, rhythm.count
    if count < ENOUGH or hypot(x, y) < AGREEMENT * count:
        return None
    return atan2(y, x) % tau / tau * PERIOD_S


def on_beat(rhythm: Rhythm, at_s: float) -> bool:
    """Return whether a handover may be going on, as far as the phase is known."""
    phase = phase_s(rhythm)
    if phase is None:
        return False
    since_s = (at_s - phase + EARLY_S) % PERIOD_S
    return since_s <= EARLY_S + LATE_S


def may_be_handover(rhythm: Rhythm, at_s: float) -> bool:
    """Return whether a disturbance now may be a handover.

    That is on the beat; before the beat is known, any that is the only one for a while.
    """
    if phase_s(rhythm) is not None:
        return on_beat(rhythm, at_s)
    if at_s - rhythm.until_s < QUIET_S:
        return rhythm.since_s - rhythm.before_s >= APART_S
    return at_s - rhythm.since_s >= APART_S


def going_on(rhythm: Rhythm, at_s: float) -> bool:
    """Return whether a disturbance is felt that may be a handover and has not lasted too long."""
    active = not rhythm.learnt and at_s - rhythm.until_s < QUIET_S
    return active and rhythm.until_s - rhythm.since_s <= LONGEST_S and may_be_handover(rhythm, at_s)
