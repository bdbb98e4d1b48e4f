"""Apply a plan: every device new or every device old, whatever happens on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from controller.apply.events import Begun, DeviceDone, Ended, Verified, WaveBegun, WaveEnded
from controller.apply.finish import confirm_everywhere, insistently, restore_everywhere
from controller.apply.observe import collect
from controller.apply.session import Lines, Rim
from controller.apply.steps import (
    OLD,
    UNCONFIRMED,
    Push,
    commit,
    discard,
    extend,
    require_signing,
    stage,
)
from controller.apply.verify import Pair, answering, expected, gate, verify
from controller.model import Change, DeviceConfig, Outcome, Plan, PushResult
from controller.planning.plan_file import encode
from controller.store.journal import Entry, Opening
from controller.transport.fanout import each
from inventory.errors import (
    CredentialError,
    PlanError,
    RejectedError,
    SanagaError,
    StalePlanError,
    UnfinishedError,
)
from inventory.model import DeviceName

LISTED: Final = 12
INTERRUPTED: Final = "interrupted by Ctrl-C"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an apply cannot go on; silent: only because a device does not answer.

    missing: because of a secret, and then no device was changed.
    """

    because: str
    silent: bool = False
    missing: CredentialError | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """Everything is committed and verified; nothing is confirmed yet."""

    evidence: tuple[str, ...]


def apply(
    plan: Plan, rim: Rim, *, confirm_within_s: float | None = None, hold: bool = False
) -> PushResult:
    """Return how applying the plan ended.

    With hold everything is verified and then left for a person to confirm within
    confirm_within_s from then on, for which all timers are started anew; without, that is what
    the devices' timers are given beyond each wave.

    Raises StalePlanError when a device is not what the plan saw, UnfinishedError while another
    apply is, PlanError when the time is too short, CredentialError before anything is changed,
    JournalError.
    """
    with rim.journal.lock():
        refuse_unfinished(rim)
        hold_s = (confirm_within_s or rim.pace.base_s) if hold else None
        window_s = _window_s(plan, rim, None if hold else confirm_within_s)
        return run(plan, rim, window_s, hold_s=hold_s)


def run(plan: Plan, rim: Rim, window_s: float, *, hold_s: float | None = None) -> PushResult:
    """Return how applying the plan ended; the caller holds the journal's lock."""
    if not plan.changes:
        return _ended(rim, _unchanged(plan, Outcome.CONFIRMED, "there is nothing to change"))
    lines = Lines(rim)
    try:
        return _run(plan, lines, window_s, hold_s)
    finally:
        lines.close()


def _run(plan: Plan, lines: Lines, window_s: float, hold_s: float | None) -> PushResult:
    rim = lines.rim
    require_signing(rim, plan.changes)
    seen = collect(plan.seen, lines.read, progress=rim.progress, workers=rim.workers)
    if seen.unreachable:
        because = f"nothing was changed: {'; '.join(seen.unreachable.values())}"
        result = _unchanged(plan, Outcome.UNREACHABLE, because)
        return _ended(rim, replace(result, devices={**result.devices, **seen.unreachable}))
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
            "saw; nothing was changed; make the plan anew"
        )


def refuse_unfinished(rim: Rim) -> None:
    """Raise UnfinishedError when an apply is not over."""
    for entry in rim.journal.unfinished():
        raise UnfinishedError(unfinished(entry))


def unfinished(entry: Entry) -> str:
    """Return what an unfinished apply waits for."""
    if entry.held and entry.decision is None:
        what = f"'sanaga confirm {entry.id}' or 'sanaga rollback {entry.id}'"
        return f"apply {entry.id} waits for a person; {what} ends it"
    return f"apply {entry.id} of {entry.started} was left half-way; run 'sanaga apply --resume'"


def _window_s(plan: Plan, rim: Rim, confirm_within_s: float | None) -> float:
    pace, waves, devices = rim.pace, len(plan.waves), len(plan.changes)
    margin_s = pace.margin_s(devices)
    if confirm_within_s is not None and confirm_within_s < margin_s:
        raise PlanError(
            f"{confirm_within_s:.0f} s are too short to confirm {devices} devices; "
            f"give at least {margin_s:.0f} s"
        )
    return pace.window_s(waves, devices, confirm_within_s)


def _begun(plan: Plan, lines: Lines, window_s: float) -> Push:
    rim = lines.rim
    body, texts = encode(plan)
    opening = Opening(
        plan_id=plan.id,
        network=plan.network,
        plan=body,
        texts=texts,
        devices={c.device: (c.before.fingerprint, c.after.fingerprint) for c in plan.changes},
        intent=plan.intent_fingerprint if plan.intent else None,
        deadline=rim.clock.instant().timestamp() + window_s,
    )
    deadline = rim.clock.now() + window_s
    apply_id = rim.journal.begin(opening)
    rim.progress(Begun(apply_id, plan.id, len(plan.changes), len(plan.waves)))
    return Push(plan, apply_id, rim, deadline, lines)


def _pushed(push: Push, hold_s: float | None) -> PushResult:
    interrupted = False
    try:
        found = _attempted(push)
        if isinstance(found, Passed) and hold_s is not None:
            push, found = _handed_over(push, found, hold_s)
    except KeyboardInterrupt:
        found, interrupted = Trouble(INTERRUPTED), True
    if isinstance(found, Passed) and hold_s is not None:
        return _held(push, found)
    return insistently(lambda: _end(push, found), interrupted=interrupted)


