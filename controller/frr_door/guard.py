"""The guard of a commit: a process of its own that undoes it unless it is confirmed in time."""

from __future__ import annotations

import contextlib
import os
import select
from typing import NoReturn

from controller.frr_door.router import DoorError, Router
from controller.frr_door.state_files import hold_lock, read_record, time_left_s
from controller.frr_door.transactions import UNSETTLED, settle

GUARD_PAUSE_S = 5.0


def arm_guard(router: Router, txn: str) -> None:
    """Start the guard in a session of its own and wait until it says that it watches."""
    router.file("wake").unlink(missing_ok=True)
    os.mkfifo(router.file("wake"), 0o600)
    heard, said = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            _guard(router, txn, said)
        os._exit(0)
    os.close(said)
    os.waitpid(child, 0)
    watching = os.read(heard, 1)
    os.close(heard)
    if watching != b".":
        router.file("pending.json").unlink()
        raise DoorError("guard", "the guard process did not start; nothing was changed")


def _guard(router: Router, txn: str, said: int) -> NoReturn:
    """Watch one transaction until it is settled; never returns to the caller's code."""
    code = 1
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        os.chdir("/")
        fifo = os.open(router.file("wake"), os.O_RDWR | os.O_NONBLOCK)
        os.write(said, b".")
        # Above all the lock must not stay with the guard.
        os.closerange(3, fifo)
        os.closerange(fifo + 1, 1024)
        _watch(router, txn, fifo)
        code = 0
    finally:
        os._exit(code)


def _watch(router: Router, txn: str, fifo: int) -> None:
    while True:
        try:
            if not _watched(router, txn, fifo):
                return
        except Exception:  # noqa: BLE001 - whatever goes wrong, nobody else would undo the change
            select.select([], [], [], GUARD_PAUSE_S)


def _watched(router: Router, txn: str, fifo: int) -> bool:
    """Wait or act once for a transaction; return whether there is still something to watch."""
    unsettled = (read_record(router, name) for name in UNSETTLED)
    record = next(filter(None, unsettled), None)
    if record is None or record["txn"] != txn:
        return False
    left = time_left_s(record)
    if left > 0:
        select.select([fifo], [], [], min(left, 60.0))
        with contextlib.suppress(BlockingIOError):
            os.read(fifo, 64)
    else:
        with hold_lock(router, GUARD_PAUSE_S):
            settle(router)
    return True
