"""What the store knows of the past: bands of a path's figures, states, changes, availability.

A period in which nothing was measured is None, never zero and never bridged. The newest slice may
be half filled, so nothing younger than LATENESS_S is shown.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from math import ceil
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, Table, func, inspect, select

from controller.telemetry import schema
from controller.telemetry.rollup import (
    STATES,
    Rollup,
    by_period,
    of_summary,
    portions,
    unpack_rollups,
)
from controller.telemetry.schema import DAY_S, HOUR_S, Kind, path_numbers, period_table
from controller.telemetry.series import MINUTE_S
from controller.telemetry.slices import Slice, placed_slices, unpack_slices
from database.engine import reading
from edge.telemetry.frames import decode
from edge.telemetry.model import PathState
from inventory.model import CircuitName, DeviceName

# Edges report once a minute what happened since; the report may wait for a lost packet.
LATENESS_S: Final = 90
SLICE_S: Final = 10
# Up to how long a span is shown by slices, and by minutes.
_SLICES_UP_TO_S: Final = 2 * HOUR_S
_MINUTES_UP_TO_S: Final = 2 * DAY_S


@dataclass(frozen=True, slots=True)
class PathKey:
    """A path of an edge: its far end and its circuit."""

    device: DeviceName
    peer: DeviceName
    circuit: CircuitName


@dataclass(frozen=True, slots=True)
class Band:
    """Figures of a path from a second on, one for each step; None is a gap."""

    began_unix_s: int
    step_s: int
    points: tuple[Rollup | None, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A time in one state; None is a gap, in which nothing is known. Half open, Unix time."""

    began_unix_s: int
    ended_unix_s: int
    state: PathState | None


@dataclass(frozen=True, slots=True)
class Availability:
    """Shares of a period: available, not available, unknown, and maintenance; they add up to 1.

    Brown-outs and handovers carry traffic and count as available; degraded is their share of it.
    """

    available: float
    unavailable: float
    unknown: float
    maintenance: float
    degraded: float


@dataclass(frozen=True, slots=True)
class PastChange:
    """A change of an edge by the controller's time; claimed_unix_s is the edge's own."""

    at_unix_s: float
    claimed_unix_s: float
    kind: str
    peer: str
    circuit: str
    service: str
    state: str
    reason: str


