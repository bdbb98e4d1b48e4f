"""What was applied before, and every act on every device."""

from typing import TYPE_CHECKING

import typer

from controller.app import open_journal
from controller.cli.apply import IdArgument
from controller.terminal.output import Format, FormatOption, emit, shortened, show_rows, write

if TYPE_CHECKING:
    from controller.store.journal import ApplyRecord, Journal

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command(epilog="Example: sanaga history 12 -o json")
def history(number: IdArgument = None, output: FormatOption = Format.TABLE) -> None:
    """List what was applied, newest first; with an ID, every act on every device."""
    with open_journal() as journal:
        if number is None:
            rows = [_row(entry) for entry in journal.history()]
            emit(rows, output, lambda: show_rows([_brief(row) for row in rows], _HEADINGS))
        else:
            _show_apply(journal, number, output)


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


def _row(entry: "ApplyRecord") -> dict[str, object]:
    return {
        "id": entry.id,
        "network": entry.network,
        "plan": entry.plan_id,
        "started": entry.started,
        "finished": entry.finished,
        "outcome": entry.outcome or ("waits to be confirmed" if entry.held else "unfinished"),
        "because": entry.because,
    }


def _brief(row: dict[str, object]) -> dict[str, object]:
    return {**row, "because": shortened(str(row["because"]))}


def _show_apply(journal: "Journal", number: int, output: Format) -> None:
    row = _row(journal.entry(number))
    steps = [
        {
            "device": step.device,
            "act": step.act,
            "started": step.started,
            "finished": step.finished,
        }
        for step in journal.steps(number)
    ]

    def show() -> None:
        write("\n".join(f"{key}: {value}" for key, value in row.items() if value))
        show_rows(steps, _STEP_HEADINGS)

    emit({**row, "steps": steps}, output, show)
