"""What decisions remember from one to the next; plain numbers and names, so that it can be kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from policies.model import PathPolicy
from policies.path_selection.preference import Grade, PathView
from topology.quality.health import PathName

# Moves are remembered so long, and each one within doubles the hold-down, up to three times; so
# does each time that a path was left the time for which it must be well before it is taken back.
HORIZON_S: Final = 300.0
HORIZON_HOLDS: Final = 12
DOUBLINGS: Final = 3
MOST_MOVES: Final = 16
# Paths come up one by one after a start; so long, one that is preferred is taken when it does.
SETTLING_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a path keeps the objective, and is well, and since when it is so."""

    path: PathName
    keeps: bool
    keeps_since_s: float
    well: bool
    well_since_s: float

    def kept_s(self, now_s: float) -> float:
        """Return how long the objective has been kept; 0 when it is not."""
        return now_s - self.keeps_since_s if self.keeps else 0.0

    def missed_s(self, now_s: float) -> float:
        """Return how long the objective has been missed; 0 when it is kept."""
        return 0.0 if self.keeps else now_s - self.keeps_since_s

    def well_s(self, now_s: float) -> float:
        """Return how long the path has been well; 0 when it is not."""
        return now_s - self.well_since_s if self.well else 0.0

    def unwell_s(self, now_s: float) -> float:
        """Return how long the path has not been well; 0 when it is."""
        return 0.0 if self.well else now_s - self.well_since_s


@dataclass(frozen=True, slots=True)
class Memory:
    """What a decision must remember; times are monotonic seconds.

    moves are the instants of recent moves, since the hold-down grows with them, and left the paths
    that they left. least_bad says that the path is the least bad of paths of which none was well.
    path_since_s and second_since_s are since when there is that path and that copy.
    """

    path: PathName | None = None
    second: PathName | None = None
    moves: tuple[float, ...] = ()
    left: tuple[PathName, ...] = ()
    standings: tuple[Standing, ...] = ()
    least_bad: bool = False
    began_s: float | None = None
    path_since_s: float | None = None
    second_since_s: float | None = None

    def path_s(self, now_s: float) -> float:
        """Return for how long the path has been taken, as far as is remembered."""
        return 0.0 if self.path_since_s is None else now_s - self.path_since_s

    def second_s(self, now_s: float) -> float:
        """Return for how long the copy has taken its path, as far as is remembered."""
        return 0.0 if self.second_since_s is None else now_s - self.second_since_s

    def settling(self, now_s: float) -> bool:
        """Return whether the first choice is still being made: nothing has failed since."""
        began_s = -inf if self.began_s is None else self.began_s
        return not self.moves and 0 <= now_s - began_s < SETTLING_S

    def standing(self, path: PathName) -> Standing:
        """Return how a path stands. Raises KeyError."""
        for standing in self.standings:
            if standing.path == path:
                return standing
        raise KeyError(path)

    def still_s(self, now_s: float) -> float:
        """Return how long no move has been made, as far as is remembered."""
        return now_s - self.moves[-1] if self.moves else inf

    def times_left(self, path: PathName) -> int:
        """Return how often a path was left, as far as is remembered."""
        return self.left.count(path)

    def left_within(self, period_s: float, now_s: float) -> frozenset[PathName]:
        """Return the paths that were left within a period before now."""
        pairs = zip(self.moves, self.left, strict=False)
        return frozenset(path for at_s, path in pairs if now_s - at_s < period_s)


def hold_down_s(memory: Memory, policy: PathPolicy) -> float:
    """Return how long after a move none is made; it doubles with every recent move."""
    return policy.hold_down_s * 2.0 ** min(max(0, len(memory.moves) - 1), DOUBLINGS)


def damped_s(memory: Memory, path: PathName, usual_s: float) -> float:
    """Return how long a path must be well before it is taken back; longer each time it was left."""
    return usual_s * 2.0 ** min(max(0, memory.times_left(path) - 1), DOUBLINGS)


def refresh_memory(
    memory: Memory, views: Sequence[PathView], policy: PathPolicy, now_s: float
) -> Memory:
    """Return the memory with how each path stands now and without moves long past.

    Times after now are of another boot: standings begin again, and moves are forgotten.
    """
    if memory.path is not None and memory.path_since_s is None:
        # It is of a former release, or made by hand.
        memory = replace(memory, path_since_s=now_s)
    standings = tuple(_stands(memory, view, now_s) for view in views)
    oldest_s = now_s - max(HORIZON_S, HORIZON_HOLDS * policy.hold_down_s)
    moves, left = memory.moves, memory.left
    if moves and not (oldest_s <= moves[0] and moves[-1] <= now_s):
        kept = [pair for pair in zip(moves, left, strict=False) if oldest_s <= pair[0] <= now_s]
        moves, left = tuple(at_s for at_s, _ in kept), tuple(path for _, path in kept)
    elif all(map(_same, standings, memory.standings)) and len(standings) == len(memory.standings):
        return memory
    return replace(memory, moves=moves, left=left, standings=standings)


def _same(one: Standing, other: Standing) -> bool:
    return one is other


def _stands(memory: Memory, view: PathView, now_s: float) -> Standing:
    keeps = view.grade is Grade.KEEPS
    for known in memory.standings:
        if known.path == view.path:
            break
    else:
        return Standing(view.path, keeps, now_s, view.well, now_s)
    keeps_since_s = known.keeps_since_s if keeps == known.keeps else now_s
    well_since_s = known.well_since_s if view.well == known.well else now_s
    keeps_since_s, well_since_s = min(keeps_since_s, now_s), min(well_since_s, now_s)
    if keeps_since_s == known.keeps_since_s and well_since_s == known.well_since_s:
        return known
    return Standing(view.path, keeps, keeps_since_s, view.well, well_since_s)


def record_move(memory: Memory, path: PathName, now_s: float, *, least_bad: bool) -> Memory:
    """Return the memory after a move to a path."""
    moves = (*memory.moves, now_s)[-MOST_MOVES:]
    left = (*memory.left, memory.path or path)[-MOST_MOVES:]
    return replace(memory, path=path, moves=moves, left=left, least_bad=least_bad)
