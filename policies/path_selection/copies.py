"""Which second path carries the copy of a consultation.

A copy is worth most on a path that is well and costs nothing; a metered one joins only when no
other is well. It is kept as it is until it fails or something of a better kind has proven itself,
or a path to which the traffic itself would rather return: that costs a copy nothing.
"""

from collections.abc import Sequence
from typing import Final

from policies.model import PathPolicy
from policies.path_selection.memory import Memory, damped_s
from policies.path_selection.preference import Grade, PathView
from topology.quality.health import PathName

_USELESS: Final = 8
# A path that the copy moves to has been well for so long: while the first choice is still being
# made, and later.
_SETTLING_WELL_S: Final = 1.0
_PROVEN_WELL_S: Final = 3.0


def second_path(
    views: Sequence[PathView], path: PathName, memory: Memory, policy: PathPolicy, now_s: float
) -> PathName | None:
    """Return the path of the copy beside the path chosen; None when none is worth one.

    The memory already says how each path stands now. Nothing is copied to a metered path that
    does not answer; an unmetered one keeps the copy while it is the only one, since it may answer
    again at any moment.
    """
    others = [view for view in views if view.path != path and _kind(view) < _USELESS]
    if not others:
        return None
    best = min(others, key=lambda view: (_kind(view), view.order))
    kept = next((view for view in others if view.path == memory.second), None)
    if kept is None:
        return best.path
    used = next(view for view in views if view.path == path)
    gains = _kind(best) < _kind(kept) or _leads_back(best, kept, used)
    return best.path if gains and _due(best, kept, memory, policy, now_s) else kept.path


def _leads_back(best: PathView, kept: PathView, used: PathView) -> bool:
    """Return whether the traffic would rather return to one path than to the copy's."""
    return best.well and kept.well and best.rank < min(used.rank, kept.rank)


def _due(best: PathView, kept: PathView, memory: Memory, policy: PathPolicy, now_s: float) -> bool:
    """Return whether a copy moves now to a path of a better kind."""
    if kept.grade > Grade.ANSWERS:
        return True
    if not kept.well:
        unwell_s = memory.standing(kept.path).unwell_s(now_s)
        return best.well and unwell_s * 1e3 >= policy.leave_after_ms
    usual_s = _SETTLING_WELL_S if memory.settling(now_s) else _PROVEN_WELL_S
    long_s = min(policy.return_after_s, damped_s(memory, best.path, usual_s))
    return memory.standing(best.path).well_s(now_s) >= long_s


def _kind(view: PathView) -> int:
    """Return how useful a path is to a copy, 0 is best; of equals the free before the metered."""
    metered = view.alternative.metered
    if view.grade is Grade.DEAD:
        return _USELESS if metered else 6
    if view.grade is Grade.UNKNOWN:
        return 4 + metered
    return (0 if view.well else 2) + metered
