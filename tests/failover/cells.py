"""What trials of one mechanism under one fault come to."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import Any, Final

from tests.failover.faults import Fault
from tests.failover.flows import Heard
from tests.failover.mechanisms import Mechanism
from tests.failover.trials import Outcome

# A silence that three test packets in a row would have met, of a line to which nothing was done.
HELD_UP_MS: Final = 60.0
FLOWS: Final = ("voice up", "voice down", "video up", "video down")


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, smallest and largest of a series."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        """Return the spread as it stands in tables."""
        if self.least == self.most:
            return _short(self.median)
        return f"{_short(self.median)} [{_short(self.least)}–{_short(self.most)}]"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def spread(values: Sequence[float]) -> Spread | None:
    """Return the spread of a series; None of an empty one."""
    return Spread(median(values), min(values), max(values)) if values else None


@dataclass(frozen=True, slots=True)
class Cell:
    """All trials of a mechanism under a fault."""

    mechanism: Mechanism
    fault: Fault
    outcomes: tuple[Outcome, ...]

    def each(self, flow: str, value: Callable[[Heard], float]) -> tuple[float, ...]:
        """Return a value of one flow in every trial."""
        return tuple(value(outcome.called.heard[flow]) for outcome in self.outcomes)

    def lost(self, flow: str) -> tuple[int, ...]:
        """Return how many packets of a flow were lost in every trial."""
        return tuple(outcome.called.heard[flow].lost for outcome in self.outcomes)

    @property
    def most_lost(self) -> int:
        """Return the packets of all flows lost in the worst trial."""
        return max(outcome.called.lost for outcome in self.outcomes)

    @property
    def gaps_ms(self) -> tuple[float, ...]:
        """Return the longest silence of the sound in every trial."""
        return tuple(outcome.called.voice_gap_ms for outcome in self.outcomes)

    @property
    def offs_s(self) -> tuple[float, ...]:
        """Return when the bad line was left, of the trials in which it was."""
        return tuple(outcome.off_s for outcome in self.outcomes if outcome.off_s is not None)

    @property
    def moves(self) -> int:
        """Return in how many trials traffic was no longer on the first line."""
        return sum(not outcome.stayed for outcome in self.outcomes)

    @property
    def held_up(self) -> int:
        """Return in how many trials traffic moved and the sound on the line had fallen silent."""
        return sum(not o.stayed and o.called.voice_gap_ms > HELD_UP_MS for o in self.outcomes)

    def worst(self, value: Callable[[Heard], float]) -> float:
        """Return the largest value of any flow in any trial."""
        heard = (outcome.called.heard.values() for outcome in self.outcomes)
        return max(value(one) for flows in heard for one in flows)

    def as_dict(self) -> dict[str, Any]:
        """Return the cell as it stands in the JSON result: one number per trial."""
        return {
            "mechanism": self.mechanism.name,
            "fault": self.fault.name,
            "repeats": len(self.outcomes),
            "lost": {flow: list(self.lost(flow)) for flow in FLOWS},
            "gaps_ms": list(self.gaps_ms),
            "off_s": [round(o.off_s, 3) if o.off_s is not None else None for o in self.outcomes],
            "moved": [not outcome.stayed for outcome in self.outcomes],
            "duplicated": sum(_total(o, lambda heard: heard.duplicated) for o in self.outcomes),
            "reordered": [_total(o, lambda heard: heard.reordered) for o in self.outcomes],
            "displaced_ms": self.worst(lambda heard: heard.displaced_ms),
            "late": [_total(o, lambda heard: heard.late) for o in self.outcomes],
            "delay_max_ms": self.worst(lambda heard: heard.delay_max_ms),
            "sender_late_ms": [outcome.called.sender_late_ms for outcome in self.outcomes],
            "beside": [outcome.beside for outcome in self.outcomes],
        }


def _total(outcome: Outcome, value: Callable[[Heard], int]) -> int:
    return sum(value(heard) for heard in outcome.called.heard.values())


def cells(outcomes: Iterable[Outcome]) -> dict[tuple[str, str], Cell]:
    """Return the cells by the names of mechanism and fault."""

    def key(outcome: Outcome) -> tuple[str, str]:
        return outcome.trial.mechanism.name, outcome.trial.fault.name

    grouped = groupby(sorted(outcomes, key=lambda o: (*key(o), o.trial.repeat)), key)
    made = {}
    for name, found in grouped:
        members = tuple(found)
        made[name] = Cell(members[0].trial.mechanism, members[0].trial.fault, members)
    return made
