"""Networks on which incidents are tried."""

from functools import cache

from controller.incidents.view import NetworkView, network_view
from inventory.country.intent_folder import national_intent
from inventory.model import Intent
from tests.factories import intent
from topology.build import build_topology


def view_of(made: Intent) -> NetworkView:
    """Return what decisions see of an intent."""
    return network_view(made, build_topology(made))


@cache
def national() -> NetworkView:
    """Return the whole country."""
    country = national_intent()
    circuits = [planned.circuit for planned in country.circuits]
    return view_of(intent(country.sites.sites.values(), country.routers, circuits))
