"""What has become of plans: whether one waits for somebody, was applied, or is out of date."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from accounts.approvals import Approval, Standing, objection, requests_of
from accounts.audit import AuditEntry, read_entries
from controller.api.context import Viewer
from controller.api.instants import rfc3339
from controller.apply.recovery import BACK
from controller.model import Outcome
from controller.operations.changes import Changes
from controller.operations.plan_rows import PlanFacts, StoredPlan
from controller.store.journal import ApplyRecord
from inventory.model import DeviceName


class PlanState(StrEnum):
    """How far a plan is."""

    UNSAFE = "unsafe"
    EMPTY = "empty"
    READY = "ready"
    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    RUNNING = "running"
    HELD = "held"
    APPLIED = "applied"
    ROLLED_BACK = "rolled-back"
    TAKEN_BACK = "taken-back"
    DIFFERS = "differs"
    OUTDATED = "outdated"


_ENDED: Final[Mapping[str, PlanState]] = {
    Outcome.CONFIRMED: PlanState.APPLIED,
    Outcome.DIFFERS: PlanState.DIFFERS,
}
_ASKED: Final = {
    Standing.WAITING: PlanState.WAITING,
    Standing.APPROVED: PlanState.APPROVED,
    Standing.REFUSED: PlanState.REFUSED,
}
# Devices are as before after these.
_AS_BEFORE: Final = frozenset({Outcome.ROLLED_BACK, Outcome.UNREACHABLE})


@dataclass(frozen=True, slots=True)
class PlanRecords:
    """Applies, the newest first, with their devices, and requests by the digest of their plan."""

    applies: Sequence[ApplyRecord]
    devices: Mapping[int, frozenset[DeviceName]]
    requests: Mapping[str, Sequence[Approval]]
    now_s: float

    def state(self, stored: StoredPlan) -> PlanState:
        """Return how far a plan is."""
        facts = stored.facts
        if facts.refused:
            return PlanState.UNSAFE
        if not facts.changes:
            return PlanState.EMPTY
        if own := next(self._own(facts), None):
            return _applied(own)
        return PlanState.OUTDATED if self._outdated(facts) else self._asked(stored.digest)

    def apply_of(self, stored: StoredPlan) -> int | None:
        """Return the number of the last apply of a plan."""
        own = (one.id for one in self._own(stored.facts) if not one.plan_id.endswith(BACK))
        return next(own, None)

    def _own(self, facts: PlanFacts) -> Iterator[ApplyRecord]:
        """Yield the applies of a plan, and of what took it back, the newest first."""
        names = {facts.plan_id, f"{facts.plan_id}{BACK}"}
        return (one for one in self._later(facts) if one.plan_id in names)

    def _outdated(self, facts: PlanFacts) -> bool:
        """Return whether devices of a plan are not what it saw: changed since, and not back."""
        lasting: dict[str, int] = {}
        for one in reversed([*self._later(facts)]):
            taken = one.plan_id.removesuffix(BACK)
            if one.plan_id != taken and one.outcome == Outcome.CONFIRMED and taken in lasting:
                del lasting[taken]
            elif one.outcome not in _AS_BEFORE:
                lasting[one.plan_id] = one.id
        seen = set(facts.seen)
        return any(not seen.isdisjoint(self.devices.get(one, ())) for one in lasting.values())

    def _later(self, facts: PlanFacts) -> Iterator[ApplyRecord]:
        after = facts.after
        return (one for one in self.applies if after is not None and one.id > after)

    def _asked(self, digest: str) -> PlanState:
        requests = self.requests.get(digest, ())
        last = requests[-1].standing(self.now_s) if requests else Standing.EXPIRED
        return _ASKED.get(last, PlanState.READY)


def read_records(changes: Changes, plans: Collection[StoredPlan]) -> PlanRecords:
    """Return what is on record of applies and of requests for some plans."""
    requests: dict[str, list[Approval]] = {}
    with changes.plans.reading() as connection:
        for one in requests_of(connection, [plan.digest for plan in plans]):
            requests.setdefault(one.wish.digest, []).append(one)
    applies, devices = changes.history(), changes.devices_of_applies()
    return PlanRecords(applies, devices, requests, changes.second_person.now())


def requests_json(stored: StoredPlan, records: PlanRecords, reader: Viewer) -> list[dict[str, Any]]:
    """Return what was asked of a second person for a plan, the oldest first, and what they said."""
    found = records.requests.get(stored.digest, ())
    with reader.context.changes.plans.reading() as connection:
        trails = {one.id: tuple(read_entries(connection, subject=one.id)) for one in found}
    return [
        {
            "id": one.id,
            "state": one.standing(records.now_s).value,
            "asked_at": rfc3339(one.created_s),
            "expires_at": rfc3339(one.expires_s),
            "cannot_decide": objection(one, reader.principal),
            "acts": [_act_json(entry) for entry in trails[one.id]],
        }
        for one in found
    ]


def _act_json(entry: AuditEntry) -> dict[str, Any]:
    what = entry.what.removeprefix("approval.")
    because = entry.because if what == "refuse" else ""
    return {"what": what, "who": entry.who, "at": entry.at, "because": because}


def _applied(last: ApplyRecord) -> PlanState:
    if last.outcome is None:
        return PlanState.HELD if last.held and not last.decision else PlanState.RUNNING
    state = _ENDED.get(last.outcome, PlanState.ROLLED_BACK)
    if not last.plan_id.endswith(BACK):
        return state
    return PlanState.TAKEN_BACK if state is PlanState.APPLIED else PlanState.DIFFERS
