"""sanaga noc handover: what the next shift of the NOC must know."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from controller.app import open_controller
from controller.terminal.controllers import ControllerOption
from controller.terminal.output import Format, FormatOption, emit, show_rows, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_OPEN: Final = {
    "number": "NO",
    "severity": "SEVERITY",
    "state": "STATE",
    "title": "TITLE",
    "owner": "WHOSE",
    "muted_until": "MUTED UNTIL",
    "lacks": "TO DO",
    "last": "LAST WORD",
}
_ENDED: Final = {"number": "NO", "title": "TITLE", "opened_at": "OPENED", "ended_at": "ENDED"}
_WINDOWS: Final = {
    "name": "NAME",
    "subjects": "WHAT",
    "opens_at": "OPENS",
    "closes_at": "CLOSES",
    "reason": "REASON",
    "by": "BY",
}
_CALLS: Final = {
    "name": "ID",
    "state": "STATE",
    "sites": "SITES",
    "begins_at": "FROM",
    "ends_at": "UNTIL",
}


def handover(
    hours: Annotated[
        int,
        typer.Option("--hours", metavar="N", min=1, max=72, help="How far to look back and ahead."),
    ] = 12,
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Say what the next shift must know: open incidents and whose they are, windows, calls."""
    found = open_controller(controller).get("/handover", hours=hours)
    emit(found, output, lambda: _show(found))


def _show(found: "Mapping[str, Any]") -> None:
    write(f"{found['at']}: {found['sentence']}")
    _part("open incidents", [_open(one) for one in found["open"]], _OPEN)
    _part(f"ended in the last {found['hours']} h", found["ended"], _ENDED)
    _part("maintenance windows", [_window(one) for one in found["windows"]], _WINDOWS)
    _part("consultations", found["consultations"], _CALLS)


def _part(heading: str, rows: "Sequence[Mapping[str, Any]]", columns: "Mapping[str, str]") -> None:
    if rows:
        write(f"\n{heading}:")
        show_rows(rows, columns)


def _open(one: "Mapping[str, Any]") -> dict[str, Any]:
    act = one["last_act"]
    last = f"{act['at']} {act['by']}: {act['sentence']}" if act else ""
    return {**one, "owner": one["assigned_to"] or one["acknowledged_by"], "last": last}


def _window(one: "Mapping[str, Any]") -> dict[str, Any]:
    return {**one, "subjects": [subject["name"] for subject in one["subjects"]]}
