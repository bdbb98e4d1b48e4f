"""An alarm that an interface of the edge vanished, so that upkeep runs at once."""

import asyncio
from collections.abc import Callable
from math import inf

from edge.clock import Moment
from edge.dataplane.monitor import LinkDownMonitor


class LinkAlarm:
    """Sets an event when an interface of ours vanishes, at most once in every so many seconds."""

    def __init__(self, clock: Callable[[], Moment], *, at_most_every_s: float) -> None:
        self._clock = clock
        self._at_most_every_s = at_most_every_s
        self._monitor = LinkDownMonitor()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._last_s = -inf
        self.raised = asyncio.Event()

    def open(self) -> None:
        """Begin to listen, in the event loop that runs."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._monitor.fileno(), self._on_news)

    def close(self) -> None:
        """Listen no more and give the socket back."""
        if self._loop:
            self._loop.remove_reader(self._monitor.fileno())
        self._monitor.close()

    def _on_news(self) -> None:
        now_s = self._clock().monotonic_s
        if self._monitor.lost() and now_s - self._last_s >= self._at_most_every_s:
            self._last_s = now_s
            self.raised.set()
