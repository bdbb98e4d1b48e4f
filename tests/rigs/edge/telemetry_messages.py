"""Telemetry messages as an edge of three paths makes them while nothing happens."""

from random import Random
from typing import Final
from zlib import crc32

from edge.telemetry.model import (
    PathNow,
    PathState,
    PathSummary,
    Spread,
    TelemetryMessage,
    spread_of,
)

SLICE_S: Final = 10
BEGAN_S: Final = 1_796_000_400
# Circuit, medium, round trip, its spread and pace, all of that in milliseconds, and MOS.
PATHS: Final = (
    ("kolofata-kolofata-fibre", "fibre", 21.4, 0.15, 100, 4.38),
    ("kolofata-leo", "leo", 46.0, 4.0, 100, 4.31),
    ("kolofata-lte", "lte", 71.0, 6.0, 15_000, 4.02),
)
CARRIES: Final = (("consultation-audio", "consultation-video", "imaging", "portal"), (), ())


def idle_minute(
    *, sequence: int = 1, seed: int = 1, device: str = "kolofata-e1", peer: str = "yaounde-e1"
) -> TelemetryMessage:
    """Return the message of one minute, as it is after a way over the wire."""
    chance = Random(seed)  # noqa: S311 - no secret
    began_s = BEGAN_S + 60 * sequence
    return TelemetryMessage(
        device=device,
        boot=f"{crc32(device.encode()):08x}",
        sequence=sequence,
        sent_unix_s=round(began_s + 60 + chance.uniform(0, 0.05), 3),
        uptime_s=round(60.0 * sequence + chance.uniform(0, 0.05), 3),
        clock_trusted=True,
        replayed=False,
        paths=tuple(_now(peer, place, chance) for place in range(len(PATHS))),
        summaries=tuple(
            _slice(peer, place, began_s + SLICE_S * number, chance)
            for place in range(len(PATHS))
            for number in range(60 // SLICE_S)
        ),
        changes=(),
    )


def _now(peer: str, place: int, chance: Random) -> PathNow:
    circuit, medium, base_ms, spread_ms, _, mos = PATHS[place]
    delay_ms = round(base_ms + chance.uniform(0, spread_ms), 1)
    up = PathState.UP
    return PathNow(
        peer, circuit, medium, up, delay_ms, 0.0, 0.0, mos, CARRIES[place], consultation=False
    )


def _slice(peer: str, place: int, began_s: int, chance: Random) -> PathSummary:
    circuit, medium, base_ms, spread_ms, pace_ms, mos = PATHS[place]
    sent = SLICE_S * 1000 // pace_ms + chance.choice((0, 0, 0, 1))
    lost = int(medium == "leo" and chance.random() < 0.2 and sent > 5)
    trips = [base_ms + chance.expovariate(1.5 / spread_ms) for _ in range(sent - lost)]
    jitters = [spread_ms * chance.uniform(0.9, 1.0)] * len(trips)
    octets = 1000 * round((2 * sent * 104 + chance.randrange(2_000)) / 1000)
    return PathSummary(
        peer,
        circuit,
        began_s,
        SLICE_S,
        PathState.UP,
        sent,
        lost,
        0,
        sent + chance.choice((0, 0, 1)),
        on_grid(spread_of(trips)),
        on_grid(spread_of(jitters)),
        mos,
        octets,
        octets + 1000 * chance.choice((0, 0, 1)),
        pace_ms,
        CARRIES[place],
    )


def on_grid(spread: Spread | None) -> Spread | None:
    """Return a spread in the units of the wire."""
    if spread is None:
        return None
    mean = round(spread.mean * 10)
    least, most = (round(value * 10) / 10 for value in (spread.least, spread.most))
    return Spread(spread.count, mean * spread.count / 10, least, most, spread.bins)
