"""sanaga serve: the controller as a service."""

from pathlib import Path
from typing import Annotated

import typer

from controller.environment import administrator, state_dir
from controller.terminal.folders import FolderOption, PlaceArgument, named
from controller.terminal.output import UsageProblem, say

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")
_LOCAL = "127.0.0.1:8080"


@app.command(epilog="Example: sanaga serve my-network --listen 127.0.0.1:8080")
def serve(
    place: PlaceArgument = None,
    folder: FolderOption = Path(),
    listen: Annotated[
        str,
        typer.Option(
            "--listen",
            metavar="ADDRESS:PORT",
            help="Where to answer; put a proxy with TLS before it for others than this machine.",
        ),
    ] = _LOCAL,
    edges: Annotated[
        int, typer.Option("--edges", metavar="PORT", min=0, max=65_535, help="Where edges report.")
    ] = 8444,
    backups: Annotated[
        Path | None,
        typer.Option(
            "--backups",
            metavar="DIR",
            file_okay=False,
            help="Where a backup is kept each day, sealed with SANAGA_PASSPHRASE; on another "
            "disk, if you can. 'backups' in the state folder unless named.",
        ),
    ] = None,
    url: Annotated[
        str,
        typer.Option(
            "--url",
            metavar="URL",
            envvar="SANAGA_URL",
            help="Where people reach this, such as https://noc.example.cm; passkeys are bound to "
            "its name. This machine alone unless named.",
        ),
    ] = "",
) -> None:
    """Monitor edges and routers, decide what is wrong and who is hurt, and tell whom it concerns.

    While nobody can administer, it prints a link with which the first administrator makes an
    account. Runs until it is told to stop. Consultations go on without it.
    """
    import logging
    from importlib.metadata import version

    from controller.backups.noted import BACKUPS
    from controller.load import load
    from controller.polling.listeners import ListeningPorts
    from controller.service.process import ServeOptions, serve_until_stopped

    words = "%(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=logging.WARNING, format=words, force=True)
    host, port = _address(listen)
    loaded = load(named(place, folder))
    options = ServeOptions(
        loaded,
        state_dir(),
        host,
        port,
        edges,
        ListeningPorts(),
        version("sanaga"),
        administrator(),
        url,
        backups or state_dir() / BACKUPS,
    )
    serve_until_stopped(options, say)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise UsageProblem(f"--listen: '{text}' is not ADDRESS:PORT; write one like {_LOCAL}")
    return host.strip("[]"), int(port)
