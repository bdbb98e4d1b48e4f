"""Series of telemetry: batches appended as they came, packed by the hour, and dropped by the day.

A batch and the last number of its edge are in one transaction, so a batch that comes again is known
and ignored. Packing moves batches into slices, minutes and hours, again in one transaction.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from controller.telemetry import schema
from controller.telemetry.rollup import (
    Rollup,
    by_period,
    of_summary,
    pack_rollups,
    portions,
    unpack_rollups,
)
from controller.telemetry.schema import (
    DAY_S,
    HOUR_S,
    Kind,
    Retention,
    insert_rows,
    path_numbers,
)
from controller.telemetry.slices import (
    TRUSTED_WITHIN_S,
    Slice,
    message_shift_s,
    pack_slices,
    placed_slices,
)
from database.engine import reading
from database.rows import execute_many
from edge.telemetry.frames import decode
from edge.telemetry.model import Change, TelemetryMessage
from inventory.model import DeviceName

_Source: TypeAlias = tuple[DeviceName, str]

MINUTE_S: Final = 60
# Batches that one step packs at most, so that nothing else waits long.
_STEP: Final = 60
# An edge with more batches than these is packed before the hour is over.
_MOST_BATCHES: Final = 600


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message of a spool, its frame, and when it was received (Unix time).

    spool_began_s is when the controller first heard of the spool: a later one replaces it.
    """

    spool: str
    spool_began_s: int
    message: TelemetryMessage
    frame: bytes
    received_s: float

    @property
    def source(self) -> _Source:
        """Return the device and its spool, within which numbers rise."""
        return self.message.device, self.spool


Alongside: TypeAlias = Callable[[Connection, Sequence[Arrival]], None]


@dataclass(frozen=True, slots=True)
class LastMessage:
    """The last message of a spool that is stored: its number, and the edge's start and uptime.

    spool_began_s is when the controller first heard of the spool, None before the first message.
    """

    sequence: int = 0
    boot: str = ""
    uptime_s: float = 0.0
    spool_began_s: int | None = None


@dataclass(slots=True)
class _Spool:
    """A row of a spool while batches are appended."""

    number: int
    edge: int
    last: LastMessage
    placed_until_s: int


class Series:
    """Telemetry in a database; one thread appends, packs and drops."""

    def __init__(
        self,
        engine: Engine,
        retention: Retention | None = None,
        alongside: Alongside | None = None,
    ) -> None:
        """Use a database; alongside writes something else with messages that are new."""
        self.engine, self._alongside = engine, alongside
        self.retention = retention or Retention()

    def append(self, arrivals: Sequence[Arrival]) -> tuple[bool, ...]:
        """Store messages in one transaction and return which of them are new.

        A message whose first number is not above the spool's last one is known and left out.
        """
        with self.engine.begin() as connection:
            known = _spools(connection, {one.source: one.spool_began_s for one in arrivals})
            rows = [self._row(known[one.source], one) for one in arrivals]
            execute_many(connection, insert(schema.batches), [row for row in rows if row])
            for one, row in zip(arrivals, rows, strict=True):
                if row and one.message.changes:
                    after_s = self._kept_after_s(one.received_s)
                    _append_changes(connection, known[one.source], one, row["shift_s"], after_s)
            _write_spools(connection, known.values())
            if self._alongside is not None:
                new = [one for one, row in zip(arrivals, rows, strict=True) if row]
                self._alongside(connection, new)
        return tuple(row is not None for row in rows)

    def last_message(self, device: DeviceName, spool: str) -> LastMessage:
        """Return what is known of a spool's last message."""
        query = schema.spools_of(schema.edges.c.device == device, schema.spools.c.spool == spool)
        with reading(self.engine) as connection:
            row = connection.execute(query).first()
        return _last_message(row) if row else LastMessage()

    def newest(self) -> Iterator[tuple[Arrival, float]]:
        """Yield the last message of every spool, and of when it is by the controller's time."""
        batches = schema.batches
        last = select(batches.c.spool, func.max(batches.c.sequence)).group_by(batches.c.spool)
        with reading(self.engine) as connection:
            spools = {row.id: row for row in connection.execute(select(schema.spools))}
            rows = [schema.batch(connection, *key) for key in connection.execute(last).all()]
        for row in rows:
            message, spool = decode(row.frame), spools[row.spool]
            of_s = message.sent_unix_s + row.shift_s if message.replayed else row.received_s
            arrival = Arrival(spool.spool, spool.began_s, message, row.frame, row.received_s)
            yield arrival, min(of_s, row.received_s)

    def due(self, now_s: float) -> tuple[int, ...]:
        """Return the numbers of spools whose batches are to be packed."""
        table = schema.batches
        hour_s = now_s - now_s % HOUR_S
        oldest, many = func.min(table.c.received_s), func.count()
        query = select(table.c.spool, oldest, many).group_by(table.c.spool).having(many > 1)
        with reading(self.engine) as connection:
            rows = connection.execute(query).all()
        return tuple(e for e, first_s, size in rows if first_s < hour_s or size > _MOST_BATCHES)

    def pack(self, spool: int, now_s: float) -> int:
        """Pack the oldest batches of a spool in one transaction and return how many they were.

        The newest batch stays as it came: it says how everything stands.
        """
        table = schema.batches
        spools = schema.spools
        query = select(table).where(table.c.spool == spool).order_by(table.c.sequence)
        with self.engine.begin() as connection:
            rows = connection.execute(query.limit(_STEP + 1)).all()[:-1]
            if not rows:
                return 0
            edge = connection.execute(
                select(spools.c.edge).where(spools.c.id == spool)
            ).scalar_one()
            slices = [*_slices(rows, self._kept_after_s(now_s))]
            part = _Part(spool, rows[0].sequence)
            _pack_slices(connection, part, _numbered(connection, edge, slices))
            last = rows[-1].sequence
            spent = delete(table).where(table.c.spool == spool, table.c.sequence <= last)
            connection.execute(spent)
        return len(rows)

    def expired(self, now_s: float) -> tuple[str, ...]:
        """Return the names of tables whose time is over."""
        with reading(self.engine) as connection:
            return tuple(
                period.name
                for period in schema.period_tables(connection)
                if period.ended_unix_s + self.retention.days(period.kind) * DAY_S < now_s
            )

    def drop(self, name: str) -> None:
        """Drop one table whose time is over."""
        quoted = self.engine.dialect.identifier_preparer.quote(name)
        with self.engine.begin() as connection:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {quoted}")

    def _kept_after_s(self, now_s: float) -> int:
        return int(now_s) - self.retention.slices_days * DAY_S

    def _row(self, spool: _Spool, arrival: Arrival) -> dict[str, Any] | None:
        """Return the row of a message and go on from there; None if the message is known."""
        message, received_s = arrival.message, arrival.received_s
        if message.first <= spool.last.sequence:
            return None
        shift_s = message_shift_s(message, received_s, spool.placed_until_s)
        spool.last = replace(
            spool.last, sequence=message.sequence, boot=message.boot, uptime_s=message.uptime_s
        )
        ends = (one.began_unix_s + one.seconds + shift_s for one in message.summaries)
        placed = (end for end in ends if end <= received_s + TRUSTED_WITHIN_S)
        spool.placed_until_s = max(spool.placed_until_s, max(placed, default=0))
        return {
            "spool": spool.number,
            "sequence": message.sequence,
            "received_s": received_s,
            "shift_s": shift_s,
            "frame": arrival.frame,
        }


