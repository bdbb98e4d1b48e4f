"""The desk where people are given access, as verbs use it: who acts, why, and where files go."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from controller.cli.delivery import NOWHERE, Delivery

if TYPE_CHECKING:
    from controller.registrar import Handover, Registrar
    from controller.store.audit import Act
    from vpn.admission import Admission


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


class Handing:
    """Hands a device's file for one gateway over."""

    def __init__(self, network: str, gateway: str, delivery: Delivery) -> None:
        self._network, self._gateway, self._delivery = network, gateway, delivery

    @classmethod
    def to(cls, terms: "Admission", gateway: str | None, delivery: Delivery = NOWHERE) -> "Handing":
        """Return one for a gateway, the first unless named. Raises UnknownNameError."""
        from controller.registrar import gateway_of

        chosen = gateway_of(terms, gateway or terms.gateways[0].device)
        return cls(terms.network, chosen.device, delivery)

    def into(self, delivery: Delivery) -> "Handing":
        """Return one that delivers elsewhere."""
        return Handing(self._network, self._gateway, delivery)

    def __call__(self, handover: "Handover") -> None:
        """Write the file wherever it goes."""
        from controller.cli.person_view import ending
        from vpn.wgfile import render

        person, device = handover.person, handover.device
        remark = f"{self._network}: {device.name} of {person.title}{ending(person)}"
        self._delivery.hand(render(handover.files[self._gateway], remark=remark))
