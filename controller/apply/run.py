"""Apply a plan: every device new or every device old, whatever happens on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from controller.apply.events import (
    ApplyEnded,
    ApplyStarted,
    Verified,
    WaveEnded,
    WaveStarted,
)
from controller.apply.finish import (
    confirm_everywhere,
    insistently,
    recorded,
    restore_everywhere,
)
from controller.apply.session import ApplyContext, DeviceConnections
from controller.apply.steps import (
    OLD,
    UNCONFIRMED,
    ApplyRun,
    commit,
    discard,
    extend,
    require_signing,
    stage,
)
from controller.apply.verify import Pair, answering, expected, gate, verify
from controller.drivers.observe import DeviceDone, collect
from controller.model import Change, DeviceConfig, Outcome, Plan, PushResult
from controller.planning.plan import refuse
from controller.planning.plan_file import encode
from controller.store.journal import ApplyRecord, Opening
from controller.transport.fanout import for_each_device
from inventory.errors import (
    CredentialError,
    JournalError,
    PlanError,
    RejectedError,
    SanagaError,
    StalePlanError,
    UnfinishedError,
)
from inventory.model import DeviceName

LISTED: Final = 12
INTERRUPTED: Final = "interrupted by Ctrl-C, or by a signal to end"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an apply cannot go on; silent: only because a device does not answer.

    missing: because of a secret, and then no device was changed.
    """

    because: str
    silent: bool = False
    missing: CredentialError | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """Everything is committed and verified; nothing is confirmed yet."""

    evidence: tuple[str, ...]


def apply(
    plan: Plan, context: ApplyContext, *, confirm_within_s: float | None = None, hold: bool = False
) -> PushResult:
    """Return how applying the plan ended.

    With hold everything is verified and then left for a person to confirm within
    confirm_within_s from then on, for which all timers are started again; without, that is what
    the devices' timers are given beyond each wave.

    Raises UnsafePlanError when the plan was refused as it was made, StalePlanError when a device
    is not what the plan saw, UnfinishedError while another apply is, PlanError when the time is
    too short, CredentialError before anything is changed, JournalError.
    """
    refuse(plan)
    with context.journal.lock():
        refuse_unfinished(context)
        hold_s = (confirm_within_s or context.pace.base_s) if hold else None
        window_s = _window_s(plan, context, None if hold else confirm_within_s)
        return run(plan, context, window_s, hold_s=hold_s)


def run(
    plan: Plan, context: ApplyContext, window_s: float, *, hold_s: float | None = None
) -> PushResult:
    """Return how applying the plan ended; the caller holds the journal's lock."""
    if not plan.changes:
        return _ended(context, _unchanged(plan, Outcome.CONFIRMED, "there is nothing to change"))
    lines = DeviceConnections(context)
    try:
        return _run(plan, lines, window_s, hold_s)
    finally:
        lines.close()


def _run(plan: Plan, lines: DeviceConnections, window_s: float, hold_s: float | None) -> PushResult:
    context = lines.context
    require_signing(context, plan.changes)
    seen = collect(plan.seen, lines.read, progress=context.progress, workers=context.workers)
    if seen.unreachable:
        because = f"nothing was changed: {'; '.join(seen.unreachable.values())}"
        result = _unchanged(plan, Outcome.UNREACHABLE, because)
        return _ended(context, replace(result, devices={**result.devices, **seen.unreachable}))
    refuse_stale(plan, seen.configs)
    return _pushed(_begun(plan, lines, window_s), hold_s)


def refuse_stale(plan: Plan, configs: Mapping[DeviceName, DeviceConfig]) -> None:
    """Raise StalePlanError naming the devices that are not what the plan saw."""
    seen = plan.seen.items()
    moved = sorted(name for name, fingerprint in seen if configs[name].fingerprint != fingerprint)
    if moved:
        more = f" and {len(moved) - LISTED} more" if len(moved) > LISTED else ""
        raise StalePlanError(
            f"the configuration of {', '.join(moved[:LISTED])}{more} is not what plan {plan.id} "
            "saw; nothing was changed; make the plan again"
        )


def refuse_unfinished(context: ApplyContext) -> None:
    """Raise UnfinishedError when an apply is not over."""
    for entry in context.journal.unfinished():
        raise UnfinishedError(unfinished(entry))


