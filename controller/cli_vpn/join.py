"""Taking part in the VPN with a device in the field, by a code that an administrator says."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from controller.app import key_maker
from controller.cli_vpn.delivery import held
from controller.terminal.output import UsageProblem, say, write

if TYPE_CHECKING:
    from edge.remote_access.join_code import Invitation
    from edge.remote_access.join_device import JoiningDevice

_TRIES: Final = 3


def join(
    context: typer.Context,
    file: Annotated[
        Path, typer.Option("--file", "-f", metavar="FILE", help="Where the wg-quick file goes.")
    ] = Path("sanaga.conf"),
) -> None:
    """On a device in the field: join the VPN with a code that an administrator says.

    The device makes its key itself. Read the administrator the four words that appear, and type
    the two that they read to you; then the device's file is written.
    """
    from controller.clock import SystemClock
    from edge.remote_access.join_client import JoinClient
    from edge.remote_access.join_device import JoiningDevice
    from vpn.wireguard.config import quick_name_fault, render_config

    if context.args:
        raise UsageProblem("a code is a secret and no argument; say 'sanaga vpn join', which asks")
    if fault := quick_name_fault(file.name):
        raise UsageProblem(f"--file: {fault}")
    pair = key_maker()
    with held(file) as put:
        invited = _invited()
        say(f"asking {invited.where.host}")
        with JoinClient(invited) as line:
            joining = JoiningDevice(invited, line, SystemClock().pause, pair)
            _compare(joining)
            put(render_config(joining.config(), remark="made by 'sanaga vpn join'").encode())
            doubt = _doubt(joining)
    say(f"wrote {file}")
    if doubt:
        say(doubt)
    say(f"to dial: sudo wg-quick up {file if file.is_absolute() else f'./{file}'}")


def _invited() -> "Invitation":
    """Return the invitation of a code, which is asked for: arguments are everybody's to see."""
    from edge.remote_access import join_code

    for _ in range(_TRIES):
        try:
            return join_code.parse_code(typer.prompt("Code", err=True))
        except ValueError as error:
            say(str(error))
    raise UsageProblem("without a code that is right, nobody joins; have it said once more")


def _compare(joining: "JoiningDevice") -> None:
    """Have the device's owner read words, and write down those that they hear.

    Raises EdgeError.
    """
    from edge.remote_access import sas
    from inventory.errors import EdgeError

    words = joining.words()
    write(words.said)
    say("read these words to the administrator, who then reads you two others")
    for _ in range(_TRIES):
        if sas.same_words(typer.prompt("Their words", err=True), words.back):
            return
        say("these are not the words that belong here; have them read once more")
    raise EdgeError(
        "the words differ: somebody else may have answered. Nothing was taken from them; ask for "
        "another code, over another telephone if you can"
    )


def _doubt(joining: "JoiningDevice") -> str:
    """Return what may keep a device that has its file from being let in; nothing if all is well.

    Raises EdgeError when it has no access.
    """
    from edge.remote_access.join_client import SilentError
    from edge.remote_access.join_device import WithdrawnError
    from inventory.errors import EdgeError

    unknown = "whether this device was let in is not known; ask the administrator"
    try:
        joining.written()
    except (SilentError, KeyboardInterrupt):
        return unknown
    try:
        let_in = joining.let_in()
    except WithdrawnError:
        raise
    except (EdgeError, KeyboardInterrupt):
        return unknown
    return "" if let_in else "the gateway was not told of this device yet; try a little later"
