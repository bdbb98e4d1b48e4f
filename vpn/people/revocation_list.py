"""Keys that nobody speaks to any more, as one list with a number."""

from dataclasses import dataclass
from datetime import datetime

from vpn.key_text import PublicKey


@dataclass(frozen=True, slots=True)
class RevocationList:
    """Public keys that a controller has withdrawn; serial grows with every list."""

    serial: int
    issued_at: datetime
    keys: tuple[PublicKey, ...]
