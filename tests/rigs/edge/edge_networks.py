"""Networks with edges made in code: a hub at the centre, and others that dial it."""

import base64
from dataclasses import replace
from typing import Any, Final

from inventory.model import Device, Medium, Platform, Role
from policies.clinical import read_catalogue
from policies.model import Policies
from tests.factories import Draft

HUB: Final = "yaounde-e1"


def key(number: int) -> str:
    """Return a public key that nobody has the other half of."""
    return base64.b64encode(number.to_bytes(32)).decode()


def draft(*sites: str) -> Draft:
    """Return a hub at Yaoundé and an edge at every site named, joined by routers alone.

    Circuits: trunk-SITE between the routers, fibre-SITE from edge to router.
    """
    made = Draft()
    made.site("yaounde")
    made.zone("yaounde", "yaounde")
    for name in sites:
        made.site(name, "yaounde")
        made.circuit(f"trunk-{name}", "yaounde-r1", f"{name}-r1")
    for number, name in enumerate(("yaounde", *sites), 1):
        gateway(made, name, public_key=key(number))
    return made


def gateway(made: Draft, site: str, **changes: Any) -> Device:
    """Give a site an edge on a fibre to its router, and take the LANs from the router."""
    router = f"{site}-r1"
    made.devices[router] = replace(made.devices[router], lan=False)
    edge: dict[str, Any] = {"role": Role.EDGE, "platform": Platform.LINUX, "lan": True}
    made.device(site, 2, **{"name": f"{site}-e1", **edge, **changes})
    made.circuit(f"fibre-{site}", f"{site}-e1", router)
    return made.devices[f"{site}-e1"]


def outside(made: Draft, site: str, operator: str, **changes: Any) -> None:
    """Give an edge a circuit OPERATOR-SITE into the network of OPERATOR-operator."""
    ends = f"{site}-e1", f"provider:{operator}-operator"
    made.circuit(f"{operator}-{site}", *ends, **{"medium": Medium(operator), **changes})


def duties() -> Policies:
    """Return the classes and path policies that every network has."""
    return read_catalogue()