class History:
    """Queries over the telemetry that is stored; safe for use by several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def band(self, path: PathKey, began_s: int, ended_s: int, now_s: float) -> Band:
        """Return the figures of a path: by slices up to 2 hours, by minutes up to 2 days, by hours.

        The end is cut to what can be complete by now.
        """
        step_s = step_of(ended_s - began_s)
        began_s -= began_s % step_s
        ended_s = min(ended_s, complete_until_s(now_s, step_s))
        rollups = self.rollups(path, began_s, ended_s, step_s)
        return Band(began_s, step_s, on_grid(rollups, began_s, ended_s, step_s))

    def rollups(self, path: PathKey, began_s: int, ended_s: int, step_s: int) -> list[Rollup]:
        """Return what is known of a path, in steps of a slice, a minute or an hour, by time."""
        with self._snapshot() as connection:
            found = _find_path(connection, path)
            if found is None:
                return []
            kept = _packed(connection, found, began_s, ended_s, step_s)
            tail = [*_rollups(_tail(connection, found, path), step_s)]
        inside = (one for one in (*kept, *tail) if began_s <= one.began_unix_s < ended_s)
        return [one for _, one in sorted(by_period(inside, step_s).items())]

    def slices(self, path: PathKey, began_s: int, ended_s: int) -> list[Slice]:
        """Return the slices of a path as the edge reported them, by the controller's time."""
        with self._snapshot() as connection:
            found = _find_path(connection, path)
            if found is None:
                return []
            packed = _packed_slices(connection, found, began_s, ended_s)
            every = [*packed, *_tail(connection, found, path)]
        every.sort(key=lambda one: one.began_unix_s)
        return [one for one in every if began_s <= one.began_unix_s < ended_s]

    def timeline(self, path: PathKey, began_s: int, ended_s: int, now_s: float) -> tuple[Span, ...]:
        """Return the states of a path by the minute, up to 2 hours by the slice; gaps are None."""
        step_s = min(MINUTE_S, step_of(ended_s - began_s))
        ended_s = min(ended_s, complete_until_s(now_s, step_s))
        began_s -= began_s % step_s
        rollups = self.rollups(path, began_s, ended_s, step_s)
        return state_spans(on_grid(rollups, began_s, ended_s, step_s), began_s, step_s)

    def availability(
        self,
        path: PathKey,
        began_s: int,
        ended_s: int,
        maintenance: Sequence[tuple[float, float]] = (),
    ) -> Availability:
        """Return the shares of a period; maintenance are times that count as such (half open)."""
        began_s -= began_s % MINUTE_S
        rollups = self.rollups(path, began_s, ended_s, MINUTE_S)
        return shares(on_grid(rollups, began_s, ended_s, MINUTE_S), began_s, MINUTE_S, maintenance)

    def changes(self, device: DeviceName, began_s: float, ended_s: float) -> list[PastChange]:
        """Return the changes that an edge reported, by time."""
        edges = schema.edges
        found: list[PastChange] = []
        with self._snapshot() as connection:
            edge = connection.execute(select(edges.c.id).where(edges.c.device == device)).scalar()
            for table in _there(connection, Kind.CHANGES, int(began_s), ceil(ended_s)):
                at = table.c.at_unix_s
                columns = [table.c[name] for name in PastChange.__dataclass_fields__]
                wanted = select(*columns).where(table.c.edge == edge, at >= began_s, at < ended_s)
                rows = connection.execute(wanted.order_by(at, table.c.sequence))
                found += (PastChange(*row) for row in rows)
        return found

    def paths(self) -> tuple[PathKey, ...]:
        """Return every path of which slices were packed."""
        with self._snapshot() as connection:
            return tuple(_packed_paths(connection))

    def paths_of(self, devices: Collection[DeviceName]) -> tuple[PathKey, ...]:
        """Return every path of some edges by name, also those that nothing was packed of yet."""
        own = schema.edges.c.device.in_(devices)
        with self._snapshot() as connection:
            spools = connection.execute(schema.spools_of(own)).all()
            newest = [path for row in spools for path in _newest_paths(connection, row)]
            return tuple(sorted({*_packed_paths(connection, own), *newest}, key=astuple))

    @contextmanager
    def _snapshot(self) -> Iterator[Connection]:
        """Give a connection to which all tables are of the same moment."""
        with reading(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield connection


def step_of(span_s: int) -> int:
    """Return by which step a span is shown, in seconds."""
    if span_s <= _SLICES_UP_TO_S:
        return SLICE_S
    return MINUTE_S if span_s <= _MINUTES_UP_TO_S else HOUR_S


def complete_until_s(now_s: float, step_s: int) -> int:
    """Return the end of the newest step that can be complete."""
    latest = int(now_s) - LATENESS_S
    return latest - latest % step_s


def on_grid(
    rollups: Iterable[Rollup], began_s: int, ended_s: int, step_s: int
) -> tuple[Rollup | None, ...]:
    """Return figures for each step of a span, None where there are none."""
    points: list[Rollup | None] = [None] * max(0, ceil((ended_s - began_s) / step_s))
    for one in rollups:
        place = (one.began_unix_s - began_s) // step_s
        if 0 <= place < len(points):
            points[place] = one
    return tuple(points)


def state_spans(points: Sequence[Rollup | None], began_s: int, step_s: int) -> tuple[Span, ...]:
    """Return spans of equal state; a step is in the state that it was in for longest."""
    spans: list[Span] = []
    for place, point in enumerate(points):
        at_s, state = began_s + place * step_s, None if point is None else longest_state(point)
        if spans and spans[-1].state is state:
            spans[-1] = replace(spans[-1], ended_unix_s=at_s + step_s)
        else:
            spans.append(Span(at_s, at_s + step_s, state))
    return tuple(spans)


def longest_state(point: Rollup) -> PathState:
    """Return the state that a period was in for longest; of equals the first of STATES."""
    return STATES[point.states_s.index(max(point.states_s))]


def shares(
    points: Sequence[Rollup | None],
    began_s: int,
    step_s: int,
    maintenance: Sequence[tuple[float, float]] = (),
) -> Availability:
    """Return the availability over steps; an empty period is unknown."""
    up = down = unknown = planned = degraded = 0.0
    for place, point in enumerate(points):
        at_s = began_s + place * step_s
        during = _covered_s(at_s, at_s + step_s, maintenance) / step_s
        rest = 1 - during
        planned += during
        good, bad, poor = _parts(point, step_s)
        up, down, degraded = up + rest * good, down + rest * bad, degraded + rest * poor
        unknown += rest * (1 - good - bad)
    whole = len(points) or 1
    parts = (part / whole for part in (up, down, unknown if points else 1.0, planned, degraded))
    return Availability(*parts)


def _parts(point: Rollup | None, step_s: int) -> tuple[float, float, float]:
    """Return the shares of a step that was available, was not, and was available but degraded."""
    if point is None:
        return 0.0, 0.0, 0.0
    # After a step of a clock two slices may claim the same seconds.
    whole = max(step_s, point.seconds)
    dead, unknown = point.seconds_in(PathState.DEAD), point.seconds_in(PathState.UNKNOWN)
    poor = point.seconds_in(PathState.BROWNOUT) + point.seconds_in(PathState.HANDOVER)
    return (point.seconds - dead - unknown) / whole, dead / whole, poor / whole


def _covered_s(began_s: float, ended_s: float, windows: Iterable[tuple[float, float]]) -> float:
    """Return how much of a time lies in windows, which may overlap."""
    covered, at_s = 0.0, began_s
    for opened, closed in sorted(windows):
        covered += max(0.0, min(ended_s, closed) - max(at_s, opened))
        at_s = max(at_s, min(ended_s, closed))
    return covered


@dataclass(frozen=True, slots=True)
class _Found:
    """Numbers of an edge's spools and of a path, which has none before slices are packed."""

    spools: tuple[int, ...]
    path: int | None
    names: dict[int, tuple[str, str]]


def _find_path(connection: Connection, path: PathKey) -> _Found | None:
    table = schema.edges
    edge = connection.execute(select(table.c.id).where(table.c.device == path.device)).scalar()
    if edge is None:
        return None
    spools = schema.spools
    own = connection.execute(select(spools.c.id).where(spools.c.edge == edge)).scalars()
    numbers = path_numbers(connection, edge)
    names = {number: key for key, number in numbers.items()}
    return _Found(tuple(own), numbers.get((path.peer, path.circuit)), names)


def _packed_paths(connection: Connection, *where: ColumnElement[bool]) -> Iterator[PathKey]:
    edges, table = schema.edges, schema.paths
    joined = table.join(edges, edges.c.id == table.c.edge)
    query = select(edges.c.device, table.c.peer, table.c.circuit).select_from(joined)
    return (PathKey(*row) for row in connection.execute(query.where(*where)))


def _newest_paths(connection: Connection, spool: Row[Any]) -> Iterator[PathKey]:
    """Yield the paths of the newest message of a spool."""
    batches = schema.batches
    last = select(func.max(batches.c.sequence)).where(batches.c.spool == spool.id)
    number = connection.execute(last).scalar()
    if number is not None:
        message = decode(schema.batch(connection, spool.id, number).frame)
        for path in message.paths:
            yield PathKey(spool.device, path.peer, path.circuit)


def _there(connection: Connection, kind: Kind, began_s: int, ended_s: int) -> list[Table]:
    """Return the tables of a kind that are there and may hold something of a span."""
    known = {*inspect(connection).get_table_names()}
    days = range(began_s - began_s % DAY_S, max(ended_s, began_s + 1), DAY_S)
    tables = dict.fromkeys(period_table(kind, day_s) for day_s in days)
    return [table for table in tables if table.name in known]


def _packed(
    connection: Connection, found: _Found, began_s: int, ended_s: int, step_s: int
) -> list[Rollup]:
    if step_s < MINUTE_S:
        return [*_rollups(_packed_slices(connection, found, began_s, ended_s), step_s)]
    kind = Kind.MINUTES if step_s < HOUR_S else Kind.HOURS
    rollups: list[Rollup] = []
    for table in _there(connection, kind, began_s, ended_s):
        query = _hours_of(table, began_s, ended_s).where(table.c.path == found.path)
        for (body,) in connection.execute(query):
            rollups += unpack_rollups(body)
    return rollups


def _packed_slices(
    connection: Connection, found: _Found, began_s: int, ended_s: int
) -> list[Slice]:
    if found.path is None:
        return []
    slices: list[Slice] = []
    for table in _there(connection, Kind.SLICES, began_s, ended_s):
        query = _hours_of(table, began_s, ended_s).where(table.c.spool.in_(found.spools))
        for (body,) in connection.execute(query):
            slices += unpack_slices(body, found.names, {found.path})
    return slices


def _hours_of(table: Table, began_s: int, ended_s: int) -> Select[Any]:
    hour = table.c.hour_unix_s
    return select(table.c.body).where(hour > began_s - HOUR_S, hour < ended_s)


def _tail(connection: Connection, found: _Found, path: PathKey) -> Iterator[Slice]:
    """Yield the slices of a path that are not packed yet."""
    table = schema.batches
    query = select(table).where(table.c.spool.in_(found.spools))
    for row in connection.execute(query):
        message = decode(row.frame)
        for one in placed_slices(message, row.shift_s, after_s=0, until_s=row.received_s):
            if (one.summary.peer, one.summary.circuit) == (path.peer, path.circuit):
                yield one


def _rollups(slices: Iterable[Slice], step_s: int) -> Iterator[Rollup]:
    for one in slices:
        yield from portions(of_summary(one.summary, one.began_unix_s), min(step_s, MINUTE_S))
