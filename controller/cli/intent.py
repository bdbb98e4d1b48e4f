"""Writing an intent folder to begin with, and checking one."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.terminal.folders import FolderOption, PlaceArgument, named
from controller.terminal.output import (
    Exit,
    Format,
    FormatOption,
    UsageProblem,
    emit,
    say,
    say_lines,
    write,
)
from controller.terminal.sentences import cut_off
from controller.wording import count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.load import Loaded
    from inventory.errors import Fault

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="markdown")


@app.command(epilog="Example: sanaga init my-network --example northern-spur")
def init(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", file_okay=False, help="Folder to write; new or empty."),
    ],
    national: Annotated[
        bool, typer.Option("--national", help="The whole country: 429 sites in four levels.")
    ] = False,
    example: Annotated[
        str | None,
        typer.Option("--example", metavar="NAME", help="A small network, such as northern-spur."),
    ] = None,
) -> None:
    """Write an intent folder to edit."""
    if national == (example is not None):
        raise UsageProblem("say which intent to write: --national or --example northern-spur")
    if national:
        from inventory.country.intent_folder import write_national

        write_national(folder)
    else:
        from inventory.country.examples import write_example

        write_example(folder, str(example))
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        write(str(file))
    say(f"next: sanaga validate {folder}")


@app.command(epilog="Example: sanaga validate my-network")
def validate(
    place: PlaceArgument = None,
    folder: FolderOption = Path(),
    output: FormatOption = Format.TABLE,
) -> None:
    """Check an intent folder and list all of its faults at once."""
    from controller.load import load
    from inventory.errors import IntentError

    folder = named(place, folder)
    try:
        loaded = load(folder)
    except IntentError as error:
        faults = error.faults
        data = {"valid": False, "faults": [_fault(fault) for fault in faults]}
        emit(data, output, lambda: write("\n".join(map(str, faults))))
        say(f"{folder}: {count(len(faults), 'fault')}")
        raise typer.Exit(Exit.ERROR) from None
    numbers, off, notices = _numbers(loaded), _cut_off(loaded), _notices(loaded)
    emit(
        {"valid": True, "faults": [], "counts": numbers, "cut_off": off, "notices": notices},
        output,
        lambda: write(f"{_summary(loaded, numbers)}: valid"),
    )
    say_lines(cut_off(off))
    say_lines(f"mind: {text}" for text in notices)


def _notices(loaded: "Loaded") -> tuple[str, ...]:
    from controller.planning.from_folder import folder_notices

    return folder_notices(loaded)


def _cut_off(loaded: "Loaded") -> "Mapping[str, str]":
    from topology.build import build_topology
    from topology.failures.cut_off import cut_off_sites

    return cut_off_sites(build_topology(loaded.intent), loaded.intent)


def _fault(fault: "Fault") -> dict[str, object]:
    where = fault.where
    return {
        "file": where.file,
        "line": where.line,
        "column": where.column,
        "what": fault.what,
        "hint": fault.hint,
    }


def _numbers(loaded: "Loaded") -> dict[str, int]:
    intent = loaded.intent
    return {
        "sites": len(intent.sites),
        "devices": len(intent.devices),
        "circuits": len(intent.circuits),
        "zones": len(intent.zones),
        "expectations": len(loaded.policies.expectations),
    }


def _summary(loaded: "Loaded", numbers: dict[str, int]) -> str:
    """Return the numbers in words; each site is one switch of the hierarchy."""
    from inventory.model import PARENT_LEVEL

    of_level = Counter(site.level for site in loaded.intent.sites.values())
    levels = ", ".join(f"{of_level[level]:,} {level}" for level in PARENT_LEVEL)
    switches = "switch of the hierarchy", "switches of the hierarchy"
    others = {noun: number for noun, number in numbers.items() if noun != "sites"}
    rest = ", ".join(count(number, noun[:-1]) for noun, number in others.items())
    return f"{count(numbers['sites'], *switches)} ({levels}); {rest}"
