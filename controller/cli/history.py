"""What was applied before, and every act on every device."""

from typing import TYPE_CHECKING

import typer

from controller.app import open_journal
from controller.cli.apply import IdArgument
from controller.terminal.controllers import ControllerOption, running_controller
from controller.terminal.output import Format, FormatOption, emit, shortened, show_rows, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, TypeAlias

    from controller.operations.remote import RemoteController
    from controller.store.journal import ApplyRecord

    _Apply: TypeAlias = tuple[dict[str, object], Sequence[Mapping[str, object]]]

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command(epilog="Example: sanaga history 12 -o json")
def history(
    number: IdArgument = None,
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """List what was applied, newest first; with an ID, every act on every device."""
    remote = running_controller(controller)
    if number is None:
        rows = _remote_rows(remote) if remote else _rows()
        emit(rows, output, lambda: show_rows([_brief(row) for row in rows], _HEADINGS))
    else:
        _show_apply(*(_remote_apply(remote, number) if remote else _apply(number)), output)


_HEADINGS = {
    "id": "ID",
    "network": "NETWORK",
    "plan": "PLAN",
    "started": "STARTED",
    "finished": "FINISHED",
    "outcome": "OUTCOME",
    "because": "BECAUSE",
}
_STEP_HEADINGS = {"device": "DEVICE", "act": "ACT", "started": "STARTED", "finished": "FINISHED"}


def _rows() -> list[dict[str, object]]:
    with open_journal() as journal:
        return [_row(entry) for entry in journal.history()]


def _remote_rows(remote: "RemoteController") -> list[dict[str, object]]:
    return [_remote_row(found) for found in remote.history()]


def _row(entry: "ApplyRecord") -> dict[str, object]:
    return {
        "id": entry.id,
        "network": entry.network,
        "plan": entry.plan_id,
        "started": entry.started,
        "finished": entry.finished,
        "outcome": _outcome(entry.outcome, held=entry.held),
        "because": entry.because,
    }


def _remote_row(found: "Mapping[str, Any]") -> dict[str, object]:
    copied = {name: found[name] for name in _HEADINGS}
    return {**copied, "outcome": _outcome(found["outcome"], held=found["held"])}


def _outcome(ended: str | None, *, held: bool) -> str:
    return ended or ("waits to be confirmed" if held else "unfinished")


def _brief(row: dict[str, object]) -> dict[str, object]:
    return {**row, "because": shortened(str(row["because"]))}


def _apply(number: int) -> "_Apply":
    with open_journal() as journal:
        row, steps = _row(journal.entry(number)), journal.steps(number)
    return row, [{name: getattr(step, name) for name in _STEP_HEADINGS} for step in steps]


def _remote_apply(remote: "RemoteController", number: int) -> "_Apply":
    found = remote.apply_of(number)
    return _remote_row(found), found["steps"]


def _show_apply(
    row: dict[str, object], steps: "Sequence[Mapping[str, object]]", output: Format
) -> None:
    def show() -> None:
        write("\n".join(f"{key}: {value}" for key, value in row.items() if value))
        show_rows(steps, _STEP_HEADINGS)

    emit({**row, "steps": steps}, output, show)
