"""A transaction's end: what runs is kept, or the previous configuration comes back."""

from __future__ import annotations

import contextlib
import os

from controller.frr_door.configuration_text import (
    block,
    body,
    canonical,
    complaints,
    differences,
    split,
)
from controller.frr_door.frr import apply_frr, read_frr, save_startup
from controller.frr_door.packet_filter import load_table, read_table
from controller.frr_door.router import DoorError, Router
from controller.frr_door.state_files import (
    keep_record,
    read_record,
    rename_file,
    time_left_s,
    write_file,
)

# The one record of a transaction that is not over, by what is to happen to it.
UNSETTLED = ("pending.json", "reverting.json", "confirming.json")


def read_running(router: Router) -> str:
    """Return what FRR runs, as it shows it, and before its end the packet filter of the kernel."""
    text, table = read_frr(router), read_table(router)
    return f"{text.rstrip()[: -len('end')]}{block(table)}end\n" if table else text


def apply_configuration(router: Router, text: str, running: str) -> tuple[int, str]:
    """Make a whole configuration run; return frr-reload.py's exit code and output.

    The packet filter comes first: when it is refused, nothing of FRR has changed.
    """
    (own, table), (ran, had) = split(text), split(running)
    if table != had:
        load_table(router, table)
    return apply_frr(router, own, ran)


def settle(router: Router) -> None:
    """Finish what a dead process left behind; the caller holds the lock."""
    if read_record(router, "confirming.json"):
        if _is_back(router):
            undo(router, "restarted", "confirming.json")
        else:
            finish_confirm(router)
    pending = read_record(router, "pending.json")
    if pending and time_left_s(pending) <= 0:
        undo(router, "expired")
    elif pending and _is_back(router):
        undo(router, "restarted")
    elif read_record(router, "reverting.json"):
        _restore(router)


def _is_back(router: Router) -> bool:
    """Return whether FRR runs what ran before, as after a restart with its startup file.

    Where nothing of FRR changes, the packet filter tells.
    """
    files = router.file("previous.conf"), router.file("staged.conf")
    texts = (canonical(file.read_text(encoding="utf-8")) for file in files)
    (previous, had), (staged, table) = map(split, texts)
    if previous != staged:
        return canonical(read_frr(router)) == previous
    return had != table and read_table(router) == had


def undo(router: Router, outcome: str, record_of: str = "pending.json") -> None:
    """End a transaction by bringing back the previous configuration; raises as _restore does."""
    # The rename decides: from here on nobody can confirm.
    rename_file(router.file(record_of), router.file("reverting.json"))
    record = read_record(router, "reverting.json") or {}
    with contextlib.suppress(OSError):  # on a full disk the way back matters, not its name
        keep_record(router, "reverting.json", **{**record, "outcome": outcome})
    _restore(router)


def _restore(router: Router) -> None:
    """Bring back the previous configuration; raises when it does not come back whole."""
    record = read_record(router, "reverting.json") or {}
    wanted = router.file("previous.conf").read_text(encoding="utf-8")
    output = ""
    for _ in range(3):
        running = read_running(router)
        if body(running) == body(wanted):
            break
        output = _bring_back(router, body(wanted), running)
    running = read_running(router)
    if canonical(running) != canonical(wanted):
        why = complaints(output) or differences(canonical(wanted), canonical(running))
        raise DoorError("not-restored", f"the previous configuration is not back whole: {why}")
    _end(router, "reverting.json", str(record.get("outcome", "rolled-back")))


def _bring_back(router: Router, text: str, running: str) -> str:
    """Make a former configuration run; a filter that is refused keeps nothing of FRR back."""
    (own, table), (ran, had) = split(text), split(running)
    refusal = ""
    if table != had:
        try:
            load_table(router, table)
        except DoorError as error:
            refusal = f"% {error}\n"
    return refusal + apply_frr(router, own, ran)[1]


def finish_confirm(router: Router) -> None:
    """Keep what runs over a restart: FRR's part as its startup configuration, and the filter.

    A restart in the midst of that may have brought back the former filter, and no more.
    """
    table = split(router.file("staged.conf").read_text(encoding="utf-8"))[1]
    if read_table(router) != table:
        load_table(router, table)
    save_startup(router)
    write_file(router.file("startup.nft"), table)
    _end(router, "confirming.json", "confirmed")


def _end(router: Router, name: str, outcome: str) -> None:
    record = read_record(router, name) or {}
    keep_record(router, "last.json", txn=record.get("txn"), outcome=outcome)
    router.file(name).unlink()
    wake_guard(router)


def wake_guard(router: Router) -> None:
    """Tell the guard to look again; without a guard there is nobody to tell."""
    with contextlib.suppress(OSError):
        fifo = os.open(router.file("wake"), os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(fifo, b".")
        finally:
            os.close(fifo)
