"""The verbs of the door, which are all that the controller's key can do on the router."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
from collections.abc import Callable, Sequence

from controller.frr_door.commit import (
    commit_staged,
    keep_pending,
    refuse_while_pending,
    undo_if_cut_short,
)
from controller.frr_door.configuration_text import (
    canonical,
    complaints,
    filter_delta,
    frr_delta,
    sha256_hex,
    split,
)
from controller.frr_door.frr import reload_frr
from controller.frr_door.packet_filter import check_candidate, load_table
from controller.frr_door.probe import MOST_TARGETS, probe
from controller.frr_door.router import DoorError, Router
from controller.frr_door.state_files import (
    LOCK_TIMEOUT_S,
    boot_id,
    hold_lock,
    keep_record,
    read_record,
    rename_file,
    time_left_s,
    write_file,
)
from controller.frr_door.transactions import (
    UNSETTLED,
    finish_confirm,
    read_running,
    settle,
    undo,
    wake_guard,
)

LARGEST_CANDIDATE = 8_000_000
LONGEST_WAIT_S = 86_400

_TXN = re.compile(r"[A-Za-z0-9-]{1,64}")


def _read(router: Router, _: Sequence[str]) -> dict[str, object]:
    return {"config": read_running(router)}


def _status(router: Router, _: Sequence[str]) -> dict[str, object]:
    with contextlib.suppress(DoorError), hold_lock(router, 0):
        settle(router)
    pending = read_record(router, "pending.json") or read_record(router, "reverting.json")
    confirming, staged = read_record(router, "confirming.json"), read_record(router, "staged.json")
    return {
        "pending": pending["txn"] if pending else confirming and confirming["txn"],
        "left_s": round(time_left_s(pending), 1) if pending else None,
        "staged": staged and staged["txn"],
        "last": read_record(router, "last.json"),
    }


def _stage(router: Router, words: Sequence[str]) -> dict[str, object]:
    txn, length, digest = _txn(words[0]), int(words[1]), words[2]
    if not 0 <= length <= LARGEST_CANDIDATE:
        raise DoorError("usage", f"a candidate may have 0 to {LARGEST_CANDIDATE} bytes")
    candidate = sys.stdin.buffer.read(length)
    if len(candidate) != length or sha256_hex(candidate) != digest:
        raise DoorError("incomplete", f"{len(candidate)} of {length} bytes came, or not the same")
    with hold_lock(router, LOCK_TIMEOUT_S):
        refuse_while_pending(router, None)
        # What was staged before must never be taken for what is being written now.
        router.file("staged.json").unlink(missing_ok=True)
        text, running = candidate.decode("utf-8"), read_running(router)
        table, had = check_candidate(router, text), split(running)[1]
        code, output = reload_frr(router, "--test", split(text)[0], running)
        if code:
            raise DoorError("rejected", complaints(output) or output.strip()[-500:])
        write_file(router.file("staged.conf"), text)
        keep_record(router, "staged.json", txn=txn, seen=sha256_hex(canonical(running).encode()))
    return {"delta": "\n".join(filter(None, (frr_delta(output), filter_delta(table, had))))}


def _commit(router: Router, words: Sequence[str]) -> dict[str, object]:
    txn, seconds = _txn(words[0]), _wait_s(words[1])
    # A change may cut the very connection that asked for it.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with hold_lock(router, LOCK_TIMEOUT_S):
        refuse_while_pending(router, txn)
        if read_record(router, "pending.json"):
            undo_if_cut_short(router)
        else:
            commit_staged(router, txn, seconds)
        return {"pending": txn, "left_s": time_left_s(read_record(router, "pending.json") or {})}


def _wait_s(word: str) -> int:
    seconds = int(word)
    if not 0 < seconds <= LONGEST_WAIT_S:
        raise DoorError("usage", f"the time to confirm is 1 to {LONGEST_WAIT_S} s")
    return seconds


def _extend(router: Router, words: Sequence[str]) -> dict[str, object]:
    """Start the timer of an unconfirmed transaction again, be it for a longer or a shorter time."""
    txn, seconds = _txn(words[0]), _wait_s(words[1])
    with hold_lock(router, LOCK_TIMEOUT_S):
        refuse_while_pending(router, txn)
        if not read_record(router, "pending.json"):
            raise DoorError("undone", f"transaction {txn} is not unconfirmed any more")
        keep_pending(router, txn, seconds)
        wake_guard(router)
    return {"pending": txn, "left_s": seconds}


def _confirm(router: Router, words: Sequence[str]) -> dict[str, object]:
    txn = _txn(words[0])
    with hold_lock(router, LOCK_TIMEOUT_S):
        refuse_while_pending(router, txn)
        pending = read_record(router, "pending.json")
        if pending:
            # The rename decides: from here on the guard has nothing to undo.
            rename_file(router.file("pending.json"), router.file("confirming.json"))
            finish_confirm(router)
        last = read_record(router, "last.json")
    known = last and last["txn"] == txn
    if not (pending or known):
        raise DoorError("unknown", f"transaction {txn} is not unconfirmed, nor was it the last one")
    if last and known and last["outcome"] != "confirmed":
        raise DoorError("undone", f"transaction {txn} was undone before ({last['outcome']})")
    return {"last": last}


def _rollback(router: Router, words: Sequence[str]) -> dict[str, object]:
    txn = _txn(words[0])
    with hold_lock(router, LOCK_TIMEOUT_S):
        refuse_while_pending(router, txn)
        # A commit of it that is still under way is then refused.
        staged = read_record(router, "staged.json")
        if staged and staged["txn"] == txn:
            router.file("staged.json").unlink()
        if read_record(router, "pending.json"):
            undo(router, "rolled-back")
        return {"last": read_record(router, "last.json")}


def _boot_filter(router: Router, _: Sequence[str]) -> dict[str, object]:
    """Load the packet filter that was confirmed last, before FRR starts.

    A transaction from before the restart is undone as soon as FRR is there to be asked.
    """
    with hold_lock(router, LOCK_TIMEOUT_S):
        for record in filter(None, (read_record(router, name) for name in UNSETTLED)):
            if record["boot"] == boot_id():
                raise DoorError("pending", f"transaction {record['txn']} is unconfirmed")
        try:
            table = router.file("startup.nft").read_text(encoding="utf-8")
        except FileNotFoundError:
            table = ""
        if table:
            load_table(router, table)
    return {"loaded": bool(table)}


def _txn(word: str) -> str:
    if not _TXN.fullmatch(word):
        raise DoorError("usage", "a transaction's name is 1 to 64 letters, digits and hyphens")
    return word


Verb = Callable[[Router, Sequence[str]], dict[str, object]]
# Each verb with the least and the most words that may follow it.
VERBS: dict[str, tuple[Verb, int, int]] = {
    "read": (_read, 0, 0),
    "status": (_status, 0, 0),
    "stage": (_stage, 3, 3),
    "commit": (_commit, 2, 2),
    "extend": (_extend, 2, 2),
    "confirm": (_confirm, 1, 1),
    "rollback": (_rollback, 1, 1),
    "boot": (_boot_filter, 0, 0),
    "probe": (probe, 2, MOST_TARGETS + 1),
}
