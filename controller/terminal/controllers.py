"""How verbs are told which running controller they ask, if any."""

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from inventory.errors import SanagaError

if TYPE_CHECKING:
    from controller.operations.remote import RemoteController
    from controller.vpn_control.remote_people import RemotePeople

ControllerOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--controller",
        metavar="URL",
        envvar="SANAGA_CONTROLLER",
        help="A controller elsewhere; the one of this machine unless named. "
        "SANAGA_TOKEN_FILE names the file with the token.",
    ),
]


class ServedFolderError(SanagaError):
    """A controller runs on the state folder, which no verb may open beside it."""


def refuse_beside(advice: str) -> None:
    """Raise ServedFolderError, with what to do instead, while a controller runs here."""
    from controller.app import local_controller
    from controller.environment import state_dir

    if local_controller() is not None:
        raise ServedFolderError(
            f"{state_dir()}: a controller runs on it, and nothing else opens it meanwhile; {advice}"
        )


def running_controller(url: str | None) -> "RemoteController | None":
    """Return the controller at a URL, or the one that runs on this machine; None if none does.

    While one runs, verbs ask it and leave its state folder alone.
    """
    from controller.app import running_client

    if (client := running_client(url)) is None:
        return None
    from controller.operations.remote import RemoteController

    return RemoteController(client)


def people_of_controller(url: str | None) -> "RemotePeople | None":
    """Return the people of the same controller; None if none runs."""
    if (found := running_controller(url)) is None:
        return None
    from controller.vpn_control.remote_people import RemotePeople

    return RemotePeople(found.client)
