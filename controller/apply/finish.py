"""How an apply ends: confirmed everywhere, or as before everywhere."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from controller.apply.events import ApplyEnded, Decided, Waiting
from controller.apply.steps import (
    NEW,
    OLD,
    ApplyRun,
    UnexpectedConfigError,
    advance,
    require_logins,
    require_signing,
    restore,
)
from controller.clock import eventually
from controller.drivers.observe import DeviceDone
from controller.model import Change, Outcome, PushResult
from controller.transport.fanout import for_each_device
from inventory.errors import (
    CredentialError,
    JournalError,
    RejectedError,
    SanagaError,
    UnfinishedError,
)
from inventory.model import DeviceName

POLL_S: Final = 1.0
LEFT: Final = (
    "left half-way at the second Ctrl-C; devices undo unconfirmed changes by themselves, "
    "'sanaga apply --resume' brings all of them where they belong"
)
UNRECORDED: Final = (
    "the journal does not know that it is over ({error}); then run 'sanaga apply --resume', which "
    "records it and changes no device that is where it belongs"
)
RESUME: Final = "run 'sanaga apply --resume' when it answers again"


@dataclass(frozen=True, slots=True)
class Leftover:
    """Devices that could not be brought where they belong, and why.

    The unreachable ones may still get there; the others need a person.
    """

    unreachable: Mapping[DeviceName, str]
    wrong: Mapping[DeviceName, SanagaError]

    @property
    def nothing(self) -> bool:
        """Return whether every device is where it belongs."""
        return not (self.unreachable or self.wrong)


@dataclass(frozen=True, slots=True)
class _Answers:
    """Why devices have not taken a step so far; missing: because of a secret."""

    unreachable: dict[DeviceName, str] = field(default_factory=dict)
    wrong: dict[DeviceName, SanagaError] = field(default_factory=dict)
    missing: list[CredentialError] = field(default_factory=list)

    def note(self, device: DeviceName, result: SanagaError | None) -> None:
        self.unreachable.pop(device, None)
        if isinstance(result, CredentialError):
            self.missing.append(result)
        elif isinstance(result, RejectedError | UnexpectedConfigError):
            self.wrong[device] = result
        elif isinstance(result, SanagaError):
            self.unreachable[device] = str(result)


def confirm_everywhere(push: ApplyRun, because: str, evidence: tuple[str, ...] = ()) -> PushResult:
    """Keep the plan on every device, or, if one refuses it by now, undo it on all of them.

    Raises CredentialError before anything is asked of a device.
    """
    require_logins(push.lines, push.plan.changes)
    require_signing(push.context, push.plan.changes)
    try:
        push.context.journal.decide(push.apply_id, "confirm", because)
    except JournalError as error:
        return restore_everywhere(push, f"the decision to confirm could not be recorded ({error})")
    push.context.progress(Decided("confirm", because))
    left = _settle(push, (push.plan.changes,), "confirm", advance)
    refusals = [str(e) for e in left.wrong.values() if isinstance(e, RejectedError)]
    if refusals:
        return restore_everywhere(push, f"after its timer had fired, {'; '.join(refusals)}")
    return _concluded(push, Outcome.CONFIRMED, because, (left, push.plan.changes, evidence))


def restore_everywhere(push: ApplyRun, because: str) -> PushResult:
    """Undo the plan on every device that was told to run it, last wave first.

    Raises CredentialError before anything is asked of a device.
    """
    touched = _touched(push, "commit", "give")
    require_logins(push.lines, push.changes(touched))
    # What is kept by now is not undone but given again.
    require_signing(push.context, push.changes(_touched(push, "confirm", "give")))
    _decide_rollback(push, because)
    push.context.progress(Decided("rollback", because))
    waves = [[c for c in wave if c.device in touched] for wave in reversed(push.plan.waves)]
    left = _settle(push, waves, "rollback", restore)
    return _concluded(push, Outcome.ROLLED_BACK, because, (left, push.changes(touched), ()))


def insistently(end: Callable[[], PushResult], *, interrupted: bool) -> PushResult:
    """Return what end returns; Ctrl-C makes it begin again once, a second one leaves it.

    Raises UnfinishedError when left.
    """
    try:
        return end()
    except KeyboardInterrupt:
        if interrupted:
            raise UnfinishedError(LEFT) from None
    return insistently(end, interrupted=True)


def _decide_rollback(push: ApplyRun, because: str) -> None:
    journal = push.context.journal
    try:
        journal.decide(push.apply_id, "rollback", because)
    except JournalError:
        # Without a word in the journal an apply is rolled back anyway.
        if journal.entry(push.apply_id).decision == "confirm":
            raise


def _touched(push: ApplyRun, *acts: str) -> frozenset[DeviceName]:
    steps = push.context.journal.steps(push.apply_id)
    return frozenset(step.device for step in steps if step.act in acts)


def _settle(
    push: ApplyRun,
    waves: Sequence[Sequence[Change]],
    act: str,
    step: Callable[[ApplyRun, Change], None],
) -> Leftover:
    """Take the step on every device, again and again until all timers must have fired.

    Raises CredentialError once all were asked: those that need no secret more are then right.
    """
    found = _Answers()

    def attempt(changes: Sequence[Change]) -> None:
        for change, result in for_each_device(
            changes, lambda c: step(push, c), workers=push.context.workers
        ):
            found.note(change.device, result)
            push.context.progress(DeviceDone(change.device, act, str(result or "")))

    def all_answered() -> bool:
        attempt(push.changes(found.unreachable))
        return not found.unreachable or bool(found.missing)

    for wave in waves:
        attempt(wave)
    if found.unreachable and not found.missing:
        deadline = push.deadline + push.context.pace.grace_s
        left_s = max(0.0, deadline - push.context.clock.now())
        push.context.progress(Waiting(tuple(found.unreachable), left_s))
        eventually(all_answered, deadline=deadline, poll_s=POLL_S, clock=push.context.clock)
    if found.missing:
        raise CredentialError(f"{found.missing[0]}; mend this, then run 'sanaga apply --resume'")
    return Leftover(found.unreachable, found.wrong)


def _concluded(
    push: ApplyRun,
    aim: Outcome,
    because: str,
    what: tuple[Leftover, Sequence[Change], Sequence[str]],
) -> PushResult:
    left, changes, evidence = what
    outcome = aim if left.nothing else Outcome.DIFFERS
    # While a device is silent the apply stays unfinished, so that it can be resumed.
    if not left.unreachable:
        because = recorded(push, outcome, because)
    result = PushResult(
        plan_id=push.plan.id,
        outcome=outcome,
        devices={c.device: _told(c.device, left, aim) for c in changes},
        because=because,
        apply_id=push.apply_id,
        evidence=tuple(evidence),
    )
    push.context.progress(ApplyEnded(result))
    return result


def recorded(push: ApplyRun, outcome: Outcome, because: str) -> str:
    """Write down that an apply is over, and return why it ended so.

    What the devices are is no less true when the disk is full: then that is said, too.
    """
    try:
        push.context.journal.finish(push.apply_id, outcome, because)
    except JournalError as error:
        return f"{because}; {UNRECORDED.format(error=error)}"
    return because


def _told(device: DeviceName, left: Leftover, aim: Outcome) -> str:
    if device in left.unreachable:
        return f"unknown, {left.unreachable[device]}; {RESUME}"
    if device in left.wrong:
        return f"{left.wrong[device]}; look with 'sanaga show {device} --diff', then plan again"
    return NEW if aim is Outcome.CONFIRMED else OLD
