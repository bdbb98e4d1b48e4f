"""sanaga edge policy: look at the policy that runs, try another one, keep it or return."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from edge.cli.declare import Argument, Option, Typer
from edge.cli.durations import duration
from edge.cli.output import DirOption, Format, FormatOption, emit, folder, say, write
from inventory.errors import EdgeError

if TYPE_CHECKING:
    from collections.abc import Mapping

app = Typer(no_args_is_help=True, help="Show, try, keep and take back signed policies.")

_TRIAL: Final = "10m"


@app.command(epilog="Example: sanaga edge policy show")
def show(directory: DirOption = None, output: FormatOption = Format.TABLE) -> None:
    """Print the policy that runs, in canonical form, and whether it is on trial."""
    from edge.control import client as control

    place = folder(directory)
    text = control.request(place, "read")["config"]
    state = control.request(place, "transaction")
    if output is not Format.TABLE:
        import json

        held = json.loads(text) if text else None
        emit({"transaction": state, "policy": held}, output, lambda: None)
        return
    say(_standing(state))
    if text:
        write(text.rstrip("\n"))


def _standing(state: "Mapping[str, object]") -> str:
    if not state["serial"]:
        return f"no policy runs: {state['refused'] or 'none was loaded'}"
    said = f"policy {state['serial']} of {state['issued_at']}"
    if state["pending"]:
        return f"{said}, on trial for {state['left_s']} s more"
    return said


@app.command(epilog="Example: sudo sanaga edge policy load policy.json --confirm-within 5m")
def load(
    file: Annotated[
        Path,
        Argument(metavar="FILE", exists=True, dir_okay=False, help="A signed policy."),
    ],
    confirm_within: Annotated[
        str,
        Option(metavar="TIME", help="How long it is on trial, such as 90s, 10m or 1h."),
    ] = _TRIAL,
    keep: Annotated[bool, Option("--keep", help="Keep it at once, without a trial.")] = False,
    directory: DirOption = None,
) -> None:
    """Put a signed policy into effect, on trial; unless it is confirmed, the edge returns.

    Without a running daemon it is kept for the next start.
    """
    from uuid import uuid4

    from edge.agent import offline
    from edge.control import client as control
    from inventory.documents.text_file import read_text_file

    seconds, place, txn = duration(confirm_within), folder(directory), str(uuid4())
    text = read_text_file(file, errors="replace")
    try:
        answer = control.request(place, "stage", txn=txn, candidate=text)
    except control.NotRunningError:
        serial = offline.keep_policy(place, text, str(file))
        say(f"no edge runs; policy {serial} takes effect when it starts")
        return
    if answer["delta"]:
        write(answer["delta"])
    control.request(place, "commit", txn=txn, within_s=seconds)
    if keep:
        control.request(place, "confirm", txn=txn)
        say("the policy is in effect")
    else:
        say(
            f"the policy is on trial for {seconds} s; 'sanaga edge policy confirm' keeps it, "
            "'sanaga edge policy rollback' takes it back"
        )


@app.command(epilog="Example: sudo sanaga edge policy confirm")
def confirm(directory: DirOption = None) -> None:
    """Keep the policy that is on trial; an error when none is, as after its time has run out."""
    if not _settle(folder(directory), "confirm", "kept"):
        raise EdgeError(
            "no policy is on trial, so there is nothing to keep; 'sanaga edge policy show' says "
            "which one runs"
        )


@app.command(epilog="Example: sudo sanaga edge policy rollback")
def rollback(directory: DirOption = None) -> None:
    """Return to the policy that was confirmed last; nothing happens when it runs."""
    if not _settle(folder(directory), "rollback", "taken back"):
        say("no policy is on trial; nothing changed")


def _settle(place: Path, verb: str, done: str) -> bool:
    """Settle the trial, and return whether there was one."""
    from edge.control import client as control

    txn = control.request(place, "transaction")["pending"]
    if txn:
        control.request(place, verb, txn=txn)
        say(f"the policy on trial is {done}")
    return bool(txn)
