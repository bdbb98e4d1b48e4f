"""Durations as people write them: 90s, 5m, 1h, 1h30m, or a bare number of seconds."""

import re
from typing import Final

import typer

_PARTS: Final = re.compile(r"(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", re.ASCII)


def seconds(text: str) -> int:
    """Return a duration in seconds.

    Raises BadParameter with examples.
    """
    match = _PARTS.fullmatch(text.strip().lower())
    if not match:
        raise typer.BadParameter(f"{text!r} is not a duration; write it like 90s, 5m or 1h30m")
    hours, minutes, rest = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + rest


def spoken(number: int) -> str:
    """Return seconds as a duration in the shortest such form."""
    hours, rest = divmod(number, 3600)
    minutes, left = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "m"), (left, "s"))
    return "".join(f"{amount}{unit}" for amount, unit in parts if amount) or "0s"
