"""Entries that belong to no incident: the beat for another machine and the daily all-clear."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from controller.channels.message import MessageKind
from controller.notices.model import AllClear, Beat
from controller.notices.wall_time import instant_of

# After a longer absence the all-clear of the morning says nothing.
_LATEST_S: Final = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """An entry that notices write into the outbox themselves, once for each key."""

    kind: MessageKind
    dedup_key: str
    payload: dict[str, object]


def beat_entry(beat: Beat, now_s: float) -> OwnEntry:
    """Return the beat of this moment; beats that were missed are not made up for."""
    number = int(now_s // beat.every_s)
    payload: dict[str, object] = {
        "title": "sanaga is alive",
        "cause": "SanagaBeat",
        "sequence": number,
        "opened_s": now_s,
        "every_s": beat.every_s,
    }
    return OwnEntry(MessageKind.BEAT, f"beat:{number}", payload)


def all_clear_entry(plan: AllClear, open_incidents: int, now_s: float) -> OwnEntry | None:
    """Return the all-clear of today, None before its time and long after it."""
    zone = ZoneInfo(plan.zone)
    today = datetime.fromtimestamp(now_s, UTC).astimezone(zone).date()
    late_s = now_s - instant_of(today, plan.at, zone).timestamp()
    if not 0 <= late_s < _LATEST_S:
        return None
    return OwnEntry(MessageKind.ALL_CLEAR, f"all-clear:{today}", {"open": open_incidents})
