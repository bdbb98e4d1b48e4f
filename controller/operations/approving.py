"""A second person for risky plans: which plans need one, asking for one, using what was given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from accounts.approvals import ApprovalWish, request_approval, use_approval
from accounts.errors import SecondPersonError
from accounts.roles import Principal
from controller.model import Plan
from controller.operations.model import ChangeRefusedError
from controller.operations.plan_rows import PlanRows, StoredPlan
from controller.roles import CATALOGUE, Right
from inventory.model import SiteName

_TOO_MUCH: Final = "it cuts off more facilities than one person may decide on"


@dataclass(frozen=True, slots=True)
class SecondPerson:
    """Asks for and uses approvals.

    A plan that cuts off more than this share of facilities (0 to 1) needs a second person, and so
    does one for which failing expectations were accepted, or which no rollback takes back whole.
    Without a share no plan needs one. places are the paths of the network's sites.
    """

    plans: PlanRows
    places: Mapping[SiteName, str]
    now: Callable[[], float]
    above: float | None = None

    def reason(self, stored: StoredPlan, plan: Plan) -> str:
        """Return why a plan needs a second person; nothing where it needs none."""
        why = self._reason(plan)
        # Of a part of the network nobody is told which share of the whole it is.
        return _TOO_MUCH if "%" in why and stored.facts.sites is not None else why

    def _reason(self, plan: Plan) -> str:
        if self.above is None or not plan.changes:
            return ""
        if plan.forced:
            return "expectations that fail were accepted"
        if plan.cannot_revert or any(change.cannot_revert for change in plan.changes):
            return "no rollback brings back all of it"
        share = facilities_cut(plan)
        if share > self.above:
            return f"it cuts off {share:.1%} of facilities, more than {self.above:.1%}"
        return ""

    def request(self, stored: StoredPlan, plan: Plan, by: Principal) -> str:
        """Ask for a second person for a plan; return the number of the request."""
        summary = (
            f"plan {stored.number}: {stored.facts.changes} changes ({self.reason(stored, plan)})"
        )
        authors = frozenset({stored.author_id})
        places = self._places(stored)
        wish = ApprovalWish(stored.digest, summary, Right.APPROVE, places, authors)
        with self.plans.begin() as connection:
            return request_approval(connection, by, wish, self.now())

    def use(self, stored: StoredPlan, plan: Plan, number: str, by: Principal) -> None:
        """Use an approval up. Raises ChangeRefusedError where one is needed and none is good."""
        if not (why := self.reason(stored, plan)):
            return
        if not number:
            raise ChangeRefusedError(
                f"a second person must approve plan {stored.number}, as {why}; ask with POST "
                f"/plans/{stored.number}/approval, then apply it with that approval",
                reason="second-person",
            )
        try:
            with self.plans.begin() as connection:
                use_approval(
                    connection,
                    number,
                    digest=stored.digest,
                    places=self._places(stored),
                    authors=(stored.author_id,),
                    catalogue=CATALOGUE,
                    actor=by.actor(f"apply plan {stored.number}"),
                    now_s=self.now(),
                )
        except SecondPersonError as error:
            raise ChangeRefusedError(str(error), reason="second-person") from error

    def _places(self, stored: StoredPlan) -> frozenset[str]:
        """Return the paths of a plan's sites, or those below which every site is."""
        everywhere = frozenset(path.partition("/")[0] for path in self.places.values())
        sites = stored.facts.sites
        # The folder may have sites that the service does not know of yet.
        if not sites or not self.places.keys() >= set(sites):
            return everywhere
        return frozenset(self.places[SiteName(site)] for site in sites)


def facilities_cut(plan: Plan) -> float:
    """Return the share of facilities (0 to 1) that a plan cuts off, meanwhile or afterwards."""
    sites = plan.intent.sites.values() if plan.intent else ()
    total = sum(len(site.facilities) for site in sites)
    cut = max(one.facilities_disconnected for one in (plan.blast_radius, plan.steady))
    return cut / total if total else 0.0
