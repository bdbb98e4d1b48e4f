"""Telemetry of a country: simulated edges over real TLS, into a real listener and a real file.

The edges run in processes of their own, so that their work does not count as the controller's.
"""

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles
from typing import Final
from zlib import crc32

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import text

from controller.telemetry.current_state import Heard
from controller.telemetry.history import History, PathKey
from controller.telemetry.intake import Outcome
from controller.telemetry.series import Arrival, Series
from database.engine import reading
from edge.telemetry.frames import as_replayed, encode
from edge.telemetry.model import TelemetryMessage
from tests.bench.measure import Figure, call, figure
from tests.rigs.controller.telemetry_sender import Sender, connected
from tests.rigs.controller.telemetry_service import Service, listening, open_series
from tests.rigs.edge.telemetry_messages import PATHS, idle_minute
from vpn.wireguard.keys import Secret

EDGES: Final = 429
REPLAYING: Final = 20
PEER: Final = "yaounde-e1"
MINUTE_S: Final = 60
DAY_S: Final = 86_400
_SPOOL: Final = "00112233aabbccdd"
_CONNECT_WITHIN_S: Final = 600


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured: seconds of live reports, days of replay, hours of a whole country."""

    live_s: int
    replayed_days: float
    hours: int
    peak_minutes: int


FULL: Final = Extent(live_s=300, replayed_days=30, hours=24, peak_minutes=60)
QUICK: Final = Extent(live_s=10, replayed_days=0.1, hours=2, peak_minutes=5)


def telemetry(folder: Path, *, quick: bool) -> Iterator[Figure]:
    """Measure live reports, the peak, a replay, and what a day takes on the disk."""
    extent = QUICK if quick else FULL
    yield from asyncio.run(_live(folder / "live", extent))
    yield from asyncio.run(_peak(folder / "peak", extent))
    yield from asyncio.run(_replay(folder / "replay", extent))
    yield from _disk(folder / "disk", extent)


@dataclass(frozen=True, slots=True)
class _Task:
    """What a process of edges does: which edges, with which keys, and what they send."""

    port: int
    trust: bytes
    secrets: dict[str, bytes]
    kind: str
    amount: int


async def _live(folder: Path, extent: Extent) -> list[Figure]:
    """Have all edges send a live report each second."""
    names = _names(EDGES)
    delays: list[float] = []

    def note(heard: Heard) -> None:
        delays.append(time.time() - heard.message.sent_unix_s)

    async with listening(folder, names) as service:
        service.intake.subscribe(note)
        began, cpu = 0.0, 0.0
        async with _senders(service, "live", extent.live_s) as pipe:
            began, cpu = time.monotonic(), time.process_time()
            sent = await asyncio.to_thread(pipe.recv)
            await _until(lambda: len(delays) >= sent)
            share = (time.process_time() - cpu) / (time.monotonic() - began) * 100
    return [
        _one("telemetry: live reports lost of 429 edges", sent - len(delays), 0, "reports"),
        _one("telemetry: core of the controller during live reports", share, 25, "%"),
        _one("telemetry: live report to subscriber, p99", quantiles(delays, n=100)[-1], 0.5, "s"),
    ]


async def _peak(folder: Path, extent: Extent) -> list[Figure]:
    """Have all edges send minutes as fast as they are acknowledged."""
    names = _names(EDGES)
    async with listening(folder, names) as service:
        async with _senders(service, "minutes", extent.peak_minutes) as pipe:
            began = time.monotonic()
            sent = await asyncio.to_thread(pipe.recv)
            rate = sent * len(PATHS) * 6 / (time.monotonic() - began)
        lost = sent - service.intake.counts[Outcome.STORED]
    # Figures are kept when they are below their limit, and this one is to be high.
    return [
        _one("telemetry: minutes lost at the peak", lost, 0, "messages"),
        _one("telemetry: time for 50,000 summaries at the peak", 50_000 / rate, 1, "s"),
    ]


async def _replay(folder: Path, extent: Extent) -> list[Figure]:
    """Have edges replay what they spooled while they were cut off."""
    names, minutes = _names(REPLAYING), int(extent.replayed_days * DAY_S / MINUTE_S)
    async with listening(folder, names) as service:
        notices = [0]

        def note(heard: Heard) -> None:
            notices[0] += not heard.message.replayed

        service.intake.subscribe(note)
        async with _senders(service, "replay", minutes) as pipe:
            began = time.monotonic()
            sent = await asyncio.to_thread(pipe.recv)
            seconds = time.monotonic() - began
        known, stored = (service.intake.counts[o] for o in (Outcome.KNOWN, Outcome.STORED))
        missing = sum(
            minutes - service.series.last_message(name, _SPOOL).sequence for name in names
        )
    return [
        _one("telemetry: replayed minutes lost", sent - stored + missing, 0, "messages"),
        _one("telemetry: replayed minutes doubled", known, 0, "messages"),
        _one("telemetry: replayed minutes taken for news", notices[0], 0, "messages"),
        _one(
            f"telemetry: replay of {extent.replayed_days:g} days from 20 edges", seconds, None, "s"
        ),
    ]


def _disk(folder: Path, extent: Extent) -> Iterator[Figure]:
    """Store, pack, read and drop some hours of a country, without a network."""
    series = _filled(folder, extent.hours)
    now_s = time.time()
    series.engine.dispose()
    size = sum(file.stat().st_size for file in folder.glob("telemetry.db*"))
    per_day = size / extent.hours * 24 / 1e6
    yield _one("telemetry: a day of 429 edges on the disk", per_day, 150, "MB")
    history = History(series.engine)
    key = PathKey(_names(1)[0], PEER, PATHS[0][0])
    runs = [
        call(lambda: history.band(key, int(now_s - 30 * DAY_S), int(now_s), now_s))
        for _ in range(5)
    ]
    yield figure("telemetry: 30 days of a path", runs, 0.1)
    dropped = [call(partial(series.drop, name)) for name in series.expired(now_s * 2)]
    yield figure("telemetry: a table of a day is dropped", dropped, 1)
    with reading(series.engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM telemetry_spools")).scalar() == EDGES
    series.engine.dispose()


def _filled(folder: Path, hours: int) -> Series:
    series = open_series(folder)
    now_s = time.time()
    for name in _names(EDGES):
        messages = [
            _moved(idle_minute(sequence=n, seed=n % 60, device=name), now_s + 60 * (n - 60 * hours))
            for n in range(1, 60 * hours + 1)
        ]
        arrivals = [Arrival(_SPOOL, 1, m, encode(m), m.sent_unix_s) for m in messages]
        series.append(arrivals)
    for spool in series.due(now_s + 2 * 3600):
        while series.pack(spool, now_s):
            pass
    return series


def _moved(message: TelemetryMessage, sent_s: float) -> TelemetryMessage:
    """Return a message as if it was made at another time."""
    sent_s = round(sent_s, 3)
    by_s = int(sent_s - message.sent_unix_s)
    moved = tuple(replace(one, began_unix_s=one.began_unix_s + by_s) for one in message.summaries)
    return replace(message, sent_unix_s=sent_s, summaries=moved)


def _names(many: int) -> list[str]:
    return [f"edge-{number}" for number in range(many)]


def _one(name: str, value: float, limit: float | None, unit: str) -> Figure:
    return Figure(name, value, value, value, 1, limit, unit)


async def _until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(_CONNECT_WITHIN_S):
        while not reached():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _senders(service: Service, kind: str, amount: int) -> AsyncIterator[Connection]:
    """Have a process connect all edges of a service, then send; it tells how much it has sent."""
    ours, theirs = multiprocessing.Pipe()
    trust = service.key.public_key().public_bytes_raw()
    secrets = {name: secret.octets for name, secret in service.secrets.items()}
    task = _Task(service.port, trust, secrets, kind, amount)
    process = multiprocessing.get_context("spawn").Process(target=_send, args=(task, theirs))
    process.start()
    # Whoever waits for a process that has ended is told so by the end of the pipe.
    theirs.close()
    try:
        await asyncio.to_thread(ours.recv)
        ours.send("go")
        yield ours
    finally:
        await asyncio.to_thread(process.join, _CONNECT_WITHIN_S)
        process.kill()


def _send(task: _Task, pipe: Connection) -> None:
    """Be the edges, in a process of their own."""
    asyncio.run(_send_all(task, pipe))


async def _send_all(task: _Task, pipe: Connection) -> None:
    trust = Ed25519PublicKey.from_public_bytes(task.trust)
    ways = {"live": _send_live, "replay": _send_replay}
    async with AsyncExitStack() as stack:
        edges = {
            name: await stack.enter_async_context(
                connected(task.port, name, Secret(octets), trust, _SPOOL)
            )
            for name, octets in task.secrets.items()
        }
        # What takes long is done before the clock runs.
        now_s = time.time()
        made = {n: _minutes(n, task.amount, now_s) for n in edges if task.kind == "minutes"}
        pipe.send("ready")
        await asyncio.to_thread(pipe.recv)
        sends = (
            _send_frames(edge, made[name]) if made else ways[task.kind](name, edge, task.amount)
            for name, edge in edges.items()
        )
        pipe.send(sum(await asyncio.gather(*sends)))


async def _send_live(name: str, edge: Sender, seconds: int) -> int:
    """Send a live report each second, each edge at its own moment of it."""
    idle = idle_minute(device=name)
    second = tuple(replace(one, seconds=1) for one in idle.summaries[::6])
    began = time.monotonic() + crc32(name.encode()) % 1000 / 1000
    for number in range(1, seconds + 1):
        await asyncio.sleep(max(0.0, began + number - time.monotonic()))
        sent_s = round(time.time(), 3)
        live = replace(idle, sequence=0, live=number, sent_unix_s=sent_s, summaries=())
        began_s = int(sent_s) - 1
        slices = tuple(replace(one, began_unix_s=began_s) for one in second)
        await edge.send(replace(live, summaries=slices))
    return seconds


def _minutes(name: str, many: int, now_s: float) -> list[bytes]:
    """Return so many minutes of an edge as frames."""
    return [encode(_moved(idle_minute(sequence=n, device=name), now_s)) for n in range(1, many + 1)]


async def _send_replay(name: str, edge: Sender, minutes: int) -> int:
    """Replay what was spooled, the oldest first."""
    began_s = time.time() - MINUTE_S * minutes
    frames = (
        as_replayed(encode(_moved(idle_minute(sequence=n, device=name), began_s + MINUTE_S * n)))
        for n in range(1, minutes + 1)
    )
    return await _send_frames(edge, frames)


async def _send_frames(edge: Sender, frames: Iterable[bytes]) -> int:
    sent = acknowledged = 0
    for frame in frames:
        await edge.socket.send(frame)
        sent += 1
        while sent - acknowledged >= edge.welcome.window:
            acknowledged = await edge.acknowledged()
    while acknowledged < sent:
        acknowledged = await edge.acknowledged()
    return sent
