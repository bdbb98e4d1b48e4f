"""The packet filter of the router: what the kernel has, loading a table, and refusing one."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from controller.frr_door.configuration_text import FILTER, block, body, split
from controller.frr_door.router import DoorError, Router, run_program
from controller.frr_door.state_files import LOCK_TIMEOUT_S, hold_lock, keep_record, read_record

FILTER_TIMEOUT_S = 90
NOT_HERE = (
    "this router cannot load the packet filter ({}); prepare it as the recipe 'Prepare an FRR "
    "router' says (nftables, sudo, sanaga-frr-filter), or set packet_filter: false for this device"
)


def _ask_filter(router: Router, verb: str, table: str = "") -> dict[str, Any]:
    """Return what the program says that may touch nftables; raises DoorError with its refusal."""
    if not os.path.exists(router.filter_tool):  # noqa: PTH110 - pathlib is slow to load
        raise DoorError("rejected", NOT_HERE.format(f"there is no {router.filter_tool}"))
    python = sys.executable or "/usr/bin/python3"
    start = [python, "-IS"] if os.geteuid() == 0 else [router.sudo, "-n"]
    code, output = run_program([*start, router.filter_tool, verb], FILTER_TIMEOUT_S, table)
    try:
        answer = dict(json.loads(output))
    except (ValueError, TypeError):
        said = " ".join(output.split())[-300:] or f"it ended with {code}"
        raise DoorError("rejected", NOT_HERE.format(f"{start[0]}: {said}")) from None
    if answer.get("ok") is not True:
        raise DoorError("rejected", str(answer.get("message")))
    return answer


def read_table(router: Router) -> str:
    """Return the table that the kernel has: as it was loaded, or by now in nft's own words."""
    with hold_lock(router, LOCK_TIMEOUT_S, "filter.lock"):
        known = read_record(router, "filter.json")
        digest = known.get("digest", "") if known else ""
        try:
            listed = _ask_filter(router, "list", digest)
        except DoorError as error:
            if known:
                raise DoorError("filter", f"the packet filter cannot be read: {error}") from error
            # A router that never had one needs no program for it.
            return ""
        if known and digest and digest == listed["digest"]:
            return str(known["text"])
        if known and listed["digest"] and "loading" in known:
            # Whoever loaded it was killed before it could write that down.
            keep_record(router, "filter.json", text=known["loading"], digest=listed["digest"])
            return str(known["loading"])
        return str(listed["text"])


def load_table(router: Router, table: str) -> None:
    """Put a table in the place of the one that is loaded, and know it again later."""
    with hold_lock(router, LOCK_TIMEOUT_S, "filter.lock"):
        if not table:
            _ask_filter(router, "delete")
            router.file("filter.json").unlink(missing_ok=True)
            return
        known = read_record(router, "filter.json")
        keep_record(router, "filter.json", **{**(known or {}), "loading": table})
        try:
            answer = _ask_filter(router, "load", table)
        except DoorError:
            if known:
                keep_record(router, "filter.json", **known)
            else:
                router.file("filter.json").unlink()
            raise
        keep_record(router, "filter.json", text=table, digest=answer["digest"])


def check_candidate(router: Router, candidate: str) -> str:
    """Return the table of a candidate; raises DoorError when it could not be loaded here."""
    own, table = split(candidate)
    if body(f"{own}\n{block(table)}") != body(candidate):
        raise DoorError("rejected", f"the block {FILTER!r} stands last, once, and well formed")
    if table:
        _ask_filter(router, "check", table)
    return table


def check_way_back(router: Router, had: str) -> None:
    """Refuse to replace a table that a hand has made and that could not be put back."""
    known = read_record(router, "filter.json")
    if not had or (known and known["text"] == had):
        return
    try:
        _ask_filter(router, "check", had)
    except DoorError as error:
        raise DoorError(
            "rejected",
            f"the packet filter was changed by hand and could not be put back ({error}); take it "
            "away with 'nft delete table inet sanaga_segments', and plan again",
        ) from None
