"""Accounts of those who sign in, from the machine itself: the first one, and ways back in."""

from typing import TYPE_CHECKING, Annotated

import typer

from controller.terminal.output import say, write

if TYPE_CHECKING:
    from controller.transport.api_client import ApiClient

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Let the first administrator in, and people who lost their second factor.",
)


@app.command(epilog="Example: sanaga account link")
def link() -> None:
    """Print a one-time code with which the first administrator makes an account.

    The code works for 24 hours, and only while there is no administrator. It replaces an earlier
    one.
    """
    from controller.app import local_controller

    because = "first administrator, at the machine"
    if client := local_controller():
        code = _made_there(client, kind="first-administrator", because=because)
    else:
        code = _first_here(because)
    write(code)
    say("this code works once, for 24 hours; enter it at /set-up of the service ('sanaga serve')")


@app.command(epilog='Example: sanaga account recover a.ngono --because "lost telephone"')
def recover(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the account.")],
    because: Annotated[str, typer.Option("--because", help="Why; it is recorded.")],
) -> None:
    """Print a one-time code that sets a new password and second factor of an account.

    The code works for 24 hours. Until it is used, the account stays as it is. All administrators
    are told, and the audit chain records it.
    """
    from controller.app import local_controller

    if client := local_controller():
        code = _made_there(client, kind="recovery", name=name, because=because)
    else:
        code = _recovery_here(name, because)
    write(code)
    say(
        f"hand this code to {name} in person, to be entered at /set-up of the service; all "
        "administrators are told that it was made"
    )


def _made_there(client: "ApiClient", **wish: str) -> str:
    """Have the controller that runs on this machine make a code."""
    from controller.operations.following import ask

    return str(ask(client, "POST", "/machine/account-links", wish)["code"])


def _first_here(because: str) -> str:
    from accounts.audit import Actor
    from accounts.signing_in.links import first_administrator_link
    from controller.app import change_accounts
    from controller.clock import SystemClock
    from controller.environment import administrator
    from controller.roles import CATALOGUE

    now_s = SystemClock().instant().timestamp()
    with change_accounts() as connection:
        actor = Actor(administrator(), because)
        return first_administrator_link(connection, CATALOGUE, actor, now_s).text


def _recovery_here(name: str, because: str) -> str:
    from accounts.audit import Actor
    from accounts.signing_in.links import recover_on_machine
    from controller.app import change_accounts
    from controller.clock import SystemClock
    from controller.environment import administrator

    now_s = SystemClock().instant().timestamp()
    with change_accounts() as connection:
        return recover_on_machine(connection, name, Actor(administrator(), because), now_s).text
