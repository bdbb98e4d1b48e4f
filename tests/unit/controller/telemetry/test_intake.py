"""The intake: acknowledged means stored, whatever fails in between."""

import asyncio
import contextlib
import json
import subprocess
import sys
from dataclasses import replace
from queue import Queue
from time import time
from typing import Any

import pytest
from sqlalchemy import event
from websockets.exceptions import ConnectionClosed

from controller.clock import SystemClock
from controller.keys.signing import signing_key
from controller.telemetry.current_state import CurrentState, Heard
from controller.telemetry.history import History, PathKey
from controller.telemetry.housekeeping import Housekeeping, Reserve
from controller.telemetry.intake import Intake, Lane, Outcome
from tests.rigs.controller.telemetry_rig import (
    EDGE,
    FIBRE,
    HUB,
    NOON,
    SPOOL,
    arrival,
    minute,
)
from tests.rigs.controller.telemetry_sender import connected
from tests.rigs.controller.telemetry_service import listening, open_series
from tests.sanaga_process import ROOT
from vpn.wireguard.keys import generate_pair

WITHIN_S = 60
LAST = 200
# What was spooled lately, by the clock of the process that is killed.
BEGAN_S = int(time()) // 60 * 60 - 60 * (LAST + 60)
KEY = PathKey(EDGE, HUB, FIBRE)

# What no database takes for a frame.
NO_FRAME: Any = None


class Desk:
    """An intake without a network, its outcomes, and what subscribers heard."""

    def __init__(self, series, reserve=None):
        self.series = series
        keeper = Housekeeping(series, SystemClock(), reserve)
        self.intake = Intake(series, CurrentState(), keeper)
        self.outcomes: Queue[Outcome] = Queue()
        self.heard: list[Heard] = []
        self.intake.subscribe(self.heard.append)

    def offer(self, *messages, lane=None):
        """Hand messages over and return what became of each."""
        lane = lane or Lane()
        for one in messages:
            self.intake.offer(arrival(one), lane, self.outcomes.put)
        return [self.outcomes.get(timeout=WITHIN_S) for _ in messages]


@pytest.fixture
def series(tmp_path):
    opened = open_series(tmp_path)
    yield opened
    opened.engine.dispose()


@contextlib.contextmanager
def working(series, reserve=None):
    """Give an intake that runs."""
    desk = Desk(series, reserve)
    desk.intake.start()
    try:
        yield desk
    finally:
        desk.intake.stop()


def test_what_is_stored_is_published_and_what_is_known_is_not(series):
    with working(series) as desk:
        assert desk.offer(minute(1, NOON)) == [Outcome.STORED]
        assert desk.offer(minute(1, NOON), minute(2, NOON)) == [Outcome.KNOWN, Outcome.STORED]
        assert [one.message.sequence for one in desk.heard] == [1, 2]
        assert desk.intake.current.edges()[EDGE].message.sequence == 2


def test_a_subscriber_that_fails_stops_nobody(series, caplog):
    def fail(_heard):
        raise RuntimeError("a subscriber's own fault")

    desk = Desk(series)
    desk.intake.subscribe(fail)
    later: list[Heard] = []
    desk.intake.subscribe(later.append)
    desk.intake.start()
    assert desk.offer(minute(1, NOON)) == [Outcome.STORED]
    desk.intake.stop()
    assert len(later) == 1
    assert "a subscriber's own fault" in caplog.text


def test_what_has_arrived_is_stored_before_the_end(series):
    desk = Desk(series)
    for number in range(1, 50):
        desk.intake.offer(arrival(minute(number, NOON)), Lane(), desk.outcomes.put)
    desk.intake.start()
    desk.intake.stop()
    assert series.last_message(EDGE, SPOOL).sequence == 49


def test_a_message_that_cannot_be_stored_holds_up_nobody(series, caplog):
    desk = Desk(series)
    broken = replace(arrival(minute(1, NOON, device="broken-e1")), frame=NO_FRAME)
    for one in (arrival(minute(1, NOON)), broken, arrival(minute(2, NOON))):
        desk.intake.offer(one, Lane(), desk.outcomes.put)
    desk.intake.start()
    desk.intake.stop()
    outcomes = [desk.outcomes.get_nowait() for _ in range(3)]
    assert outcomes == [Outcome.STORED, Outcome.UNUSABLE, Outcome.STORED]
    assert "broken-e1: message 1 cannot be stored and is left out" in caplog.text


def fill(series, pages):
    """Let the file of a database have so many pages at most, in all its connections."""

    def limit(connection, *_rest):
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(series.engine, "connect", limit)
    series.engine.dispose()
    return limit


def test_a_full_disk_refuses_and_loses_nothing(series, caplog):
    """SQLite itself reports that it is full; test_telemetry_disk.py fills a real file system."""
    lane = Lane()
    limit = fill(series, 1)
    with working(series) as desk:
        refused = desk.offer(*(minute(n, NOON + 60 * n) for n in range(1, 300)), lane=lane)
        first = refused.index(Outcome.REFUSED)
        assert set(refused[first:]) == {Outcome.REFUSED}
        assert "telemetry is not stored: database or disk is full" in desk.intake.fault
        event.remove(series.engine, "connect", limit)
        fill(series, 1_000_000)
        # The same connection goes on: it would acknowledge what is not stored.
        assert desk.offer(minute(5_000, NOON), lane=lane) == [Outcome.REFUSED]
        again = desk.offer(*(minute(n, NOON + 60 * n) for n in range(1, 300)))
        assert again == [Outcome.KNOWN] * first + [Outcome.STORED] * (299 - first)
        assert desk.intake.fault == ""
    assert "telemetry is stored again" in caplog.text
    assert len(History(series.engine).slices(KEY, 0, NOON + 200_000)) == 6 * 299


