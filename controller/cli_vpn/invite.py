"""Letting a device in that is elsewhere, with the administrator and its owner on the telephone."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from controller.app import open_registrar
from controller.cli_vpn import gateways
from controller.cli_vpn import person_view as view
from controller.cli_vpn.arguments import BecauseOption, act, filed
from controller.cli_vpn.delivery import Delivery, PngOption, QrOption, SvgOption
from controller.cli_vpn.person import (
    GatewayOption,
    LicenceOption,
    LicenceUntilOption,
    NameArgument,
    RoleOption,
    SiteOption,
    TitleOption,
    UntilOption,
)
from controller.terminal.durations import spoken as duration
from controller.terminal.output import heed_hangups, progress_wanted, say, stderr, write

if TYPE_CHECKING:
    from controller.access.invitation import InvitationSession, JoiningDevice, Tick
    from controller.access.registrar import Registrar
    from controller.store.audit import Actor
    from vpn.model import Gateway, Person

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
) -> None:
    """Give a person access with a device that is elsewhere, and whose key never leaves it.

    Prints a code that one device may use within ten minutes, with 'sanaga vpn join' there. Its
    owner reads you four words from its screen, and you read two back; then it is let in.
    """
    from controller.cli_vpn import arguments

    said = arguments.given(title, role, site, licence, licence_until, until)
    reason, named = act(because), arguments.slug(device, "device")
    picture = Delivery(png=png, svg=svg, qr=qr)
    with open_registrar() as registrar:
        person = arguments.wanted(registrar.store.find(name), name, said)
        known = registrar.admissible(person, named)
        picture.free()
        text = filed(registrar.terms(), gateway)
        with _visit(registrar, gateway) as visit:
            write(visit.invited.code)
            picture.hand(visit.invited.code)
            picture.tell()
            say(f"say this code to {person.title}, who types it when 'sanaga vpn join' asks for it")
            with _traced(registrar, person, named, reason):
                guest = _guest(visit)
                _compare(guest, person)
                prepared = registrar.prepare(known, person, named, guest.key)
                visit.hand(guest, text(prepared.handover))
                with _countdown("waiting until the device has its file") as tick:
                    visit.written(guest, tick)
                visit.entered(lambda: registrar.commit_device(prepared, reason))
            say(f"{name}'s {named} has its file and is on record{view.ending(person)}")
            _let_in(registrar, visit, guest, gateway)


def _let_in(
    registrar: "Registrar", visit: "InvitationSession", guest: "JoiningDevice", gateway: str | None
) -> None:
    """Tell gateways of a device, and the device whether the one that it dials knows it by now."""
    from inventory.errors import AccessError, DeviceError

    entered = registrar.store.last()
    try:
        gateways.tell(registrar)
    finally:
        chosen = gateway or registrar.terms().gateways[0].device
        known = registrar.store.loads.all().get(chosen)
        try:
            visit.done(guest, let_in=bool(known and known.state >= entered))
        except (AccessError, DeviceError) as error:
            say(f"the device could not be told so: {error}")


@contextmanager
def _visit(registrar: "Registrar", gateway: str | None) -> "Iterator[InvitationSession]":
    """Open an invitation at a gateway; at the end of the block it is over, whatever happened."""
    from controller.access.gateways import connector
    from controller.access.invitation import InvitationSession
    from controller.clock import SystemClock
    from controller.environment import state_dir
    from edge.remote_access import join_code
    from inventory.errors import DeviceError, UnreachableError
    from vpn.model import Endpoint

    hosts = _hosts(registrar, gateway)
    connect = connector(registrar.terms(), state_dir())
    heed_hangups()
    for host in hosts:
        driver = connect(host.device)
        where = Endpoint(host.endpoint.host, host.enrolment_port)
        visit = InvitationSession(driver, join_code.new_invitation(where), SystemClock())
        try:
            visit.open()
            break
        except UnreachableError as error:
            driver.close()
            if host is hosts[-1]:
                raise
            say(f"{error}; another gateway is asked")
    try:
        yield visit
    finally:
        with suppress(DeviceError):
            if visit.close():
                say("the code is void")
        driver.close()


def _hosts(registrar: "Registrar", gateway: str | None) -> "list[Gateway]":
    """Return the gateways that take devices in, the named one first. Raises AccessError."""
    from inventory.errors import AccessError

    terms = registrar.terms()
    found = [g for g in terms.gateways if g.enrolment_port and g.device in terms.doors]
    if not found:
        raise AccessError(
            "no gateway takes devices in from the field; write an enrolment_port, such as 51830, "
            "for one that has a management address into gateways of the intent, and say 'sanaga "
            "vpn apply --dir DIR'"
        )
    if gateway and gateway not in {one.device for one in found}:
        say(f"{gateway} takes no devices in from the field; {found[0].device} carries this")
    return sorted(found, key=lambda one: one.device != gateway)


def _guest(visit: "InvitationSession") -> "JoiningDevice":
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


def _compare(guest: "JoiningDevice", person: "Person") -> None:
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


@contextmanager
def _traced(
    registrar: "Registrar", person: "Person", device: str, reason: "Actor"
) -> Iterator[None]:
    """Note in the audit trail that a device that was invited was not let in."""
    from inventory.errors import SanagaError

    try:
        yield
    except SanagaError as error:
        refused = str(error).partition("; ")[0]
        registrar.store.noted("device.refuse", person.name, reason, device=device, refused=refused)
        raise
