"""Durations as people write them: 90s, 5m, 1h, 1h30m, or a bare number of seconds."""

import re
from typing import Final

from edge.cli.declare import BadParameter

_UNITS: Final = {"h": 3600, "m": 60, "s": 1, "": 1}
_WHOLE: Final = re.compile(r"(?:[0-9]{1,6}[hms])*(?:[0-9]{1,6})?", re.ASCII)
_PART: Final = re.compile(r"([0-9]+)([hms]?)", re.ASCII)
LONGEST_S: Final = 86_400


def duration(text: str) -> int:
    """Return a duration in seconds. Raises BadParameter with examples."""
    written = text.strip().lower()
    parts = _PART.findall(written) if _WHOLE.fullmatch(written) else []
    seconds = sum(int(number) * _UNITS[unit] for number, unit in parts)
    if not 0 < seconds <= LONGEST_S:
        raise BadParameter(f"{text!r} is no time up to 24h; write it like 90s, 5m or 1h30m")
    return seconds
