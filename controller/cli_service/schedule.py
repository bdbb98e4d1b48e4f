"""sanaga schedule: what is done by itself every day, week and month, and doing it now."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from controller.app import local_reports, running_client
from controller.terminal.controllers import ControllerOption
from controller.terminal.folders import FolderOption
from controller.terminal.output import Exit, Format, FormatOption, emit_rows, say

if TYPE_CHECKING:
    from controller.schedules.runner import Standing
    from controller.transport.api_client import ApiClient

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="What the controller does by itself every day, week and month, and doing it now.",
)
_HEADINGS: Final = {
    "name": "NAME",
    "next_at": "NEXT",
    "last_due_at": "LAST",
    "ended_at": "ENDED",
    "outcome": "OUTCOME",
    "report": "REPORT",
}
_DONE: Final = {"drift": "drift is done; the newest plan, at 'Changes' in the browser, has it"}
_LOOK_S: Final = 1.0
# A device that does not answer takes its time, and there are hundreds of them.
_WITHIN_S: Final = 3600.0


@app.command("list", epilog="Example: sanaga schedule list")
def list_(
    folder: FolderOption = Path(),
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """List what is done by itself, how it last went, and when it is due next."""
    if client := running_client(controller):
        rows = client.all("/schedules")
    else:
        with local_reports(folder) as desk:
            rows = [_row(one) for one in desk.standing()]
    emit_rows(rows, output, _HEADINGS)


@app.command(epilog="Example: sanaga schedule run maintenance")
def run(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="drift, maintenance or availability.")
    ],
    folder: FolderOption = Path(),
    controller: ControllerOption = None,
) -> None:
    """Do now what is else done by itself, and say which report it made."""
    if client := running_client(controller):
        row = _run_there(client, name)
    else:
        row = _run_here(name, folder)
    if row["outcome"] != "done":
        say(f"{name}: {row['outcome']}")
        raise typer.Exit(Exit.ERROR)
    say(_DONE.get(name, f"{name} is done; read it with 'sanaga report {name}'"))


def _run_here(name: str, folder: Path) -> dict[str, Any]:
    from controller.clock import SystemClock

    with local_reports(folder) as desk:
        done = desk.runner.run(name, SystemClock().instant())
    return {"outcome": done.outcome}


def _run_there(client: "ApiClient", name: str) -> dict[str, Any]:
    """Have a running controller do it, and wait until that has ended."""
    from controller.clock import SystemClock, eventually
    from controller.transport.api_client import segment

    began = client.send("POST", f"/schedules/{segment(name)}/runs")["began_at"]
    row: dict[str, Any] = {"outcome": "it has not ended yet; 'sanaga schedule list' tells"}

    def ended() -> bool:
        found = next(one for one in client.all("/schedules") if one["name"] == name)
        over = found["began_at"] is not None and found["began_at"] >= began and found["outcome"]
        row.update(found if over else {})
        return bool(over)

    clock = SystemClock()
    eventually(ended, deadline=clock.now() + _WITHIN_S, poll_s=_LOOK_S, clock=clock)
    return row


def _row(one: "Standing") -> dict[str, Any]:
    from controller.api.instants import rfc3339

    last = one.last
    return {
        "name": one.name,
        "next_at": rfc3339(one.next_s),
        "last_due_at": rfc3339(last.due_s) if last else None,
        "ended_at": rfc3339(last.ended_s) if last else None,
        "outcome": last.outcome if last else "",
        "report": last.report if last else "",
    }
