"""Committing a staged configuration: it runs on trial, behind a guard, or not at all."""

from __future__ import annotations

import time

from controller.frr_door.configuration_text import (
    canonical,
    complaints,
    differences,
    sha256_hex,
    split,
)
from controller.frr_door.guard import arm_guard
from controller.frr_door.packet_filter import check_way_back
from controller.frr_door.router import DoorError, Router
from controller.frr_door.state_files import (
    boot_id,
    keep_record,
    read_record,
    time_left_s,
    write_file,
)
from controller.frr_door.transactions import apply_configuration, read_running, settle, undo


def refuse_while_pending(router: Router, txn: str | None) -> None:
    """Refuse while a transaction other than txn waits for its confirmation."""
    settle(router)
    pending = read_record(router, "pending.json")
    if pending and pending["txn"] != txn:
        left = round(time_left_s(pending))
        raise DoorError("pending", f"transaction {pending['txn']} is unconfirmed for {left} s more")


def keep_pending(router: Router, txn: str, seconds: int) -> None:
    """Write down that a transaction is unconfirmed, and for how long it may be."""
    deadline = time.clock_gettime(time.CLOCK_BOOTTIME) + seconds
    keep_record(router, "pending.json", txn=txn, boot=boot_id(), deadline=deadline)


def undo_if_cut_short(router: Router) -> None:
    """Undo a commit of which an earlier request was cut short."""
    wanted = router.file("staged.conf").read_text(encoding="utf-8")
    if canonical(read_running(router)) != canonical(wanted):
        undo(router, "rejected")
        raise DoorError("rejected", "an earlier commit of it was cut short and is undone")


def commit_staged(router: Router, txn: str, seconds: int) -> None:
    """Make what is staged run behind a guard; raises DoorError once what was there is back."""
    staged, running = read_record(router, "staged.json"), read_running(router)
    if not staged or staged["txn"] != txn:
        raise DoorError("unknown", f"transaction {txn} is not staged; stage it first")
    if staged["seen"] != sha256_hex(canonical(running).encode()):
        raise DoorError("changed", "the running configuration changed since staging; plan again")
    wanted = router.file("staged.conf").read_text(encoding="utf-8")
    if split(wanted)[1] != split(running)[1]:
        check_way_back(router, split(running)[1])
    write_file(router.file("previous.conf"), running)
    keep_pending(router, txn, seconds)
    arm_guard(router, txn)
    refusal = _refusal(router, wanted, running)
    if refusal:
        undo(router, "rejected")
        raise DoorError("rejected", refusal)


def _refusal(router: Router, wanted: str, running: str) -> str:
    """Apply a configuration and return what of it FRR did not take, or nothing.

    What runs afterwards decides, not the exit code: FRR 8 fails a "no ip address" on a port that
    is absent or down, and does it.
    """
    try:
        code, output = apply_configuration(router, wanted, running)
        now = canonical(read_running(router))
    except (DoorError, OSError) as error:
        return str(error)
    if now == canonical(wanted):
        return ""
    said, differs = complaints(output), differences(canonical(wanted), now)
    return "; ".join(x for x in (said, differs) if x) or f"frr-reload.py ended with {code}"
