"""How the verbs of an edge print: data on stdout, everything else on stderr."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

from edge.cli.declare import Option
from inventory.text_table import aligned, cell


class Format(StrEnum):
    """How data is printed; YAML is written as JSON, which is YAML, too."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


FormatOption: TypeAlias = Annotated[
    Format, Option("--output", "-o", help="How to print the answer.")
]
DirOption: TypeAlias = Annotated[
    Path | None,
    Option(
        "--dir",
        metavar="DIR",
        help="The edge's folder; SANAGA_EDGE_DIR, or /var/lib/sanaga/edge, if not said.",
    ),
]
Row: TypeAlias = Mapping[str, object]


def folder(directory: Path | None) -> Path:
    """Return the edge's folder: as said, or by the environment."""
    if directory is not None:
        return directory.absolute()
    from edge.settings import read_settings

    return read_settings().dir


def say(message: str) -> None:
    """Print a message for a person."""
    print(message, file=sys.stderr)


def write(text: str) -> None:
    """Print data."""
    print(text, flush=True)


def emit(data: object, form: Format, show: Callable[[], None]) -> None:
    """Print data as a person or a program wants it."""
    if form is not Format.TABLE:
        write(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        show()


def show_rows(rows: Sequence[Row], headings: Mapping[str, str]) -> None:
    """Print a table whose lines are never cut, the headings bold on a terminal."""
    lines = [[*headings.values()], *([cell(row.get(key)) for key in headings] for row in rows)]
    text = aligned(lines)
    if not sys.stdout.isatty():
        write(text)
        return
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        write(text)
        return
    console = Console(highlight=False, soft_wrap=True)
    for number, line in enumerate(text.split("\n")):
        console.print(line, style=None if number else "bold", markup=False)
