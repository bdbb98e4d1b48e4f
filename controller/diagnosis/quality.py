"""Whether a circuit does worse than its medium usually does, and what a clinician feels of it."""

from dataclasses import dataclass
from functools import cache
from typing import Final

from controller.incidents.model import Cause, Health, Observation, Source
from controller.incidents.view import CircuitFacts
from inventory.model import Medium
from topology.quality import emodel
from topology.quality.media import USUAL

# How far below its medium's usual score a call may be before somebody hears it.
MOS_MARGIN: Final = 0.3
# A circuit this full explains its own delay and loss.
FULL: Final = 0.85
HANDOVER_WORDS: Final = ("handover", "change of satellite")
_FELT: Final = (
    (3.6, "speech is clear"),
    (3.1, "some words are hard to understand"),
    (2.6, "many words are hard to understand, the picture freezes"),
    (0.0, "a consultation is hardly possible"),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong of a circuit's quality, with the sentences that show it."""

    cause: Cause
    evidence: tuple[str, ...]


@cache
def usual_mos(medium: Medium) -> float:
    """Return the score of a call over a medium that does as it usually does."""
    usual = USUAL[medium]
    ear_ms = usual.delay_ms + usual.jitter_ms + emodel.END_SYSTEM_MS
    return emodel.mos(emodel.r_factor(ear_ms, usual.loss, burst=1.0))


def usual_round_trip_ms(circuit: CircuitFacts) -> float:
    """Return the longest round trip that is no fault of a circuit."""
    return 2 * max(USUAL[circuit.medium].delay_ms, 2 * circuit.delay_ms)


def is_handover(circuit: CircuitFacts, said: Observation) -> bool:
    """Return whether a disturbance is a change of satellite."""
    words = said.reason.lower()
    return circuit.medium is Medium.LEO and any(word in words for word in HANDOVER_WORDS)


def quality_fault(circuit: CircuitFacts, said: Observation) -> Fault | None:
    """Return what an observation shows to be wrong of a circuit that is up, None if nothing is."""
    if said.source is Source.SYSLOG:
        return None
    if said.source is Source.BGP:
        return _routing_fault(said)
    evidence = tuple(_evidence(circuit, said))
    if said.state is Health.DEGRADED and is_handover(circuit, said):
        words = f"{said.observer}: the satellite changes again and again ({said.reason})"
        return Fault(Cause.SATELLITE_HANDOVER, (words,))
    if said.state is not Health.DEGRADED and not evidence:
        return None
    told = evidence or (f"{said.observer}: {said.reason or 'quality is poor'}",)
    full = said.load is not None and said.load >= FULL
    if full or "congest" in said.reason.lower():
        load = f"{circuit.name} is {said.load:.0%} full" if said.load is not None else said.reason
        return Fault(Cause.CONGESTION, (*told, load))
    return Fault(Cause.POOR_QUALITY, told)


def _routing_fault(said: Observation) -> Fault | None:
    """Return what a router's sessions over a circuit show: packets pass, and nothing is routed."""
    if said.state is not Health.DEGRADED:
        return None
    return Fault(Cause.ROUTING_LOST, (said.reason or f"{said.observer} has no session over it",))


def felt(mos: float) -> str:
    """Return what a clinician feels of a call with a score."""
    return next(words for least, words in _FELT if mos >= least)


def _evidence(circuit: CircuitFacts, said: Observation) -> list[str]:
    usual, told = USUAL[circuit.medium], list[str]()
    limit_ms = usual_round_trip_ms(circuit)
    if said.delay_ms is not None and said.delay_ms > limit_ms:
        told.append(
            f"round trip {said.delay_ms:.0f} ms; at most {limit_ms:.0f} ms is usual for "
            f"{circuit.medium}"
        )
    if said.loss is not None and said.loss > usual.loss + usual.excess:
        told.append(
            f"{said.loss:.1%} is lost; at most {usual.loss:.1%} is usual for {circuit.medium}"
        )
    if said.mos is not None and said.mos < usual_mos(circuit.medium) - MOS_MARGIN:
        told.append(f"calls score {said.mos:.1f}: {felt(said.mos)}")
    return told
