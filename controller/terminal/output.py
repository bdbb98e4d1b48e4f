"""How answers and messages are printed: data on stdout, everything else on stderr."""

import json
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum, IntEnum, StrEnum
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeAlias

import typer

from controller.terminal.characters import can_write
from inventory.free_text import CONTROL
from inventory.text_table import aligned, cell

if TYPE_CHECKING:
    from rich.console import Console


class Exit(IntEnum):
    """What the exit code of every verb means."""

    DONE = 0
    ERROR = 1
    CHANGES = 2
    ROLLED_BACK = 3
    UNREACHABLE = 4
    DIFFERS = 5
    USAGE = 64
    INTERRUPTED = 130
    CLOSED = 141


class Format(StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


FormatOption: TypeAlias = Annotated[
    Format, typer.Option("--output", "-o", help="How to print the answer.")
]
Row: TypeAlias = Mapping[str, object]


class OutputClosedError(Exception):
    """Whoever read our output has gone away, as 'head' does."""


class UsageProblem(Exception):  # noqa: N818 - it is the person's slip, not an error of the network
    """The command line asks for something that makes no sense; the text says what would."""


def watched() -> bool:
    """Return whether a person can see messages and answer questions."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def agree(harm: str, question: str) -> None:
    """Ask a person before harm is done; a no ends the verb.

    Raises UsageProblem when nobody can be asked.
    """
    if not watched():
        raise UsageProblem(f"{harm}, and nobody can be asked; say --yes")
    typer.confirm(question, abort=True, err=True)


def heed_hangups() -> None:
    """Let a terminal that is closed, or a kill, end the verb as Ctrl-C does.

    They often come together, or twice, so only the first counts; what is ignored (nohup) stays so.
    """
    for number in _heeded():
        signal.signal(number, _hang_up)


def _heeded() -> list[signal.Signals]:
    numbers = (signal.SIGHUP, signal.SIGTERM)
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]


def _hang_up(*_: object) -> NoReturn:
    for number in _heeded():
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def progress_wanted() -> bool:
    """Return whether progress bars would be seen by a person."""
    return sys.stderr.isatty()


def stderr() -> "Console":
    """Return the console for messages and progress."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(message: str) -> None:
    """Print a message to the person, not to the program that reads our data."""
    print(message, file=sys.stderr, flush=True)


def say_lines(messages: Iterable[str]) -> None:
    """Print messages to the person, each as soon as there is one."""
    for message in messages:
        say(message)


def write(text: str) -> None:
    """Print data as it is.

    Raises OutputClosedError when the reader has gone.
    """
    try:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise OutputClosedError from error


def write_octets(content: bytes) -> None:
    """Print data that is no text, but never on a terminal.

    Raises UsageProblem for a terminal, OutputClosedError when the reader has gone.
    """
    if sys.stdout.isatty():
        raise UsageProblem("this format is no text; name a file with --out FILE")
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        raise OutputClosedError from error


def emit(data: object, form: Format, show: Callable[[], None]) -> None:
    """Print data as JSON or YAML; for a person, let show print it."""
    if form is Format.TABLE:
        show()
    elif form is Format.JSON:
        # What the encoding of the output lacks, and what a terminal obeys, is escaped.
        text = json.dumps(plain(data), ensure_ascii=False, indent=2)
        write(text if _may_write(text) else json.dumps(plain(data), indent=2))
    else:
        import yaml

        text = yaml.safe_dump(plain(data), allow_unicode=True, sort_keys=False)
        write(text if _may_write(text) else yaml.safe_dump(plain(data), sort_keys=False))


def _may_write(text: str) -> bool:
    return can_write(text) and not CONTROL.search(text)


def emit_rows(rows: Sequence[Row], form: Format, headings: Mapping[str, str]) -> None:
    """Print rows; headings names the columns a person sees, in order."""
    emit(rows, form, lambda: show_rows(rows, headings))


def show_rows(rows: Sequence[Row], headings: Mapping[str, str]) -> None:
    """Print a table whose lines are never cut, the headings bold on a terminal."""
    cells = [[cell(row.get(key)) for key in headings] for row in rows]
    head, _, lines = aligned([list(headings.values()), *cells]).partition("\n")
    show([(head, "bold"), (lines, "")] if lines else [(head, "bold")])


def show(lines: Iterable[tuple[str, str]]) -> None:
    """Print lines for a person, each in a style of rich's, coloured only on a terminal.

    Raises OutputClosedError when the reader has gone.
    """
    if not sys.stdout.isatty():
        if text := "\n".join(line for line, _ in lines):
            write(text)
        return
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    for line, style in lines:
        console.print(line, style=style or None, markup=False)


def plain(value: object) -> object:
    """Return a value as JSON knows it: dataclasses by field, enums by value, the rest as text."""
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        items = [plain(item) for item in value]
        return sorted(items, key=str) if isinstance(value, (set, frozenset)) else items
    return str(value)


def shortened(reason: str) -> str:
    """Return the first part of a reason; a router can refuse in twenty lines."""
    head, more, _ = reason.partition("; ")
    return f"{head}; ..." if more else head
