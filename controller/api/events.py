"""Ring of the newest events, encoded once for all streams; a stream keeps only its position."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from controller.leadership.stream import StreamEvent

# Ten minutes of ten events a second.
REMEMBERED: Final = 6_000


@dataclass(frozen=True, slots=True)
class Event:
    """One event; frame is its text in the stream, sites are those it is about.

    An event about no site concerns everyone who may open the stream. One that is whole concerns
    only those who see all of its sites.
    """

    sequence: int
    kind: str
    frame: bytes
    sites: frozenset[str]
    whole: bool = False


CanSee: TypeAlias = Callable[[Event], bool]


@dataclass(frozen=True, slots=True)
class Missed:
    """What a stream has not sent yet; overrun if older events are gone."""

    events: tuple[Event, ...]
    newest: int
    overrun: bool


class EventRing:
    """Newest events in the order of their numbers; used from one event loop.

    epoch names the stream: a position of another one means nothing here.
    """

    def __init__(self, epoch: str, remembered: int = REMEMBERED) -> None:
        self.epoch = epoch
        self.newest = 0
        self._events: deque[Event] = deque(maxlen=remembered)
        self._news = asyncio.Event()

    def publish(
        self,
        kind: str,
        data: Mapping[str, Any],
        sites: Collection[str] = (),
        *,
        whole: bool = False,
    ) -> Event:
        """Append an event and wake every stream."""
        self.newest += 1
        frame = encode_event(kind, data, self.event_id(self.newest))
        event = Event(self.newest, kind, frame, frozenset(sites), whole)
        self._events.append(event)
        self._news.set()
        self._news = asyncio.Event()
        return event

    def follow(self, number: int, event: StreamEvent) -> None:
        """Append an event that the database numbered; after a gap nothing older is known."""
        if number <= self.newest:
            return
        if number != self.newest + 1:
            self._events.clear()
        self.newest = number - 1
        self.publish(event.kind, event.body, event.sites, whole=event.whole)

    def event_id(self, sequence: int) -> str:
        """Return what a client sends back to resume after an event."""
        return f"{self.epoch}-{sequence}"

    def position(self, event_id: str | None) -> int | None:
        """Return the number that an id stands for; None for an id of another run, or none."""
        epoch, _, number = (event_id or "").rpartition("-")
        if epoch != self.epoch or not (number.isascii() and number.isdecimal()):
            return None
        return int(number) if int(number) <= self.newest else None

    def since(self, position: int) -> Missed:
        """Return the events after a position."""
        missing = self.newest - position
        overrun = missing > len(self._events)
        events = () if overrun else tuple(self._events)[len(self._events) - missing :]
        return Missed(events, self.newest, overrun)

    async def wait(self, within_s: float) -> bool:
        """Wait for the next event; return whether there was one in time."""
        try:
            await asyncio.wait_for(self._news.wait(), within_s)
        except TimeoutError:
            return False
        return True


def encode_event(kind: str, data: Mapping[str, Any], event_id: str = "") -> bytes:
    """Return a server-sent event (WHATWG HTML, section 9.2); its data is one line of JSON."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    number = f"id: {event_id}\n" if event_id else ""
    return f"event: {kind}\n{number}data: {text}\n\n".encode()
