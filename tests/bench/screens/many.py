"""What fifty open screens cost the server."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from threading import Event, Thread
from typing import Final

from simulations.netns.waiting import pause
from tests.bench.measure import Figure, once
from tests.bench.screens.server import WHO, CountryServer, Stopwatch

SCREENS: Final = 50
# As page.js does: a part is fetched again two seconds after the first news at the earliest.
_REST_S: Final = 2.0
_PART: Final = "/?part=headline"
_HEADERS: Final = {"who": WHO, "Accept-Encoding": "gzip"}


@dataclass
class Screen:
    """Reads the stream and fetches the headline after news, as an open overview does."""

    port: int
    heard: int = 0
    fetched: int = 0
    ready: Event = field(default_factory=Event)
    over: Event = field(default_factory=Event)
    _news: Event = field(default_factory=Event)

    def start(self) -> tuple[Thread, Thread]:
        """Begin to read."""
        threads = Thread(target=self._read, daemon=True), Thread(target=self._fetch, daemon=True)
        for one in threads:
            one.start()
        return threads

    def _read(self) -> None:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("GET", "/api/v1/stream", headers=_HEADERS)
            answer = connection.getresponse()
            while not self.over.is_set() and (line := answer.readline()):
                self.ready.set()
                if line.startswith(b"event: health"):
                    self.heard += 1
                    self._news.set()

    def _fetch(self) -> None:
        while not self.over.is_set():
            if not self._news.wait(0.2):
                continue
            pause(_REST_S)
            self._news.clear()
            with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
                connection.request("GET", _PART, headers=_HEADERS)
                answer = connection.getresponse()
                assert answer.status == 200, answer.read()
                answer.read()
            self.fetched += 1


def fifty(server: CountryServer, for_s: int) -> Iterator[Figure]:
    """Measure the server's work for fifty screens: when all is quiet, and at a change in 10 s."""
    screens = [Screen(server.port) for _ in range(SCREENS)]
    for one in screens:
        one.start()
    for one in screens:
        assert one.ready.wait(60)
    watch = Stopwatch((server.pid,))
    yield _share(watch, for_s, "server's work for 50 quiet screens", 10)
    changes = max(1, for_s // 10)
    watch.start()
    for number in range(changes):
        server.publish([(server.sites[number % len(server.sites)], "degraded")])
        pause(for_s / changes)
    share = watch.share() * 100
    yield once("server's work for 50 screens, a change in 10 s", share, 10, "% of a core")
    for one in screens:
        one.over.set()
    missed = sum(changes - one.heard for one in screens)
    yield once("changes that 50 screens missed", missed, 0, "changes")


def _share(watch: Stopwatch, for_s: int, name: str, limit: float) -> Figure:
    watch.start()
    pause(for_s)
    return once(name, watch.share() * 100, limit, "% of a core")
