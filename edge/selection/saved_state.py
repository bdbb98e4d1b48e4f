"""What a daemon must remember over its own end and the machine's: decisions and their times.

Times in memories are monotonic and start again with every boot; they are moved so that what was
ten seconds ago when the machine went down is that plus the time it was down.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from edge.clock import Moment
from edge.policy.model import ClassKey
from edge.storage import atomic
from policies.path_selection.decide import Memory, Standing

FILE: Final = "state.json"
_VERSION: Final = 1
# A clock that was set years wrong must not make memories unreadable.
_LONGEST_DOWN_S: Final = 10 * 365 * 86_400.0


def save_state(folder: Path, memories: Mapping[ClassKey, Memory], now: Moment) -> None:
    """Write memories down. Raises OSError."""
    kept = [
        {"peer": peer, "service": service, "memory": asdict(memory)}
        for (peer, service), memory in sorted(memories.items())
    ]
    state = {
        "version": _VERSION,
        "boot": now.boot,
        "monotonic_s": now.monotonic_s,
        "unix_s": now.unix_s,
        "memories": kept,
    }
    atomic.replace(folder / FILE, json.dumps(state) + "\n")


def load_state(folder: Path, now: Moment) -> Mapping[ClassKey, Memory]:
    """Return what was kept, with its times moved to this boot's clock; nothing when it is torn.

    Raises OSError.
    """
    state = atomic.read_record(folder / FILE)
    if state is None or state.get("version") != _VERSION:
        return {}
    try:
        by_s = shift_s(state, now)
        return {
            (str(kept["peer"]), str(kept["service"])): _begun(
                shifted(_memory(kept["memory"]), by_s), now, rebooted=state["boot"] != now.boot
            )
            for kept in state["memories"]
        }
    except (KeyError, TypeError, ValueError):
        return {}


def _begun(memory: Memory, now: Moment, *, rebooted: bool) -> Memory:
    """Return a memory that chooses again where nothing failed: paths come up one by one."""
    return replace(memory, began_s=now.monotonic_s) if rebooted else memory


def _memory(kept: Mapping[str, Any]) -> Memory:
    return Memory(
        path=kept["path"],
        second=kept["second"],
        moves=tuple(map(float, kept["moves"])),
        left=tuple(kept["left"]),
        standings=tuple(Standing(**standing) for standing in kept["standings"]),
        least_bad=bool(kept["least_bad"]),
        began_s=_optional_s(kept, "began_s"),
        path_since_s=_optional_s(kept, "path_since_s"),
        second_since_s=_optional_s(kept, "second_since_s"),
    )


def _optional_s(kept: Mapping[str, Any], name: str) -> float | None:
    """Return a time that former releases did not write down, and that may not be known."""
    return None if kept.get(name) is None else float(kept[name])


def shift_s(state: Mapping[str, Any], now: Moment) -> float:
    """Return what to add to kept monotonic times so that they are on this boot's clock."""
    if state["boot"] == now.boot:
        return 0.0
    down_s = min(max(0.0, now.unix_s - float(state["unix_s"])), _LONGEST_DOWN_S)
    return now.monotonic_s - down_s - float(state["monotonic_s"])


def shifted(memory: Memory, by_s: float) -> Memory:
    """Return a memory whose times are later by that much."""
    standings = tuple(
        replace(
            standing,
            keeps_since_s=standing.keeps_since_s + by_s,
            well_since_s=standing.well_since_s + by_s,
        )
        for standing in memory.standings
    )
    moves = tuple(at_s + by_s for at_s in memory.moves)
    began_s = _later(memory.began_s, by_s)
    path_since_s = _later(memory.path_since_s, by_s)
    second_since_s = _later(memory.second_since_s, by_s)
    return replace(
        memory,
        moves=moves,
        standings=standings,
        began_s=began_s,
        path_since_s=path_since_s,
        second_since_s=second_since_s,
    )


def _later(at_s: float | None, by_s: float) -> float | None:
    return None if at_s is None else at_s + by_s
