"""People's access over the VPN: giving it, showing it, renewing it, withdrawing it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.cli_vpn import gateways
from controller.cli_vpn import person_view as view
from controller.cli_vpn.arguments import (
    BecauseOption,
    DeviceOption,
    GatewayOption,
    KeyOption,
    LicenceOption,
    LicenceUntilOption,
    ListArgument,
    NameArgument,
    PruneOption,
    RoleOption,
    SiteOption,
    TitleOption,
    UntilOption,
    act,
    filed,
    handing,
)
from controller.cli_vpn.delivery import (
    Delivery,
    FileOption,
    PngOption,
    QrOption,
    ShowOption,
    SvgOption,
)
from controller.cli_vpn.gateways import LaterOption
from controller.terminal.completion import complete_edge
from controller.terminal.controllers import ControllerOption, people_of_controller
from controller.terminal.output import Exit, Format, FormatOption, emit, say, show
from controller.terminal.vpn_access import open_access
from controller.wording import listing

if TYPE_CHECKING:
    from controller.access.devices import DeviceFiles
    from controller.vpn_control.model import VpnAccess

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Give people access from their own devices, and withdraw it.",
)


@app.command(
    epilog="Example: sanaga vpn person add a-ngono --title 'Dr A. Ngono' --role oncologist "
    "--site yaounde --until 2027-02-28 --because 'Locum for three months' --png a-ngono.png"
)
def add(
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
    ] = "tablet",
    public_key: KeyOption = None,
    gateway: GatewayOption = None,
    file: FileOption = None,
    png: PngOption = None,
    svg: SvgOption = None,
    qr: QrOption = False,
    show_file: ShowOption = False,
    later: LaterOption = False,
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Give a person access with a device; somebody who has access gets another device.

    The device's private key is in the file that is handed over and nowhere else; with --public-key
    it never leaves the device.
    """
    from controller.cli_vpn import arguments

    said = arguments.given(title, role, site, licence, licence_until, until)
    delivery = Delivery(file, png, svg, qr, show_file).settled(output)
    key = arguments.key(public_key)
    with open_access(controller) as access:
        person = arguments.wanted(access.people.find(name), name, said)
        text = filed(access.gateways.dialling(), gateway)
        named = arguments.slug(device, "device")
        made = access.people.add(person, named, act(because), handing(delivery, text), key)
        _told(access, made, output)
        delivery.tell()
        say(f"{made.person.name}'s {device} is on record{view.ending(made.person)}")
        gateways.tell(access.gateways, later=later)


