"""When a low-orbit satellite is changed: a beat of 15 s whose phase is learnt from disturbances.

All terminals of Starlink are given their satellites again every 15 s, at the same instants (Mohan
et al., A Multifaceted Look at Starlink Performance, WWW 2024). The beat is where the last short
disturbances are closest together on a circle of 15 s, however many chance ones lie elsewhere. All
times are monotonic, so that steps of the time of day change nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

PERIOD_S: Final = 15.0
# A disturbance is over when nothing was felt for so long; longer ones are outages, not handovers.
QUIET_S: Final = 0.3
LONGEST_S: Final = 0.5
# Signs within that time that make a disturbance.
SIGNS: Final = 2
# What is learnt may last longer than what is tolerated: a gap is felt for a round trip more, and in
# paces.
LONGEST_LEARNT_S: Final = 0.9
# So many disturbances are remembered. The beat is where six of them lie within a second of the 15,
# which chance does to 16 of them once in 200 times; it is lost when fewer than three lie there.
REMEMBERED: Final = 16
ENOUGH: Final = 6
TOO_FEW: Final = 3
NARROW_S: Final = 1.0
# Around the beat: what is felt is felt a round trip later.
EARLY_S: Final = 0.5
LATE_S: Final = 0.8
# Before the phase is known, disturbances closer than this are not taken for handovers.
APART_S: Final = 2.5


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What was felt of handovers: when the last ones began, and the disturbance going on.

    hint_s is when a single sign was seen. since_s is when the last disturbance began and until_s
    when it was last felt; before_s when the one before began. learnt says that it is among those
    of begins_s. phase_s is where in the 15 s the beat lies, 0 to 15; None before it is known.
    """

    begins_s: tuple[float, ...] = ()
    hint_s: float = -inf
    since_s: float = -inf
    until_s: float = -inf
    before_s: float = -inf
    learnt: bool = True
    phase_s: float | None = None


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
    if rhythm.until_s - rhythm.since_s > LONGEST_LEARNT_S:
        return replace(rhythm, learnt=True)
    begins_s = (*rhythm.begins_s, rhythm.since_s)[-REMEMBERED:]
    phase_s = _phase_s(begins_s, rhythm.phase_s)
    return replace(rhythm, begins_s=begins_s, learnt=True, phase_s=phase_s)


def _phase_s(begins_s: Sequence[float], known_s: float | None) -> float | None:
    """Return where the beat lies: that which is known, corrected, unless it is lost."""
    if known_s is not None:
        offsets = _offsets_s(begins_s, known_s - NARROW_S / 2)
        if len(offsets) >= TOO_FEW:
            return (known_s - NARROW_S / 2 + sum(offsets) / len(offsets)) % PERIOD_S
    start_s = max(begins_s, key=lambda begin_s: len(_offsets_s(begins_s, begin_s)))
    offsets = _offsets_s(begins_s, start_s)
    if len(offsets) < ENOUGH:
        return None
    return (start_s + sum(offsets) / len(offsets)) % PERIOD_S


def _offsets_s(begins_s: Iterable[float], start_s: float) -> list[float]:
    """Return by how much disturbances lie behind a point of the circle, as far as they are near."""
    after_s = ((begin_s - start_s) % PERIOD_S for begin_s in begins_s)
    return [offset_s for offset_s in after_s if offset_s <= NARROW_S]


def on_beat(rhythm: Rhythm, at_s: float) -> bool:
    """Return whether a handover may be going on, as far as the phase is known."""
    if rhythm.phase_s is None:
        return False
    since_s = (at_s - rhythm.phase_s + EARLY_S) % PERIOD_S
    return since_s <= EARLY_S + LATE_S


def may_be_handover(rhythm: Rhythm, at_s: float) -> bool:
    """Return whether a disturbance now may be a handover.

    That is on the beat; before the beat is known, any that is the only one for a while.
    """
    if rhythm.phase_s is not None:
        return on_beat(rhythm, at_s)
    if at_s - rhythm.until_s < QUIET_S:
        return rhythm.since_s - rhythm.before_s >= APART_S
    return at_s - rhythm.since_s >= APART_S


def going_on(rhythm: Rhythm, at_s: float) -> bool:
    """Return whether a disturbance is felt that may be a handover and has not lasted too long."""
    active = not rhythm.learnt and at_s - rhythm.until_s < QUIET_S
    return active and rhythm.until_s - rhythm.since_s <= LONGEST_S and may_be_handover(rhythm, at_s)
