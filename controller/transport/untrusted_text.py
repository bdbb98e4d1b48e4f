"""What strangers say, made fit to be shown to a person."""

from typing import Final

_LONGEST: Final = 2000


def printable(text: str) -> str:
    """Return a device's words without anything that a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text[:_LONGEST])


def last_line(error: Exception) -> str:
    """Return the last line of an error, in which libraries repeat what the other end sent."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return printable(lines[-1]) if lines else type(error).__name__
