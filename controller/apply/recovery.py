"""What a person can do after an apply: finish or unwind it, confirm it, take it back."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from controller.apply.finish import confirm_everywhere, insistently, restore_everywhere
from controller.apply.run import refuse_unfinished, run, unfinished
from controller.apply.session import ApplyContext, DeviceConnections
from controller.apply.steps import ApplyRun
from controller.model import NO_HARM, Change, Outcome, Plan, PushResult
from controller.planning.impact import diff
from controller.planning.plan_file import decode
from controller.store.journal import ApplyRecord, Journal
from inventory.errors import StalePlanError, UnfinishedError, UnknownNameError
from inventory.model import DeviceName

# A clock set back while an apply was under way must not make anyone wait for a day.
LONGEST_WINDOW_S: Final = 24 * 3600.0
# How the identity of a plan that takes another one back ends.
BACK: Final = "-back"


@dataclass(frozen=True, slots=True)
class RollbackResult:
    """How a rollback ended.

    result is of the apply that was not over, or with inverse of a new one that takes it back.
    """

    result: PushResult
    inverse: bool

    @property
    def done(self) -> bool:
        """Return whether every device runs again what it ran before."""
        wished = Outcome.CONFIRMED if self.inverse else Outcome.ROLLED_BACK
        return self.result.outcome == wished


def resume(context: ApplyContext, *, without: Collection[DeviceName] = ()) -> PushResult | None:
    """Bring every device where the journal's decision wants it; None when nothing is unfinished.

    An apply that was decided to be confirmed is confirmed everywhere, any other is undone
    everywhere. Devices in without are given up: nothing more is asked of them, and they are
    recorded as differing. Safe to repeat, also after being killed itself.

    Raises UnfinishedError while an apply waits for a person, UnknownNameError for devices that
    the apply does not change, JournalError, PlanError.
    """
    with context.journal.lock():
        entry = next(iter(context.journal.unfinished()), None)
        if entry is None:
            return None
        if _waiting(entry, context):
            raise UnfinishedError(unfinished(entry))
        return _ended(entry, context, frozenset(without))


def confirm(context: ApplyContext, apply_id: int | None = None) -> PushResult:
    """Keep an apply that waits for a person; when its time is over, make sure that it is undone.

    Raises UnknownNameError when no such apply waits, UnfinishedError when it was left half-way.
    """
    with context.journal.lock():
        entry = _open_entry(context.journal, apply_id)
        if not entry.held or entry.decision is not None:
            raise UnfinishedError(unfinished(entry))
        push = _reopened(entry, context)
        if push.left_s() < context.pace.margin_s(len(push.plan.changes)):
            return _undone(push, "the time to confirm was over")
        because = "confirmed by a person"
        return _closing(push, lambda: confirm_everywhere(push, because))


def rollback(context: ApplyContext, apply_id: int | None = None) -> PushResult:
    """Undo an apply: one that is not over, or a finished one (the last) by the inverse plan.

    A rollback is undone only when it is named. Raises UnknownNameError when there is nothing to
    undo, StalePlanError when a device is no longer what that apply left, UnfinishedError while
    another apply is not over.
    """
    with context.journal.lock():
        entry = _rollback_entry(context.journal, apply_id)
        if entry.outcome is None and entry.decision != "confirm":
            return _undone(_reopened(entry, context), "rolled back by a person")
        refuse_unfinished(context)
        return _taken_back(entry, context)


def undo(context: ApplyContext, apply_id: int | None = None) -> RollbackResult:
    """Roll back as rollback() does, and say by which apply that was done."""
    known = {entry.id for entry in context.journal.history()}
    result = rollback(context, apply_id)
    return RollbackResult(result, inverse=result.apply_id not in known)


def plan_rollback(journal: Journal, apply_id: int) -> Plan:
    """Return what rolling an apply back would change, without asking any device.

    Raises UnknownNameError where there is nothing to roll back.
    """
    entry = _rollback_entry(journal, apply_id)
    return inverse(decode(*journal.plan(entry.id)), _earlier(entry, journal))


def inverse(plan: Plan, earlier: Plan | None) -> Plan:
    """Return the plan that takes a plan back; earlier is the one confirmed before it, if any."""
    waves = tuple(tuple(map(_inverse, wave)) for wave in plan.waves)
    return replace(
        plan,
        id=f"{plan.id}{BACK}",
        waves=waves,
        seen={c.device: c.before.fingerprint for wave in waves for c in wave},
        reaches=earlier.reaches if earlier else (),
        adjacent=earlier.adjacent if earlier else (),
        beyond=earlier.beyond if earlier else (),
        loopbacks={**plan.loopbacks, **(earlier.loopbacks if earlier else {})},
        findings=(),
        blast_radius=NO_HARM,
        steady=NO_HARM,
        worst_wave=0,
        forced=(),
        notices=(),
        intent=earlier.intent if earlier else None,
        intent_fingerprint=earlier.intent_fingerprint if earlier else "",
    )


def _inverse(change: Change) -> Change:
    return replace(
        change,
        before=change.after,
        after=change.before,
        diff=diff(change.after, change.before),
        because=f"taken back: {change.because}",
    )


def _waiting(entry: ApplyRecord, context: ApplyContext) -> bool:
    """Return whether a person may still confirm it."""
    open_still = context.clock.instant().timestamp() < entry.deadline
    return entry.held and entry.decision is None and open_still


def _ended(entry: ApplyRecord, context: ApplyContext, without: frozenset[DeviceName]) -> PushResult:
    push = _reopened(entry, context)
    given_up = without & {change.device for change in push.plan.changes}
    if without != given_up:
        raise UnknownNameError(
            f"apply {entry.id} does not change {', '.join(sorted(without - given_up))}; "
            f"it changes {', '.join(sorted(c.device for c in push.plan.changes))}"
        )
    if given_up:
        push = replace(push, plan=_without(push.plan, given_up))
    if entry.decision == "confirm":
        ended = _closing(push, lambda: confirm_everywhere(push, entry.because))
    else:
        ended = _undone(push, entry.because or "it was left half-way")
    return _differing(push, ended, given_up) if given_up else ended


def _without(plan: Plan, devices: frozenset[DeviceName]) -> Plan:
    waves = (tuple(c for c in wave if c.device not in devices) for wave in plan.waves)
    return replace(plan, waves=tuple(wave for wave in waves if wave))


def _differing(push: ApplyRun, ended: PushResult, given_up: Iterable[DeviceName]) -> PushResult:
    told = dict.fromkeys(sorted(given_up), "given up: plan it again when it answers")
    if push.context.journal.entry(push.apply_id).outcome is not None:
        push.context.journal.finish(push.apply_id, Outcome.DIFFERS, f"given up: {', '.join(told)}")
    return replace(ended, outcome=Outcome.DIFFERS, devices={**ended.devices, **told})


def _undone(push: ApplyRun, because: str) -> PushResult:
    return _closing(push, lambda: restore_everywhere(push, because))


def _closing(push: ApplyRun, end: Callable[[], PushResult]) -> PushResult:
    try:
        return insistently(end, interrupted=False)
    finally:
        push.lines.close()


def _reopened(entry: ApplyRecord, context: ApplyContext) -> ApplyRun:
    plan = decode(*context.journal.plan(entry.id))
    left_s = entry.deadline - context.clock.instant().timestamp()
    deadline = context.clock.now() + min(max(0.0, left_s), LONGEST_WINDOW_S)
    return ApplyRun(plan, entry.id, context, deadline, DeviceConnections(context))


def _open_entry(journal: Journal, apply_id: int | None) -> ApplyRecord:
    entries = [e for e in journal.unfinished() if apply_id in (None, e.id)]
    if not entries:
        what = "no apply waits"
        if apply_id is not None:
            what = f"apply {journal.entry(apply_id).id} does not wait"
        raise UnknownNameError(f"{what} for confirmation; see 'sanaga history'")
    return entries[0]


def _rollback_entry(journal: Journal, apply_id: int | None) -> ApplyRecord:
    if apply_id is None:
        return _last_entry(journal)
    entry = journal.entry(apply_id)
    _refuse_differing(entry)
    if entry.outcome not in (None, Outcome.CONFIRMED):
        raise UnknownNameError(f"apply {apply_id} ended {entry.outcome}: nothing to roll back")
    return entry


def _last_entry(journal: Journal) -> ApplyRecord:
    tried = (None, Outcome.CONFIRMED, Outcome.DIFFERS)
    done = [e for e in journal.history() if e.outcome in tried]
    if not done:
        raise UnknownNameError("no apply can be rolled back; see 'sanaga history'")
    last = done[0]
    _refuse_differing(last)
    # Said twice, a bare rollback would bring back what was taken back on purpose.
    if last.outcome is not None and last.plan_id.endswith(BACK):
        raise UnknownNameError(
            f"the last apply, {last.id}, is itself a rollback; to bring back what it took back, "
            f"say 'sanaga rollback {last.id}'; for an older apply see 'sanaga history'"
        )
    return last


def _refuse_differing(entry: ApplyRecord) -> None:
    if entry.outcome == Outcome.DIFFERS:
        raise UnknownNameError(
            f"apply {entry.id} left devices differing (see 'sanaga history {entry.id}'); "
            "plan the documents that all shall follow"
        )


def _taken_back(entry: ApplyRecord, context: ApplyContext) -> PushResult:
    plan = decode(*context.journal.plan(entry.id))
    back = inverse(plan, _earlier(entry, context.journal))
    try:
        return run(back, context, context.pace.window_s(len(back.waves), len(back.changes)))
    except StalePlanError as error:
        raise StalePlanError(
            f"apply {entry.id} cannot be taken back any more: {error}; to return to an older state "
            "restore the older documents and plan them"
        ) from error


def _earlier(entry: ApplyRecord, journal: Journal) -> Plan | None:
    """Return the plan of the last apply of this network that was confirmed before."""
    before = (
        e
        for e in journal.history()
        if e.id < entry.id and e.network == entry.network and e.outcome == Outcome.CONFIRMED
    )
    found = next(before, None)
    return decode(*journal.plan(found.id)) if found else None
