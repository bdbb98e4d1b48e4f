"""The signed list of revoked keys as it lies in the state folder, for whoever speaks to an edge."""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE: Final = "revoked.json"


@dataclass(frozen=True, slots=True)
class Published:
    """A list in its envelope; serial is 0 where there is none."""

    serial: int = 0
    envelope: str = ""


def published(state_dir: Path) -> Published:
    """Return the list that was signed last."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        envelope = (state_dir / FILE).read_text(encoding="utf-8")
        return Published(int(json.loads(envelope)["serial"]), envelope)
    return Published()
