"""Letting a device in that is elsewhere, with the administrator and its owner on the telephone."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from controller.cli_vpn import gateways
from controller.cli_vpn import person_view as view
from controller.cli_vpn.arguments import (
    BecauseOption,
    GatewayOption,
    LicenceOption,
    LicenceUntilOption,
    NameArgument,
    RoleOption,
    SiteOption,
    TitleOption,
    UntilOption,
    act,
    filed,
)
from controller.cli_vpn.delivery import Delivery, PngOption, QrOption, SvgOption
from controller.terminal.controllers import ControllerOption
from controller.terminal.durations import spoken as duration
from controller.terminal.output import progress_wanted, say, stderr, write
from controller.terminal.vpn_access import open_access

if TYPE_CHECKING:
    from controller.access.invitation import (
        GatewaySkipped,
        InvitationSession,
        InvitationVoided,
        InvitedDevice,
        Tick,
    )
    from controller.vpn_control.model import GatewayAccess
    from vpn.model import Person
    from vpn.people.terms import AccessTerms

_TRIES = 3


def invite(
    name: NameArgument,
    because: BecauseOption,
    title: TitleOption = None,
    role: RoleOption = None,
    site: SiteOption = None,
    until: UntilOption = None,
    licence: LicenceOption = None,
    licence_until: LicenceUntilOption = None,
    device: Annotated[
        str, typer.Option("--device", metavar="DEVICE", help="What the device is called.")
    ] = "laptop",
    gateway: GatewayOption = None,
    png: PngOption = None,
    svg: SvgOption = None,
    qr: QrOption = False,
    controller: ControllerOption = None,
) -> None:
    """Give a person access with a device that is elsewhere, and whose key never leaves it.

    Prints a code that one device may use within ten minutes, with 'sanaga vpn join' there. Its
    owner reads you four words from its screen, and you read two back; then it is let in.
    """
    from controller.access.invitation import refusal_noted
    from controller.cli_vpn import arguments

    said = arguments.given(title, role, site, licence, licence_until, until)
    reason, named = act(because), arguments.slug(device, "device")
    picture = Delivery(png=png, svg=svg, qr=qr)
    with open_access(controller) as access:
        person = arguments.wanted(access.people.find(name), name, said)
        invited = access.people.invite(person, named)
        picture.free()
        text = filed(access.gateways.dialling(), gateway)

        def note(refused: str) -> None:
            access.people.refused(person, named, refused, reason)

        with _visit(access.gateways.terms(), gateway) as visit:
            write(visit.invited.code)
            picture.hand(visit.invited.code)
            picture.tell()
            say(f"say this code to {person.title}, who types it when 'sanaga vpn join' asks for it")
            with refusal_noted(note):
                guest = _guest(visit)
                _compare(guest, person)
                visit.hand(guest, text(invited.files(guest.key)))
                with _countdown("waiting until the device has its file") as tick:
                    visit.written(guest, tick)
                visit.entered(lambda: invited.enter(reason))
            say(f"{name}'s {named} has its file and is on record{view.ending(person)}")
            _let_in(access.gateways, visit, guest, gateway)


def _let_in(
    access: "GatewayAccess",
    visit: "InvitationSession",
    guest: "InvitedDevice",
    gateway: str | None,
) -> None:
    """Tell gateways of a device, and the device whether the one that it dials knows it by now."""
    from inventory.errors import AccessError, DeviceError

    chosen = access.dialling().chosen(gateway)
    updated = set[str]()
    try:
        gateways.tell(access, updated=updated)
    finally:
        try:
            visit.done(guest, let_in=chosen in updated)
        except (AccessError, DeviceError) as error:
            say(f"the device could not be told so: {error}")


@contextmanager
def _visit(terms: "AccessTerms", gateway: str | None) -> "Iterator[InvitationSession]":
    """Open an invitation at a gateway; at the end of the block it is over, whatever happened."""
    from controller.access.gateways import connector
    from controller.access.invitation import joining_gateways, open_invitation
    from controller.clock import SystemClock
    from controller.environment import state_dir

    hosts = joining_gateways(terms, gateway)
    if gateway and gateway not in {one.device for one in hosts}:
        say(f"{gateway} takes no devices in from the field; {hosts[0].device} carries this")
    connect = connector(terms, state_dir())
    with open_invitation(hosts, connect, SystemClock(), _report) as session:
        yield session


def _report(event: "GatewaySkipped | InvitationVoided") -> None:
    from controller.access.invitation import GatewaySkipped

    if isinstance(event, GatewaySkipped):
        say(f"{event.because}; another gateway is asked")
    else:
        say("the code is void")


def _guest(visit: "InvitationSession") -> "InvitedDevice":
    """Return the device that comes, while a person sees how long the code holds."""
    with _countdown("waiting for the device") as tick:
        return visit.guest(tick)


@contextmanager
def _countdown(what: str) -> "Iterator[Tick]":
    if not progress_wanted():
        yield lambda _left_s: None
        return
    with stderr().status(what) as status:
        yield lambda left_s: status.update(f"{what}; {duration(round(left_s))} left")


def _compare(guest: "InvitedDevice", person: "Person") -> None:
    """Have an administrator write down the words that they hear. Raises AccessError."""
    from edge.remote_access import sas
    from inventory.errors import AccessError

    say(f"a device has come; {person.title} reads you four words from its screen")
    for _ in range(_TRIES):
        try:
            heard = typer.prompt("The words", err=True)
        except typer.Abort:
            raise AccessError("the words were not compared, so nobody was let in") from None
        if sas.same_words(heard, guest.words):
            say(f"they are the words here, too; now read these two back: {guest.back}")
            return
        say("these are not the words here; have them read once more")
    raise AccessError(
        "the words differ: somebody else may have the code. Nobody was let in; invite again, over "
        "another telephone if you can"
    )
