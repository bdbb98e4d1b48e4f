"""Which path a class of traffic takes, and why: the decision that all hosts share.

Pure and total: the same measurements and memory give the same decision in an edge's daemon, in the
controller and in rehearsal. Fast to leave, slow to return, never to nowhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from inventory.model import Medium
from policies.model import PathPolicy, Slo
from topology.health import LinkHealth, PathName


@dataclass(frozen=True, slots=True)
class Alternative:
    """A path that could be taken; cost is the circuits' own, lower is preferred."""

    path: PathName
    medium: Medium
    metered: bool
    cost: int
    health: LinkHealth


@dataclass(frozen=True, slots=True)
class Duty:
    """What is owed to a class of traffic: its objective and how it chooses."""

    slo: Slo
    policy: PathPolicy


@dataclass(frozen=True, slots=True)
class Memory:
    """What a decision must remember; times are monotonic seconds.

    moves are the instants of recent moves, since the hold-down grows with them.
    """

    path: PathName | None = None
    second: PathName | None = None
    moves: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """Where the traffic goes, where a copy of a consultation's goes, and why, in one sentence.

    path is None only when there is no alternative at all.
    """

    path: PathName | None
    second: PathName | None
    moved: bool
    reason: str
    memory: Memory


def decide(
    alternatives: Sequence[Alternative],
    duty: Duty,
    memory: Memory,
    *,
    now_s: float,
    consultation: bool = False,
) -> Decision:
    """Return which path to take now, given what was taken before."""
    raise NotImplementedError
