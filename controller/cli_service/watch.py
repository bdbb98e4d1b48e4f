"""sanaga watch: how the network stands, in the terminal."""

import typer

from controller.app import open_controller
from controller.terminal.controllers import ControllerOption
from controller.terminal.output import UsageProblem, watched

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command(epilog="Example: sanaga watch --controller https://noc.example.cm")
def watch(controller: ControllerOption = None) -> None:
    """Follow incidents and sites in this terminal; keys acknowledge, mute and comment."""
    if not watched():
        raise UsageProblem("watch needs a terminal; 'sanaga noc incidents' prints the same facts")
    from controller.watch.app import Watch

    Watch(open_controller(controller)).run()