def _last_message(row: Row[Any]) -> LastMessage:
    return LastMessage(row.sequence, row.boot, row.uptime_s, row.began_s)


def _spools(connection: Connection, began_s: Mapping[_Source, int]) -> dict[_Source, _Spool]:
    """Return the rows of spools, made where there is none, and locked on PostgreSQL."""
    found = _known_spools(connection, began_s.keys())
    if began_s.keys() - found.keys():
        _make_spools(connection, began_s)
        found = _known_spools(connection, began_s.keys())
    return found


def _known_spools(connection: Connection, sources: Set[_Source]) -> dict[_Source, _Spool]:
    devices = {device for device, _ in sources}
    query = schema.spools_of(schema.edges.c.device.in_(devices)).order_by(schema.spools.c.id)
    rows = connection.execute(query.with_for_update(of=schema.spools)).all()
    return {
        (row.device, row.spool): _Spool(
            row.id,
            row.edge,
            _last_message(row),
            row.placed_until_s,
        )
        for row in rows
        if (row.device, row.spool) in sources
    }


def _make_spools(connection: Connection, began_s: Mapping[_Source, int]) -> None:
    schema.lock_names(connection)
    # Another controller may have made some since.
    missing = sorted(began_s.keys() - _known_spools(connection, began_s.keys()).keys())
    edges = schema.edges
    wanted = {device for device, _ in missing}
    query = select(edges.c.device, edges.c.id).where(edges.c.device.in_(wanted))
    known = {row.device: row.id for row in connection.execute(query)}
    if fresh := sorted(wanted - known.keys()):
        connection.execute(insert(edges), [{"device": device} for device in fresh])
        known = {row.device: row.id for row in connection.execute(query)}
    rest = {"sequence": 0, "boot": "", "uptime_s": 0.0, "placed_until_s": 0}
    rows = [
        {"edge": known[device], "spool": spool, "began_s": began_s[device, spool], **rest}
        for device, spool in missing
    ]
    execute_many(connection, insert(schema.spools), rows)


def _write_spools(connection: Connection, rows: Iterable[_Spool]) -> None:
    table = schema.spools
    values = [
        {
            "number": row.number,
            "sequence": row.last.sequence,
            "boot": row.last.boot,
            "uptime_s": row.last.uptime_s,
            "placed_until_s": row.placed_until_s,
        }
        for row in rows
    ]
    connection.execute(update(table).where(table.c.id == bindparam("number")), values)


