"""Taking part in the VPN with a device in the field, by a code that an administrator says."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from controller.cli.delivery import Delivery
from controller.cli.output import UsageProblem, say, write

if TYPE_CHECKING:
    from edge.joining import Joining
    from vpn.invitation import Invitation

_TRIES: Final = 3


def join(
    file: Annotated[
        Path, typer.Option("--file", "-f", metavar="FILE", help="Where the wg-quick file goes.")
    ] = Path("sanaga.conf"),
) -> None:
    """On a device in the field: join the VPN with a code that an administrator says.

    The device makes its key itself. Read the administrator the four words that appear; when they
    let the device in, its file is written.
    """
    from controller.clock import SystemClock
    from edge.asking import Line
    from edge.joining import Joining

    delivery = Delivery(file).settled()
    invited = _invited()
    say(f"asking {invited.where.host}")
    with Line(invited) as line:
        joining = Joining(invited, line, SystemClock().pause)
        write(joining.words())
        say("read these words to the administrator, who lets this device in by them")
        _keep(joining, delivery)
        _finish(joining, file)


def _invited() -> "Invitation":
    """Return the invitation of a code, which is asked for: arguments are everybody's to see."""
    from vpn import invitation

    for _ in range(_TRIES):
        try:
            return invitation.parse(typer.prompt("Code", err=True))
        except ValueError as error:
            say(str(error))
    raise UsageProblem("without a code that is right, nobody joins; have it said once more")


def _keep(joining: "Joining", delivery: Delivery) -> None:
    from vpn.wgfile import render

    delivery.hand(render(joining.config(), remark="made by 'sanaga vpn join'"))
    delivery.tell()


def _finish(joining: "Joining", file: Path) -> None:
    """Say how to dial, and whether that works already."""
    from inventory.errors import EdgeError

    try:
        let_in = joining.written()
    except EdgeError as error:
        say(f"{error}; the file is whole, and it shows whether the administrator kept on")
        let_in = True
    if not let_in:
        say("the gateway was not told of this device yet; ask the administrator, or try later")
    path = file if file.is_absolute() else Path() / file
    shown = str(path) if path.is_absolute() else f"./{path}"
    say(f"to dial: sudo wg-quick up {shown}")
