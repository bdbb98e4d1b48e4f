"""Messages of edges for tests, and the wire between an edge and the controller."""

from collections.abc import Iterable
from dataclasses import replace

from controller.telemetry.series import Arrival
from edge.telemetry.frames import encode
from edge.telemetry.model import (
    Change,
    PathNow,
    PathState,
    PathSummary,
    TelemetryMessage,
    spread_of,
)

NOON = 1_800_014_400
EDGE = "mora-e1"
HUB = "maroua-e1"
SPOOL = "00112233aabbccdd"
FIBRE = "mora-maroua-fibre"


def summary(began_s: int, **changes) -> PathSummary:
    """Return a slice of ten seconds of a path that is well."""
    made = PathSummary(
        peer=HUB,
        circuit=FIBRE,
        began_unix_s=began_s,
        seconds=10,
        state=PathState.UP,
        sent=10,
        lost_out=0,
        lost_in=0,
        heard_in=10,
        delay_ms=spread_of([20.0, 21.5, 23.0]),
        jitter_ms=spread_of([0.5, 0.7, 1.0]),
        mos=4.3,
        sent_octets=3_000,
        received_octets=4_000,
        pace_ms=1_000,
        carries=("voice", "video"),
    )
    return replace(made, **changes)


def path_now(**changes) -> PathNow:
    """Return a path that is well."""
    made = PathNow(
        HUB, FIBRE, "fibre", PathState.UP, 21.5, 0.0, 0.0, 4.3, ("voice",), consultation=False
    )
    return replace(made, **changes)


def message(
    sequence: int, sent_s: float, summaries: Iterable[PathSummary] = (), **changes
) -> TelemetryMessage:
    """Return a message of an edge that runs since long."""
    made = TelemetryMessage(
        device=EDGE,
        boot="0a1b2c3d",
        sequence=sequence,
        sent_unix_s=sent_s,
        uptime_s=100_000.0,
        clock_trusted=True,
        replayed=False,
        paths=(path_now(),),
        summaries=tuple(summaries),
        changes=(),
    )
    return replace(made, **changes)


def minute(sequence: int, sent_s: int, **changes) -> TelemetryMessage:
    """Return a message with the six slices of the minute before."""
    slices = [summary(sent_s - 60 + 10 * place) for place in range(6)]
    return message(sequence, sent_s, slices, **changes)


def arrival(one: TelemetryMessage, received_s: float | None = None, spool: str = SPOOL) -> Arrival:
    """Return a message as the controller received it, at once unless said otherwise."""
    at_s = one.sent_unix_s if received_s is None else received_s
    return Arrival(spool, NOON, one, encode(one), at_s)


def change(kind, at_s: float, **changes) -> Change:
    """Return a change of the fibre."""
    return replace(Change(kind, at_s, HUB, FIBRE), **changes)