def _slices(rows: Iterable[Row[Any]], after_s: int) -> Iterator[Slice]:
    """Yield the slices of batches; what was too old or too new when it came is left out."""
    for row in rows:
        message = decode(row.frame)
        yield from placed_slices(message, row.shift_s, after_s=after_s, until_s=row.received_s)


def _append_changes(
    connection: Connection, spool: _Spool, arrival: Arrival, shift_s: int, after_s: int
) -> None:
    rows: dict[int, list[dict[str, object]]] = defaultdict(list)
    for change in arrival.message.changes:
        at_s = min(change.at_unix_s + shift_s, arrival.received_s)
        if at_s >= after_s:
            day_s = int(at_s - at_s % DAY_S)
            rows[day_s].append(_change(spool, arrival.message.sequence, change, at_s))
    for day_s, values in rows.items():
        insert_rows(connection, Kind.CHANGES, day_s, values)


def _change(spool: _Spool, sequence: int, change: Change, at_s: float) -> dict[str, object]:
    return {
        "edge": spool.edge,
        "spool": spool.number,
        "sequence": sequence,
        "at_unix_s": at_s,
        "claimed_unix_s": change.at_unix_s,
        "kind": change.kind.value,
        "peer": change.peer,
        "circuit": change.circuit,
        "service": change.service,
        "state": change.state,
        "reason": change.reason,
    }


def _numbered(
    connection: Connection, edge: int, slices: Iterable[Slice]
) -> list[tuple[int, Slice]]:
    """Return slices with the numbers of their paths, by path and time."""
    slices = [*slices]
    numbers = path_numbers(connection, edge)
    wanted = dict.fromkeys((one.summary.peer, one.summary.circuit) for one in slices)
    if missing := [path for path in wanted if path not in numbers]:
        rows = [{"edge": edge, "peer": peer, "circuit": circuit} for peer, circuit in missing]
        connection.execute(insert(schema.paths), rows)
        numbers = path_numbers(connection, edge)
    found = [(numbers[one.summary.peer, one.summary.circuit], one) for one in slices]
    return sorted(found, key=lambda row: (row[0], row[1].began_unix_s))


@dataclass(frozen=True, slots=True)
class _Part:
    """A spool and the number of the first batch that is packed with others."""

    spool: int
    part: int

    def key(self, hour_s: int) -> dict[str, int]:
        """Return the columns of the part in an hour."""
        return {"spool": self.spool, "part": self.part, "hour_unix_s": hour_s}


def _pack_slices(connection: Connection, part: _Part, rows: Sequence[tuple[int, Slice]]) -> None:
    hours: dict[int, list[tuple[int, Slice]]] = defaultdict(list)
    for path, one in rows:
        hours[one.began_unix_s - one.began_unix_s % HOUR_S].append((path, one))
    for hour_s, found in sorted(hours.items()):
        packed = {**part.key(hour_s), "body": pack_slices(found)}
        insert_rows(connection, Kind.SLICES, hour_s, [packed])
    _roll_up(connection, part, rows)


def _roll_up(connection: Connection, part: _Part, rows: Iterable[tuple[int, Slice]]) -> None:
    """Add slices to the minutes and hours of their paths."""
    hours: dict[int, dict[int, list[Rollup]]] = defaultdict(lambda: defaultdict(list))
    for path, one in rows:
        for portion in portions(of_summary(one.summary, one.began_unix_s), MINUTE_S):
            began_s = portion.began_unix_s
            hours[began_s - began_s % HOUR_S][path].append(portion)
    for hour_s, by_path in sorted(hours.items()):
        rolled = {path: by_period(found, MINUTE_S) for path, found in by_path.items()}
        minutes = [
            {**part.key(hour_s), "path": path, "body": pack_rollups([*found.values()])}
            for path, found in rolled.items()
        ]
        insert_rows(connection, Kind.MINUTES, hour_s, minutes)
        whole = {path: by_period(m.values(), HOUR_S)[hour_s] for path, m in rolled.items()}
        _add_hours(connection, hour_s, whole)


def _add_hours(connection: Connection, hour_s: int, found: Mapping[int, Rollup]) -> None:
    table = schema.ensure_table(connection, Kind.HOURS, hour_s)
    there = (table.c.hour_unix_s == hour_s, table.c.path.in_(found))
    known = connection.execute(select(table.c.path, table.c.body).where(*there)).all()
    merged = dict(found)
    for path, body in known:
        merged[path] = unpack_rollups(body)[0].merge(found[path])
    connection.execute(delete(table).where(*there))
    rows = [
        {"path": path, "hour_unix_s": hour_s, "body": pack_rollups([one])}
        for path, one in merged.items()
    ]
    connection.execute(insert(table), rows)
