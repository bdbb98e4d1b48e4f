"""Streams over a real server: news, beats, resuming, and clients that must be dropped."""

import http.client
import json
import socket
from contextlib import closing, contextmanager
from dataclasses import dataclass

import pytest

from controller.api.events import EventRing
from controller.api.sse import EventStream, Reader
from tests.rigs.service.http_server import RunningServer, running_server
from tests.rigs.waiting import eventually

BEAT_S = 0.1


@dataclass
class Served:
    """A running server and its application."""

    server: RunningServer
    application: "Application"


class Application:
    """Serves one ring to everyone; streams counts those that are open."""

    def __init__(self):
        self.ring = EventRing("run")
        self.hidden = {"kolofata"}
        self.allowed = True
        self.streams = 0

    async def __call__(self, scope, receive, send):
        headers = dict(scope["headers"])
        last = headers.get(b"last-event-id", b"").decode()
        reader = Reader(lambda event: not event.sites & self.hidden, lambda: self.allowed)
        position = self.ring.position(last)
        stream = EventStream(self.ring, reader, position, lambda: 1000.0, BEAT_S, 0.5)
        self.streams += 1
        try:
            await stream(scope, receive, send)
        finally:
            self.streams -= 1


@pytest.fixture
def served():
    made = []

    def make():
        made.append(Application())
        return made[0]

    with running_server(make) as server:
        yield Served(server, made[0])


@contextmanager
def opened(served, last=None):
    connection = http.client.HTTPConnection("127.0.0.1", served.server.port, timeout=20)
    connection.request("GET", "/", headers={"Last-Event-ID": last} if last else {})
    response = connection.getresponse()
    try:
        yield response
    finally:
        response.close()
        connection.close()


def frame(response):
    """Return the next event's kind, id and data."""
    found = {}
    while line := response.readline().decode().rstrip("\n"):
        name, _, value = line.partition(": ")
        found[name] = value
    return found.get("event"), found.get("id"), json.loads(found["data"]) if found else None


def until(response, kind):
    while True:
        found = frame(response)
        if found[0] == kind:
            return found


def publish(served, number, sites=()):
    ring = served.application.ring
    served.server.call(lambda: ring.publish("n", {"number": number}, sites))


def test_a_new_stream_is_told_to_read_the_present_state_then_what_follows(served):
    with opened(served) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert frame(response)[:2] == ("resync", "run-0")
        publish(served, 7)
        assert until(response, "n") == ("n", "run-1", {"number": 7})


def test_beats_tell_the_time_and_the_newest_number(served):
    with opened(served) as response:
        assert until(response, "beat")[2] == {"server_time": 1000.0, "sequence": 0}


def test_a_stream_that_comes_back_gets_what_it_missed(served):
    for number in range(5):
        publish(served, number)
    with opened(served, "run-2") as response:
        assert [frame(response)[2]["number"] for _ in range(3)] == [2, 3, 4]


def test_a_position_of_a_former_run_reads_the_present_state(served):
    with opened(served, "former-2") as response:
        assert frame(response)[0] == "resync"


def test_what_a_reader_may_not_see_is_neither_sent_nor_replayed(served):
    publish(served, 0, ["kolofata"])
    publish(served, 1, ["mora"])
    with opened(served, "run-0") as response:
        assert frame(response)[2] == {"number": 1}
        publish(served, 2, ["kolofata"])
        publish(served, 3, ["mora"])
        assert until(response, "n")[2] == {"number": 3}


def test_a_reader_whose_session_ends_is_told_so_and_the_stream_ends(served):
    with opened(served) as response:
        served.application.allowed = False
        assert until(response, "signed-out")
        assert response.read() == b""


def test_a_client_that_goes_leaves_nothing_behind(served):
    with opened(served):
        eventually(lambda: served.application.streams == 1, 20, "1 streams open")
    eventually(lambda: served.application.streams == 0, 20, "0 streams open")


def drained(connection):
    """Read what a connection still holds, until it ends; return how many octets that was."""
    return sum(iter(lambda: len(connection.recv(1 << 20)), 0))


def test_a_client_that_never_reads_is_dropped_and_the_others_are_not_disturbed(served):
    with closing(socket.socket()) as deaf, opened(served) as response:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(20)
        deaf.connect(("127.0.0.1", served.server.port))
        deaf.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        eventually(lambda: served.application.streams == 2, 20, "two streams")
        for _ in range(100):
            publish(served, "x" * 100_000)
            until(response, "n")
        eventually(lambda: served.application.streams == 1, 20, "the one that reads")
        publish(served, 1)
        assert until(response, "n")[2] == {"number": 1}
        assert drained(deaf) < 100 * 100_000