def _handed_over(push: Push, found: Passed, hold_s: float) -> tuple[Push, Passed | Trouble]:
    """Start all timers anew, so that they end when the time promised to a person does.

    What confirming itself may take comes on top, and the apply is as long in force.
    """
    clock, journal = push.rim.clock, push.rim.journal
    window_s = hold_s + push.rim.pace.margin_s(len(push.plan.changes))
    ends = clock.instant().timestamp() + window_s
    held = replace(push, deadline=clock.now() + window_s)
    later = max(push, held, key=Push.left_s)
    try:
        journal.extend(push.apply_id, ends)
        steps = each(push.plan.changes, lambda c: extend(held, c), workers=push.rim.workers)
        if failed := [str(result) for _, result in steps if isinstance(result, SanagaError)]:
            return later, Trouble(f"a timer could not be started anew: {'; '.join(failed)}")
        journal.hold(push.apply_id, ends)
    except SanagaError as error:
        return later, Trouble(str(error))
    return held, found


def _end(push: Push, found: Trouble | Passed) -> PushResult:
    if isinstance(found, Passed):
        return confirm_everywhere(push, "everything was verified end to end", found.evidence)
    if found.missing:
        push.rim.journal.finish(push.apply_id, Outcome.ROLLED_BACK, found.because)
        raise found.missing
    if found.silent:
        push.rim.journal.finish(push.apply_id, Outcome.UNREACHABLE, found.because)
        result = _unchanged(push.plan, Outcome.UNREACHABLE, found.because)
        return _ended(push.rim, replace(result, apply_id=push.apply_id))
    return restore_everywhere(push, found.because)


def _attempted(push: Push) -> Trouble | Passed:
    """Return whether everything could be committed and verified."""
    try:
        if trouble := _stage_all(push):
            return trouble
        held = answering(expected(push.plan), push.plan, push.lines)
        if trouble := _commit_all(push, held):
            return trouble
        return _verified(push, held)
    except SanagaError as error:
        return Trouble(str(error))


def _stage_all(push: Push) -> Trouble | None:
    changes, failed = push.plan.changes, list[SanagaError]()
    kept: list[Change] = []
    for change, result in each(changes, lambda c: stage(push, c), workers=push.rim.workers):
        bad = isinstance(result, SanagaError)
        push.rim.progress(DeviceDone(change.device, "stage", str(result) if bad else ""))
        if isinstance(result, SanagaError):
            failed.append(result)
        else:
            kept.append(change)
    if not failed:
        return None
    for _ in each(kept, lambda c: discard(push, c), workers=push.rim.workers):
        pass
    refused = [str(error) for error in failed if isinstance(error, RejectedError)]
    told = "; ".join(refused or map(str, failed))
    missing = next((error for error in failed if isinstance(error, CredentialError)), None)
    return Trouble(f"nothing was changed: {told}", silent=not refused, missing=missing)


def _commit_all(push: Push, held: frozenset[Pair]) -> Trouble | None:
    for number, wave in enumerate(push.plan.waves, 1):
        if short := _short(push, push.rim.pace.gate_s):
            return short
        if trouble := _commit_wave(push, number, wave) or _gated(push, number, held):
            return trouble
    return None


def _commit_wave(push: Push, number: int, wave: tuple[Change, ...]) -> Trouble | None:
    devices = tuple(change.device for change in wave)
    push.rim.progress(WaveBegun(number, len(push.plan.waves), devices))
    failed: list[str] = []
    for change, result in each(wave, lambda c: commit(push, c), workers=push.rim.workers):
        detail = str(result) if isinstance(result, SanagaError) else ""
        failed += [detail] if detail else []
        push.rim.progress(DeviceDone(change.device, "commit", detail))
    return Trouble(f"wave {number}: {'; '.join(failed)}") if failed else None


def _gated(push: Push, number: int, held: frozenset[Pair]) -> Trouble | None:
    verdict = gate(push.plan, number, held, push.lines)
    push.rim.progress(WaveEnded(number, len(push.plan.waves), verdict))
    return None if verdict.holds else Trouble(f"wave {number}: {' '.join(verdict.evidence)}")


def _verified(push: Push, held: frozenset[Pair]) -> Trouble | Passed:
    # What no change was to cut off must be there for new connections too.
    push.lines.close()
    verdict = verify(push.plan, push.lines, held)
    push.rim.progress(Verified(verdict))
    if not verdict.holds:
        return Trouble(f"the end-to-end check failed: {' '.join(verdict.evidence)}")
    return _short(push) or Passed(verdict.evidence)


def _short(push: Push, beyond_s: float = 0.0) -> Trouble | None:
    """Return the trouble when timers might fire before everything could be confirmed."""
    needed_s = push.rim.pace.margin_s(len(push.plan.changes)) + beyond_s
    if push.left_s() >= needed_s:
        return None
    return Trouble("the devices' timers would fire before everything could be confirmed")


def _held(push: Push, found: Passed) -> PushResult:
    left_s = push.left_s() - push.rim.pace.margin_s(len(push.plan.changes))
    until = push.rim.clock.instant() + timedelta(seconds=left_s)
    because = (
        f"verified; run 'sanaga confirm {push.apply_id}' before {_clock(until)}, "
        "else every device undoes the change by itself until "
        f"{_clock(push.rim.clock.instant() + timedelta(seconds=push.left_s()))}"
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
    return _ended(push.rim, result)


def _clock(instant: datetime) -> str:
    return f"{instant:%H:%M:%S} UTC"


def _unchanged(plan: Plan, outcome: Outcome, because: str) -> PushResult:
    return PushResult(plan.id, outcome, {c.device: OLD for c in plan.changes}, because)


def _ended(rim: Rim, result: PushResult) -> PushResult:
    rim.progress(Ended(result))
    return result
