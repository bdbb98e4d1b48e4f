"""Plans and applies that people ask a running controller for, and what keeps one from beginning."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from accounts.audit import append, instant_text
from accounts.roles import Principal
from controller.app import (
    apply_plan,
    confirm_apply,
    open_journal,
    resume_apply,
    rollback_apply,
)
from controller.apply.recovery import plan_rollback
from controller.clock import SystemClock
from controller.consultations.model import Announcement
from controller.environment import state_dir
from controller.load import Loaded, load
from controller.model import Plan
from controller.operations.approving import SecondPerson
from controller.operations.exchange import push_json
from controller.operations.model import (
    ActWish,
    ApplyWish,
    Beginning,
    ChangeRefusedError,
    Operation,
    OperationKind,
    PlanWish,
)
from controller.operations.plan_rows import Author, Basis, PlanRows, StoredPlan
from controller.operations.runner import Operations, Watch, Work
from controller.planning.from_folder import (
    DevicesUnreachableError,
    FolderPlan,
    PlanContext,
    draft_folder,
)
from controller.planning.plan import refuse
from controller.planning.plan_file import load as load_file
from controller.store.audit import NETWORK
from controller.store.journal import ApplyRecord, JournalStep
from inventory.errors import SanagaError
from inventory.model import DeviceName, Intent


@dataclass(frozen=True, slots=True)
class Surveillance:
    """What the service knows that a change must mind.

    touched returns the consultations that run now over any of some devices; sentence says so.
    """

    touched: Callable[[Collection[str]], Sequence[Announcement]]
    sentence: Callable[[Sequence[Announcement], Collection[str]], str]


@dataclass(frozen=True, slots=True)
class Changes:
    """Makes plans of a folder and applies them; whatever runs is one of its operations."""

    folder: Path
    intent: Intent
    plans: PlanRows
    operations: Operations
    around: Surveillance
    second_person: SecondPerson

    def start_plan(self, wish: PlanWish, by: Principal) -> Operation:
        """Begin to make a plan; its number is in the operation's result."""

        def work(watch: Watch) -> Mapping[str, Any]:
            newest = next((one.id for one in self.history()), 0)
            found, about = self._planned(wish, watch)
            author, now_s = Author(by.account.id, by.account.name), self.second_person.now()
            stored = self.plans.add(found, author, now_s, Basis(about, newest))
            self._record(by, "plan.make", stored)
            return {"plan": stored.number, "digest": stored.digest}

        scope = wish.scope
        sites = None if scope is None else tuple(sorted(scope.sites(self.intent)))
        return self.operations.start(Beginning(OperationKind.PLAN, by.account.name, sites), work)

    def start_apply(self, stored: StoredPlan, wish: ApplyWish, by: Principal) -> Operation:
        """Begin to apply a plan.

        Raises UnsafePlanError for a plan that was refused when it was made, ChangeRefusedError
        when another plan was seen, a consultation is in the way or a second person is missing,
        OperationRunningError, and what using an approval raises.
        """
        if stored.digest != wish.digest:
            raise ChangeRefusedError(
                f"plan {stored.number} is not the plan that you saw; read it again",
                reason="another-plan",
            )
        plan = self.plans.plan(stored.number)
        refuse(plan)
        self._spare_consultations(plan, wish)

        def work(watch: Watch) -> Mapping[str, Any]:
            result = apply_plan(plan, watch, wish.confirm_within_s, clock=watch)
            return {"push": push_json(result)}

        def begun() -> None:
            self.second_person.use(stored, plan, wish.approval, by)
            self._record(by, "plan.apply", stored)

        wanted = Beginning(OperationKind.APPLY, by.account.name, stored.facts.sites)
        return self.operations.start(wanted, work, before=begun)

    def start_act(self, wish: ActWish, by: Principal) -> Operation:
        """Begin to confirm, roll back or resume an apply. Raises OperationRunningError."""
        subject = f"apply {wish.number}" if wish.number else "the last apply"

        def begun() -> None:
            self._note(by, f"apply.{wish.kind}", subject, {"without": list(wish.without)})

        wanted = Beginning(wish.kind, by.account.name, wish.sites)
        return self.operations.start(wanted, _act(wish), before=begun)

    def consultations_over(self, devices: Collection[str]) -> tuple[Sequence[Announcement], str]:
        """Return the consultations that run now over some devices, and a sentence about them."""
        touched = self.around.touched(devices) if devices else ()
        return touched, self.around.sentence(touched, devices)

    def history(self) -> tuple[ApplyRecord, ...]:
        """Return all applies, newest first."""
        with open_journal() as journal:
            return journal.history()

    def devices_of_applies(self, number: int | None = None) -> Mapping[int, frozenset[DeviceName]]:
        """Return the devices that each apply changed, or that of a number."""
        with open_journal() as journal:
            return journal.devices(number)

    def way_back(self, number: int) -> Plan:
        """Return what taking an apply back would change, without asking any device.

        Raises UnknownNameError where there is nothing to take back.
        """
        with open_journal() as journal:
            return plan_rollback(journal, number)

    def interrupted(self) -> int | None:
        """Return the number of the apply that 'resume' would go on with, if there is one."""
        with open_journal() as journal:
            return next((one.id for one in journal.unfinished()), None)

    def apply_of(self, number: int) -> tuple[ApplyRecord, tuple[JournalStep, ...]]:
        """Return an apply with its acts. Raises UnknownNameError."""
        with open_journal() as journal:
            return journal.entry(number), journal.steps(number)

    def _planned(self, wish: PlanWish, watch: Watch) -> tuple[FolderPlan, tuple[str, ...] | None]:
        if wish.file is not None:
            return FolderPlan(load_file(wish.file)), None
        context = PlanContext(state_dir(), SystemClock().instant(), watch)
        folder, scope = wish.folder or self.folder, wish.scope
        if scope is None:
            return _drafted(load(folder), wish, context), None
        intent = None
        try:
            loaded = load(folder)
            intent = loaded.intent
            found = draft_folder(loaded, scope.narrow(loaded, wish.choices), context)
            return scope.narrowed(found, intent)
        except SanagaError as error:
            raise scope.explained(error, intent) from error

    def _spare_consultations(self, plan: Plan, wish: ApplyWish) -> None:
        touched, sentence = self.consultations_over({change.device for change in plan.changes})
        if touched and not wish.in_consultations:
            raise ChangeRefusedError(
                f"{sentence}; nothing is applied. Apply then, or say in_consultations",
                reason="consultations",
                consultations=tuple(one.name for one in touched),
            )

    def _record(self, by: Principal, what: str, stored: StoredPlan) -> None:
        facts = stored.facts
        details = {"digest": stored.digest, "network": facts.network, "changes": facts.changes}
        self._note(by, what, f"plan {stored.number}", details)

    def _note(self, by: Principal, what: str, subject: str, details: Mapping[str, object]) -> None:
        at = instant_text(self.second_person.now())
        with self.plans.begin() as connection:
            append(connection, by.actor(""), at, what, subject, details, kind=NETWORK)


