"""Keys that nobody speaks to any more, as one list with a number."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

PublicKey: TypeAlias = str


@dataclass(frozen=True, slots=True)
class RevocationList:
    """Public keys that a controller has withdrawn; serial grows with every list."""

    serial: int
    issued_at: datetime
    keys: tuple[PublicKey, ...]
