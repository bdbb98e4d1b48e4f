"""The desk where people are given access, as verbs use it: who acts, why, and what a file says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from controller.registrar import Handover, Registrar
    from controller.store.audit import Act
    from vpn.admission import Admission

BecauseOption: TypeAlias = Annotated[
    str, typer.Option("--because", metavar="TEXT", help="Why, for the audit trail.")
]


@contextmanager
def desk() -> Iterator["Registrar"]:
    """Open the desk of this controller for as long as the block runs."""
    from controller.environment import state_dir
    from controller.registrar import Registrar

    desk = Registrar.open(state_dir())
    try:
        yield desk
    finally:
        desk.close()


def act(because: str) -> "Act":
    """Return who acts and why. Raises UsageProblem when the reason is none."""
    from controller.cli import personal
    from controller.environment import administrator
    from controller.store.audit import Act

    return Act(administrator(), personal.reason(because))


def filed(terms: "Admission", gateway: str | None) -> Callable[["Handover"], str]:
    """Return what writes a device's file for a gateway, the first unless named.

    Raises UnknownNameError when there is none of that name.
    """
    from controller.cli.person_view import ending
    from controller.registrar import gateway_of
    from inventory.errors import AccessError
    from vpn.wgfile import render

    chosen = gateway_of(terms, gateway or terms.gateways[0].device).device

    def text(handover: "Handover") -> str:
        person, device = handover.person, handover.device
        if chosen not in handover.files:
            raise AccessError(f"{chosen} is no gateway any more; name another one with --gateway")
        remark = f"{terms.network}: {device.name} of {person.title}{ending(person)}"
        return render(handover.files[chosen], remark=remark)

    return text
