"""Tables of plain text: a value as a person reads it, and columns that stand below each other."""

from collections.abc import Sequence

from inventory.free_text import CONTROL_OR_BREAK


def cell(value: object) -> str:
    """Return a value as a person reads it in a table."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return one_line(", ".join(map(str, value))) or "-"
    return one_line(str(value))


def one_line(text: str) -> str:
    """Return a text in one line, without anything that a terminal would obey."""
    return CONTROL_OR_BREAK.sub(" ", text)


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells as columns two spaces apart, for programs that split on them."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = (
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
    return "\n".join(padded)
