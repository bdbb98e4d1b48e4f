"""How verbs are told which intent folder they speak of."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from controller.terminal.output import UsageProblem, say
from inventory.output_file import create_file

PlaceArgument: TypeAlias = Annotated[
    Path | None,
    typer.Argument(
        metavar="DIR",
        exists=True,
        file_okay=False,
        show_default=False,
        help="Folder of the intent's YAML documents, as with --dir.",
    ),
]
FolderOption: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--dir",
        "-d",
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Folder of the intent's YAML documents.",
    ),
]


def named(place: Path | None, folder: Path) -> Path:
    """Return the folder that a person named, as an argument or with --dir.

    Raises UsageProblem when both say something, and not the same.
    """
    if place is not None and folder != Path() and not folder.samefile(place):
        raise UsageProblem(f"two folders are named, {place} and {folder}; name one")
    return folder if place is None else place


def save(file: Path, text: str) -> None:
    """Write a file that did not exist before, whole or not at all, and say so.

    Raises UsageProblem when it exists: nothing a person wrote is overwritten.
    """
    try:
        create_file(file, text.encode())
    except FileExistsError as error:
        raise UsageProblem(f"{file} exists already; nothing was written to it") from error
    say(f"wrote {file}")
