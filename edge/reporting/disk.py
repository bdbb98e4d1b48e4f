"""The spool in a thread of its own, so that no disk keeps a test packet waiting."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final, TypeVar

from edge.clock import Moment
from edge.reporting.records import Record
from edge.reporting.spool import Spool, SpoolState
from edge.telemetry import frames
from edge.telemetry.frames import FrameError
from edge.telemetry.model import TelemetryMessage

T = TypeVar("T")

# What is not sent for so long is history, and makes no notices.
FRESH_S: Final = 90.0
_REMEMBERED: Final = 256


class SpoolThread:
    """A spool, and when its last messages were made; spool itself is for the thread alone."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="telemetry")
        self._made: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)

    async def run(self, work: Callable[[Spool], T]) -> T:
        """Return what work makes of the spool."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, self._spool)

    async def open(self) -> None:
        """Read what is on the disk."""
        await self.run(Spool.open)

    async def append(
        self, message: TelemetryMessage, span_s: int, now: Moment, *, sent: bool
    ) -> int:
        """Give a message the next number and keep it; sent says that it is sent at once."""
        number = await self.run(lambda spool: _append(spool, message, span_s, sent=sent))
        self._made.append((number, now.monotonic_s))
        return number

    async def to_send(self, after: int, most: int) -> tuple[Record, ...]:
        """Return the next records to send, noted as sent."""
        return await self.run(lambda spool: _to_send(spool, after, most))

    async def state(self) -> SpoolState:
        """Return how much waits."""
        return await self.run(Spool.state)

    def is_fresh(self, number: int, now: Moment) -> bool:
        """Return whether a message was made so lately that it is news."""
        return any(
            made == number and now.monotonic_s - at_s <= FRESH_S for made, at_s in self._made
        )

    async def begin_again(self) -> int:
        """Become another spool and return its last number; what it holds is no news any more."""
        self._made.clear()
        await self.run(Spool.begin_again)
        return await self.run(lambda spool: spool.next_number - 1)

    def close(self) -> None:
        """Finish what is under way and end the thread."""
        self._pool.shutdown()


def _append(spool: Spool, message: TelemetryMessage, span_s: int, *, sent: bool) -> int:
    number = spool.next_number
    frame = frames.encode(replace(message, sequence=number))
    untrusted = not message.clock_trusted
    spool.append(Record(number, frame, span_s=span_s, sent=sent, untrusted=untrusted))
    return number


def _to_send(spool: Spool, after: int, most: int) -> tuple[Record, ...]:
    records = spool.pending(after, most)
    spool.mark_sent(record.number for record in records if not record.sent)
    return records


def ready_frame(record: Record, now: Moment, *, fresh: bool, trusted: bool) -> bytes:
    """Return a record's frame as it is sent now.

    One whose clock was not right when it was made gets the times of the clock that is, if the
    machine was not restarted since.
    """
    frame = record.frame
    if record.untrusted and trusted:
        frame = _with_right_times(frame, now)
    return frame if fresh else frames.as_replayed(frame)


def _with_right_times(frame: bytes, now: Moment) -> bytes:
    try:
        message = frames.decode(frame)
    except FrameError:
        return frame
    if not now.boot.startswith(message.boot):
        return frame
    return frames.encode(shifted(message, now.unix_s - now.since_boot_s))


def shifted(message: TelemetryMessage, booted_unix_s: float) -> TelemetryMessage:
    """Return a message with all its times as if the machine had started at a time of day."""
    by_s = booted_unix_s + message.uptime_s - message.sent_unix_s
    return replace(
        message,
        sent_unix_s=message.sent_unix_s + by_s,
        clock_trusted=True,
        summaries=tuple(
            replace(one, began_unix_s=one.began_unix_s + round(by_s)) for one in message.summaries
        ),
        changes=tuple(replace(one, at_unix_s=one.at_unix_s + by_s) for one in message.changes),
    )
