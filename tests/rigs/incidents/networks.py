"""Networks on which incidents are tried."""

from functools import cache

from controller.incidents.view import NetworkView, network_view
from inventory.country.intent_folder import national_intent
from inventory.model import Intent, Medium
from tests.factories import Draft, intent
from topology.build import build_topology


def view_of(made: Intent) -> NetworkView:
    """Return what decisions see of an intent."""
    return network_view(made, build_topology(made))


@cache
def country() -> Intent:
    """Return the intent of the whole country."""
    made = national_intent()
    circuits = [planned.circuit for planned in made.circuits]
    return intent(made.sites.sites.values(), made.routers, circuits)


@cache
def national() -> NetworkView:
    """Return the whole country as decisions see it."""
    return view_of(country())


def north_draft() -> Draft:
    """Return the far north: two routers at Maroua, LEO at Mora and Kolofata, a chain behind.

    yaounde - maroua (r1 and r2) - mora - kolofata - waza - bogo; waza and bogo have no second way.
    """
    draft = Draft()
    draft.site("yaounde")
    draft.site("maroua", "yaounde")
    draft.device("maroua", 2)
    draft.site("mora", "maroua")
    for name in ("kolofata", "waza", "bogo"):
        draft.site(name, "mora")
    draft.circuit("yaounde-maroua-fibre-1", "yaounde-r1", "maroua-r1")
    draft.circuit("yaounde-maroua-fibre-2", "yaounde-r1", "maroua-r2")
    draft.circuit("maroua-r1-r2", "maroua-r1", "maroua-r2")
    draft.circuit("maroua-mora-fibre", "maroua-r1", "mora-r1")
    draft.circuit("mora-kolofata-fibre", "mora-r1", "kolofata-r1")
    draft.circuit("kolofata-waza-fibre", "kolofata-r1", "waza-r1")
    draft.circuit("waza-bogo-microwave", "waza-r1", "bogo-r1", medium=Medium.MICROWAVE)
    for name in ("yaounde", "mora", "kolofata"):
        draft.circuit(f"{name}-leo", f"{name}-r1", "provider:leo-operator", medium=Medium.LEO)
    return draft


@cache
def north() -> NetworkView:
    """Return the far north as decisions see it."""
    return view_of(north_draft().intent())