def unfinished(entry: ApplyRecord) -> str:
    """Return what an unfinished apply waits for."""
    if entry.held and entry.decision is None:
        what = f"'sanaga confirm {entry.id}' or 'sanaga rollback {entry.id}'"
        return f"apply {entry.id} waits for a person; {what} ends it"
    return f"apply {entry.id} of {entry.started} was left half-way; run 'sanaga apply --resume'"


def _window_s(plan: Plan, context: ApplyContext, confirm_within_s: float | None) -> float:
    pace, waves, devices = context.pace, len(plan.waves), len(plan.changes)
    margin_s = pace.margin_s(devices)
    if confirm_within_s is not None and confirm_within_s < margin_s:
        raise PlanError(
            f"{confirm_within_s:.0f} s are too short to confirm {devices} devices; "
            f"give at least {margin_s:.0f} s"
        )
    return pace.window_s(waves, devices, confirm_within_s)


def _begun(plan: Plan, lines: DeviceConnections, window_s: float) -> ApplyRun:
    context = lines.context
    body, texts = encode(plan)
    opening = Opening(
        plan_id=plan.id,
        network=plan.network,
        plan=body,
        texts=texts,
        devices={c.device: (c.before.fingerprint, c.after.fingerprint) for c in plan.changes},
        intent=plan.intent_fingerprint if plan.intent else None,
        deadline=context.clock.instant().timestamp() + window_s,
    )
    deadline = context.clock.now() + window_s
    try:
        apply_id = context.journal.begin(opening)
    except JournalError as error:
        raise JournalError(f"nothing was changed: {error}") from error
    context.progress(ApplyStarted(apply_id, plan.id, len(plan.changes), len(plan.waves)))
    return ApplyRun(plan, apply_id, context, deadline, lines)


def _pushed(push: ApplyRun, hold_s: float | None) -> PushResult:
    interrupted = False
    try:
        found = _attempted(push)
        if isinstance(found, Verification) and hold_s is not None:
            push, found = _handed_over(push, found, hold_s)
    except KeyboardInterrupt:
        found, interrupted = Failure(INTERRUPTED), True
    if isinstance(found, Verification) and hold_s is not None:
        return _held(push, found)
    return insistently(lambda: _end(push, found), interrupted=interrupted)


def _handed_over(
    push: ApplyRun, found: Verification, hold_s: float
) -> tuple[ApplyRun, Verification | Failure]:
    """Start all timers again, so that they end when the time promised to a person does.

    What confirming itself may take comes on top, and the apply is as long in force.
    """
    clock, journal = push.context.clock, push.context.journal
    window_s = hold_s + push.context.pace.margin_s(len(push.plan.changes))
    ends = clock.instant().timestamp() + window_s
    held = replace(push, deadline=clock.now() + window_s)
    later = max(push, held, key=ApplyRun.left_s)
    try:
        journal.extend(push.apply_id, ends)
        steps = for_each_device(
            push.plan.changes, lambda c: extend(held, c), workers=push.context.workers
        )
        if failed := [str(result) for _, result in steps if isinstance(result, SanagaError)]:
            return later, Failure(f"a timer could not be started again: {'; '.join(failed)}")
        journal.hold(push.apply_id, ends)
    except SanagaError as error:
        return later, Failure(str(error))
    return held, found


def _end(push: ApplyRun, found: Failure | Verification) -> PushResult:
    if isinstance(found, Verification):
        return confirm_everywhere(push, "everything was verified end to end", found.evidence)
    if found.missing:
        recorded(push, Outcome.ROLLED_BACK, found.because)
        raise found.missing
    if found.silent:
        because = recorded(push, Outcome.UNREACHABLE, found.because)
        result = _unchanged(push.plan, Outcome.UNREACHABLE, because)
        return _ended(push.context, replace(result, apply_id=push.apply_id))
    return restore_everywhere(push, found.because)


def _attempted(push: ApplyRun) -> Failure | Verification:
    """Return whether everything could be committed and verified."""
    try:
        if trouble := _stage_all(push):
            return trouble
        held = answering(expected(push.plan), push.plan, push.lines)
        if trouble := _commit_all(push, held):
            return trouble
        return _verified(push, held)
    except SanagaError as error:
        return Failure(str(error))


