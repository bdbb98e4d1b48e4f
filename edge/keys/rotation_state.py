"""Which keys tunnels have while they move, as rotation.json remembers it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge.policy import canonical
from edge.storage import atomic
from edge.wireguard.active_keys import InterfaceName
from inventory.model import DeviceName
from vpn.key_text import PublicKey

FILE: Final = "rotation.json"


@dataclass(frozen=True, slots=True)
class PendingKey:
    """What a tunnel had before a key that nobody has answered yet, and who must answer.

    Nobody must where nobody was alive: there both keys are tried until anybody answers.
    """

    before: PublicKey
    asked: frozenset[DeviceName]
    since_s: float


@dataclass(frozen=True, slots=True)
class RotationState:
    """Our own key by interface, a peer's by interface and device, and what is not proved yet."""

    own: Mapping[InterfaceName, PublicKey] = field(default_factory=dict)
    far: Mapping[tuple[InterfaceName, DeviceName], PublicKey] = field(default_factory=dict)
    unproved: Mapping[InterfaceName, PendingKey] = field(default_factory=dict)


def load_rotation(folder: Path, now_s: float) -> RotationState:
    """Return what was written down, as of now; nothing when it is torn. Raises OSError."""
    record = atomic.read_record(folder / FILE) or {}
    try:
        return RotationState(
            {str(name): str(key) for name, key in record.get("own", {}).items() if key},
            {(str(name), str(device)): str(key) for name, device, key in record.get("far", ())},
            {
                str(name): PendingKey(str(before), frozenset(map(str, asked)), now_s)
                for name, before, asked in record.get("unproved", ())
            },
        )
    except (AttributeError, TypeError, ValueError):
        return RotationState()


def save_rotation(folder: Path, moves: RotationState) -> None:
    """Write down which keys tunnels have. Raises OSError."""
    record = {
        "own": dict(moves.own),
        "far": [[name, device, key] for (name, device), key in moves.far.items()],
        "unproved": [[n, one.before, sorted(one.asked)] for n, one in moves.unproved.items()],
    }
    atomic.replace(folder / FILE, canonical.canonical_json(record))
