"""How verbs are told which intent folder they speak of."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from controller.cli.output import UsageProblem, say

FolderArgument: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="DIR", exists=True, file_okay=False, help="Folder of the intent's YAML documents."
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


def save(file: Path, text: str) -> None:
    """Write a file that did not exist before and say so.

    Raises UsageProblem when it exists: nothing a person wrote is overwritten.
    """
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise UsageProblem(f"{file} exists already; nothing was written to it") from error
    say(f"wrote {file}")
