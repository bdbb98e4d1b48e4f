"""What a consultation was like: quality by the minute, moves with their reasons, what was lost.

It rests on test packets that ran beside the call on the paths that carried it, seen from each end.
Where a call travels twice, the better of both copies counts. What nobody measured is unknown.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from controller.consultations.model import Announcement
from controller.incidents.sentences import Language
from controller.telemetry.history import PastChange
from controller.telemetry.slices import Slice
from edge.telemetry.model import ChangeKind, PathState, PathSummary
from policies.model import CARE_CLASSES

MINUTE_S: Final = 60
# Telemetry comes once a minute and may wait for a lost packet.
LATENESS_S: Final = 90.0
_ROUND: Final = 2
_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    Language.ENGLISH: {
        "nothing": "nothing was measured beside this consultation, so its quality is unknown",
        "mos": "MOS {mean:.2f} on average at the worse end, {worst:.2f} in its worst minute",
        "move": "{n} move",
        "moves": "{n} moves",
        "lost": "{n:.0f} s without any way",
        "none lost": "no second without a way",
        "unknown": "{n:.0f} s unknown",
        "joint": "; ",
    },
    Language.FRENCH: {
        "nothing": "rien n'a été mesuré pendant cette consultation : sa qualité est inconnue",
        "mos": "MOS {mean:.2f} en moyenne au moins bon bout, {worst:.2f} dans sa pire minute",
        "move": "{n} changement de chemin",
        "moves": "{n} changements de chemin",
        "lost": "{n:.0f} s sans aucun chemin",
        "none lost": "aucune seconde sans chemin",
        "unknown": "{n:.0f} s inconnues",
        "joint": " ; ",
    },
}
_LEAST_MOS: Final = 1.0


@dataclass(frozen=True, slots=True)
class EndHistory:
    """What one edge measured and changed during a consultation, by time."""

    device: str
    site: str
    slices: Sequence[Slice]
    changes: Sequence[PastChange]


@dataclass(frozen=True, slots=True)
class MinuteQuality:
    """A minute as one end saw it; mos and loss are None where nothing was measured.

    loss is the share that was lost, worse of both directions; lost_s are seconds without any way,
    unknown_s those of which nothing is known.
    """

    began_s: float
    mos: float | None
    loss: float | None
    circuits: tuple[str, ...]
    lost_s: float
    unknown_s: float


@dataclass(frozen=True, slots=True)
class ConsultationMove:
    """A class of traffic of the call that went over another circuit from then on, and why."""

    at_s: float
    device: str
    service: str
    circuit: str
    reason: str


@dataclass(frozen=True, slots=True)
class EndQuality:
    """A consultation as one end saw it."""

    device: str
    site: str
    minutes: tuple[MinuteQuality, ...]
    moves: tuple[ConsultationMove, ...]

    @property
    def lost_s(self) -> float:
        """Return the seconds without any way."""
        return sum(one.lost_s for one in self.minutes)

    @property
    def unknown_s(self) -> float:
        """Return the seconds of which nothing is known."""
        return sum(one.unknown_s for one in self.minutes)

    @property
    def mos(self) -> float | None:
        """Return the mean of the minutes that were measured."""
        known = [one.mos for one in self.minutes if one.mos is not None]
        return round(sum(known) / len(known), _ROUND) if known else None

    @property
    def worst_mos(self) -> float | None:
        """Return that of the worst minute."""
        return min((one.mos for one in self.minutes if one.mos is not None), default=None)


@dataclass(frozen=True, slots=True)
class ConsultationReport:
    """A consultation as its ends saw it; complete says that nothing more can come of it soon."""

    began_s: float
    ended_s: float
    complete: bool
    ends: tuple[EndQuality, ...]

    def sentence(self, language: Language) -> str:
        """Return in a sentence what it was like."""
        words = _WORDS[language]
        scores = [one.mos for one in self.ends if one.mos is not None]
        if not scores:
            return words["nothing"]
        worst = min(one.worst_mos for one in self.ends if one.worst_mos is not None)
        moves = sum(len(one.moves) for one in self.ends)
        lost, unknown = (max(getattr(e, f"{k}_s") for e in self.ends) for k in ("lost", "unknown"))
        parts = [
            words["mos"].format(mean=min(scores), worst=worst),
            words["move" if moves == 1 else "moves"].format(n=moves),
            words["lost" if lost else "none lost"].format(n=lost),
        ]
        if unknown:
            parts.append(words["unknown"].format(n=unknown))
        return words["joint"].join(parts)


def consultation_bounds(one: Announcement, now_s: float) -> tuple[float, float]:
    """Return when a consultation began and ended, as far as it is over."""
    ended_s = one.ends_s if one.cancelled_s is None else min(one.ends_s, one.cancelled_s)
    return one.begins_s, max(one.begins_s, min(ended_s, now_s))


def report_consultation(
    one: Announcement, ends: Iterable[EndHistory], now_s: float
) -> ConsultationReport:
    """Return what a consultation was like."""
    began_s, ended_s = consultation_bounds(one, now_s)
    told = tuple(
        EndQuality(
            end.device,
            end.site,
            tuple(_minutes(end.slices, began_s, ended_s)),
            tuple(_moves(end, began_s, ended_s)),
        )
        for end in ends
    )
    return ConsultationReport(began_s, ended_s, now_s >= ended_s + LATENESS_S, told)


def _minutes(slices: Sequence[Slice], began_s: float, ended_s: float) -> Iterator[MinuteQuality]:
    carrying = [one for one in slices if _carries(one.summary)]
    at_s = began_s
    while at_s < ended_s:
        until_s = min(at_s - at_s % MINUTE_S + MINUTE_S, ended_s)
        yield _minute(carrying, at_s, until_s)
        at_s = until_s


def _carries(summary: PathSummary) -> bool:
    return any(name.partition(" ")[0] in CARE_CLASSES for name in summary.carries)


def _minute(carrying: Sequence[Slice], began_s: float, ended_s: float) -> MinuteQuality:
    """Return a minute, of which each time counts by the best path that carried the call then."""
    known_s = lost_s = weighed_mos = weighed_s = sent = lost = 0.0
    circuits: list[str] = []
    inside = [s for s in carrying if s.began_unix_s < ended_s and s.ended_unix_s > began_s]
    inside.sort(key=lambda one: one.began_unix_s)
    for _, group in groupby(inside, key=lambda one: one.began_unix_s):
        best = max(group, key=_rank)
        summary = best.summary
        seconds = min(best.ended_unix_s, ended_s) - max(best.began_unix_s, began_s)
        known_s += seconds
        circuits.append(summary.circuit)
        if summary.state is PathState.DEAD:
            lost_s += seconds
        weighed_mos += seconds * _mos(summary)
        weighed_s += seconds
        sent, lost = sent + summary.sent, lost + max(summary.lost_out, summary.lost_in)
    return MinuteQuality(
        began_s,
        round(weighed_mos / weighed_s, _ROUND) if weighed_s else None,
        min(1.0, lost / sent) if sent else None,
        tuple(dict.fromkeys(circuits)),
        lost_s,
        max(0.0, ended_s - began_s - known_s),
    )


def _rank(one: Slice) -> tuple[bool, float]:
    return (one.summary.state is not PathState.DEAD, _mos(one.summary))


def _mos(summary: PathSummary) -> float:
    """Return the quality of a slice; one in which nothing came through has the least there is."""
    return _LEAST_MOS if summary.mos is None else summary.mos


def _moves(end: EndHistory, began_s: float, ended_s: float) -> Iterator[ConsultationMove]:
    for one in end.changes:
        care = one.service in CARE_CLASSES
        if one.kind == ChangeKind.MOVE and care and began_s <= one.at_unix_s < ended_s:
            yield ConsultationMove(one.at_unix_s, end.device, one.service, one.circuit, one.reason)