def test_nothing_is_taken_in_without_the_reserve(series, tmp_path):
    reserve = Reserve(tmp_path / "reserve", 2**60)
    with working(series, reserve) as desk:
        assert desk.offer(minute(1, NOON)) == [Outcome.REFUSED]
        assert "too little room" in desk.intake.fault
        assert not (tmp_path / "reserve").exists()


def test_the_reserve_keeps_room_and_gives_it_up(tmp_path):
    reserve = Reserve(tmp_path / "reserve", 100_000)
    assert reserve.hold()
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= 100_000
    reserve.release()
    assert not (tmp_path / "reserve").exists()


def test_a_locked_database_delays_and_loses_nothing(tmp_path):
    """Somebody else writes: nothing is acknowledged until they have finished."""
    series = open_series(tmp_path)

    async def story():
        async with listening(tmp_path, series=series) as service, service.dial() as edge:
            with series.engine.begin():
                for number in range(1, 11):
                    await edge.send(minute(number, NOON + 60 * number))
                while service.listener.counts["frames"] < 10:
                    await asyncio.sleep(0.01)
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(edge.acknowledged(), 0.3)
            while await edge.acknowledged() < 10:
                pass
        assert len(service.heard) == 10

    asyncio.run(asyncio.wait_for(story(), WITHIN_S))


def test_a_database_that_stays_locked_refuses(tmp_path):
    series = open_series(tmp_path)

    def hurry(connection, *_rest):
        connection.execute("PRAGMA busy_timeout = 100")

    event.listen(series.engine, "connect", hurry)
    with series.engine.begin(), working(series) as desk:
        assert desk.offer(minute(1, NOON)) == [Outcome.REFUSED]
        assert "locked" in desk.intake.fault
    series.engine.dispose()


async def send_until_closed(edge):
    """Send message after message; return the first that is refused, and the code of closing."""
    number = 0
    try:
        while True:
            number += 1
            await edge.send(minute(number, NOON + 60 * number))
            assert await edge.acknowledged() == number
    except ConnectionClosed as error:
        return number, error.rcvd and error.rcvd.code


def test_a_refused_message_closes_the_connection_and_comes_again(tmp_path):
    series = open_series(tmp_path)
    limit = fill(series, 1)

    async def story():
        async with listening(tmp_path, series=series) as service:
            async with service.dial() as edge:
                number, code = await send_until_closed(edge)
                assert code == 4429
            event.remove(series.engine, "connect", limit)
            fill(series, 1_000_000)
            async with service.dial() as edge:
                assert edge.welcome.acknowledged == number - 1
                await edge.send(minute(number, NOON + 60 * number))
                assert await edge.acknowledged() == number

    told(story())


class Process:
    """A telemetry service that can be killed."""

    def __init__(self, folder, pinned, kill_after=None):
        arguments = [str(folder), json.dumps(pinned)] + ([str(kill_after)] if kill_after else [])
        command = [sys.executable, "-m", "tests.rigs.controller.telemetry_process", *arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline() if self.process.stdout else "")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def told(story):
    return asyncio.run(asyncio.wait_for(story, WITHIN_S))


def number_stored(folder):
    """Return the number of the last message in a folder."""
    series = open_series(folder)
    try:
        return series.last_message(EDGE, SPOOL).sequence
    finally:
        series.engine.dispose()


async def send_from(port, secret, trust, end):
    """Send what is not acknowledged yet, and return the last number that is then."""
    number = 0
    with contextlib.suppress(ConnectionClosed):
        async with connected(port, EDGE, secret, trust, SPOOL) as edge:
            number = edge.welcome.acknowledged
            for one in range(number + 1, end + 1):
                await edge.send(minute(one, BEGAN_S + 60 * one, replayed=True))
            while number < end:
                number = await edge.acknowledged()
    return number


def test_kill_between_commit_and_acknowledgement_loses_and_doubles_nothing(tmp_path):
    secret, public = generate_pair()
    trust = signing_key(tmp_path).public_key()
    pinned, stored = {EDGE: public}, 0
    for further in (20, 1, 5):
        with Process(tmp_path, pinned, stored + further) as service:
            acknowledged = told(send_from(service.port, secret, trust, LAST))
            assert service.process.wait(WITHIN_S) == -9
        # What was committed last was not acknowledged, and nothing was acknowledged beyond.
        assert acknowledged < stored + further <= number_stored(tmp_path)
        stored = number_stored(tmp_path)
    with Process(tmp_path, pinned) as service:
        assert told(send_from(service.port, secret, trust, LAST)) == LAST
    series = open_series(tmp_path)
    found = History(series.engine).slices(KEY, 0, int(time()))
    series.engine.dispose()
    begins = [one.began_unix_s for one in found]
    assert begins == [BEGAN_S + 10 * place for place in range(LAST * 6)]