def _drafted(loaded: Loaded, wish: PlanWish, context: PlanContext) -> FolderPlan:
    try:
        return draft_folder(loaded, wish.choices, context)
    except DevicesUnreachableError as error:
        if not wish.without_silent or len(error.reasons) == error.asked:
            raise
        without = (*wish.choices.without, *error.reasons)
        found = draft_folder(loaded, replace(wish.choices, without=without), context)
        left_out = (f"{name} is left out: {why}" for name, why in error.reasons.items())
        return replace(found, notes=(*found.notes, *left_out))


def _act(wish: ActWish) -> Work:
    def confirm(watch: Watch) -> Mapping[str, Any]:
        return {"push": push_json(confirm_apply(wish.number, watch, clock=watch))}

    def rollback(watch: Watch) -> Mapping[str, Any]:
        ended = rollback_apply(wish.number, watch, clock=watch)
        return {"push": push_json(ended.result), "inverse": ended.inverse}

    def resume(watch: Watch) -> Mapping[str, Any]:
        result = resume_apply(watch, wish.without, clock=watch)
        return {"push": push_json(result) if result else None}

    works: Mapping[OperationKind, Work] = {
        OperationKind.CONFIRM: confirm,
        OperationKind.ROLLBACK: rollback,
        OperationKind.RESUME: resume,
    }
    return works[wish.kind]
