"""The record of what to take back from the kernel: undo.json, written before each change."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.dataplane.sysctls import Undo
from edge.storage import atomic

UNDO: Final = "undo.json"


@dataclass(frozen=True, slots=True)
class UndoRecord:
    """What must be known to take everything back: settings as they were, tunnels made since."""

    undo: Undo
    tunnels: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """Return the value as JSON knows it."""
        return {**self.undo.as_dict(), "tunnels": list(self.tunnels)}


def kept_of(folder: Path) -> UndoRecord:
    """Return what is to be restored and removed when everything is taken back. Raises OSError."""
    record = atomic.read_record(folder / UNDO) or {}
    settings, tunnels = record.get("settings"), record.get("tunnels")
    undo = settings if isinstance(settings, dict) else {}
    names = tunnels if isinstance(tunnels, list) else []
    return UndoRecord(
        Undo({str(name): str(value) for name, value in undo.items()}), tuple(map(str, names))
    )
