"""Operations in the database: whichever controller is asked tells of those of all.

A controller that runs one gives a sign of life; where that is missing, the operation counts as
interrupted, unless its controller only hung and goes on.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, delete, insert, select, update

from controller.leadership.term import now_s
from controller.operations.model import (
    CHANGING,
    SIDE_BY_SIDE,
    Beginning,
    Operation,
    OperationKind,
    OperationRunningError,
    OperationState,
)
from controller.operations.schema import open_operations, operation_events, operations
from database.engine import process_name, reading
from database.migrate import wait_for_lock
from database.rows import AnyRow, execute_many, next_number

# So many of the newest are kept.
KEPT: Final = 100
# Without a sign of life for so long, whoever ran an operation is gone.
SILENT_S: Final = 20.0
_MOST_PLANS: Final = 4
_WRITER: Final = 0x53414F52
_BY_HAND: Final = (
    "if 'sanaga history' shows an apply that is not over, 'sanaga apply --resume' finishes or "
    "unwinds it; what nobody confirms is undone by the devices themselves"
)


@dataclass(frozen=True, slots=True)
class Ending:
    """How an operation ended, and when."""

    state: OperationState
    ended_s: float
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None


class OperationRows:
    """The tables of operations; silent_s is how long a controller may give no sign of life."""

    def __init__(self, engine: Engine, silent_s: float = SILENT_S) -> None:
        self._engine, self._silent_s, self._process = engine, silent_s, process_name()
        open_operations(engine)

    def begin(self, wanted: Beginning, began_s: float) -> Operation:
        """Note that an operation begins, and forget the oldest.

        Raises OperationRunningError while another one must end first.
        """
        with self._engine.begin() as connection:
            wait_for_lock(connection, _WRITER)
            at_s = now_s(connection)
            running = select(operations).where(operations.c.state == OperationState.RUNNING.value)
            others = [self._operation(row, at_s) for row in connection.execute(running)]
            _refuse_second(wanted, [one for one in others if one.state is OperationState.RUNNING])
            serial = next_number(connection, operations.c.serial)
            made = Operation(token_hex(8), serial, wanted, began_s)
            connection.execute(insert(operations).values(**_row(made, self._process, at_s)))
            _forget_old(connection, serial)
        return made

    def withdraw(self, serial: int) -> None:
        """Forget an operation that did not begin after all."""
        with self._engine.begin() as connection:
            connection.execute(delete(operations).where(operations.c.serial == serial))

    def add_events(
        self,
        serial: int,
        position: int,
        events: Sequence[Mapping[str, Any]],
        ending: Ending | None = None,
    ) -> None:
        """Keep the events behind a position and, once it is over, how it ended, all at once."""
        rows = [
            {"serial": serial, "position": place, "body": json.dumps(body)}
            for place, body in enumerate(events, position + 1)
        ]
        values: dict[str, Any] = {"position": position + len(rows)}
        if applies := [body["apply_id"] for body in events if body["event"] == "ApplyStarted"]:
            values["apply"] = applies[0]
        if ending is not None:
            values |= {"state": ending.state.value, "ended_s": ending.ended_s}
            values |= {"result": _text(ending.result), "error": _text(ending.error)}
        with self._engine.begin() as connection:
            execute_many(connection, insert(operation_events), rows)
            change = update(operations).where(operations.c.serial == serial)
            connection.execute(change.values(**values))

    def give_sign(self, serials: Collection[int]) -> frozenset[int]:
        """Say that operations go on; return those whose end somebody asks for."""
        ours = operations.c.serial.in_(serials)
        with self._engine.begin() as connection:
            connection.execute(update(operations).where(ours).values(beat_s=now_s(connection)))
            asked = select(operations.c.serial).where(ours, operations.c.end_asked)
            return frozenset(connection.execute(asked).scalars())

    def ask_for_end(self, number: str) -> None:
        """Ask whichever controller runs an operation to end it."""
        with self._engine.begin() as connection:
            wanted = operations.c.id == number
            connection.execute(update(operations).where(wanted).values(end_asked=True))

    def find(self, number: str, after: int = 0) -> Operation | None:
        """Return an operation by its id, with its events behind a position."""
        with reading(self._engine) as connection:
            wanted = select(operations).where(operations.c.id == number)
            row = connection.execute(wanted).one_or_none()
            if row is None:
                return None
            told = select(operation_events.c.body).where(
                operation_events.c.serial == row.serial, operation_events.c.position > after
            )
            bodies = connection.execute(told.order_by(operation_events.c.position)).scalars()
            events = tuple(map(json.loads, bodies))
            # More may have come since the row was read.
            return self._operation(row, now_s(connection), events, after)

    def listed(self) -> tuple[Operation, ...]:
        """Return the operations that are kept, the newest first, without their events."""
        newest_first = select(operations).order_by(operations.c.serial.desc())
        with reading(self._engine) as connection:
            at_s = now_s(connection)
            return tuple(self._operation(row, at_s) for row in connection.execute(newest_first))

    def _operation(
        self, row: AnyRow, at_s: float, events: tuple[Mapping[str, Any], ...] = (), after: int = 0
    ) -> Operation:
        sites = None if row.sites is None else tuple(json.loads(row.sites))
        kind, state = OperationKind(row.kind), OperationState(row.state)
        error = json.loads(row.error) if row.error else None
        if state is OperationState.RUNNING and not self._goes_on(row, at_s):
            state, error = OperationState.INTERRUPTED, _interrupted(kind)
        return Operation(
            id=row.id,
            serial=row.serial,
            beginning=Beginning(kind, row.person, sites, row.account),
            began_s=row.began_s,
            state=state,
            ended_s=row.ended_s,
            apply=row.apply,
            position=max(row.position, after + len(events)),
            events=events,
            result=json.loads(row.result) if row.result else None,
            error=error,
        )

    def _goes_on(self, row: AnyRow, at_s: float) -> bool:
        """Return whether the controller that runs an operation lives.

        A file of SQLite is of one controller: what another process began ended with it.
        """
        if self._engine.dialect.name == "sqlite" and row.process != self._process:
            return False
        # A clock that was set back makes a sign of life one of the future, for a moment.
        return abs(at_s - float(row.beat_s)) <= self._silent_s


def _refuse_second(wanted: Beginning, running: Collection[Operation]) -> None:
    plans = sum(one.kind is OperationKind.PLAN for one in running)
    if wanted.kind is OperationKind.PLAN and plans >= _MOST_PLANS:
        raise OperationRunningError("several plans are being made; try again in a minute")
    for other in running:
        if not _excludes(wanted, other.beginning):
            continue
        if wanted.sites is not None and wanted.by != other.beginning.by:
            raise OperationRunningError(
                "another change of the network is not over; wait until it has ended"
            )
        raise OperationRunningError(
            f"{other.beginning.by} has begun operation {other.id} ({other.kind}), which is not "
            "over; wait until it has ended"
        )


def _excludes(wanted: Beginning, other: Beginning) -> bool:
    """Return whether one must end before the other begins; everybody makes one plan at a time."""
    if wanted.kind is OperationKind.PLAN:
        return other.kind is wanted.kind and other.by == wanted.by
    same = other.kind is wanted.kind and wanted.kind not in SIDE_BY_SIDE
    return same or {wanted.kind, other.kind} <= CHANGING


def _interrupted(kind: OperationKind) -> dict[str, Any]:
    gone = "the controller that ran this was ended before it was over"
    if kind in CHANGING:
        return {"type": "UnfinishedError", "detail": f"{gone}; {_BY_HAND}"}
    return {"type": "StorageError", "detail": f"{gone}; begin it again"}


def _forget_old(connection: Connection, newest: int) -> None:
    old: ColumnElement[bool] = operations.c.serial <= newest - KEPT
    connection.execute(delete(operations).where(old))
    connection.execute(delete(operation_events).where(operation_events.c.serial <= newest - KEPT))


def _row(made: Operation, process: str, at_s: float) -> dict[str, Any]:
    wanted = made.beginning
    sites = None if wanted.sites is None else json.dumps(wanted.sites)
    said = {"serial": made.serial, "id": made.id, "kind": wanted.kind.value}
    said |= {"person": wanted.by, "account": wanted.account}
    times = {"began_s": made.began_s, "beat_s": at_s}
    now = {"state": made.state.value, "position": 0, "end_asked": False}
    return {**said, **times, **now, "sites": sites, "process": process}


def _text(body: Mapping[str, Any] | None) -> str | None:
    return None if body is None else json.dumps(body)
