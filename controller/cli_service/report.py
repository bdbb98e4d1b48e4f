"""sanaga report: preventive maintenance and availability, from the controller or its records."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from controller.app import local_reports, running_client
from controller.incidents.sentences import Language
from controller.report_formats.formats import ReportFormat
from controller.terminal.controllers import ControllerOption
from controller.terminal.folders import FolderOption
from controller.terminal.output import UsageProblem, say, write, write_octets

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Reports of availability and of preventive maintenance, as a page, PDF or table.",
)
FormatChoice: TypeAlias = Annotated[
    ReportFormat, typer.Option("--output", "-o", help="How to write the report.")
]
OutOption: TypeAlias = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write it into a file.")
]
LanguageOption: TypeAlias = Annotated[
    Language, typer.Option("--language", "-l", help="Language of its texts.")
]


@app.command(epilog="Example: sanaga report availability --month 2026-11 -o pdf --out november.pdf")
def availability(
    month: Annotated[
        str | None,
        typer.Option("--month", metavar="YYYY-MM", help="The month; this one unless named."),
    ] = None,
    output: FormatChoice = ReportFormat.TABLE,
    out: OutOption = None,
    language: LanguageOption = Language.ENGLISH,
    folder: FolderOption = Path(),
    controller: ControllerOption = None,
) -> None:
    """Show how long sites and regions were available in a month, and what is not known of it."""
    name = f"availability-{_checked(month)}"
    _show(name, output, out, language, folder, controller)


@app.command(epilog="Example: sanaga report maintenance -o html --out week.html")
def maintenance(
    output: FormatChoice = ReportFormat.TABLE,
    out: OutOption = None,
    language: LanguageOption = Language.ENGLISH,
    folder: FolderOption = Path(),
    controller: ControllerOption = None,
) -> None:
    """Show the newest report of preventive maintenance: what to do, and what is not known."""
    _show("maintenance-newest", output, out, language, folder, controller)


def _show(
    name: str,
    output: ReportFormat,
    out: Path | None,
    language: Language,
    folder: Path,
    controller: str | None,
) -> None:
    if client := running_client(controller):
        content = client.content(f"/reports/{name}", format=output.value, language=language.value)
    else:
        content = _local(name, output, language, folder)
    _hand_over(content, output, out)


def _local(name: str, output: ReportFormat, language: Language, folder: Path) -> bytes:
    """Return a report from the records of this machine, where no controller runs."""
    from controller.report_formats.formats import write_report

    with local_reports(folder) as desk:
        newest = name == "maintenance-newest"
        report = desk.newest_maintenance() if newest else desk.read(name)
        return write_report(report, output, language)


def _hand_over(content: bytes, output: ReportFormat, out: Path | None) -> None:
    if out is not None:
        from inventory.output_file import replace_file

        replace_file(out, content)
        say(f"written to {out}")
    elif output is ReportFormat.PDF:
        write_octets(content)
    else:
        write(content.decode())


def _checked(month: str | None) -> str:
    from controller.clock import SystemClock
    from controller.timetable.wall_time import DOUALA, month_bounds, month_of

    if month is None:
        return month_of(SystemClock().instant(), DOUALA)
    try:
        month_bounds(month, DOUALA)
    except ValueError:
        raise UsageProblem(f"--month: '{month}' is no month; write one like 2026-11") from None
    return month
