"""Which path a class of traffic takes, and why: the decision that all hosts share.

Pure and total: the same measurements and memory give the same decision in an edge's daemon, in the
controller and in rehearsal. Fast to leave, slow to return, never to nowhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from policies.model import CARE_CLASSES, PathPolicy
from policies.path_selection.copies import second_path
from policies.path_selection.memory import (
    Memory,
    Standing,
    damped_s,
    hold_down_s,
    record_move,
    refresh_memory,
)
from policies.path_selection.preference import (
    Alternative,
    Duty,
    Grade,
    PathView,
    described,
    is_worse,
    path_figures,
    path_shortfall,
    path_silence,
    path_view,
)
from topology.quality.common_cause import is_lively, outlives
from topology.quality.health import PathName

__all__ = ["Alternative", "Decision", "Duty", "Memory", "Standing", "decide"]

# A dead path may be left inside the hold-down: for one not left within it at once, for one that was
# when the last move is so long ago. There are therefore never more moves in a second than paths.
AGAIN_S: Final = 1.0
# So many moves are made at once. Then a path that seems dead inside the hold-down is left for one
# that was left as well only when nothing came from it for so long, or no answer: what dies under
# the load of the traffic itself still carries a part of it, and would be left again and again.
AT_ONCE: Final = 3
SILENT_S: Final = 2.0
UNANSWERED_S: Final = 4.0
# Sound and picture follow their copy to a path that is preferred once it has been there for so
# long: both paths carry every packet then, so that nothing can be lost.
FOLLOWS_COPY_S: Final = 4.0
# A free path that is to relieve a metered one has kept the objective for so long.
RELIEVES_S: Final = 10.0
# A path is fled to when it has been well for so long.
PROVEN_WELL_S: Final = 1.0
# Below its objective as well, another path must be better by this factor.
BETTER: Final = 0.8
LEAST_BAD: Final = 0.5


@dataclass(frozen=True, slots=True)
class Decision:
    """Where the traffic goes, where a copy of a consultation's goes, and why, in one sentence.

    path is None only when the policy allows none of the alternatives. asks names paths whose answer
    the decision waits for, so that they had better be asked at once.
    """

    path: PathName | None
    second: PathName | None
    moved: bool
    reason: str
    memory: Memory
    asks: tuple[PathName, ...] = ()


@dataclass(frozen=True, slots=True)
class _Verdict:
    """To go to a path, or with None to stay, and why; settling is part of the first choice."""

    to: PathName | None
    reason: str
    asks: tuple[PathName, ...] = ()
    least_bad: bool = False
    settling: bool = False


@dataclass(frozen=True, slots=True)
class _Question:
    """Everything that a verdict looks at; others are the paths but the current, best first."""

    current: PathView
    others: Sequence[PathView]
    duty: Duty
    memory: Memory
    now_s: float
    consultation: bool

    @property
    def policy(self) -> PathPolicy:
        """Return how the class chooses between paths."""
        return self.duty.policy


def decide(
    alternatives: Sequence[Alternative],
    duty: Duty,
    memory: Memory,
    *,
    now_s: float,
    consultation: bool = False,
) -> Decision:
    """Return which path to take now, given what was taken before."""
    policy = duty.policy
    views = _undrained([path_view(one, duty) for one in alternatives if _permitted(one, policy)])
    if not views:
        reason = f"the policy of {policy.service} allows none of {len(alternatives)} paths"
        nowhere = replace(memory, path=None, second=None)
        return Decision(None, None, memory.path is not None, reason, nowhere)
    views.sort(key=_order)
    memory = refresh_memory(memory, views, policy, now_s)
    current = next((one for one in views if one.path == memory.path), None)
    if current is None:
        verdict = _first(views, memory)
    else:
        others = [one for one in views if one is not current]
        verdict = _judged(_Question(current, others, duty, memory, now_s, consultation))
    return _decision(verdict, views, memory, policy, now_s)


def _permitted(alternative: Alternative, policy: PathPolicy) -> bool:
    allowed = policy.metered_allowed or not alternative.metered
    return allowed and alternative.medium in policy.media


def _undrained(views: list[PathView]) -> list[PathView]:
    """Return the views without drained paths, where another one answers."""
    open_ = [one for one in views if not one.alternative.drained]
    return open_ if any(one.grade <= Grade.ANSWERS for one in open_) else views


def _order(one: PathView) -> tuple[int, int, tuple[int, int, PathName]]:
    return one.order


def _decision(
    verdict: _Verdict, views: Sequence[PathView], memory: Memory, policy: PathPolicy, now_s: float
) -> Decision:
    path = verdict.to or memory.path
    if path is None:
        raise AssertionError("a verdict without a path before it names one")
    moving = path != memory.path
    if moving and (memory.path is None or verdict.settling):
        memory = replace(memory, path=path, least_bad=False)
    elif moving:
        memory = record_move(memory, path, now_s, least_bad=verdict.least_bad)
    if moving:
        memory = replace(memory, path_since_s=now_s)
    copy = second_path(views, path, memory, policy, now_s)
    if copy != memory.second:
        memory = replace(memory, second=copy, second_since_s=now_s)
    return Decision(path, copy, moving, verdict.reason, memory, verdict.asks)


def _first(views: Sequence[PathView], memory: Memory) -> _Verdict:
    best = views[0]
    why = f"{memory.path} is no longer offered" if memory.path else "nothing was chosen before"
    chosen = f"{best.path} is the best of {len(views)} ({described(best)})"
    return _Verdict(best.path, f"{why}; {chosen}")


def _judged(question: _Question) -> _Verdict:
    current = question.current
    if (settled := _settled(question)) is not None:
        return settled
    if current.health.stalled:
        return _Verdict(
            None, f"this host was late itself, which is not held against {current.path}"
        )
    if current.grade is Grade.DEAD:
        return _left_dead(question)
    if current.grade is Grade.UNKNOWN:
        return _Verdict(None, f"{current.path} has not been measured yet")
    return _returned(question) if current.well else _left_poor(question)


def _settled(question: _Question) -> _Verdict | None:
    """Return the next step of the first choice; None when it stands or is over.

    It goes from a path that never answered to one that does, and from there to preferred ones
    only, so that it ends.
    """
    current = question.current
    silent = current.grade is Grade.DEAD and current.health.answered_at_s == -inf
    if not question.memory.settling(question.now_s) or (question.consultation and not silent):
        return None
    live = [one for one in question.others if one.grade <= Grade.ANSWERS and is_lively(one.health)]
    better = live if silent else [one for one in live if _comes_up(one, question)]
    if not better:
        return None
    best = better[0]
    what = f"{current.path} has not answered yet" if silent else f"{best.path} came up since"
    return _Verdict(
        best.path, f"{what}; {best.path} is preferred ({described(best)})", settling=True
    )


def _comes_up(one: PathView, question: _Question) -> bool:
    """Return whether a path that is preferred has been well for a moment after the start."""
    current = question.current
    if one.grade > current.grade or one.rank >= current.rank or is_worse(one, current):
        return False
    return question.memory.standing(one.path).well_s(question.now_s) >= PROVEN_WELL_S


def _left_dead(question: _Question) -> _Verdict:
    current, now_s = question.current, question.now_s
    what = f"{current.path} {path_silence(current.health, now_s)}"
    live = [one for one in question.others if one.grade <= Grade.ANSWERS]
    if not live:
        return _Verdict(None, f"{what}, but no other path answers either")
    asks = tuple(one.path for one in live)
    proven = [one for one in live if outlives(one.health, current.health, now_s)]
    if not proven:
        names = " and ".join(asks)
        return _Verdict(None, f"{what}, but {names} did not outlive it for certain yet", asks)
    if question.memory.still_s(now_s) < AGAIN_S:
        left = question.memory.left_within(question.policy.hold_down_s, now_s)
        proven = [one for one in proven if one.path not in left]
    if not proven:
        return _Verdict(None, f"{what}, but whatever else answers was left under {AGAIN_S:g} s ago")
    if (held := _held(question)) and _is_damped(question):
        proven = [one for one in proven if not question.memory.times_left(one.path)]
    if not proven:
        return _Verdict(None, f"{what}, but all others were left lately, and {held}")
    best = proven[0]
    number = len(live)
    rank = f"is the best of {number} left" if number > 1 else "is the only one left"
    return _Verdict(best.path, f"{what}; {best.path} {rank} ({described(best)})")


def _is_damped(question: _Question) -> bool:
    """Return whether a path that seems dead is kept: after many moves, while anything comes."""
    health, now_s = question.current.health, question.now_s
    if len(question.memory.moves) < AT_ONCE:
        return False
    return health.silent_s < SILENT_S and now_s - health.answered_at_s < UNANSWERED_S


def _left_poor(question: _Question) -> _Verdict:
    current, policy, now_s = question.current, question.policy, question.now_s
    what = f"{current.path} {path_shortfall(current.health, question.duty.slo)}"
    unwell_ms = question.memory.standing(current.path).unwell_s(now_s) * 1e3
    if unwell_ms < policy.leave_after_ms:
        return _Verdict(None, f"{what}, for {unwell_ms:.0f} of {policy.leave_after_ms} ms so far")
    better = [one for one in question.others if _better(one, question)]
    least = [] if better or question.memory.least_bad else _least_bad(question)
    if not (better or least):
        return _Verdict(None, f"{what}, but no other path does better")
    if held := _held(question):
        return _Verdict(None, f"{what}, but {held}")
    if better:
        return _Verdict(
            better[0].path, f"{what}; {better[0].path} does better ({described(better[0])})"
        )
    said = f"{least[0].path} is the least bad ({described(least[0])})"
    return _Verdict(least[0].path, f"{what} and no path is well; {said}", least_bad=True)


def _better(one: PathView, question: _Question) -> bool:
    """Return whether a path has been well for a moment, and its figures are clearly better.

    What is usual for a medium says whether something is wrong with a path, and not that another
    one does better.
    """
    standing, current = question.memory.standing(one.path), question.current
    if not one.well or not is_lively(one.health) or is_worse(one, current):
        return False
    if standing.well_s(question.now_s) < PROVEN_WELL_S:
        return False
    if not (one.grade is Grade.KEEPS or one.severity <= BETTER * current.severity):
        return False
    keeps = one.measured_keeps and not current.measured_keeps
    return keeps or one.measured_severity <= BETTER * current.measured_severity


def _least_bad(question: _Question) -> list[PathView]:
    """Return the paths that answer, and are by far not as bad as the current one just now."""
    current = question.current
    most, measured = LEAST_BAD * current.severity, LEAST_BAD * current.measured_severity
    answering = (one for one in question.others if one.grade <= Grade.ANSWERS)
    better = (
        one for one in answering if one.severity <= most and one.measured_severity <= measured
    )
    return [one for one in better if is_lively(one.health) and not is_worse(one, current)]


def _returned(question: _Question) -> _Verdict:
    current, now_s = question.current, question.now_s
    if (taken := _follows_copy(question) or _relieves(question)) is not None:
        return taken
    long_s = question.policy.return_after_s
    preferred = [one for one in question.others if _preferred(one, question, long_s)]
    state = "keeps its objective" if current.grade is Grade.KEEPS else "does what its medium can"
    stays = f"{current.path} {state} ({path_figures(current.health)})"
    if not preferred:
        return _Verdict(None, stays)
    best = preferred[0]
    if question.consultation and not (current.grade is Grade.ANSWERS and best.grade is Grade.KEEPS):
        return _Verdict(None, f"{stays}, and is kept from {best.path} while a consultation runs")
    if held := _held(question):
        return _Verdict(None, f"{stays}; {best.path} is preferred, but {held}")
    well_s = question.memory.standing(best.path).well_s(now_s)
    preference = f"has been well for {well_s:.0f} s and is preferred to {current.path}"
    return _Verdict(best.path, f"{best.path} {preference} ({described(best)})")


def _follows_copy(question: _Question) -> _Verdict | None:
    """Return the move of sound and picture to the path of their copy, if that is preferred."""
    memory, now_s = question.memory, question.now_s
    copy = next((one for one in question.others if one.path == memory.second), None)
    if copy is None or question.policy.service not in CARE_CLASSES:
        return None
    long_s = damped_s(memory, copy.path, FOLLOWS_COPY_S)
    if memory.second_s(now_s) < long_s or not _preferred(copy, question, FOLLOWS_COPY_S):
        return None
    if _held(question):
        return None
    what = f"{copy.path} has carried the copy for {memory.second_s(now_s):.0f} s"
    return _Verdict(copy.path, f"{what} and is preferred to {question.current.path}")


def _relieves(question: _Question) -> _Verdict | None:
    """Return the move off a metered path that was taken for as long as the policy allows."""
    current, now_s, allowed_s = question.current, question.now_s, question.policy.metered_for_s
    if not current.alternative.metered or question.memory.path_s(now_s) < allowed_s:
        return None
    free = [one for one in question.others if not one.alternative.metered and one.measured_keeps]
    kept = (one for one in free if question.memory.standing(one.path).kept_s(now_s) >= RELIEVES_S)
    best = next((one for one in kept if is_lively(one.health)), None)
    if best is None or _held(question):
        return None
    what = f"{current.path} is metered and was taken for over {allowed_s} s"
    return _Verdict(best.path, f"{what}; {best.path} is free and keeps the objective")


def _preferred(one: PathView, question: _Question, usual_s: float) -> bool:
    """Return whether a path has for long been at least as good, and is preferred to the current."""
    current, now_s = question.current, question.now_s
    long_s = damped_s(question.memory, one.path, usual_s)
    standing = question.memory.standing(one.path)
    if standing.well_s(now_s) < long_s or not one.well or not is_lively(one.health):
        return False
    if is_worse(one, current):
        return False
    if one.grade is Grade.KEEPS and standing.kept_s(now_s) >= long_s:
        missed_s = question.memory.standing(current.path).missed_s(now_s)
        return missed_s >= long_s > 0 or one.rank < current.rank
    # One that has come to keep its objective lately is no worse for it.
    alike = one.grade <= current.grade is Grade.ANSWERS
    return alike and one.rank < current.rank and one.severity <= current.severity


def _held(question: _Question) -> str:
    """Return in words that no move is made yet; nothing when one may be."""
    still_s = question.memory.still_s(question.now_s)
    hold_s = hold_down_s(question.memory, question.policy)
    if still_s >= hold_s:
        return ""
    return f"the last move was {still_s:.1f} s ago, and none is made for {hold_s:g} s"
