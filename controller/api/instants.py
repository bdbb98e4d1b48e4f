"""Instants as the API writes them (RFC 3339)."""

from datetime import UTC, datetime
from typing import overload


@overload
def rfc3339(at_s: float) -> str: ...
@overload
def rfc3339(at_s: None) -> None: ...
@overload
def rfc3339(at_s: float | None) -> str | None: ...
def rfc3339(at_s: float | None) -> str | None:
    """Return an instant in UTC, to the second."""
    if at_s is None:
        return None
    text = datetime.fromtimestamp(at_s, tz=UTC).isoformat(timespec="seconds")
    return text.replace("+00:00", "Z")