def _stage_all(push: ApplyRun) -> Failure | None:
    changes, failed = push.plan.changes, list[SanagaError]()
    kept: list[Change] = []
    for change, result in for_each_device(
        changes, lambda c: stage(push, c), workers=push.context.workers
    ):
        bad = isinstance(result, SanagaError)
        push.context.progress(DeviceDone(change.device, "stage", str(result) if bad else ""))
        if isinstance(result, SanagaError):
            failed.append(result)
        else:
            kept.append(change)
    if not failed:
        return None
    for _ in for_each_device(kept, lambda c: discard(push, c), workers=push.context.workers):
        pass
    refused = [str(error) for error in failed if isinstance(error, RejectedError)]
    told = "; ".join(refused or map(str, failed))
    missing = next((error for error in failed if isinstance(error, CredentialError)), None)
    return Failure(f"nothing was changed: {told}", silent=not refused, missing=missing)


def _commit_all(push: ApplyRun, held: frozenset[Pair]) -> Failure | None:
    for number, wave in enumerate(push.plan.waves, 1):
        if short := _short(push, push.context.pace.gate_s):
            return short
        if trouble := _commit_wave(push, number, wave) or _gated(push, number, held):
            return trouble
    return None


def _commit_wave(push: ApplyRun, number: int, wave: tuple[Change, ...]) -> Failure | None:
    devices = tuple(change.device for change in wave)
    push.context.progress(WaveStarted(number, len(push.plan.waves), devices))
    failed: list[str] = []
    for change, result in for_each_device(
        wave, lambda c: commit(push, c), workers=push.context.workers
    ):
        detail = str(result) if isinstance(result, SanagaError) else ""
        failed += [detail] if detail else []
        push.context.progress(DeviceDone(change.device, "commit", detail))
    return Failure(f"wave {number}: {'; '.join(failed)}") if failed else None


def _gated(push: ApplyRun, number: int, held: frozenset[Pair]) -> Failure | None:
    verdict = gate(push.plan, number, held, push.lines)
    push.context.progress(WaveEnded(number, len(push.plan.waves), verdict))
    return None if verdict.holds else Failure(f"wave {number}: {' '.join(verdict.evidence)}")


def _verified(push: ApplyRun, held: frozenset[Pair]) -> Failure | Verification:
    # What no change was to cut off must be there for new connections too.
    push.lines.close()
    verdict = verify(push.plan, push.lines, held)
    push.context.progress(Verified(verdict))
    if not verdict.holds:
        return Failure(f"the end-to-end check failed: {' '.join(verdict.evidence)}")
    return _short(push) or Verification(verdict.evidence)


def _short(push: ApplyRun, beyond_s: float = 0.0) -> Failure | None:
    """Return the trouble when timers might fire before everything could be confirmed."""
    needed_s = push.context.pace.margin_s(len(push.plan.changes)) + beyond_s
    if push.left_s() >= needed_s:
        return None
    return Failure("the devices' timers would fire before everything could be confirmed")


def _held(push: ApplyRun, found: Verification) -> PushResult:
    left_s = push.left_s() - push.context.pace.margin_s(len(push.plan.changes))
    until = push.context.clock.instant() + timedelta(seconds=left_s)
    because = (
        f"verified; run 'sanaga confirm {push.apply_id}' before {_clock(until)}, "
        "else every device undoes the change by itself until "
        f"{_clock(push.context.clock.instant() + timedelta(seconds=push.left_s()))}"
    )
    result = PushResult(
        plan_id=push.plan.id,
        outcome=Outcome.PENDING,
        devices={c.device: UNCONFIRMED for c in push.plan.changes},
        because=because,
        apply_id=push.apply_id,
        until=until.isoformat(timespec="seconds"),
        evidence=found.evidence,
    )
    return _ended(push.context, result)


def _clock(instant: datetime) -> str:
    return f"{instant:%H:%M:%S} UTC"


def _unchanged(plan: Plan, outcome: Outcome, because: str) -> PushResult:
    return PushResult(plan.id, outcome, {c.device: OLD for c in plan.changes}, because)


def _ended(context: ApplyContext, result: PushResult) -> PushResult:
    context.progress(ApplyEnded(result))
    return result
