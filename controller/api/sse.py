"""Streams of events over HTTP: beats, resuming, and an end for clients that do not read.

A beat carries the server's time and the newest number, so that a client knows when it is stale.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from controller.api.events import CanSee, EventRing, encode_event

BEAT_S: Final = 5.0
# A client that takes nothing for this long is dropped.
SEND_WITHIN_S: Final = 20.0
# ASGI extension under which our server protocol offers to abort the connection.
ABORT: Final = "sanaga.abort"
_HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    # Proxies (nginx) would otherwise wait until a buffer is full.
    (b"x-accel-buffering", b"no"),
)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a stream; still_allowed, which may take long, is asked once in a beat."""

    can_see: CanSee
    still_allowed: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class EventStream:
    """ASGI response that sends what follows a position of the ring, for as long as it is read.

    Without a position the stream begins with "resync": the client then reads the present state.
    """

    ring: EventRing
    reader: Reader
    position: int | None
    now: Callable[[], float]
    beat_s: float = BEAT_S
    send_within_s: float = SEND_WITHIN_S

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the client goes, does not read, or may no longer."""
        start = {"type": "http.response.start", "status": 200, "headers": list(_HEADERS)}
        await send(start)
        sending = asyncio.ensure_future(self._send_all(scope, send))
        leaving = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send_all(self, scope: Scope, send: Send) -> None:
        try:
            async for frame in self._frames():
                body = {"type": "http.response.body", "body": frame, "more_body": True}
                await asyncio.wait_for(send(body), self.send_within_s)
        except TimeoutError:
            _abort(scope)
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _frames(self) -> AsyncIterator[bytes]:
        ring = self.ring
        place = ring.newest if self.position is None else self.position
        if self.position is None:
            yield self._resync()
        now = asyncio.get_running_loop().time
        asked_s = now()
        while True:
            if now() - asked_s >= self.beat_s:
                if not await asyncio.to_thread(self.reader.still_allowed):
                    break
                asked_s = now()
            missed = ring.since(place)
            place = missed.newest
            frames = [event.frame for event in missed.events if self.reader.can_see(event)]
            if missed.overrun:
                frames.append(self._resync())
            if frames:
                yield b"".join(frames)
            elif not await ring.wait(self.beat_s):
                yield self._beat()
        yield encode_event("signed-out", {})

    def _resync(self) -> bytes:
        state = {"server_time": self.now(), "sequence": self.ring.newest}
        return encode_event("resync", state, self.ring.event_id(self.ring.newest))

    def _beat(self) -> bytes:
        return encode_event("beat", {"server_time": self.now(), "sequence": self.ring.newest})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _abort(scope: Scope) -> None:
    abort: Any = scope.get("extensions", {}).get(ABORT, {}).get("call")
    if abort:
        abort()