@app.command(epilog="Example: sanaga vpn person rotate a-ngono --because 'yearly' --qr")
def rotate(
    name: NameArgument,
    because: BecauseOption,
    device: DeviceOption = None,
    public_key: KeyOption = None,
    gateway: GatewayOption = None,
    file: FileOption = None,
    png: PngOption = None,
    svg: SvgOption = None,
    qr: QrOption = False,
    show_file: ShowOption = False,
    later: LaterOption = False,
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Give a device other keys and a new file; the old ones open nothing any more."""
    from controller.cli_vpn import arguments

    delivery = Delivery(file, png, svg, qr, show_file).settled(output)
    key = arguments.key(public_key)
    with open_access(controller) as access:
        text = filed(access.gateways.dialling(), gateway)
        made = access.people.rotate(name, device, act(because), handing(delivery, text), key)
        _told(access, made, output)
        delivery.tell()
        say(f"{name}'s {made.device.name} has other keys")
        gateways.tell(access.gateways, later=later)


@app.command(
    epilog="Example: sanaga vpn person export a-ngono --because 'new app' --file ngono.conf"
)
def export(
    name: NameArgument,
    because: BecauseOption,
    device: DeviceOption = None,
    gateway: GatewayOption = None,
    file: FileOption = None,
    png: PngOption = None,
    svg: SvgOption = None,
    qr: QrOption = False,
    show_file: ShowOption = False,
    controller: ControllerOption = None,
) -> None:
    """Write a device's file again, but for its private key, which only the device has."""
    delivery = Delivery(file, png, svg, qr, show_file).settled()
    with open_access(controller) as access:
        text = filed(access.gateways.dialling(), gateway)
        delivery.hand(text(access.people.export(name, device, act(because))))
    delivery.tell()
    say("the private key is not in it: fill in that of the device, or rotate to get a whole file")


@app.command(epilog="Example: sanaga vpn person revoke a-ngono --because 'the tablet was stolen'")
def revoke(
    name: NameArgument,
    because: BecauseOption,
    device: Annotated[
        str | None,
        typer.Option(
            "--device", metavar="DEVICE", help="This device alone; the person may get another."
        ),
    ] = None,
    cutting: Annotated[
        list[str] | None,
        typer.Option(
            "--cutting",
            metavar="EDGE",
            autocompletion=complete_edge,
            help="Also where the device has the key of this edge, which is cut for good.",
        ),
    ] = None,
    later: LaterOption = False,
    controller: ControllerOption = None,
) -> None:
    """Withdraw a person's access, or one device's; gateways that are reached put them out at once.

    Ends with code 5 when a gateway could not be told.
    """
    with open_access(controller) as access:
        gone = access.people.revoke(name, device, act(because), cutting or ())
        if gone:
            say(f"{name}: {listing([one.name for one in gone])} revoked")
        say(view.left(access.people.entry(name)))
        gateways.tell(access.gateways, later=later, gone=gone)


@app.command(
    epilog="Example: sanaga vpn person change a-ngono --until 2027-05-31 --because 'stays on'"
)
def change(
    name: NameArgument,
    because: BecauseOption,
    title: TitleOption = None,
    role: RoleOption = None,
    site: SiteOption = None,
    until: UntilOption = None,
    licence: LicenceOption = None,
    licence_until: LicenceUntilOption = None,
    later: LaterOption = False,
    controller: ControllerOption = None,
) -> None:
    """Let a person's access end on another day, or be that of another role or site."""
    from controller.cli_vpn import arguments

    said = arguments.given(title, role, site, licence, licence_until, until)
    with open_access(controller) as access:
        before = access.people.entry(name).person
        after = arguments.changed(before, said)
        if after == before:
            say(f"{name}: nothing to change")
            return
        access.people.change(after, act(because))
        say(f"{name} is changed; access{view.ending(after) or ' without an end'}")
        gateways.tell(access.gateways, later=later)


@app.command("list", epilog="Example: sanaga vpn person list --role oncologist -o csv > people.csv")
def list_(
    role: RoleOption = None,
    site: SiteOption = None,
    ending: Annotated[
        int | None,
        typer.Option(
            "--ending-within", metavar="DAYS", min=0, max=3650, help="Whose access ends so soon."
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also who has no access any more.")] = False,
    controller: ControllerOption = None,
    output: Annotated[
        view.ListFormat, typer.Option("--output", "-o", help="How to print the answer.")
    ] = view.ListFormat.TABLE,
) -> None:
    """List who has access, until when, and with which devices.

    As CSV or YAML it is a list that 'sanaga vpn person plan' and 'apply' take, edited or not.
    """
    people = people_of_controller(controller)
    view.list_people(view.Filters(role, site, ending), output, people, everybody=all_)


@app.command("show", epilog="Example: sanaga vpn person show a-ngono")
def show_(
    name: NameArgument,
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show a person's access, groups, devices and addresses."""
    with open_access(controller) as access:
        data = access.people.detail(name)
    emit(data, output, lambda: show(view.lines(data)))


@app.command(epilog="Example: sanaga vpn person who 172.26.0.17")
def who(
    sought: Annotated[
        str,
        typer.Argument(
            metavar="ADDRESS|KEY", help="Behind a gateway, as an alert, a log or 'wg show' has it."
        ),
    ],
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show whose device has or had an address or a public key; no other one ever gets either."""
    from controller.cli_vpn import arguments

    what = arguments.sought(sought)
    with open_access(controller) as access:
        found = access.people.owner(what)
    emit(found.person, output, lambda: show(view.lines(found.person)))
    if found.until:
        say(f"the key {what} was this device's until {found.until}; it has another one now")


@app.command(epilog="Example: sanaga vpn person plan people.csv")
def plan(
    file: ListArgument,
    prune: PruneOption = False,
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show what a list of people, in CSV or YAML, would change; ends with code 2 if anything."""
    from controller.cli_vpn import people_list

    with open_access(controller) as access:
        steps = people_list.planned(access, file, prune=prune)
        cut = people_list.cutting(access, steps)
    data = [
        {
            "verb": step.verb,
            "name": step.person.name,
            "said": step.said,
            "cuts_consultation": step.device in cut.devices,
        }
        for step in steps
    ]
    emit(data, output, lambda: show(people_list.lines(steps)))
    if not steps:
        say("nothing to change")
        return
    people_list.warn(cut)
    raise typer.Exit(Exit.CHANGES)


@app.command(
    epilog="Example: sanaga vpn person apply people.csv --out files --because 'the new doctors'"
)
def apply(
    file: ListArgument,
    because: BecauseOption,
    prune: PruneOption = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Where the files of new devices go."),
    ] = None,
    gateway: GatewayOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    later: LaterOption = False,
    controller: ControllerOption = None,
) -> None:
    """Do what a list of people says, one device after another.

    Whoever interrupts it says the same again: what was done is done and is not done twice.
    """
    from controller.access import drafts
    from controller.cli_vpn import people_list

    with drafts.reserved(out), open_access(controller) as access:
        steps = people_list.planned(access, file, prune=prune, out=out)
        show(people_list.lines(steps))
        if not steps:
            say("nothing to change")
            return
        people_list.warn(people_list.cutting(access, steps))
        people_list.confirm(steps, yes=yes)
        people_list.carry_out(access, steps, out, gateway, because)
        gateways.tell(access.gateways, later=later)


def _told(access: "VpnAccess", made: "DeviceFiles", output: Format) -> None:
    if output is not Format.TABLE:
        emit(access.people.detail(made.person.name), output, lambda: None)
