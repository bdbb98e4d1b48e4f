"""The comparison that a controller makes each day: a plan, which nobody asked for."""

from typing import Final

from accounts.roles import Account, Origin, Principal
from controller.operations.changes import Changes
from controller.operations.model import PlanWish
from controller.planning.from_folder import PlanChoices
from controller.roles import LOCAL_ACCOUNT_ID
from inventory.errors import SanagaError

# Devices that do not answer take their time, and there are hundreds of them.
_WITHIN_S: Final = 3600.0
# Who made the plan, in lists and in the audit; it may do nothing else.
NAME: Final = "sanaga"
CONTROLLER: Final = Principal(
    Account(LOCAL_ACCOUNT_ID, NAME, "the controller, by schedule"), (), (), Origin.TOKEN, "schedule"
)


def compare(changes: Changes) -> None:
    """Plan what would make devices as the folder intends, and keep the plan; nothing is applied.

    Devices that do not answer are left out. Raises SanagaError when no plan can be made.
    """
    begun = changes.start_plan(PlanWish(PlanChoices(), without_silent=True), CONTROLLER)
    changes.operations.wait(begun.id, _WITHIN_S)
    found = changes.operations.find(begun.id)
    if found is None or found.result is None:
        why = found.error["detail"] if found and found.error else "it did not end"
        raise SanagaError(f"what runs was not compared with what is intended: {why}")
