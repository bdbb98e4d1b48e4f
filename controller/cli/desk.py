"""The desk where people are given access, as verbs use it: who acts, why, and what a file says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

if TYPE_CHECKING:
    from controller.access.registrar import Handover, Registrar
    from controller.store.audit import Act
    from vpn.key_text import PublicKey
    from vpn.people.terms import Admission
    from vpn.wireguard.key_backends import MakePair
    from vpn.wireguard.keys import Secret

BecauseOption: TypeAlias = Annotated[
    str, typer.Option("--because", metavar="TEXT", help="Why, for the audit trail.")
]


KEY_MAKER: Final = "SANAGA_KEY_MAKER"


@contextmanager
def desk() -> Iterator["Registrar"]:
    """Open the desk of this controller for as long as the block runs."""
    from controller.access.registrar import Registrar
    from controller.environment import state_dir

    desk = Registrar.open(state_dir(), pair=made_pair)
    try:
        yield desk
    finally:
        desk.close()


def made_pair() -> "tuple[Secret, PublicKey]":
    """Make a private key and its public one; raises what key_maker() raises."""
    return key_maker()()


def key_maker() -> "MakePair":
    """Return what SANAGA_KEY_MAKER names.

    Raises UsageProblem when it names nothing that makes keys, ExtraError when that is missing.
    """
    from controller.environment import environment
    from controller.terminal.output import UsageProblem
    from vpn.wireguard.key_backends import KeyMaker, maker

    chosen = environment().get(KEY_MAKER) or KeyMaker.CRYPTOGRAPHY
    if chosen not in set(KeyMaker):
        choices = " or ".join(KeyMaker)
        raise UsageProblem(f"{KEY_MAKER}: '{chosen}' makes no keys; write {choices}, or nothing")
    return maker(KeyMaker(chosen), f"unset {KEY_MAKER}")


def act(because: str) -> "Act":
    """Return who acts and why. Raises UsageProblem when the reason is none."""
    from controller.cli_vpn import arguments
    from controller.environment import administrator
    from controller.store.audit import Act

    return Act(administrator(), arguments.reason(because))


def filed(terms: "Admission", gateway: str | None) -> Callable[["Handover"], str]:
    """Return what writes a device's file for a gateway, the first unless named.

    Raises UnknownNameError when there is none of that name.
    """
    from controller.access.registrar import gateway_of
    from controller.cli_vpn.person_view import ending
    from inventory.errors import AccessError
    from vpn.wireguard.config import render

    chosen = gateway_of(terms, gateway or terms.gateways[0].device).device

    def text(handover: "Handover") -> str:
        person, device = handover.person, handover.device
        if chosen not in handover.files:
            raise AccessError(f"{chosen} is no gateway any more; name another one with --gateway")
        remark = f"{terms.network}: {device.name} of {person.title}{ending(person)}"
        return render(handover.files[chosen], remark=remark)

    return text
