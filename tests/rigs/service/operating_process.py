"""A controller's process that runs one operation, for tests that kill or stop it: ADDRESS SILENT_S.

It says the number of its operation, tells an event of it, and waits to be told to go on by a line.
"""

import sys
from time import time

from controller.apply.events import ApplyStarted, WaveStarted
from controller.operations.model import Beginning, OperationKind
from controller.operations.operation_rows import OperationRows
from controller.operations.runner import Operations, Pace, Watch
from database.engine import open_engine

PACE = Pace(events_s=0.02, signs_s=0.1)


def work(watch: Watch) -> dict[str, bool]:
    watch(ApplyStarted(3, "c0ffee", 1, 1))
    while not sys.stdin.readline():
        watch.pause(0.05)
    watch(WaveStarted(1, 1, ("mora-r1",)))
    return {"ended": True}


def waiting(watch: Watch) -> dict[str, bool]:
    watch(ApplyStarted(3, "c0ffee", 1, 1))
    watch.pause(600)
    return {"ended": True}


if __name__ == "__main__":
    address, mode = sys.argv[1:]
    rows = OperationRows(open_engine(address))
    operations = Operations(rows, lambda *_: None, time, PACE)
    begun = operations.start(
        Beginning(OperationKind.APPLY, "ngono"), work if mode == "line" else waiting
    )
    print(begun.id, flush=True)  # noqa: T201
    operations.wait(begun.id, 600)
    operations.stop()
